"""The vendored CCTV vectors as data."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from pathlib import Path

_TESTDATA = Path(__file__).parent / "vectors" / "testdata"


@dataclass(frozen=True)
class Vector:
    name: str
    expect: str
    payload: str | None
    identities: tuple[str, ...]
    file_key: bytes
    needs: str | None
    """`armor` or `a passphrase`: what this project has no use for."""
    data: bytes


def _read(path: Path) -> Vector:
    head, _, data = path.read_bytes().partition(b"\n\n")
    pairs = [line.split(": ", 1) for line in head.decode().splitlines()]
    one = dict(pairs)
    known = {"expect", "payload", "identity", "file key", "passphrase", "armored", "compressed", "comment"}
    assert one.keys() <= known, one.keys() - known
    return Vector(
        name=path.name,
        expect=one["expect"],
        payload=one.get("payload"),
        identities=tuple(value for key, value in pairs if key == "identity"),
        file_key=bytes.fromhex(one["file key"]),
        needs="a passphrase" if "passphrase" in one else "armor" if "armored" in one else None,
        data=zlib.decompress(data) if "compressed" in one else data,
    )


ALL = tuple(_read(path) for path in sorted(_TESTDATA.iterdir()))
BINARY = tuple(vector for vector in ALL if vector.needs is None)
