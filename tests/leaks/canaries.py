"""Values that must not show up, in every form in which a careless program would write them."""

from __future__ import annotations

import base64
import json
import urllib.parse
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

SHORTEST = 12
"""Bytes of a form below which finding it somewhere proves nothing."""


def forms(value: bytes) -> frozenset[bytes]:
    """Return a value's forms: as it is, hex, URL-encoded, JSON-escaped, base64 wherever it begins, UTF-16, cut."""
    found = {value, value.hex().encode(), value.hex().upper().encode()}
    found |= {urllib.parse.quote_from_bytes(value, safe=safe).encode() for safe in ("", "/", "/=:")}
    found.add(urllib.parse.quote_plus(value).encode())
    for shift in range(3):
        encoded = base64.b64encode(b"\0" * shift + value)
        whole = encoded[4 if shift else 0 : -4]
        found |= {whole, whole.replace(b"+", b"-").replace(b"/", b"_")}
    found |= set(_as_text(value))
    found |= {value[:SHORTEST], value[-SHORTEST:]}  # what a shortened repr shows
    return frozenset(form for form in found if len(form) >= SHORTEST)


def _as_text(value: bytes) -> Iterator[bytes]:
    try:
        text = value.decode()
    except UnicodeDecodeError:
        yield repr(value)[2:-1].encode()
        return
    yield json.dumps(text)[1:-1].encode()
    yield json.dumps(text, ensure_ascii=False)[1:-1].encode()
    yield repr(text)[1:-1].encode()
    yield text.encode("utf-16-le")
    yield text.encode("utf-16-be")


@dataclass
class Canaries:
    """Secrets by what they are."""

    values: dict[str, bytes] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._forms = {what: forms(value) for what, value in self.values.items()}

    def found_in(self, places: Mapping[str, bytes], *, but: Iterable[tuple[str, str]] = ()) -> list[str]:
        """Return what shows up where; `but` are pairs of secret and place that belong together."""
        allowed = set(but)
        return [
            f"{what} in {where}: …{form[:24]!r}"
            for where, data in places.items()
            for what, its in self._forms.items()
            if (what, where) not in allowed
            for form in its
            if form in data
        ]
