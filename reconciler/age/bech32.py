"""Bech32 (BIP 173) as age uses it: without its limit of 90 characters, and here in lower case only."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

_ALPHABET: Final = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_VALUES: Final = {character: value for value, character in enumerate(_ALPHABET)}
_GENERATORS: Final = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
_CHECKSUM: Final = 6


def decode(text: str) -> tuple[str, bytes]:
    """Return a Bech32 text's prefix and data. Raises ValueError, whose words quote nothing of the text."""
    prefix, separator, rest = text.rpartition("1")
    if not (prefix and separator) or len(rest) < _CHECKSUM:
        raise ValueError("is not Bech32")
    if not all(33 <= ord(c) <= 126 and not c.isupper() for c in prefix) or not _VALUES.keys() >= set(rest):
        raise ValueError("has characters that do not belong there")
    values = [_VALUES[c] for c in rest]
    if _polymod([*_expand(prefix), *values]) != 1:
        raise ValueError("has a wrong checksum")
    return prefix, _to_bytes(values[:-_CHECKSUM])


def _expand(prefix: str) -> list[int]:
    return [*(ord(c) >> 5 for c in prefix), 0, *(ord(c) & 31 for c in prefix)]


def _polymod(values: Iterable[int]) -> int:
    remainder = 1
    for value in values:
        top = remainder >> 25
        remainder = (remainder & 0x1FFFFFF) << 5 ^ value
        for bit, generator in enumerate(_GENERATORS):
            if top >> bit & 1:
                remainder ^= generator
    return remainder


def _to_bytes(values: list[int]) -> bytes:
    """Join groups of five bits; what is left over is shorter than a group and zero, or the text had a twin."""
    bits = 0
    for value in values:
        bits = bits << 5 | value
    length, spare = divmod(len(values) * 5, 8)
    if spare >= 5 or bits & ((1 << spare) - 1):
        raise ValueError("is not in its one canonical form")
    return (bits >> spare).to_bytes(length, "big")
