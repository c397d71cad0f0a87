"""Pictures as Chromium writes them, made small: what docs/ keeps of a page needs no 16 million colours."""

from __future__ import annotations

import struct
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

_COLOURS = 256


@dataclass(frozen=True, kw_only=True)
class Picture:
    """Lines of RGB pixels."""

    width: int
    height: int
    lines: tuple[tuple[bytes, ...], ...]


def _chunks(png: bytes) -> Iterator[tuple[bytes, bytes]]:
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    at = 8
    while at < len(png):
        length, kind = struct.unpack(">I4s", png[at : at + 8])
        yield kind, png[at + 8 : at + 8 + length]
        at += 12 + length


def size(png: bytes) -> tuple[int, int]:
    """Return width and height."""
    header = next(body for kind, body in _chunks(png) if kind == b"IHDR")
    width, height = struct.unpack(">II", header[:8])
    return width, height


def read(png: bytes) -> Picture:
    """Read a PNG of 8 bits RGB."""
    width, height = size(png)
    header = next(body for kind, body in _chunks(png) if kind == b"IHDR")
    assert b"\x08\x02\x00\x00\x00" == header[8:], "8 bits RGB, not interlaced"
    raw = zlib.decompress(b"".join(body for kind, body in _chunks(png) if kind == b"IDAT"))
    wide = 3 * width + 1
    lines, above = [], bytes(wide - 1)
    for at in range(0, height * wide, wide):
        above = _unfiltered(raw[at], bytearray(raw[at + 1 : at + wide]), above)
        lines.append(tuple(above[x : x + 3] for x in range(0, len(above), 3)))
    return Picture(width=width, height=height, lines=tuple(lines))


def _unfiltered(how: int, line: bytearray, above: bytes) -> bytes:
    """Undo what PNG does to a line; `how` is one of its five ways."""
    if how == 0:
        return bytes(line)
    for x, up in enumerate(above):
        left, corner = (line[x - 3], above[x - 3]) if x >= 3 else (0, 0)
        guess = (0, left, up, (left + up) // 2, 0)[how] if how < 4 else _paeth(left, up, corner)
        line[x] = (line[x] + guess) & 255
    return bytes(line)


def _paeth(left: int, up: int, corner: int) -> int:
    near = left + up - corner
    return min((left, up, corner), key=lambda value: abs(near - value))


def small(picture: Picture) -> bytes:
    """Return a PNG of the commonest colours; every other pixel takes the one that is nearest."""
    found = Counter(pixel for line in picture.lines for pixel in line)
    palette = [pixel for pixel, _ in found.most_common(_COLOURS)]
    index = {pixel: min(range(len(palette)), key=lambda n: _apart(palette[n], pixel)) for pixel in found}
    raw = b"".join(b"\0" + bytes(map(index.__getitem__, line)) for line in picture.lines)
    header = struct.pack(">IIBBBBB", picture.width, picture.height, 8, 3, 0, 0, 0)
    parts = (b"IHDR", header), (b"PLTE", b"".join(palette)), (b"IDAT", zlib.compress(raw, 9)), (b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, body) for kind, body in parts)


def _apart(one: bytes, other: bytes) -> int:
    return sum((a - b) ** 2 for a, b in zip(one, other, strict=True))


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
