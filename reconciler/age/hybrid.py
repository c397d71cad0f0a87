"""The post-quantum hybrid suite, MLKEM768-X25519: an age writer, encrypt-only, for one recipient.

The words are those of C2SP's age specification; the HPKE, with its X-Wing KEM, is `cryptography`'s. The order of the
key's two halves is that of draft-ietf-hpke-pq: ML-KEM first.
"""

from __future__ import annotations

import base64
import hmac
import io
import secrets
from collections.abc import Iterable, Iterator
from typing import Final

from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, MLKEM768X25519PublicKey, Suite
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from reconciler.age import bech32
from reconciler.age.stream import CHUNK, NONCE, Readable, Sink
from reconciler.age.x25519 import check_key
from reconciler.sensitive import Sensitive

_HPKE: Final = Suite(KEM.MLKEM768_X25519, KDF.HKDF_SHA256, AEAD.CHACHA20_POLY1305)
_NAME: Final = "mlkem768x25519"
_INFO: Final = b"age-encryption.org/mlkem768x25519"
_ENCAPSULATED: Final = 1120
_MLKEM_KEY: Final = 1184
_KEY_BYTES: Final = _MLKEM_KEY + 32
_FILE_KEY: Final = 16
_COLUMNS: Final = 64


def public_key(raw: bytes) -> MLKEM768X25519PublicKey:
    """Return the key that a recipient's bytes stand for. Raises ValueError in our own words."""
    if len(raw) != _KEY_BYTES:
        raise ValueError(f"holds {len(raw)} bytes, not a key's {_KEY_BYTES}")
    curve = check_key(raw[_MLKEM_KEY:])
    try:
        lattice = MLKEM768PublicKey.from_public_bytes(raw[:_MLKEM_KEY])
    except ValueError:
        raise ValueError("is no ML-KEM-768 key") from None
    return MLKEM768X25519PublicKey(lattice, curve)


def seal_text(recipient: str, plaintext: Sensitive) -> bytes:
    """Return the age file of a text."""
    return b"".join(_file(_parse(recipient), io.BytesIO(plaintext.reveal())))


def seal(recipient: str, source: Readable, sink: Sink) -> None:
    """Encrypt a stream. The last chunk is written only after the source said that it has ended."""
    for part in _file(_parse(recipient), source):
        sink.write(part)


def _parse(recipient: str) -> MLKEM768X25519PublicKey:
    return public_key(bech32.decode(recipient)[1])


def _file(key: MLKEM768X25519PublicKey, source: Readable) -> Iterator[bytes]:
    file_key, nonce = secrets.token_bytes(_FILE_KEY), secrets.token_bytes(NONCE)
    sealed = _HPKE.encrypt(file_key, key, info=_INFO)
    encapsulated, body = sealed[:_ENCAPSULATED], sealed[_ENCAPSULATED:]
    yield header([stanza([_NAME, _base64(encapsulated).decode()], body)], file_key) + nonce
    yield from payload(file_key, nonce, source)


def stanza(arguments: Iterable[str], body: bytes) -> bytes:
    """Return a recipient stanza. Its last line is shorter than the others, empty if need be."""
    text = _base64(body)
    lines = [text[at : at + _COLUMNS] for at in range(0, len(text) + 1, _COLUMNS)]
    return b"\n".join([" ".join(["->", *arguments]).encode(), *lines, b""])


def header(stanzas: Iterable[bytes], file_key: bytes) -> bytes:
    """Return a header: version, stanzas, and the MAC over them, space and code excluded."""
    text = b"".join([b"age-encryption.org/v1\n", *stanzas, b"---"])
    code = hmac.digest(_derive(file_key, salt=None, info=b"header"), text, "sha256")
    return text + b" " + _base64(code) + b"\n"


def payload(file_key: bytes, nonce: bytes, source: Readable) -> Iterator[bytes]:
    """Return the chunks after the nonce: STREAM over ChaCha20-Poly1305, the last one marked."""
    aead = ChaCha20Poly1305(_derive(file_key, salt=nonce, info=b"payload"))
    counter, chunk = 0, _read_chunk(source)
    while following := _read_chunk(source):
        yield aead.encrypt(_nonce(counter, last=False), chunk, None)
        counter, chunk = counter + 1, following
    yield aead.encrypt(_nonce(counter, last=True), chunk, None)


def _read_chunk(source: Readable) -> bytes:
    """Read a whole chunk, less only at the end: a short read is not yet the end."""
    parts, all_desired = [], CHUNK
    while all_desired and (piece := source.read(all_desired)):
        parts.append(piece)
        all_desired -= len(piece)
    return b"".join(parts)


def _nonce(counter: int, *, last: bool) -> bytes:
    return counter.to_bytes(11, "big") + bytes([last])


def _derive(file_key: bytes, *, salt: bytes | None, info: bytes) -> bytes:
    return HKDF(SHA256(), length=32, salt=salt, info=info).derive(file_key)


def _base64(data: bytes) -> bytes:
    return base64.b64encode(data).rstrip(b"=")
