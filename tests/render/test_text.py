"""The plan as a terminal shows it."""

from __future__ import annotations

import pytest

from reconciler.model.plan import Plan
from reconciler.render import text, view
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
