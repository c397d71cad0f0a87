"""The client secret, and the assertion that it signs: proof of a client without sending its secret.

PyJWT does the encoding and signing: it knows Ed25519 (OKP) keys as JWK and takes extra headers (`nonce`).
"""

from __future__ import annotations

import base64
import binascii
import json
from datetime import datetime, timedelta
from typing import Final

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from reconciler.auth.interface import wrong_shape
from reconciler.sensitive import Sensitive

EXPECTED: Final = "secret-token:conductorone.com:v1:… with an Ed25519 private key, as C1 shows it once"

_PREFIX: Final = "secret-token:conductorone.com:v1:"
_LIFE: Final = timedelta(minutes=2)


def parse_secret(secret: Sensitive, name: str) -> Ed25519PrivateKey:
    """Read a client secret; `name` is where it was. Raises SignInError, quoting nothing, for anything else."""
    text = secret.reveal_text().strip()
    if not text.startswith(_PREFIX):
        raise wrong_shape(name, EXPECTED)
    try:
        record = json.loads(_decode(text[len(_PREFIX) :]))
        key = jwt.PyJWK(record, algorithm="EdDSA").key
        public = _decode(record["x"])
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, jwt.PyJWTError):
        raise wrong_shape(name, EXPECTED) from None
    if not isinstance(key, Ed25519PrivateKey) or key.public_key().public_bytes_raw() != public:
        raise wrong_shape(name, EXPECTED)
    return key


def assertion(client_id: str, key: Ed25519PrivateKey, *, host: str, now: datetime, nonce: bytes) -> str:
    """Return the signed assertion (RFC 7523) for the tenant `host`, good for two minutes either side of now."""
    claims = {
        "iss": client_id,
        "sub": client_id,
        "aud": [host],
        "iat": int(now.timestamp()),
        "nbf": int((now - _LIFE).timestamp()),
        "exp": int((now + _LIFE).timestamp()),
    }
    return jwt.encode(
        claims,
        key,
        algorithm="EdDSA",
        headers={"nonce": base64.urlsafe_b64encode(nonce).decode().rstrip("=")},
    )


def _decode(text: str) -> bytes:
    if "=" in text:
        raise binascii.Error("padding")
    raw = text.encode("ascii").translate(_FROM_URL)
    return base64.b64decode(raw + b"=" * (-len(raw) % 4), validate=True)


_FROM_URL: Final = bytes.maketrans(b"-_+/", b"+/  ")
"""URL-safe to plain base64; the plain alphabet's own characters become invalid."""
