"""Recipients as a tenant, or whoever poses as one, may return them."""

import pytest

from reconciler.age import AgeRecipient, RecipientError, encrypt_text, parse_recipient
from reconciler.errors import RemoteError
from reconciler.model.manifest import AgeSuite
from reconciler.sensitive import Sensitive
from tests.age.reference import ALPHABET, HybridIdentity, X25519Identity, bech32_data, bech32_encode

PRIME = 2**255 - 19
LOW_ORDER = (
    0,
    1,
    325606250916557431795983626356110631294008115727848805560023387167927233504,
    39382357235489614581723060781553021112529911719440698176882885853963445705823,
    PRIME - 1,
)
NOT_CANONICAL = tuple(
    point + high
    for point in (*LOW_ORDER, PRIME, PRIME + 1, 9)
    for high in (0, 2**255)
    if point + high >= PRIME
)
X25519 = X25519Identity(bytes(range(32))).recipient
HYBRID = HybridIdentity(bytes(range(32))).recipient


def x25519(point: int) -> str:
    return bech32_encode("age", point.to_bytes(32, "little"))


def hybrid(point: int) -> str:
    return bech32_encode("age1pq", hybrid_bytes()[:1184] + point.to_bytes(32, "little"))


def hybrid_bytes() -> bytes:
    return bech32_data(HYBRID)


def damaged(text: str) -> str:
    other = ALPHABET[(ALPHABET.index(text[-1]) + 1) % 32]
    return text[:-1] + other


@pytest.mark.parametrize(
    ("text", "suite", "length"), [(X25519, AgeSuite.X25519, 62), (HYBRID, AgeSuite.MLKEM768X25519, 1959)]
)
def test_takes_both_suites(text: str, suite: AgeSuite, length: int) -> None:
    """A recipient of either suite is taken as it is."""
    assert length == len(text)
    assert AgeRecipient(suite=suite, text=text) == parse_recipient(text)


HOSTILE = [
    ("nothing", "", "does not begin with age1"),
    ("a word", "hello", "does not begin with age1"),
    ("upper case", X25519.upper(), "in lower case"),
    ("mixed case", X25519[:-1] + X25519[-1].upper() + "Q", "characters that do not belong"),
    ("upper case hybrid", HYBRID.upper(), "in lower case"),
    ("leading space", " " + X25519, "does not begin with age1"),
    ("newline at the end", X25519 + "\n", "characters that do not belong"),
    ("NUL", X25519 + "\0", "characters that do not belong"),
    ("look-alike letters", X25519.replace("age", "аge"), "does not begin with age1"),
    ("two at once", f"{X25519},{X25519}", "wrong checksum"),
    (
        "identity",
        "AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX",
        "begin with age1",
    ),
    ("wrong checksum", damaged(X25519), "wrong checksum"),
    ("wrong checksum, hybrid", damaged(HYBRID), "wrong checksum"),
    ("cut off", X25519[:-1], "wrong checksum"),
    ("only the prefix", "age1", "is not Bech32"),
    ("empty key", bech32_encode("age", b""), "holds 0 bytes, not a key's 32"),
    ("31 bytes", bech32_encode("age", b"\x09" * 31), "holds 31 bytes, not a key's 32"),
    ("33 bytes", bech32_encode("age", b"\x09" * 33), "holds 33 bytes, not a key's 32"),
    ("hybrid too short", bech32_encode("age1pq", b"\x09" * 1215), "holds 1215 bytes, not a key's 1216"),
    ("X25519 key as hybrid", bech32_encode("age1pq", b"\x09" * 32), "holds 32 bytes, not a key's 1216"),
    ("hybrid key as X25519", bech32_encode("age", hybrid_bytes()), "holds 1216 bytes"),
    ("over-long", "age1" + "q" * 10_000_000, "has 10000004 characters"),
    ("over-long by one byte", bech32_encode("age1pq", bytes(1217)), "characters, more than any"),
    ("plugin", bech32_encode("age1yubikey", b"\x09" * 33), "of type age1yubikey1…"),
    ("tag", bech32_encode("age1tag", b"\x09" * 33), "of type age1tag1…"),
    ("plugin named by a control code", bech32_encode("age1\x1b[2m", b"\x09" * 8), "do not belong"),
    ("plugin with odd characters", bech32_encode("age1<b>", b"\x09" * 8), "an unknown type"),
    ("plugin with a long name", bech32_encode("age1" + "x" * 99, b"\x09" * 8), "an unknown type"),
    (
        "ssh key",
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHsKLqeplhpW+uObz5dvMgjz1OxfM/XXUB+VHtZ6isGN",
        "SSH key",
    ),
    (
        "lattice out of range",
        bech32_encode("age1pq", b"\xff" * 1184 + hybrid_bytes()[1184:]),
        "no ML-KEM-768",
    ),
    *((f"low order {n}", x25519(point), "low order") for n, point in enumerate(LOW_ORDER)),
    *((f"low order in hybrid {n}", hybrid(point), "low order") for n, point in enumerate(LOW_ORDER)),
    *((f"not canonical {n}", x25519(point), "canonical form") for n, point in enumerate(NOT_CANONICAL)),
    *(
        (f"not canonical hybrid {n}", hybrid(point), "canonical form")
        for n, point in enumerate(NOT_CANONICAL)
    ),
]


@pytest.mark.parametrize(
    ("text", "message"), [case[1:] for case in HOSTILE], ids=[case[0] for case in HOSTILE]
)
def test_refuses(text: str, message: str) -> None:
    """Anything else is a RemoteError that says what is wrong, quotes no control characters and has a hint."""
    with pytest.raises(RecipientError, match=message) as caught:
        parse_recipient(text)
    assert isinstance(caught.value, RemoteError)
    assert caught.value.detail.isprintable()
    assert len(caught.value.detail) < 120
    assert caught.value.hint
    assert caught.value.__context__ is None


@pytest.mark.parametrize("point", [*LOW_ORDER, *NOT_CANONICAL[:4]])
def test_a_panic_is_an_error_too(point: int) -> None:
    """Were such a key ever to reach pyrage, its panic (no Exception) would still be a RecipientError."""
    unchecked = AgeRecipient(suite=AgeSuite.X25519, text=x25519(point))
    if point in (*LOW_ORDER, PRIME, PRIME + 1, *(low + 2**255 for low in LOW_ORDER)):
        with pytest.raises(RecipientError, match="cannot be encrypted to"):
            encrypt_text(unchecked, Sensitive(b"x"))


@pytest.mark.parametrize("text", ["", "age1", X25519.replace("age1", "age2")])
def test_pyrages_errors_are_ours(text: str) -> None:
    """pyrage's own errors do not get out, nor does their text."""
    with pytest.raises(RecipientError, match="cannot be encrypted to") as caught:
        encrypt_text(AgeRecipient(suite=AgeSuite.X25519, text=text), Sensitive(b"x"))
    assert caught.value.hint
