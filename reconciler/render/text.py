"""A plan for a terminal or a log: the same lines for plan and apply, coloured if the caller says so."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum
from typing import Final

from reconciler.layout import PIPE, columns, wrap
from reconciler.model.plan import Action
from reconciler.render.view import Affected, Note, Reader, Row, View

_INDENT: Final = "  "


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


def render(view: View, *, colour: bool = False, width: int = PIPE, verbose: bool = False) -> str:
    """Return the plan with a newline at its end; a line is at most `width` columns, or one word.

    `verbose` names every recipient of a secret, and the C1 user that each address means.
    """
    lines = list(_Page(colour=colour, width=width, verbose=verbose).lines(view))
    return "\n".join(lines) + "\n"


class _Page:
    def __init__(self, *, colour: bool, width: int, verbose: bool) -> None:
        self.colour = colour
        self.width = width
        self.verbose = verbose

    def lines(self, view: View) -> Iterator[str]:
        yield from self.text(view.headline, style=Style.BOLD)
        for group in view.groups:
            yield from self.group(group)
        yield from self.text(" ".join(view.remarks), first=_INDENT, rest=_INDENT) if view.remarks else ()
        yield from self.table("This change causes:", view.rows)
        yield from self.table("Would happen anyway:", view.anyway)
        yield from self.table("Changes to the state alone:", view.recorded)
        yield from self.notes("Attention:", view.attention, Style.YELLOW)
        yield from self.notes("Refused:", view.refusals, Style.RED)
        yield ""
        yield from self.text(view.summary_line, style=Style.BOLD)

    def group(self, group: Affected) -> Iterator[str]:
        """Yield who, and behind the signs what; a second kind of change stands beneath the first."""
        lead = f"{', '.join(map(self.reader, group.readers))}: "
        indent = _INDENT
        for sign, style, said in _meanings(group):
            first = f"{indent}{sign} "
            yield from self.text(lead + said, first=first, rest=f"{indent}{_INDENT * 2}", style=style)
            lead, indent = "", _INDENT * 2

    def reader(self, reader: Reader) -> str:
        labels = f" [{', '.join(reader.labels)}]" if reader.labels else ""
        user = f" (user {reader.id})" if self.verbose and reader.id else ""
        return f"{reader.name}{user}{labels}"

    def table(self, title: str, rows: Sequence[Row]) -> Iterator[str]:
        if not rows:
            return
        yield ""
        yield self.paint(title, Style.BOLD)
        for row in rows:
            yield from self.row(row)

    def row(self, row: Row) -> Iterator[str]:
        """Yield the secret and all that changed, then what it will be, then the rest of what is known."""
        first = f"{_INDENT}{row.sign:>3} "
        under = " " * len(first)
        lines = list(self.head(row, first, under + _INDENT))
        # The sign alone is coloured: the words stay readable on any background.
        yield first.replace(row.sign, self.paint(row.sign, _STYLES[row.action])) + lines[0][len(first) :]
        yield from lines[1:]
        for facts in self.facts(row, under):
            yield from self.text(facts, first=under, rest=under + _INDENT, style=Style.DIM)
        if self.verbose:
            for reader in row.recipients:
                yield from self.text(f"shared with {self.reader(reader)}", first=under, rest=under + _INDENT)

    def head(self, row: Row, first: str, under: str) -> Iterator[str]:
        """Yield the secret and all that changed: on one line if that fits, else a line for each."""
        whole = f"{row.address}: {'; '.join(row.sentences)}"
        if columns(first + whole) <= self.width or len(row.sentences) == 1:
            yield from wrap(whole, self.width, first=first, rest=under)
            return
        yield from wrap(f"{row.address}:", self.width, first=first, rest=under)
        for sentence in row.sentences:
            yield from wrap(sentence, self.width, first=under, rest=under + _INDENT)

    def facts(self, row: Row, under: str) -> Iterator[str]:
        """Yield what the share will be, with where its value comes from if that fits on the line; or its views."""
        if row.action is Action.REVOKE and row.opened:
            yield f"opened {row.opened}x"
        if not row.makes:
            return
        facts = ", ".join(row.facts)
        origin = f"from {row.origin}" if row.origin else ""
        whole = ", ".join(filter(None, (facts, origin)))
        yield from (whole,) if columns(under + whole) <= self.width else (facts, origin)

    def notes(self, title: str, notes: Iterable[Note], style: Style) -> Iterator[str]:
        for index, note in enumerate(notes):
            if index == 0:
                yield ""
                yield self.paint(title, Style.BOLD)
            first = f"{_INDENT}! "
            lines = wrap(note.line, self.width, first=first, rest=_INDENT * 2)
            yield f"{_INDENT}{self.paint('!', style)} {lines[0][len(first) :]}"
            yield from lines[1:]
            if note.next:
                yield from self.text(f"Next: {note.next}", first=_INDENT * 3, rest=_INDENT * 4)

    def text(
        self, text: str, *, first: str = "", rest: str = "", style: Style | None = None
    ) -> Iterator[str]:
        """Yield a text in lines, each coloured behind its indentation."""
        if not text:
            return
        for line in wrap(text, self.width, first=first, rest=rest):
            words = line.lstrip(" ")
            yield line[: len(line) - len(words)] + (self.paint(words, style) if style else words)

    def paint(self, text: str, style: Style) -> str:
        return f"\x1b[{style.value}m{text}\x1b[0m" if self.colour and text else text


def _meanings(group: Affected) -> Iterator[tuple[str, Style, str]]:
    if group.losses:
        said = (f"{loss.address} ({loss.hint})" if loss.hint else loss.address for loss in group.losses)
        yield "-", Style.RED, ", ".join(said)
    if group.gains:
        yield "+", Style.GREEN, ", ".join(group.gains)
    if group.relinked:
        yield "~", Style.CYAN, f"new link for {', '.join(group.relinked)}"
