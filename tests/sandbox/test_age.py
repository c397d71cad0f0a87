"""The reading side of age: strict, streaming, both suites; checked against pyrage and the specification."""

from __future__ import annotations

import base64
import hmac
from collections.abc import Iterator

import pyrage
import pytest
from cryptography.hazmat.primitives import hpke
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from hypothesis import given
from hypothesis import strategies as st

from reconciler.model.manifest import AgeSuite
from reconciler.sandbox import ageheader, ageio, agekeys, bech32
from reconciler.sandbox.ageio import MacError, PayloadError
from reconciler.sandbox.agekeys import AgeError, HeaderError, NoMatchError

KEY = agekeys.identity(AgeSuite.X25519, bytes(range(32)))
HYBRID = agekeys.identity(AgeSuite.MLKEM768X25519, bytes(range(32)))

SPECIFIED = {
    "AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX": (
        AgeSuite.X25519,
        "age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj",
    ),
    "AGE-SECRET-KEY-PQ-1XX76JRALNLXDMEW0CRK45QMCCH4X06SE84UN3VPM33W6HWDX0H3SK3ZQFR": (
        AgeSuite.MLKEM768X25519,
        "age1pq1x34nzsvr0rxjsgdn8zgyhfe8j7ceq5r9r…53k2ykx3qheyty7saeq0d3fzv49zc0k",
    ),
}


@pytest.mark.parametrize("text", SPECIFIED)
def test_the_examples_of_the_specification(text: str) -> None:
    """The recipient of each printed identity is the printed one."""
    suite, recipient = SPECIFIED[text]
    _, secret = bech32.decode(text)
    start, _, end = recipient.partition("…")
    found = agekeys.identity(suite, secret).recipient
    assert found.startswith(start)
    assert found.endswith(end)


@given(st.binary(max_size=100), st.sampled_from(["age", "age1pq", "x"]))
def test_bech32_round_trips(data: bytes, prefix: str) -> None:
    """In either case of letters."""
    text = bech32.encode(prefix, data)
    assert (prefix, data) == bech32.decode(text) == bech32.decode(text.upper())


@pytest.mark.parametrize(
    "text",
    ["", "age", "age1", "1qqqqqq", "age1QQ", KEY.recipient[:-1] + "q", KEY.recipient + "b", "agé1qqqqqq"],
)
def test_bech32_refuses_what_it_did_not_write(text: str) -> None:
    """Mixed case, wrong checksum, foreign letters, no prefix."""
    with pytest.raises(ValueError):
        bech32.decode(text)


def pieces(data: bytes, size: int) -> Iterator[bytes]:
    return (data[start : start + size] for start in range(0, len(data), size))


def opened(data: bytes, size: int = 1000, key: agekeys.Identity = KEY) -> bytes:
    return b"".join(ageio.plaintext(key, pieces(data, size)))


def sealed(content: bytes) -> bytes:
    return pyrage.encrypt(content, [pyrage.x25519.Recipient.from_str(KEY.recipient)])


@given(st.sampled_from([0, 1, 15, 16, 65_535, 65_536, 65_537, 131_072, 140_000]), st.integers(1, 70_000))
def test_what_pyrage_seals_is_opened(size: int, piece: int) -> None:
    """However the bytes arrive; and the size after the header is the one foretold."""
    content = bytes(size)
    data = sealed(content)
    opener = ageio.Opener(KEY)
    found = (
        b"".join(part for some in pieces(data, max(piece, 100)) for part in opener.feed(some))
        + opener.finish()
    )
    assert content == found
    assert opener.header is not None
    assert len(data) == opener.header.length + ageio.sealed_size(size)
    assert size == opener.plain_size


SAMPLE = sealed(b"y" * 70_000)


@given(st.integers(0, len(SAMPLE) - 1), st.integers(1, 255))
def test_no_changed_byte_goes_unnoticed(place: int, change: int) -> None:
    """Anywhere in the file."""
    data = bytearray(SAMPLE)
    data[place] ^= change
    with pytest.raises(AgeError):
        opened(bytes(data), 65_536)


@given(st.integers(0, len(SAMPLE) - 1))
def test_no_cut_goes_unnoticed(length: int) -> None:
    """Also exactly between two chunks."""
    with pytest.raises(AgeError):
        opened(SAMPLE[:length], 65_536)


def test_memory_stays_at_a_chunk() -> None:
    """The opener keeps no more than it must to know the last chunk."""
    opener = ageio.Opener(KEY)
    for piece in pieces(sealed(bytes(2**21)), 2**16):
        opener.feed(piece)
        assert len(opener._held) <= 2**16 + 16


def header(*lines: str, mac: str = "A" * 43) -> bytes:
    return "\n".join(["age-encryption.org/v1", *lines, f"--- {mac}", ""]).encode()


STANZA = "-> X25519 " + "A" * 43
BODY = "A" * 43
BAD_HEADERS = {
    "other version": b"age-encryption.org/v2\n",
    "carriage returns": header(STANZA, BODY).replace(b"\n", b"\r\n"),
    "no stanza": header(),
    "no argument": header("-> ", BODY),
    "double space": header("-> X25519  " + "A" * 43, BODY),
    "trailing space": header(STANZA + " ", BODY),
    "no arrow": header("X25519 " + "A" * 43, BODY),
    "control character": header("-> X25519 \x01", BODY),
    "body not ended": header(STANZA, "A" * 64),
    "body line too long": header(STANZA, "A" * 65, ""),
    "body not canonical": header(STANZA, "A" * 42 + "B"),
    "body padded": header(STANZA, BODY + "="),
    "body with a space": header(STANZA, "A" * 20 + " " + "A" * 22),
    "short mac": header(STANZA, BODY, mac="A" * 42),
    "no mac": header(STANZA, BODY).replace(b"--- ", b"---"),
    "share too short": header("-> X25519 " + "A" * 42, BODY),
    "two shares": header(STANZA + " " + "A" * 43, BODY),
    "short body": header(STANZA, "A" * 42),
    "low order share": header(STANZA, BODY),
    "endless": b"age-encryption.org/v1\n" + b"-> x\n\n" * 12_000,
    "passphrase not alone": header("-> scrypt " + "A" * 22 + " 18", BODY, "-> grease", ""),
}


@pytest.mark.parametrize("case", BAD_HEADERS)
def test_a_malformed_header_is_refused(case: str) -> None:
    """Everything that the specification does not allow."""
    with pytest.raises(HeaderError):
        opened(BAD_HEADERS[case], 2**20)


def test_an_unknown_stanza_is_ignored() -> None:
    """Grease, and other people's recipients; a file without one of ours is not for us."""
    with pytest.raises(NoMatchError):
        opened(header("-> x25519 lower", "", "-> grease-1 a b", "A" * 64, "AAAA"), 2**20)
    other = str(pyrage.x25519.Identity.generate().to_public())
    both = [pyrage.x25519.Recipient.from_str(key) for key in (other, KEY.recipient)]
    assert b"z" == opened(pyrage.encrypt(b"z", both))
    parsed = ageheader.parse(pyrage.encrypt(b"z", both))
    assert parsed is not None
    assert 2 == ageio.known_recipients(parsed)


def written(
    content: bytes, stanza: str, *, mac: bytes | None = None, chunks: list[bytes] | None = None
) -> bytes:
    """Make a file around a stanza for the file key 0…15, by the specification's words."""
    file_key = bytes(range(16))
    start = f"age-encryption.org/v1\n{stanza}\n---".encode()
    mac = mac or hmac.digest(agekeys.derive(file_key, salt=b"", info=b"header"), start, "sha256")
    aead = ChaCha20Poly1305(agekeys.derive(file_key, salt=bytes(16), info=b"payload"))
    parts = chunks or [content]
    body = b"".join(
        aead.encrypt(n.to_bytes(11, "big") + bytes([n == len(parts) - 1]), part, None)
        for n, part in enumerate(parts)
    )
    return start + b" " + encode(mac).encode() + b"\n" + bytes(16) + body


def encode(data: bytes) -> str:
    return base64.b64encode(data).decode().rstrip("=")


def hybrid_stanza(
    recipient: str = HYBRID.recipient, info: bytes = b"age-encryption.org/mlkem768x25519"
) -> str:
    _, public = bech32.decode(recipient)
    key = hpke.MLKEM768X25519PublicKey(
        MLKEM768PublicKey.from_public_bytes(public[:1184]), X25519PublicKey.from_public_bytes(public[1184:])
    )
    suite = hpke.Suite(hpke.KEM.MLKEM768_X25519, hpke.KDF.HKDF_SHA256, hpke.AEAD.CHACHA20_POLY1305)
    box = suite.encrypt(bytes(range(16)), key, info)
    return f"-> mlkem768x25519 {encode(box[:1120])}\n{encode(box[1120:])}"


def test_the_hybrid_suite_is_opened() -> None:
    """ML-KEM-768 with X25519, sealed with HPKE as the specification says."""
    assert b"hello" == opened(written(b"hello", hybrid_stanza()), key=HYBRID)


def test_the_hybrid_suite_is_strict() -> None:
    """Another key, another label, a short encapsulation, a long body."""
    other = agekeys.identity(AgeSuite.MLKEM768X25519, bytes(32))
    with pytest.raises(NoMatchError):
        opened(written(b"x", hybrid_stanza(other.recipient)), key=HYBRID)
    with pytest.raises(NoMatchError):
        opened(written(b"x", hybrid_stanza(info=b"other")), key=HYBRID)
    with pytest.raises(NoMatchError):
        opened(sealed(b"x"), key=HYBRID)
    for stanza in (
        f"-> mlkem768x25519 {'A' * 43}\n{BODY}",
        hybrid_stanza() + "AAAA",
        "-> mlkem768x25519\n" + BODY,
    ):
        with pytest.raises(HeaderError):
            opened(written(b"x", stanza), key=HYBRID)


def test_the_mac_covers_the_header() -> None:
    """A changed header is told from a changed payload."""
    with pytest.raises(MacError):
        opened(written(b"x", hybrid_stanza(), mac=bytes(32)), key=HYBRID)


def test_the_last_chunk_is_not_empty_unless_alone() -> None:
    """An empty file has one empty chunk; a full chunk is not followed by an empty one."""
    assert b"" == opened(written(b"", hybrid_stanza()), key=HYBRID)
    with pytest.raises(PayloadError):
        opened(written(b"", hybrid_stanza(), chunks=[bytes(65_536), b""]), key=HYBRID)
    with pytest.raises(PayloadError):
        opened(written(b"", hybrid_stanza(), chunks=[b"short", b"more"]), key=HYBRID)
