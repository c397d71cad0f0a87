"""Lines of a given width: measured in a terminal's columns, broken between words and nowhere else."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from reconciler.display import SUBSTITUTE

PIPE: Final = 80
"""Columns where no terminal says how many it has."""

NARROWEST: Final = 40
"""Columns below which a line of ours cannot be read any better."""

_COLUMN_MAX: Final = 44
"""Columns of a list's first column; one long name must not push the others off the screen."""


def columns(text: str) -> int:
    """Return how many columns a cleaned text takes: East Asian characters take two, combining ones none."""
    if text.isascii():
        return len(text)
    from wcwidth import wcswidth  # its tables cost a part of the start that few texts need

    width = wcswidth(text)
    return width if width >= 0 else len(text)


def wrap(text: str, width: int, *, first: str = "", rest: str = "") -> list[str]:
    """Return a text as lines of at most `width` columns, behind `first` and, from the second line on, `rest`.

    A word that does not fit stands alone on its line. No line begins with `::`, which a pipeline would obey.
    """
    lines: list[str] = []
    words: list[str] = []
    used = 0
    for word in text.split(" "):
        size = columns(word)
        if words and used + 1 + size > width:
            lines.append(" ".join(words))
            words = []
        if words:
            used += 1 + size
        elif word or not lines:  # spaces in the place of a line's end are not carried over
            lead = rest if lines else first
            word = _harmless(lead, word)
            used = columns(lead) + columns(word)
        else:
            continue
        words.append(word)
    lines.append(" ".join(words))
    return [((rest if index else first) + line).rstrip(" ") for index, line in enumerate(lines)]


def _harmless(lead: str, word: str) -> str:
    return SUBSTITUTE + word if word.startswith("::") and not lead.strip() else word


def pairs(rows: Iterable[tuple[str, str]], width: int, *, indent: str = "") -> list[str]:
    """Return rows of a name and what is said of it, in two columns; a long name stands on a line of its own."""
    rows = list(rows)
    wide = min(max((columns(name) for name, _ in rows), default=0), _COLUMN_MAX, width // 2)
    lines: list[str] = []
    for name, text in rows:
        under = indent + " " * (wide + 2)
        if columns(name) > wide:
            lines += [
                *wrap(name, width, first=indent, rest=indent),
                *wrap(text, width, first=under, rest=under),
            ]
            continue
        lead = f"{indent}{_harmless(indent, name)}"
        lines += wrap(text, width, first=lead + " " * (wide + 2 - columns(name)), rest=under)
    return lines
