"""Text of strangers inside markdown: whatever it holds, it shows as itself and starts nothing.

All of it goes into code spans, where no markup, HTML, mention, reference or link is looked for.
"""

from __future__ import annotations

import html
import re
from typing import Final

_RUNS: Final = re.compile(r"`+")
_OURS: Final = re.compile(r"((?:(?<=\s)|\A)`[^`]+`(?=[.,;:)]?(?:\s|\Z)))")
"""What our own sentences quote: a word of its own. Spans that touch would read as one."""

_PLAIN: Final = re.compile(r"\(?[A-Za-z]+(?:[-/'][A-Za-z]+)*[.,;:)]*\Z|\d+,?\Z|[.,;:)]\Z")
"""Words that mean nothing to a markdown reader: no digit after a dash (`GH-1`), no inner dot (`www.x`)."""


def code(text: str) -> str:
    """Return a text as a code span, also fit for a table's cell."""
    if not text.strip():
        return "` `"
    if "|" in text:
        # A cell is split before its spans are read, and a backslash before a bar means different things to
        # different readers: the bar is written as an entity, in HTML's own code.
        return f"<code>{_entities(text)}</code>"
    fence = "`" * (1 + max((len(run) for run in _RUNS.findall(text)), default=0))
    pad = " " if text[0] in "` " or text[-1] in "` " else ""
    return f"{fence}{pad}{text}{pad}{fence}"


def _entities(text: str) -> str:
    return "".join(c if c.isalnum() or c == " " else f"&#{ord(c)};" for c in text)


def prose(text: str) -> str:
    """Return a sentence with every word that is not plain in a code span. Four spaces at its start are a block."""
    sentence = text.strip()
    if not sentence:
        return code(sentence)
    return "".join(
        code(part[1:-1]) if index % 2 else _words(part) for index, part in enumerate(_OURS.split(sentence))
    )


def _words(text: str) -> str:
    out: list[str] = []
    odd: list[str] = []
    for word in [*text.split(" "), None]:
        if word is not None and word and not _PLAIN.match(word):
            odd.append(word)
            continue
        if odd:
            out.append(code(" ".join(odd)))
            odd = []
        if word is not None:
            out.append(word)
    return " ".join(out)


def html_comment(text: str) -> str:
    """Return a text fit for an HTML comment and for a search: what could end it is left out."""
    return html.escape(re.sub(r"[^A-Za-z0-9._:-]", "_", text)).replace("--", "-=")[:200]
