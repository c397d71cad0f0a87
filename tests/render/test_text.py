"""The plan as a terminal shows it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.display import SUBSTITUTE
from reconciler.layout import columns
from reconciler.model.plan import Plan
from reconciler.render import text, view
from tests.render.test_markdown import HOSTILE
from tests.support import goldens, stories


@pytest.mark.parametrize(
    ("name", "plan"),
    [
        ("everything", stories.everything()),
        ("nothing", stories.nothing()),
        ("invisible", stories.invisible()),
        ("first-offline", stories.first_offline()),
        ("renewals", stories.renewals(3)),
    ],
)
def test_golden(name: str, plan: Plan) -> None:
    goldens.check(f"{name}.txt", text.render(view.make_view(plan), width=80))


def test_narrow_and_coloured() -> None:
    """What does not fit moves to a line of its own; nothing is cut."""
    goldens.check(
        "everything-narrow.ansi", text.render(view.make_view(stories.everything()), colour=True, width=50)
    )


def test_colour_changes_no_word() -> None:
    page = view.make_view(stories.everything())
    coloured = text.render(page, colour=True, width=100)
    for code in ("0", *text.Style):
        coloured = coloured.replace(f"\x1b[{code}m", "")
    assert text.render(page, colour=False, width=100) == coloured


@pytest.mark.parametrize("word", ["tainted", "deposed", "lineage"])
def test_words_of_the_trade_are_not_said(word: str) -> None:
    assert word not in text.render(view.make_view(stories.everything())).lower()


def test_no_line_can_be_a_workflow_command_or_move_the_cursor() -> None:
    hostile = text.render(
        view.make_view(stories.hostile("\r\n::error::x\x1b[2J\u202e", "a\n::set-env@b.example"))
    )
    assert not any(line.startswith("::") for line in hostile.splitlines())
    assert not set(hostile) & {"\x1b", "\r", "\u202e"}


WIDE = (
    st.sampled_from(["データベース", "x" * 130, "a b c d e f " * 12, "::add-mask::x", "한국어 이름"])
    | HOSTILE
)


@settings(max_examples=150)
@given(WIDE, st.integers(40, 120), st.booleans())
def test_no_line_is_wider_than_the_terminal_unless_it_is_one_word(
    words: str, width: int, verbose: bool
) -> None:
    """Indentation and a sign aside; every word of the plan is there, none is broken."""
    page = view.make_view(stories.hostile(words or "x", f"{words}@x.example"))
    shown = text.render(page, width=width, verbose=verbose)
    for line in shown.splitlines():
        said = line.strip().removeprefix("+/- ").removeprefix("+ ").removeprefix("- ").removeprefix("! ")
        assert columns(line) <= width or " " not in said.removeprefix("~ ")
    seen = set(shown.replace(f"{SUBSTITUTE}::", "::").split())
    expected = [page.headline, page.summary_line, *(note.text for note in page.attention)]
    expected += [sentence for row in page.rows for sentence in row.sentences]
    expected += [reader.name for group in page.groups for reader in group.readers]
    for word in " ".join(expected).replace(f"{SUBSTITUTE}::", "::").split():
        assert any(word in one for one in seen), word


def test_plan_and_apply_lay_it_out_the_same_way() -> None:
    """Without a key, as plan runs at first, and with one, as apply does: not even the size differs."""
    made = stories.creates(3)
    unkeyed = replace(made, changes=tuple(replace(change, fingerprint=None) for change in made.changes))
    assert text.render(view.make_view(made)) == text.render(view.make_view(unkeyed))
