"""Bech32 as age uses it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.age import bech32
from tests.age.reference import ALPHABET, bech32_encode

PREFIXES = st.sampled_from(["age", "age1pq", "age1tag", "a", "x1y"])


@given(PREFIXES, st.binary(max_size=1300))
def test_decodes_what_was_encoded(prefix: str, data: bytes) -> None:
    """Any length of data comes back, also far beyond BIP 173's 90 characters."""
    assert (prefix, data) == bech32.decode(bech32_encode(prefix, data))


@given(st.binary(min_size=1, max_size=40), st.data())
def test_one_wrong_character_is_noticed(data: bytes, draw: st.DataObject) -> None:
    """The checksum finds every single substitution, and the message quotes nothing."""
    text = bech32_encode("age", data)
    at = draw.draw(st.integers(len("age1"), len(text) - 1))
    other = draw.draw(st.sampled_from(ALPHABET.replace(text[at], "")))
    with pytest.raises(ValueError, match=r"^has a wrong checksum$"):
        bech32.decode(text[:at] + other + text[at + 1 :])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is not Bech32"),
        ("age", "is not Bech32"),
        ("1qqqqqqqq", "is not Bech32"),
        ("age1qqqqq", "is not Bech32"),
        ("age1qqqqqqqb", "characters"),
        ("AGE1QQQQQQQQ", "characters"),
        ("äge1qqqqqqqq", "characters"),
        ("age1qqqqqqq\n", "characters"),
        # BIP 350's variant of the checksum, which age does not use
        ("a1lqfn3a", "checksum"),
        # BIP 173's own examples of what is right, but in characters and not in whole bytes
        ("split1checkupstagehandshakeupstreamerranterredcaperred2y9e2w", "checksum"),
    ],
)
def test_refuses(text: str, message: str) -> None:
    """What is no Bech32 in lower case is a ValueError."""
    with pytest.raises(ValueError, match=message):
        bech32.decode(text)


@pytest.mark.parametrize("text", ["a12uel5l", "abcdef1qpzry9x8gf2tvdw0s3jn54khce6mua7lmqqqxw"])
def test_takes_the_standards_examples(text: str) -> None:
    """Two of BIP 173's valid strings."""
    prefix, data = bech32.decode(text)
    assert text == bech32_encode(prefix, data)


def _with_values(prefix: str, values: list[int]) -> str:
    """Encode groups of five bits as they are, whatever bytes they make."""
    payload = [*(ord(c) >> 5 for c in prefix), 0, *(ord(c) & 31 for c in prefix), *values]
    check = bech32._polymod([*payload, *[0] * 6]) ^ 1
    return f"{prefix}1" + "".join(
        ALPHABET[v] for v in [*values, *(check >> 5 * (5 - n) & 31 for n in range(6))]
    )


@pytest.mark.parametrize("values", [[0, 1], [0], [0, 0, 0], [31, 31]])
def test_refuses_a_second_form(values: list[int]) -> None:
    """Padding that is not zero, or a whole group too long, would give one key two texts."""
    with pytest.raises(ValueError, match="canonical"):
        bech32.decode(_with_values("age", values))
