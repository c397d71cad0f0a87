"""GitHub's workflow commands: problems and attention beside the lines that they are about."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from posixpath import join, normpath
from typing import Final

from reconciler.display import clean
from reconciler.errors import Mark, Problem
from reconciler.model.address import Address
from reconciler.model.events import Left, Result
from reconciler.model.plan import Action
from reconciler.render.view import Note, Row, View

MOST: Final = 10
"""What GitHub keeps of each level in one step; more are dropped without a word."""

_TITLE: Final = "reconciler"


class Level(StrEnum):
    """How an annotation looks."""

    ERROR = "error"
    WARNING = "warning"
    NOTICE = "notice"


@dataclass(frozen=True, slots=True, kw_only=True)
class Annotation:
    """One line for GitHub: a text and its place."""

    level: Level
    text: str
    mark: Mark | None = None


def render(annotations: Iterable[Annotation], *, below: str = "") -> str:
    """Return the commands, a line each; of every level at most what GitHub keeps, the rest as a count.

    `below` is where the job works, from the top of the checkout: GitHub reads every path from there.
    """
    by_level: dict[Level, list[Annotation]] = {level: [] for level in Level}
    for annotation in annotations:
        by_level[annotation.level].append(annotation)
    lines = [_command(one, below) for alike in by_level.values() for one in _kept(alike)]
    return "".join(f"{line}\n" for line in lines)


def of_problems(problems: Iterable[Problem]) -> list[Annotation]:
    """Return what is wrong with a manifest or a source."""
    return [
        Annotation(
            level=Level.ERROR,
            text="; ".join(part for part in (problem.what, problem.expected, problem.hint) if part),
            mark=problem.mark,
        )
        for problem in problems
    ]


def of_view(view: View) -> list[Annotation]:
    """Return a plan's refusals as errors, its attention as warnings, and what changes of a share as notices."""
    return [
        *(_of_note(note, Level.ERROR) for note in view.refusals),
        *(_of_note(note, Level.WARNING) for note in view.attention),
        *(_of_row(row) for row in (*view.rows, *view.anyway) if row.action is Action.REPLACE or row.details),
    ]


def of_results(
    results: Iterable[Result], left: Iterable[Left], marks: Mapping[Address, Mark]
) -> list[Annotation]:
    """Return what failed as errors on the lines of the secrets, and what the next run must revoke as warnings."""
    failed = [(Level.ERROR, each.address, each.failure, each.hint) for each in results if each.failure]
    later = [(Level.WARNING, each.address, each.failure, each.hint) for each in left]
    return [
        Annotation(
            level=level,
            text="; ".join(part for part in (f"{address}: {text}" if address else text, following) if part),
            mark=marks.get(address) if address else None,
        )
        for level, address, text, following in (*failed, *later)
    ]


def _of_note(note: Note, level: Level) -> Annotation:
    return Annotation(
        level=level, text=f"{note.line}; {note.next}" if note.next else note.line, mark=note.mark
    )


def _of_row(row: Row) -> Annotation:
    text = f"{row.address}: {row.action.value}: {'; '.join(row.sentences)}"
    return Annotation(level=Level.NOTICE, text=text, mark=row.mark)


def _kept(alike: Sequence[Annotation]) -> Sequence[Annotation]:
    if len(alike) <= MOST:
        return alike
    more = Annotation(level=alike[0].level, text=f"and {len(alike) - MOST + 1} more, in the log of this step")
    return [*alike[: MOST - 1], more]


def _command(one: Annotation, below: str) -> str:
    place = ""
    if one.mark:
        file = normpath(join(below, one.mark.file))
        place = f"file={_property(file)},line={one.mark.line},col={one.mark.column},"
    return f"::{one.level.value} {place}title={_property(_TITLE)}::{_data(one.text)}"


def _data(text: str) -> str:
    """Escape a message: GitHub's own rules. Hidden characters go first, line ends with them."""
    return clean(text).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
