"""A plan for a terminal or a log: aligned, and coloured where the caller says so."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum
from typing import Final

from reconciler.model.plan import Action
from reconciler.render.view import Gain, Note, Reader, Row, View

_INDENT: Final = "  "
_ADDRESS_MAX: Final = 44
"""Columns; one long address must not push every line off the screen."""


class Style(StrEnum):
    """ANSI's select-graphic-rendition codes."""

    BOLD = "1"
    DIM = "2"
    RED = "31"
    GREEN = "32"
    YELLOW = "33"
    CYAN = "36"


_STYLES: Final = {
    Action.CREATE: Style.GREEN,
    Action.REPLACE: Style.YELLOW,
    Action.REVOKE: Style.RED,
    Action.FORGET: Style.RED,
    Action.STATE_ONLY: Style.CYAN,
    Action.NO_OP: Style.DIM,
}


def render(view: View, *, colour: bool = False, width: int = 100, verbose: bool = False) -> str:
    """Return the plan with a newline at its end. Facts that do not fit in `width` go on a line of their own.

    `verbose` names everybody of a secret, and the C1 user that each address means.
    """
    lines = list(_Page(colour=colour, width=width, verbose=verbose).lines(view))
    return "\n".join(lines) + "\n"


class _Page:
    def __init__(self, *, colour: bool, width: int, verbose: bool) -> None:
        self.colour = colour
        self.width = width
        self.verbose = verbose

    def lines(self, view: View) -> Iterator[str]:
        yield self.paint(view.headline, Style.BOLD)
        for gain in view.decisive:
            yield _INDENT + self.gain(gain)
        if view.remarks:
            yield _INDENT + " ".join(view.remarks)
        yield from self.table("This change causes:", view.rows)
        yield from self.table("Would happen anyway:", view.anyway)
        yield from self.table("Changes to the state alone:", view.recorded)
        yield from self.notes("Attention:", view.attention, Style.YELLOW)
        yield from self.notes("Refused:", view.refusals, Style.RED)
        yield ""
        yield self.paint(view.summary_line, Style.BOLD)

    def gain(self, gain: Gain) -> str:
        facts = "".join(f", {fact}" for fact in gain.what)
        marks = f" [{gain.reader.marks[-1]}]" if gain.gains and gain.reader.marks else ""
        hint = f" ({gain.hint})" if gain.hint else ""
        line = f"{gain.mark} {gain.reader.who} -> {gain.address}{facts}{marks}{hint}"
        return self.paint(line, Style.GREEN if gain.gains else Style.RED)

    def table(self, title: str, rows: Sequence[Row]) -> Iterator[str]:
        if not rows:
            return
        yield ""
        yield self.paint(title, Style.BOLD)
        wide = min(max(len(row.address) for row in rows), _ADDRESS_MAX)
        why = max(len(row.reason) for row in rows)
        used = len(_INDENT) * 3 + 4 + wide + why
        fits = all(used + len(_facts(row)) <= self.width for row in rows)
        for row in rows:
            yield from self.row(row, wide, why, fits=fits)

    def row(self, row: Row, wide: int, why: int, *, fits: bool) -> Iterator[str]:
        facts = _facts(row)
        head = f"{row.symbol:>3} {row.address:<{wide}}{_INDENT}{row.reason:<{why}}"
        # The symbol alone is coloured: the words stay readable on any background.
        symbol = self.paint(f"{row.symbol:>3}", _STYLES[row.action])
        yield (_INDENT + symbol + head[3:] + (_INDENT + facts if facts and fits else "")).rstrip()
        under = " " * (len(_INDENT) + 4)
        if facts and not fits:
            yield under + self.paint(facts, Style.DIM)
        for detail in row.details:
            yield f"{under}{detail.name}: {detail.before} -> {detail.after}"
        yield from (under + line for line in self.people(row))

    def people(self, row: Row) -> Iterator[str]:
        for sign, readers, style in (("+", row.gained, Style.GREEN), ("-", row.lost, Style.RED)):
            for reader in readers:
                marks = f" [{', '.join(reader.marks)}]" if reader.marks else ""
                yield self.paint(f"{sign} {reader.who}{marks}", style)
        if self.verbose:
            yield from (f"shared with {who}" for who in map(_person, row.people))

    def notes(self, title: str, notes: Iterable[Note], style: Style) -> Iterator[str]:
        for index, note in enumerate(notes):
            if index == 0:
                yield ""
                yield self.paint(title, Style.BOLD)
            yield f"{_INDENT}{self.paint('!', style)} {note.line}"
            if note.next:
                yield f"{_INDENT * 3}next: {note.next}"

    def paint(self, text: str, style: Style) -> str:
        return f"\x1b[{style.value}m{text}\x1b[0m" if self.colour and text else text


def _person(reader: Reader) -> str:
    return f"{reader.who} (user {reader.id})" if reader.id else reader.who


def _facts(row: Row) -> str:
    if row.action in (Action.CREATE, Action.REPLACE):
        origin = (f"from {row.origin}",) if row.origin else ()
        return ", ".join((*row.facts, *origin))
    if row.action is Action.REVOKE and row.opened:
        return f"opened {row.opened}x"
    return ""
