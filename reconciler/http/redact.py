"""A server's own words, made fit for one line of a message of ours. They are the server's, and may quote a request."""

from __future__ import annotations

import base64
import html
import re
from collections.abc import Iterator
from typing import Final
from urllib.parse import unquote

_MOST: Final = 300
"""Characters that are shown of one text."""

_PIECE: Final = 12
"""Characters in a row of a secret that are too many to be chance, and too many to be shown."""

_ESCAPE: Final = re.compile(
    r"\\+(?:u([0-9a-fA-F]{4})|u\{([0-9a-fA-F]{1,5})\}|x([0-9a-fA-F]{2}))|0x([0-9a-f]{2})|=([0-9A-F]{2})"
)
"""A character of JSON, of other languages' texts, or of quoted-printable."""

_ESCAPED_MOST: Final = 4
"""How often a text may be escaped again."""

_BASES: Final = ((base64.b64encode, 3, 6), (base64.b32encode, 5, 5))
"""How to encode, the bytes that make whole letters, and the bits of one letter."""


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
    """Whether a text holds more of a secret in a row than chance puts there, in any encoding of either.

    Once as they are without spaces, and once by letters and digits alone, in any case: what stands in between, and
    the case of hexadecimal digits, are ways to write the same.
    """
    readings, forms = set(_readings("".join(text.split()))), set(_encodings(secret))
    readings |= {_bare(reading) for reading in readings}
    forms |= {_bare(form) for form in forms}
    return any(_share(reading, form) for reading in readings for form in forms)


def _share(text: str, secret: str) -> bool:
    size = min(_PIECE, len(secret)) or 1
    return any(secret[start : start + size] in text for start in range(len(secret) - size + 1))


def _bare(text: str) -> str:
    return "".join(c for c in text.lower() if c.isascii() and c.isalnum())


def _encodings(secret: str) -> Iterator[str]:
    """Yield a secret as it is and as a server may write it down."""
    raw = secret.encode("utf-8", "surrogatepass")
    yield secret
    yield secret[::-1]
    yield raw.hex()
    yield "".join(map(str, raw))
    for encode, group, letter in _BASES:
        for shift in range(group):  # where it begins within a longer text that was encoded as a whole
            begin, end = 8 * shift, 8 * (shift + len(raw))
            yield encode(bytes(shift) + raw).decode()[-(-begin // letter) : end // letter]


def _readings(text: str) -> Iterator[str]:
    """Yield a text as it is, and without its escapes, which may be those of an escaped text."""
    for _ in range(_ESCAPED_MOST):
        yield text
        plain = _ESCAPE.sub(lambda m: chr(int(next(filter(None, m.groups())), 16)), text)
        plain = html.unescape(unquote(plain, errors="replace"))
        if plain == text:
            return
        text = plain
    yield text
