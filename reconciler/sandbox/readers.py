"""The recipients that content is sealed to again for its reader: one class a suite, as the vaults' keys have.

X25519 is pyrage's. pyrage knows no hybrid recipient, so that one is written here from the age specification
(c2sp.org/age); the program's own writer is not asked, because the sandbox judges it.
"""

from __future__ import annotations

import base64
import hmac
import secrets
from collections.abc import Iterable, Iterator
from typing import BinaryIO, Final, Protocol

import pyrage
from cryptography.hazmat.primitives import hpke
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from reconciler.sandbox import ageheader, ageio, agekeys, bech32

_LATTICE_KEY: Final = 1184
_CURVE_KEY: Final = 32
_LINE: Final = 64


class Reader(Protocol):
    """Somebody who reads: seals pieces of plaintext to one recipient."""

    def seal(self, pieces: Iterable[bytes], target: BinaryIO) -> None:
        """Write the age file of what the pieces hold together."""
        ...


def parse(recipient: str) -> Reader:
    """Return who `age1…` or `age1pq1…` is. Raises ValueError for what cannot be encrypted to."""
    if recipient != recipient.lower():
        raise ValueError("not in lower case")
    prefix, public = bech32.decode(recipient)
    match prefix:
        case "age":
            _check_point(public)
            return _X25519(recipient)
        case "age1pq" if len(public) == _LATTICE_KEY + _CURVE_KEY:
            _check_point(public[_LATTICE_KEY:])
            return _Hybrid(public)
    raise ValueError("not a recipient of either suite")


def _check_point(public: bytes) -> None:
    """Raise ValueError for a low-order point: pyrage panics at one, and HPKE seals to it."""
    X25519PrivateKey.generate().exchange(X25519PublicKey.from_public_bytes(public))


class _X25519:
    def __init__(self, recipient: str) -> None:
        self._recipient = pyrage.x25519.Recipient.from_str(recipient)

    def seal(self, pieces: Iterable[bytes], target: BinaryIO) -> None:
        """See Reader."""
        pyrage.encrypt_io(_Readable(iter(pieces)), target, [self._recipient])


class _Hybrid:
    def __init__(self, public: bytes) -> None:
        lattice = MLKEM768PublicKey.from_public_bytes(public[:_LATTICE_KEY])
        curve = X25519PublicKey.from_public_bytes(public[_LATTICE_KEY:])
        self._key = hpke.MLKEM768X25519PublicKey(lattice, curve)

    def seal(self, pieces: Iterable[bytes], target: BinaryIO) -> None:
        """See Reader."""
        file_key, nonce = secrets.token_bytes(agekeys.FILE_KEY_BYTES), secrets.token_bytes(ageio.NONCE)
        target.write(self._header(file_key) + nonce)
        aead = ChaCha20Poly1305(agekeys.derive(file_key, salt=nonce, info=b"payload"))
        for counter, (chunk, last) in enumerate(_chunks(pieces)):
            target.write(aead.encrypt(ageio.chunk_nonce(counter, last=last), chunk, None))

    def _header(self, file_key: bytes) -> bytes:
        sealed = agekeys.HPKE.encrypt(file_key, self._key, agekeys.HYBRID_LABEL)
        share, body = sealed[: -agekeys.WRAPPED_BYTES], _base64(sealed[-agekeys.WRAPPED_BYTES :])
        stanza = b"-> %s %s\n%s\n" % (agekeys.HybridIdentity.stanza.encode(), _base64(share), body)
        assert len(body) < _LINE, "a stanza's last line is shorter than a full one"
        signed = ageheader.VERSION_LINE + stanza + b"---"
        mac = hmac.digest(agekeys.derive(file_key, salt=b"", info=b"header"), signed, "sha256")
        return signed + b" " + _base64(mac) + b"\n"


def _chunks(pieces: Iterable[bytes]) -> Iterator[tuple[bytes, bool]]:
    """Yield full chunks and whether each is the last, which alone may be shorter, and empty only if all is."""
    held = b""
    for piece in pieces:
        held += piece
        while len(held) > ageio.CHUNK:  # never the last one: something must follow it
            yield held[: ageio.CHUNK], False
            held = held[ageio.CHUNK :]
    yield held, True


def _base64(data: bytes) -> bytes:
    return base64.b64encode(data).rstrip(b"=")


class _Readable:
    """An iterator of bytes as the file object that pyrage reads from."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._rest = b""

    def read(self, size: int = -1) -> bytes:
        """Return up to `size` bytes, none at the end; everything left where `size` is negative."""
        if size < 0:
            return self._rest + b"".join(self._pieces)
        if not self._rest:
            self._rest = next(self._pieces, b"")
        piece, self._rest = self._rest[:size], self._rest[size:]
        return piece
