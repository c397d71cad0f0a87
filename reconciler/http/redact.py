"""A server's own words, made fit for one line of a message of ours. They are the server's, and may quote a request."""

from __future__ import annotations

from typing import Final

_MOST: Final = 300
"""Characters that are shown of one text."""

_PIECE: Final = 12
"""Characters in a row of a secret that are too many to be chance, and too many to be shown."""


def shown(*texts: object, hide: str) -> str:
    """Return what of these is text, joined; empty where they would show a part of `hide`, which was sent."""
    words = ": ".join(_clean(text) for text in texts if isinstance(text, str) and text)
    return "" if _quotes(words, hide) else words


def _clean(text: str) -> str:
    """Return a text printable, cut, and without long unbroken runs: a token, a signed URL or ciphertext."""
    printable = "".join(c if c.isprintable() else " " for c in text[: 4 * _MOST])
    words = (word if len(word) < 40 else "…" for word in printable.split())
    line = " ".join(words)
    return line if len(line) <= _MOST else line[:_MOST] + "…"


def _quotes(text: str, secret: str) -> bool:
    """Whether a text holds more of a secret in a row than chance puts there, whatever stands in between."""
    solid = "".join(c for c in text if c.isprintable() and not c.isspace())
    size = min(_PIECE, len(secret)) or 1
    return any(secret[start : start + size] in solid for start in range(len(secret) - size + 1))
