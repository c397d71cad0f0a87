"""A reader of age files for the tests: strict, whole-file, and apart from the code under test.

It follows C2SP's age specification for binary files, X25519 and MLKEM768-X25519 identities, and tells the kinds of
failure apart that the CCTV vectors name.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, MLKEM768X25519PrivateKey, Suite
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

CHUNK = 65536
ALPHABET = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_VERSION = b"age-encryption.org/v1\n"


class HeaderError(Exception):
    """The header, or a stanza meant for this identity, is malformed."""


class NoMatchError(Exception):
    """No stanza could be unwrapped."""


class HmacError(Exception):
    """The header's MAC is not the file key's."""


class PayloadError(Exception):
    """The payload is damaged; `released` is what decrypted before."""

    def __init__(self, released: bytes) -> None:
        super().__init__("payload")
        self.released = released


@dataclass(frozen=True)
class Stanza:
    arguments: tuple[str, ...]
    body: bytes


@dataclass(frozen=True)
class Header:
    stanzas: tuple[Stanza, ...]
    signed: bytes
    mac: bytes
    size: int


class Identity(Protocol):
    name: str

    def unwrap(self, stanza: Stanza) -> bytes | None: ...

    @property
    def recipient(self) -> str: ...

    def __str__(self) -> str: ...


def bech32_encode(prefix: str, data: bytes) -> str:
    """Written from BIP 173's own words, as polynomial division, unlike the decoder under test."""
    number = int.from_bytes(data, "big") << (-len(data) * 8) % 5
    count = -(-len(data) * 8 // 5)
    values = [number >> 5 * (count - 1 - at) & 31 for at in range(count)]
    lower = prefix.lower()
    check = 1
    for value in [*(ord(c) >> 5 for c in lower), 0, *(ord(c) & 31 for c in lower), *values, *[0] * 6]:
        top, check = check >> 25, (check & 0x1FFFFFF) << 5 ^ value
        for bit, generator in enumerate((0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)):
            check ^= generator if top >> bit & 1 else 0
    check ^= 1
    values += [check >> 5 * (5 - at) & 31 for at in range(6)]
    text = lower + "1" + "".join(ALPHABET[value] for value in values)
    return text if prefix == lower else text.upper()


def bech32_data(text: str) -> bytes:
    """Return the data of a text that is known to be right (an identity of a vector)."""
    values = [ALPHABET.index(c) for c in text.lower().rpartition("1")[2][:-6]]
    size, spare = divmod(len(values) * 5, 8)
    return (sum(v << 5 * at for at, v in enumerate(reversed(values))) >> spare).to_bytes(size, "big")


class X25519Identity:
    name = "X25519"

    def __init__(self, secret: bytes | None = None) -> None:
        self._secret = secret or secrets.token_bytes(32)
        self._key = X25519PrivateKey.from_private_bytes(self._secret)
        self._public = self._key.public_key().public_bytes_raw()

    @property
    def recipient(self) -> str:
        return bech32_encode("age", self._public)

    def __str__(self) -> str:
        return bech32_encode("AGE-SECRET-KEY-", self._secret)

    def unwrap(self, stanza: Stanza) -> bytes | None:
        share = _argument(stanza, 32)
        try:
            shared = self._key.exchange(X25519PublicKey.from_public_bytes(share))
        except ValueError:
            raise HeaderError("low order") from None
        wrap = _hkdf(shared, share + self._public, b"age-encryption.org/v1/X25519")
        try:
            return ChaCha20Poly1305(wrap).decrypt(bytes(12), stanza.body, None)
        except InvalidTag:
            return None


class HybridIdentity:
    name = "mlkem768x25519"

    def __init__(self, secret: bytes | None = None) -> None:
        self._secret = secret or secrets.token_bytes(32)
        seed = hashlib.shake_256(self._secret).digest(96)
        self._lattice = MLKEM768PrivateKey.from_seed_bytes(seed[:64])
        self._curve = X25519PrivateKey.from_private_bytes(seed[64:])

    @property
    def recipient(self) -> str:
        parts = (self._lattice.public_key().public_bytes_raw(), self._curve.public_key().public_bytes_raw())
        return bech32_encode("age1pq", b"".join(parts))

    def __str__(self) -> str:
        return bech32_encode("AGE-SECRET-KEY-PQ-", self._secret)

    def unwrap(self, stanza: Stanza) -> bytes | None:
        share = _argument(stanza, 1120)
        suite = Suite(KEM.MLKEM768_X25519, KDF.HKDF_SHA256, AEAD.CHACHA20_POLY1305)
        try:
            X25519PrivateKey.generate().exchange(X25519PublicKey.from_public_bytes(share[1088:]))
        except ValueError:
            raise HeaderError("low order") from None
        key = MLKEM768X25519PrivateKey(self._lattice, self._curve)
        try:
            return suite.decrypt(share + stanza.body, key, info=b"age-encryption.org/mlkem768x25519")
        except InvalidTag:
            return None


def identity(text: str) -> Identity:
    kind = HybridIdentity if text.startswith("AGE-SECRET-KEY-PQ-1") else X25519Identity
    return kind(bech32_data(text))


def decrypt(data: bytes, *identities: Identity) -> bytes:
    """Return the plaintext of a binary age file."""
    header = parse_header(data)
    file_key = _unwrap(header, identities)
    code = hmac.digest(_hkdf(file_key, b"", b"header"), header.signed, "sha256")
    if code != header.mac:
        raise HmacError
    return _stream(data[header.size :], file_key)


def parse_header(data: bytes) -> Header:
    if not data.startswith(_VERSION):
        raise HeaderError("version")
    at, stanzas = len(_VERSION), []
    while not data.startswith(b"---", at):
        stanza, at = _stanza(data, at)
        stanzas.append(stanza)
    line, end = _line(data, at)
    if not stanzas or not re.fullmatch(rb"--- [A-Za-z0-9+/]{43}", line):
        raise HeaderError("end")
    return Header(tuple(stanzas), data[: at + 3], _base64(line[4:]), end)


def _stanza(data: bytes, at: int) -> tuple[Stanza, int]:
    line, at = _line(data, at)
    if not re.fullmatch(rb"->( [\x21-\x7e]+)+", line):
        raise HeaderError("arguments")
    body = b""
    while True:
        part, at = _line(data, at)
        if not re.fullmatch(rb"[A-Za-z0-9+/]{0,64}", part):
            raise HeaderError("body")
        body += part
        if len(part) < 64:
            return Stanza(tuple(line[3:].decode().split(" ")), _base64(body)), at


def _line(data: bytes, at: int) -> tuple[bytes, int]:
    end = data.find(b"\n", at)
    if end < 0:
        raise HeaderError("cut off")
    return data[at:end], end + 1


def _base64(text: bytes) -> bytes:
    try:
        data = base64.b64decode(text + b"=" * (-len(text) % 4), validate=True)
    except binascii.Error:
        raise HeaderError("base64") from None
    if base64.b64encode(data).rstrip(b"=") != text:
        raise HeaderError("not canonical")
    return data


def _argument(stanza: Stanza, size: int) -> bytes:
    if len(stanza.arguments) != 2 or len(stanza.body) != 32:
        raise HeaderError("arguments or body")
    share = _base64(stanza.arguments[1].encode())
    if len(share) != size:
        raise HeaderError("share")
    return share


def _unwrap(header: Header, identities: tuple[Identity, ...]) -> bytes:
    names = [stanza.arguments[0] for stanza in header.stanzas]
    if "scrypt" in names and len(names) > 1:
        raise HeaderError("scrypt among others")
    for one in identities:
        for stanza in header.stanzas:
            if stanza.arguments[0] == one.name and (key := one.unwrap(stanza)):
                return key
    raise NoMatchError


def _stream(data: bytes, file_key: bytes) -> bytes:
    if len(data) < 16:
        raise HeaderError("no nonce")
    key = ChaCha20Poly1305(_hkdf(file_key, data[:16], b"payload"))
    rest, released = memoryview(data)[16:], list[bytes]()
    for counter in range(1 + len(rest) // (CHUNK + 16)):
        chunk, rest = bytes(rest[: CHUNK + 16]), rest[CHUNK + 16 :]
        likely = not rest
        plain, last = _open(key, counter, chunk, last=likely), likely
        if plain is None:
            plain, last = _open(key, counter, chunk, last=not likely), not likely
        if plain is None or (plain == b"" and counter) or (not last and len(chunk) < CHUNK + 16):
            break
        released.append(plain)
        if last and not rest:
            return b"".join(released)
        if last:
            break
    raise PayloadError(b"".join(released))


def _open(key: ChaCha20Poly1305, counter: int, chunk: bytes, *, last: bool) -> bytes | None:
    try:
        return key.decrypt(counter.to_bytes(11, "big") + bytes([last]), chunk, None)
    except InvalidTag:
        return None


def _hkdf(secret: bytes, salt: bytes, info: bytes) -> bytes:
    return HKDF(SHA256(), 32, salt=salt or None, info=info).derive(secret)
