"""Bech32 as BIP173 has it, without the limit on length: how age writes recipients and identities."""

from __future__ import annotations

from typing import Final

_ALPHABET: Final = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_VALUES: Final = {letter: value for value, letter in enumerate(_ALPHABET)}
_GENERATOR: Final = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)


def _table_entry(top: int) -> int:
    value = 0
    for bit, generator in enumerate(_GENERATOR):
        if top >> bit & 1:
            value ^= generator
    return value


_TABLE: Final = tuple(_table_entry(top) for top in range(32))
# One lookup instead of five tests for each symbol: a hybrid recipient has 1,946 of them.


def encode(prefix: str, data: bytes) -> str:
    """Return `data` in lower case under a human-readable prefix."""
    values = _regroup(data, 8, 5, pad=True)
    check = _checksum([*_expand(prefix), *values, 0, 0, 0, 0, 0, 0]) ^ 1
    values += [check >> 5 * (5 - place) & 31 for place in range(6)]
    return f"{prefix}1{''.join(_ALPHABET[value] for value in values)}"


def decode(text: str) -> tuple[str, bytes]:
    """Return the prefix (in lower case) and the bytes. Raises ValueError, quoting nothing."""
    if text.lower() != text and text.upper() != text:
        raise ValueError("mixed case")
    prefix, separator, symbols = text.lower().rpartition("1")
    if not separator or not prefix or len(symbols) < 6 or not prefix.isascii() or not prefix.isprintable():
        raise ValueError("not Bech32")
    if not all(symbol in _VALUES for symbol in symbols):
        raise ValueError("a character outside Bech32")
    values = [_VALUES[symbol] for symbol in symbols]
    if _checksum([*_expand(prefix), *values]) != 1:
        raise ValueError("wrong checksum")
    return prefix, bytes(_regroup(values[:-6], 5, 8, pad=False))


def _expand(prefix: str) -> list[int]:
    codes = prefix.encode("ascii")
    return [*(code >> 5 for code in codes), 0, *(code & 31 for code in codes)]


def _checksum(values: list[int]) -> int:
    check = 1
    for value in values:
        check = (check & 0x1FFFFFF) << 5 ^ value ^ _TABLE[check >> 25]
    return check


def _regroup(data: bytes | list[int], size: int, to: int, *, pad: bool) -> list[int]:
    held = bits = 0
    out: list[int] = []
    for value in data:
        held = (held << size | value) & 0xFFFF
        bits += size
        while bits >= to:
            bits -= to
            out.append(held >> bits & (1 << to) - 1)
    rest = held & (1 << bits) - 1
    if pad and bits:
        out.append(rest << to - bits)
    elif not pad and (bits >= size or rest):
        raise ValueError("padding is not zero")
    return out
