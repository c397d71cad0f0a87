"""Addresses: one spelling each, and nothing else parses."""

from __future__ import annotations

import pytest
from hypothesis import given

from reconciler.model.address import Address, fold
from tests.support import strategies


@given(strategies.addresses)
def test_an_address_parses_as_it_is_written(address: Address) -> None:
    """What `str` writes, `parse` reads, whatever the key holds."""
    assert address == Address.parse(str(address))


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("db-password", Address("db-password")),
        ('db-password["ana@example.com"]', Address("db-password", "ana@example.com")),
        (r'a["say \"hi\""]', Address("a", 'say "hi"')),
    ],
)
def test_addresses_as_people_write_them(text: str, address: Address) -> None:
    """A plain name, or a name with a quoted key."""
    assert address == Address.parse(text)
    assert text == str(address)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Db",
        "-a",
        "a b",
        "a" * 64,
        "a\n",
        "a[]",
        "a[b]",
        "a['b']",
        'a["b"',
        'a["b"]x',
        'a["b"]\n',
        'a["\n"]',
        'a["\\x"]',
        'a[""]',
        r'a["\u0062"]',
        r'a["\/"]',
    ],
)
def test_anything_else_is_no_address(text: str) -> None:
    """Also a second spelling: two keys of a state's JSON must not mean one address."""
    with pytest.raises(ValueError):
        Address.parse(text)


def test_people_are_folded_by_address_and_not_by_id() -> None:
    """E-mail addresses are equal whatever their case; IDs are exact."""
    assert fold("ANA@Example.com") == fold("ana@example.com")
    assert fold("2AbC") != fold("2abc")
