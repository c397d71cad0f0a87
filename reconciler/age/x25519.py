"""The X25519 suite: pyrage does the work, within a fence that keeps its texts and its panics here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar

import pyrage
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from reconciler.age.stream import BoundedReader, Sink
from reconciler.sensitive import Sensitive

_PRIME: Final = 2**255 - 19
_KEY_BYTES: Final = 32
_FOREIGN: Final = frozenset({"pyrage", "pyo3_runtime"})
"""The modules of pyrage's exceptions; a panic of its Rust code is a BaseException of the second."""
T = TypeVar("T")


class PyrageError(Exception):
    """pyrage could not do it. What it said may quote its input and is not kept."""


def check_key(raw: bytes) -> X25519PublicKey:
    """Return a public key that is safe to agree with. Raises ValueError in our own words.

    Whoever sends a point of low order knows the shared secret beforehand: it is zero.
    """
    if len(raw) != _KEY_BYTES:
        raise ValueError(f"holds {len(raw)} bytes, not a key's {_KEY_BYTES}")
    if int.from_bytes(raw, "little") >= _PRIME:
        raise ValueError("is not in its one canonical form")
    key = X25519PublicKey.from_public_bytes(raw)
    try:
        X25519PrivateKey.generate().exchange(key)
    except ValueError:
        raise ValueError("is a point of low order: anyone could read what is encrypted to it") from None
    return key


def seal_text(recipient: str, plaintext: Sensitive) -> bytes:
    """Return the age file of a text. Raises PyrageError."""
    return _fenced(lambda: bytes(pyrage.encrypt(plaintext.reveal(), [_parse(recipient)])))


def seal(recipient: str, source: BoundedReader, sink: Sink) -> None:
    """Encrypt a stream. Raises PyrageError, also in place of what the source or the sink raised."""
    _fenced(lambda: pyrage.encrypt_io(source, sink, [_parse(recipient)]))


def _parse(recipient: str) -> pyrage.x25519.Recipient:
    return pyrage.x25519.Recipient.from_str(recipient)


def _fenced(call: Callable[[], T]) -> T:
    try:
        return call()
    except BaseException as error:
        if type(error).__module__ not in _FOREIGN:
            raise
    raise PyrageError
