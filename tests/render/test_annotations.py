"""Workflow commands: beside the right line, within GitHub's limits, and never more of them than we wrote."""

from __future__ import annotations

import json
import re

from hypothesis import given

from reconciler.errors import Mark, Problem
from reconciler.render import gitlab, view
from reconciler.render.annotations import MOST, of_problems, of_view, render
from tests.render.test_markdown import HOSTILE
from tests.support import goldens, stories

COMMAND = re.compile(r"::(error|warning|notice) (file=[^:,]*,line=\d+,col=\d+,)?title=reconciler::.*\Z")


def problem(text: str, line: int = 3) -> Problem:
    return Problem(mark=Mark(file="a:b,c%.yaml", line=line, column=4), what=text, hint="do it")


def test_golden() -> None:
    goldens.check("everything.annotations", render(of_view(view.make_view(stories.everything()))))


def test_properties_and_data_are_escaped() -> None:
    assert render(of_problems([problem("100%")])) == (
        "::error file=a%3Ab%2Cc%25.yaml,line=3,col=4,title=reconciler::100%25; do it\n"
    )
    assert render(of_problems([Problem(mark=None, what="x")])) == ("::error title=reconciler::x\n")


def test_what_github_would_drop_is_counted() -> None:
    lines = render(of_problems(problem(f"p{n}", n) for n in range(1, 41))).splitlines()
    assert len(lines) == MOST
    assert lines[-1] == "::error title=reconciler::and 31 more, in the log of this step"
    assert len(render(of_problems(problem("p") for _ in range(10))).splitlines()) == 10


@given(HOSTILE, HOSTILE)
def test_one_problem_is_one_command(text: str, path: str) -> None:
    """Split as GitHub splits, by line ends; any other separator shows as a mark."""
    mark = Mark(file=path, line=1, column=1)
    lines = render(of_problems([Problem(mark=mark, what=text)])).splitlines()
    assert len(lines) == 1
    assert COMMAND.match(lines[0])


@given(HOSTILE)
def test_one_note_is_one_command(text: str) -> None:
    found = of_view(view.make_view(stories.hostile(text, "a@b.example")))
    assert len(render(found).splitlines()) == len(found)


def test_the_gitlab_widget_has_its_three_keys() -> None:
    text = gitlab.render(view.make_view(stories.everything()))
    goldens.check("everything.gitlab.json", text)
    assert set(json.loads(text)) == {"create", "update", "delete"}
