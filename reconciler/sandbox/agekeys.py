"""The two kinds of age key that a vault can have, from the reading side. One class a suite, one table.

Written from the age specification (c2sp.org/age), not from the code that encrypts.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from typing import Final, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes, hpke
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from reconciler.model.manifest import AgeSuite
from reconciler.sandbox import bech32

SECRET_BYTES: Final = 32
FILE_KEY_BYTES: Final = 16
WRAPPED_BYTES: Final = FILE_KEY_BYTES + 16
HYBRID_LABEL: Final = b"age-encryption.org/mlkem768x25519"
HPKE: Final = hpke.Suite(hpke.KEM.MLKEM768_X25519, hpke.KDF.HKDF_SHA256, hpke.AEAD.CHACHA20_POLY1305)
_LATTICE_BYTES: Final = 1088
_ENC_BYTES: Final = _LATTICE_BYTES + 32


class AgeError(Exception):
    """An age file cannot be read; the text says what is wrong with it and quotes nothing of it."""


class HeaderError(AgeError):
    """The header is not what the specification allows."""


class NoMatchError(AgeError):
    """The file is encrypted to someone else."""


class Identity(Protocol):
    """A private key that may open a stanza."""

    stanza: str
    """The stanza type that is addressed to this kind of key."""
    recipient: str

    def unwrap(self, arguments: list[bytes], body: bytes) -> bytes | None:
        """Return the file key, or None where the stanza is for another key. Raises HeaderError."""
        ...


class X25519Identity:
    """`AGE-SECRET-KEY-1…`, recipient `age1…`."""

    stanza = "X25519"

    def __init__(self, secret: bytes) -> None:
        self._key = X25519PrivateKey.from_private_bytes(secret)
        self._public = self._key.public_key().public_bytes_raw()
        self.recipient = bech32.encode("age", self._public)

    def unwrap(self, arguments: list[bytes], body: bytes) -> bytes | None:
        """See Identity; a share that leads to the all-zero secret is refused, as the specification says."""
        if len(arguments) != 1 or len(arguments[0]) != 32 or len(body) != WRAPPED_BYTES:
            raise HeaderError("an X25519 stanza is malformed")
        try:
            shared = self._key.exchange(X25519PublicKey.from_public_bytes(arguments[0]))
        except ValueError:
            raise HeaderError("an X25519 stanza holds a low-order point") from None
        key = derive(shared, salt=arguments[0] + self._public, info=b"age-encryption.org/v1/X25519")
        try:
            return ChaCha20Poly1305(key).decrypt(bytes(12), body, None)
        except InvalidTag:
            return None


class HybridIdentity:
    """`AGE-SECRET-KEY-PQ-1…`, recipient `age1pq1…`: ML-KEM-768 with X25519, X-Wing's way of one 32-byte seed."""

    stanza = "mlkem768x25519"

    def __init__(self, secret: bytes) -> None:
        expanded = hashlib.shake_256(secret).digest(96)
        lattice = MLKEM768PrivateKey.from_seed_bytes(expanded[:64])
        curve = X25519PrivateKey.from_private_bytes(expanded[64:])
        self._key = hpke.MLKEM768X25519PrivateKey(lattice, curve)
        self._curve = curve
        public = lattice.public_key().public_bytes_raw() + curve.public_key().public_bytes_raw()
        self.recipient = bech32.encode("age1pq", public)

    def unwrap(self, arguments: list[bytes], body: bytes) -> bytes | None:
        """See Identity; a wrong key shows only when the body does not open (implicit rejection)."""
        if len(arguments) != 1 or len(arguments[0]) != _ENC_BYTES or len(body) != WRAPPED_BYTES:
            raise HeaderError("an mlkem768x25519 stanza is malformed")
        try:  # HPKE's implementation does not tell a low-order point from a wrong key
            self._curve.exchange(X25519PublicKey.from_public_bytes(arguments[0][_LATTICE_BYTES:]))
        except ValueError:
            raise HeaderError("an mlkem768x25519 stanza holds a low-order point") from None
        try:
            return HPKE.decrypt(arguments[0] + body, self._key, HYBRID_LABEL)
        except InvalidTag:
            return None


IDENTITIES: Final[Mapping[AgeSuite, type[X25519Identity] | type[HybridIdentity]]] = {
    AgeSuite.X25519: X25519Identity,
    AgeSuite.MLKEM768X25519: HybridIdentity,
}


def new_secret() -> bytes:
    """Return the private half of a new key of either suite."""
    return secrets.token_bytes(SECRET_BYTES)


def identity(suite: AgeSuite, secret: bytes) -> Identity:
    """Return the key that `secret` is in a suite."""
    return IDENTITIES[suite](secret)


def derive(key: bytes, *, salt: bytes, info: bytes) -> bytes:
    """Return age's HKDF-SHA-256: 32 bytes."""
    return HKDF(algorithm=hashes.SHA256(), length=32, salt=salt or None, info=info).derive(key)
