"""Whatever changes together: each change is shown, with both sides, in every format and outside of any fold."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from itertools import combinations
from typing import Final

import pytest

from reconciler.model.manifest import DAY, AgeSuite, Format, Kind, Sharing
from reconciler.model.plan import Plan
from reconciler.planfile import planjson
from reconciler.planning.values import Checked
from reconciler.render import annotations as commands
from reconciler.render import html, markdown, text, view
from tests.support.plans import all_desired, attributes, fingerprint, instance, plan, share, state

OLD: Final = attributes(
    "ana@example.com", "bo@example.com", label="old-label", label_defaulted=False, suite=AgeSuite.X25519
)

CHANGES: Final[dict[str, tuple[dict[str, object], str]]] = {
    "kind": ({"kind": Kind.FILE}, "kind text -> file"),
    "format": ({"format": Format.JSON}, "format plaintext -> json"),
    "label": ({"label": "new-label"}, "label old-label -> new-label"),
    "recipients": (
        {"recipients": attributes("ana@example.com", "cy@example.com").recipients},
        "recipients changed",
    ),
    "expires_in": ({"expires_in": 2 * DAY}, "expires_in 14d -> 48h"),
    "max_views": ({"max_views": 0}, "max_views 5 -> unlimited"),
    "filename": ({"filename": "new.bin"}, "filename none -> new.bin"),
    "content_type": ({"content_type": "image/png"}, "content_type none -> image/png"),
    "suite": ({"suite": AgeSuite.MLKEM768X25519}, "age_suite x25519 -> mlkem768x25519"),
    "rotate": ({"rotate": "2026-11"}, "rotate none -> 2026-11"),
    "sharing": ({"sharing": Sharing.EXTERNAL}, "share_with users -> external"),
    "value": ({}, "value changed"),
    "source": ({}, "source env NEW_VALUE, was env DB_PASSWORD"),
    "renamed": ({}, "renamed from old-name"),
    "requested": ({}, "asked for on the command line"),
}
"""By name: what is declared instead, and how it is said."""

PAIRS: Final = [*combinations(CHANGES, 2), tuple(CHANGES)]


def planned(names: tuple[str, ...]) -> Plan:
    """A plan in which all of these change at once."""
    desired = OLD
    for name in names:
        desired = replace(desired, **CHANGES[name][0])  # type: ignore[arg-type]
    before = "old-name" if "renamed" in names else "db"
    return plan(
        all_desired("db", desired, source="env NEW_VALUE" if "source" in names else "env DB_PASSWORD"),
        prior=state({before: instance(share("1", OLD))}),
        moved=[("old-name", "db")] if "renamed" in names else (),
        requested=["db"] if "requested" in names else (),
        contents={
            "db": Checked(fingerprint=fingerprint("w" if "value" in names else "v"), size="up to 1 KiB")
        },
    ).plan


def replaces(names: tuple[str, ...]) -> bool:
    """Whether these changes alone make a new share: another source of the same value, or name, does not."""
    return bool(set(names) - {"source", "renamed"})


def said(names: tuple[str, ...]) -> list[str]:
    return [CHANGES[name][1] for name in names]


class Unfolded(HTMLParser):
    """The words of a page that are not in a fold, blanks as one."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.depth = 0
        self.words = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.depth += tag in ("details", "style", "svg")
        self.words += "\n" if tag == "br" else ""

    def handle_endtag(self, tag: str) -> None:
        self.depth -= tag in ("details", "style", "svg")

    def handle_data(self, data: str) -> None:
        self.words += data if not self.depth else ""


@pytest.mark.parametrize("names", [n for n in PAIRS if replaces(n)], ids="-".join)
def test_nothing_that_changes_hides_another(names: tuple[str, ...]) -> None:
    """In text, Markdown, HTML and annotations by words; in JSON by both sides and every reason."""
    it = planned(names)
    page = view.make_view(it)
    unfolded = markdown.render(page).partition("<details>")[0].replace("`", "").replace("→", "->")
    formats = {
        "text": " ".join(text.render(page, width=60).split()),
        "markdown": unfolded,
        "html": Unfolded(html.render(page)).words.replace("→", "->"),
        "annotations": commands.render(commands.of_view(page)),
    }
    missing = [
        (name, words) for words in said(names) for name, shown in formats.items() if words not in shown
    ]
    assert [] == missing
    [change] = json.loads(json.dumps(planjson.to_json(it)))["resource_changes"]
    before, after = change["change"]["before"], change["change"]["after"]
    for name in names:
        match name:
            case "value":
                assert before["fingerprint"] != after["fingerprint"]
                assert "content_changed" in change["action_reasons"]
            case "source":
                assert ("env DB_PASSWORD", "env NEW_VALUE") == (before["source"], after["source"])
            case "renamed":
                assert "old-name" == change["previous_address"]
            case "requested":
                assert "requested" in change["action_reasons"]
            case _:
                assert before[name] != after[name]


@pytest.mark.parametrize("name", CHANGES)
def test_what_does_not_change_is_not_said(name: str) -> None:
    """Each sentence stands for its own change: the other fourteen say nothing of it."""
    others = tuple(other for other in CHANGES if other != name)
    words = " ".join(text.render(view.make_view(planned(others)), width=200).split())
    assert CHANGES[name][1] not in words


def test_a_reason_is_never_that_something_changed_or_was_requested() -> None:
    words = text.render(view.make_view(planned(tuple(CHANGES))))
    assert not re.search(r"settings changed|attributes changed|\brequested\b", words)
