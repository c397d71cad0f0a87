"""The textual header of an age file, read strictly: what the specification does not allow is refused."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from typing import Final

from reconciler.sandbox.agekeys import HeaderError

VERSION_LINE: Final = b"age-encryption.org/v1\n"
HEADER_MAX: Final = 64 * 1024
"""Bytes; ours is a limit against nonsense, not the specification's. A hybrid stanza takes about 1,600."""

_ARGUMENTS: Final = re.compile(rb"-> ([\x21-\x7e]+(?: [\x21-\x7e]+)*)\Z")
_FULL_LINE: Final = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Stanza:
    """One recipient's wrapping of the file key: the type, its arguments and the body."""

    type: str
    arguments: tuple[bytes, ...]
    """As written, still in base64 where the type says so."""
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """A whole header. `signed` is what the MAC covers; `length` counts every byte up to the payload."""

    stanzas: tuple[Stanza, ...]
    mac: bytes
    signed: bytes
    length: int


def parse(data: bytes) -> Header | None:
    """Return the header at the start of `data`, or None while more bytes are needed. Raises HeaderError."""
    start = data[: len(VERSION_LINE)]
    if not VERSION_LINE.startswith(start):
        raise HeaderError("it does not begin with the age header")
    mark = data.find(b"\n---")
    end = data.find(b"\n", mark + 1) if mark >= 0 else -1
    if end < 0:
        if len(data) > HEADER_MAX:
            raise HeaderError("the header does not end")
        return None
    lines = data[len(VERSION_LINE) : mark].split(b"\n") if mark >= len(VERSION_LINE) else []
    return Header(
        stanzas=_stanzas(lines),
        mac=_mac(data[mark + 1 : end]),
        signed=data[: mark + 4],
        length=end + 1,
    )


def decode64(text: bytes) -> bytes:
    """Decode canonical base64 without padding. Raises HeaderError."""
    try:
        data = base64.b64decode(text + b"=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise HeaderError("the header holds bad base64") from None
    if base64.b64encode(data).rstrip(b"=") != text:
        raise HeaderError("the header holds base64 that is not canonical")
    return data


def _mac(line: bytes) -> bytes:
    if not line.startswith(b"--- ") or len(line) != 4 + 43:
        raise HeaderError("the header's last line is malformed")
    return decode64(line[4:])


def _stanzas(lines: list[bytes]) -> tuple[Stanza, ...]:
    found: list[Stanza] = []
    place = 0
    while place < len(lines):
        stanza, place = _stanza(lines, place)
        found.append(stanza)
    if not found:
        raise HeaderError("the header has no recipient")
    return tuple(found)


def _stanza(lines: list[bytes], place: int) -> tuple[Stanza, int]:
    match = _ARGUMENTS.match(lines[place])
    if match is None:
        raise HeaderError("a stanza's first line is malformed")
    kind, *arguments = match[1].split(b" ")
    body: list[bytes] = []
    for number, line in enumerate(lines[place + 1 :], place + 1):
        if len(line) > _FULL_LINE:
            raise HeaderError("a stanza's line is too long")
        body.append(line)
        if len(line) < _FULL_LINE:
            stanza = Stanza(type=kind.decode(), arguments=tuple(arguments), body=decode64(b"".join(body)))
            return stanza, number + 1
    raise HeaderError("a stanza does not end with a short line")
