"""From what the tenant says of a vault to what we keep of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given

from reconciler.model.canonical import canonical
from reconciler.model.manifest import DAY, Kind, Sharing
from reconciler.model.state import Attributes, End
from reconciler.model.vault import Status, Vault
from reconciler.planning import verify
from reconciler.planning.verify import mismatch, seen_attributes, share_of
from reconciler.state import records, tags
from tests.support import strategies
from tests.support.plans import NOW, attributes, share, vault

_ONE = share("v1")
_VAULT = vault(_ONE)
_OUTSIDE = attributes("Ops@Partner.example", sharing=Sharing.EXTERNAL)
_OUTSIDE_VAULT = replace(
    vault(share("v1", _OUTSIDE)),
    user_ids=frozenset(),
    emails=frozenset({"ops@partner.example"}),
    sharing=Sharing.EXTERNAL,
)


@pytest.mark.parametrize(
    "other",
    [
        {},
        {"display_name": f"shorte [rc:{_ONE.tag}]"},
        {"filename": "cleaned by the server.p12"},
        {"expires": _ONE.expires + timedelta(minutes=5)},
        {"expires": _ONE.expires - timedelta(minutes=5)},
        {"created": None},
        {"expires": None},
        {"kind": None, "format": None, "sharing": None},
        {"share_url": "", "share_code": ""},
    ],
)
def test_a_vault_as_it_was_declared(other: dict[str, object]) -> None:
    """Within five minutes of its life; what the server rewrites or leaves out is no difference."""
    assert mismatch(replace(_VAULT, **other), _ONE.attributes, _ONE.tag) is None  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("other", "what"),
    [
        ({"display_name": ""}, "name does not carry the tag"),
        ({"display_name": "label"}, "name does not carry the tag"),
        ({"display_name": "label [rc:AAAAAA.BBBBBB.2.CCCCCCCC]"}, "name does not carry the tag"),
        ({"user_ids": frozenset()}, "recipients"),
        ({"user_ids": _VAULT.user_ids | {"id-eve"}}, "recipients"),
        ({"max_views": 0}, "0 views instead of 5"),
        ({"max_views": 6}, "6 views instead of 5"),
        ({"expires": _ONE.expires + timedelta(minutes=5, seconds=1)}, "instead of 1209600 s"),
        ({"expires": _ONE.expires - timedelta(days=13)}, "lives 86400 s"),
    ],
)
def test_a_vault_that_is_not_what_was_declared(other: dict[str, object], what: str) -> None:
    """It is revoked before anybody gets its link."""
    found = mismatch(replace(_VAULT, **other), _ONE.attributes, _ONE.tag)  # type: ignore[arg-type]
    assert what in (found or "")


def test_people_outside_are_compared_by_folded_address() -> None:
    """Whatever the spelling in the manifest; an internal reader too many is no such address."""
    assert mismatch(_OUTSIDE_VAULT, _OUTSIDE, _ONE.tag) is None
    wrong = replace(_OUTSIDE_VAULT, emails=frozenset({"ops@partner.example", "eve@partner.example"}))
    assert mismatch(wrong, _OUTSIDE, _ONE.tag)
    assert mismatch(_VAULT, _OUTSIDE, _ONE.tag)
    assert mismatch(_OUTSIDE_VAULT, attributes(), _ONE.tag)


@pytest.mark.parametrize(
    ("status", "end"),
    [
        (Status.ACTIVE, None),
        (Status.UNKNOWN, None),
        (Status.EXPIRED, End.EXPIRED),
        (Status.DATA_DELETED, End.EXPIRED),
        (Status.BURNED, End.BURNED),
        (Status.REVOKED, End.REVOKED),
    ],
)
def test_how_a_status_ended(status: Status, end: End | None) -> None:
    """Deleted data counts as expired; what is new to us ends nothing."""
    assert status.end is end


def test_an_object_keeps_the_tenants_times() -> None:
    """Ours stand in where the tenant gives none."""
    tag = tags.find(_VAULT.display_name)
    assert tag is not None
    made = share_of(
        _VAULT, tag, _ONE.attributes, now=NOW, fingerprint=_ONE.fingerprint, source=_ONE.source, renew=True
    )
    assert _ONE == made
    bare = replace(_VAULT, created=None, expires=None)
    made = share_of(bare, tag, _ONE.attributes, now=NOW)
    assert (NOW, NOW + timedelta(days=14)) == (made.created, made.expires)
    assert (made.fingerprint, made.source) == (None, "")


def test_what_nobody_remembers_is_described_by_the_tenant() -> None:
    """Enough to revoke it, and to say who could read it."""
    actual = seen_attributes(_OUTSIDE_VAULT)
    assert actual.who() == {"ops@partner.example"}
    assert (actual.sharing, actual.expires_in, actual.max_views) == (Sharing.EXTERNAL, 14 * DAY, 5)
    assert seen_attributes(replace(_VAULT, kind=None)).kind is Kind.TEXT


@given(strategies.vaults())
def test_whatever_the_tenant_says_can_be_kept(found: Vault) -> None:
    """Its description goes into the state file and comes back: one that did not would make the state unreadable."""
    described: Attributes = seen_attributes(found)
    kept = share_of(found, tags.Tag(stack="A", address="B", generation=1, desired="C"), described, now=NOW)
    assert kept == records.read_share(records.share_record(kept))
    assert verify.EXPIRY_TOLERANCE == timedelta(minutes=5)


def test_half_a_surrogate_pair_is_not_kept() -> None:
    """JSON can spell it and UTF-8 cannot carry it: the state could not be saved after the vault was made."""
    broken = {"display_name": "a\ud800", "filename": "b\udfff", "share_code": "\ud800", "share_url": "\ud800"}
    found = replace(_VAULT, user_ids=frozenset({"\ud800"}), **broken)  # type: ignore[arg-type]
    tag = tags.Tag(stack="A", address="B", generation=1, desired="C")
    kept = share_of(found, tag, seen_attributes(found), now=NOW)
    assert canonical(records.share_record(kept))
    assert (kept.attributes.label, kept.attributes.filename) == ("a?", "b?")
