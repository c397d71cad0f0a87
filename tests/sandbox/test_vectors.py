"""The sandbox's age reader against the C2SP CCTV vectors: every binary one that needs no passphrase."""

from __future__ import annotations

import hashlib

import pytest

from reconciler.model.manifest import AgeSuite
from reconciler.sandbox import ageio, agekeys, bech32
from reconciler.sandbox.ageio import MacError, PayloadError
from reconciler.sandbox.agekeys import AgeError, HeaderError, Identity, NoMatchError
from tests.age.cctv import BINARY, Vector

EXPECTED: dict[str, type[AgeError]] = {
    "no match": NoMatchError,
    "HMAC failure": MacError,
    "header failure": HeaderError,
    "payload failure": PayloadError,
}
SUITES = {"age-secret-key-": AgeSuite.X25519, "age-secret-key-pq-": AgeSuite.MLKEM768X25519}


def identity(text: str) -> Identity:
    prefix, secret = bech32.decode(text)
    return agekeys.identity(SUITES[prefix], secret)


def read(vector: Vector, size: int) -> tuple[bytes, AgeError | None]:
    """Return what came out of a vector, fed in pieces, and what stopped it."""
    out = b""
    opener = ageio.Opener(identity(vector.identities[0]))
    try:
        for start in range(0, len(vector.data), size):
            for piece in opener.feed(vector.data[start : start + size]):
                out += piece
        out += opener.finish()
    except AgeError as error:
        return out, error
    return out, None


@pytest.mark.parametrize("vector", [v for v in BINARY if v.identities], ids=lambda vector: vector.name)
@pytest.mark.parametrize("parts", [1, 50])
def test_a_vector_is_read_as_it_says(vector: Vector, parts: int) -> None:
    """Accepted or refused for the stated reason, with the stated plaintext, however the bytes arrive."""
    found, error = read(vector, -(-len(vector.data) // parts) or 1)
    assert EXPECTED.get(vector.expect) == (type(error) if error else None)
    if vector.expect == "success":
        assert vector.payload == hashlib.sha256(found).hexdigest()
