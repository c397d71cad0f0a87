"""What a reader sees, and that nothing hides in it."""

from __future__ import annotations

import unicodedata
from dataclasses import fields, is_dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler import display
from reconciler.model.manifest import Sharing
from reconciler.model.plan import Summary
from reconciler.render import view
from tests.support import stories
from tests.support.plans import all_desired, attributes, instance, plan, share, state

EXTERNAL = Sharing.EXTERNAL


@pytest.mark.parametrize(
    ("summary", "line"),
    [
        ((2, 1, 1, 0, 5), "Plan: 2 to create, 1 to replace, 1 to revoke, 5 unchanged."),
        ((0, 0, 0, 1, 0), "Plan: 0 to create, 0 to replace, 0 to revoke, 1 to forget, 0 unchanged."),
        ((0, 0, 0, 0, 5), "No changes. 5 unchanged."),
        ((0, 0, 0, 0, 0), "No changes."),
    ],
)
def test_the_summary_line(summary: tuple[int, int, int, int, int], line: str) -> None:
    create, replace, revoke, forget, no_op = summary
    found = Summary(create=create, replace=replace, revoke=revoke, forget=forget, no_op=no_op)
    assert view.summary_line(found) == line


def test_what_the_manifest_causes_stands_apart() -> None:
    page = view.make_view(stories.everything())
    assert [row.address for row in page.rows] == ["db-password", "legacy", "partner-cert"]
    assert [(row.address, row.reason) for row in page.anyway] == [
        ("app-env", "expires soon"),
        ("db-password", "old copy"),
    ]
    assert [row.address for row in page.recorded] == ["licence", "new-name", "over"]
    assert [row.address for row in page.unchanged] == ["keep"]


def test_a_domain_is_new_until_any_secret_went_there() -> None:
    """Also one that ended: the domain is not new to the stack."""
    asked = all_desired("new", attributes("a@Known.example", "b@new.example", sharing=EXTERNAL))
    prior = state({"db": instance(share("1", attributes("x@known.example", sharing=EXTERNAL)))})
    row = view.make_view(plan(asked, prior=prior).plan).rows[1]
    assert [(r.name, r.labels) for r in row.gained] == [
        ("a@known.example", ("external",)),
        ("b@new.example", ("external", "new domain")),
    ]


def test_a_forgotten_secret_says_that_its_share_stays() -> None:
    """A reviewer must not read it as a revoke."""
    it = plan(prior=state({"db": instance(share("1"))}), removed=[("db", False)]).plan
    assert ["removed from the manifest; its share is not revoked"] == [
        row.reason for row in view.make_view(it).rows
    ]


def test_a_swapped_source_is_shown() -> None:
    row = view.make_view(stories.everything()).rows[0]
    assert "source env STRIPE_KEY, was env DB_PASSWORD" in row.sentences
    assert row.origin is None


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (3600, "1h"),
        (5400, "90m"),
        (86_400, "24h"),
        (259_200, "72h"),
        (604_800, "7d"),
        (1_209_600, "14d"),
        (90, "90s"),
    ],
)
def test_a_lifetime_is_written_as_usual(seconds: int, said: str) -> None:
    assert display.duration(seconds) == said


def texts(share: object) -> list[str]:
    if isinstance(share, str):
        return [share]
    if isinstance(share, tuple):
        return [text for item in share for text in texts(item)]
    if is_dataclass(share):
        return [text for field in fields(share) for text in texts(getattr(share, field.name))]
    return []


@given(st.text(max_size=30))
def test_nothing_hides_in_a_view(hostile: str) -> None:
    """No control, bidirectional or invisible character of a manifest reaches a renderer."""
    page = view.make_view(stories.hostile(hostile, hostile + "@x.example"))
    for text in texts(page):
        assert not [c for c in text if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp")]


def test_who_needs_a_new_link_is_counted_once() -> None:
    """And named, each with every secret that it is about."""
    page = view.make_view(stories.renewals(3))
    assert page.headline.endswith(", 1 needs a new link")
    [group] = page.groups
    assert ["ana@example.com"] == [reader.name for reader in group.readers]
    assert ("s00000", "s00001", "s00002") == group.relinked
    assert "new link" not in view.make_view(stories.creates(3)).headline
