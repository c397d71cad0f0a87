"""Opening age files in pieces: memory stays at one chunk, however long the file.

`Opener` is fed what arrives and gives back the plaintext of every chunk that has been authenticated. Whether
the file ends where it should is known only from `finish`.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Iterator
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from reconciler.sandbox import ageheader
from reconciler.sandbox.ageheader import Header
from reconciler.sandbox.agekeys import (
    FILE_KEY_BYTES,
    IDENTITIES,
    AgeError,
    HeaderError,
    Identity,
    NoMatchError,
    derive,
)

CHUNK: Final = 64 * 1024
NONCE: Final = 16
_TAG: Final = 16
_SEALED: Final = CHUNK + _TAG


class MacError(AgeError):
    """The header was changed after it was made."""


class PayloadError(AgeError):
    """The payload was changed, cut or lengthened."""


def sealed_size(plain: int) -> int:
    """Return the exact number of bytes that follow the header for `plain` bytes of plaintext."""
    return NONCE + plain + _TAG * max(1, -(-plain // CHUNK))


def chunk_nonce(counter: int, *, last: bool) -> bytes:
    """Return the nonce of a payload's chunk, the first being 0."""
    return counter.to_bytes(11, "big") + (b"\x01" if last else b"\x00")


def known_recipients(header: Header) -> int:
    """Return how many stanzas are of a type that a vault's key can have (the rest may be grease)."""
    types = {kind.stanza for kind in IDENTITIES.values()} | {"scrypt"}
    return sum(stanza.type in types for stanza in header.stanzas)


class Opener:
    """Decrypts one file with one identity. `header` is known as soon as enough was fed."""

    def __init__(self, identity: Identity) -> None:
        self.header: Header | None = None
        self.plain_size = 0
        """Bytes of plaintext given back so far."""
        self._identity = identity
        self._held = b""
        self._file_key = b""
        self._aead: ChaCha20Poly1305 | None = None
        self._counter = 0

    def feed(self, data: bytes) -> list[bytes]:
        """Take the next bytes; return the plaintext that is certain by now. Raises AgeError."""
        pieces: list[bytes] = []
        for start in range(0, len(data), CHUNK):  # larger blocks cost more in page faults than in decryption
            self._held += data[start : start + CHUNK]
            if (self.header or self._open_header()) and (self._aead or self._open_payload()):
                pieces += self._full_chunks()
        return pieces

    def _full_chunks(self) -> list[bytes]:
        pieces = []
        while len(self._held) > _SEALED:  # never the last one: that is sealed differently
            chunk, self._held = self._held[:_SEALED], self._held[_SEALED:]
            pieces.append(self._opened(chunk, last=False))
        return pieces

    def finish(self) -> bytes:
        """Say that nothing follows; return the plaintext of the last chunk. Raises AgeError."""
        if self.header is None:
            raise HeaderError("the file ends within the header")
        if self._aead is None:
            raise HeaderError("the file ends before the payload")
        piece = self._opened(self._held, last=True)
        if not piece and self._counter > 1:
            raise PayloadError("the last chunk is empty")
        return piece

    def _open_header(self) -> bool:
        header = ageheader.parse(self._held)
        if header is None:
            return False
        self._file_key = _unwrap(header, self._identity)
        key = derive(self._file_key, salt=b"", info=b"header")
        if not hmac.compare_digest(hmac.digest(key, header.signed, "sha256"), header.mac):
            raise MacError("the header's MAC is wrong")
        self._held = self._held[header.length :]
        self.header = header
        return True

    def _open_payload(self) -> bool:
        if len(self._held) < NONCE:
            return False
        nonce, self._held = self._held[:NONCE], self._held[NONCE:]
        self._aead = ChaCha20Poly1305(derive(self._file_key, salt=nonce, info=b"payload"))
        return True

    def _opened(self, sealed: bytes, *, last: bool) -> bytes:
        assert self._aead is not None
        nonce = chunk_nonce(self._counter, last=last)
        try:
            piece = self._aead.decrypt(nonce, sealed, None)
        except InvalidTag:
            raise PayloadError("the payload is damaged, cut or continued") from None
        self._counter += 1
        self.plain_size += len(piece)
        return piece


def plaintext(identity: Identity, sealed: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the plaintext of a file that comes in pieces. What was yielded before an AgeError is authentic."""
    opener = Opener(identity)
    for data in sealed:
        yield from opener.feed(data)
    yield opener.finish()


def _unwrap(header: Header, identity: Identity) -> bytes:
    ours = [stanza for stanza in header.stanzas if stanza.type == identity.stanza]
    keys = []
    for stanza in ours:  # every one of ours must be well-formed, not only the first that opens
        arguments = [ageheader.decode64(argument) for argument in stanza.arguments]
        keys.append(identity.unwrap(arguments, stanza.body))
    if any(stanza.type == "scrypt" for stanza in header.stanzas) and len(header.stanzas) > 1:
        raise HeaderError("a passphrase stanza is not alone")
    for key in keys:
        if key is not None and len(key) == FILE_KEY_BYTES:
            return key
    raise NoMatchError("it is encrypted to another recipient")
