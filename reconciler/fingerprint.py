"""Keyed fingerprints: whether a value is the one we sent, without keeping anything it could be guessed from.

A plain hash of a six-digit PIN falls in a quarter of a second; with a key outside the state it does not.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from typing import Final

from reconciler.sensitive import Sensitive

KEY_BYTES: Final = 32
_KEY_TEXT: Final = re.compile(r"[0-9a-f]{64}\Z")


class Key:
    """A stack's 32-byte key. Its `id` (8 hex characters of its SHA-256) is safe to show and to store."""

    __slots__ = ("_secret", "id")

    def __init__(self, secret: Sensitive) -> None:
        if len(secret) != KEY_BYTES:
            raise ValueError("a key has 32 bytes")
        self._secret = secret
        self.id = hashlib.sha256(secret.reveal()).hexdigest()[:8]

    @classmethod
    def from_text(cls, text: str) -> Key:
        """Read a key as it is kept: 64 lower-case hex characters. Raises ValueError, quoting nothing."""
        if not _KEY_TEXT.match(text):
            raise ValueError("a key is 64 lower-case hex characters")
        return cls(Sensitive(bytes.fromhex(text)))

    def to_text(self) -> str:
        """Return the key as it is kept. Only for the key file and `key new`."""
        return self._secret.reveal().hex()

    def mac(self, message: bytes) -> bytes:
        """Return HMAC-SHA256 of a message that is not a plaintext."""
        return hmac.digest(self._secret.reveal(), message, "sha256")

    def content(self) -> ContentMac:
        """Start the running HMAC of a plaintext."""
        return ContentMac(hmac.new(self._secret.reveal(), digestmod="sha256"))

    def fingerprint(self, uid: str, content: str) -> str:
        """Return what the state keeps: bound to one instance, so that equal values do not show as equal."""
        return f"hmac-sha256:{self.id}:{self.mac(f'content|{uid}|{content}'.encode()).hex()[:32]}"


class ContentMac:
    """HMAC-SHA256 over a plaintext in pieces."""

    __slots__ = ("_mac",)

    def __init__(self, mac: hmac.HMAC) -> None:
        self._mac = mac

    def update(self, piece: bytes) -> None:
        """Take the next bytes."""
        self._mac.update(piece)

    def hexdigest(self) -> str:
        """Return the HMAC so far: 64 hex characters. It stays in memory: a state holds only fingerprints."""
        return self._mac.hexdigest()
