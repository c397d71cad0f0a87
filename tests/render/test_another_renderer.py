"""A renderer of someone else's: registered from outside, it works wherever a format is named.

One that comes with the program touches these files:

    reconciler/render/NAME.py       `render(view) -> str`
    reconciler/cli/output.py        its name in `OutputFormat`, its function, its line in `RENDERERS`
    reconciler/cli/plan.py, diff.py the names in the help of `--format`
    tests/render/test_NAME.py       with a golden file
    docs/cli.md                     generated
"""

from __future__ import annotations

from typing import get_args

import pytest

from reconciler.cli import output
from reconciler.cli.output import OutputFormat, Screen
from reconciler.model.plan import Plan
from tests.support.commandline import Desk, text_secret

NAME = "csv"


def to_csv(plan: Plan, screen: Screen) -> str:
    """A line for each change."""
    assert screen.width >= 40
    return "".join(f"{change.address},{change.action.value}\n" for change in plan.changes)


@pytest.fixture
def one(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """A manifest with one secret, and a format more."""
    monkeypatch.setenv("VALUE", "1")
    monkeypatch.setitem(output.RENDERERS, NAME, to_csv)
    desk.manifest(text_secret("a", "VALUE"))
    return desk


def test_it_prints_a_plan_and_a_saved_plan(one: Desk) -> None:
    assert "a,create\n" == one.done("plan", "--format", NAME).out
    one.done("plan", "-o", "it.plan")
    assert "a,create\n" == one.done("show", "it.plan", "--format", NAME).out


def test_what_is_not_there_is_refused_with_what_is(one: Desk) -> None:
    ran = one.run("plan", "--format", "xml")
    assert 64 == ran.code
    assert "'xml' is not one of 'text', 'json', 'markdown', 'html', 'gitlab', 'csv'" in ran.err


def test_every_format_of_ours_has_a_renderer() -> None:
    assert set(OutputFormat) == set(output.RENDERERS)
    assert get_args(output.Renderer)


@pytest.mark.parametrize("form", [*OutputFormat])
def test_the_help_names_each(form: str, one: Desk) -> None:
    for command in ("plan", "show", "diff"):
        assert form in one.done(command, "--help").out
