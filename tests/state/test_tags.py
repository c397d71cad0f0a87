"""The tag at the end of a display name: frozen bytes, because they live on the server."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.fingerprint import Key
from reconciler.model.address import Address
from reconciler.model.manifest import AgeSuite, Format, Kind, Sharing
from reconciler.model.state import Attributes, Recipient
from reconciler.state import tags
from tests.support import strategies

_SECRET = bytes(range(32))
_KEY = Key.from_text(_SECRET.hex())
_CONTENT = hmac.digest(_SECRET, b"hunter2", "sha256").hex()
_WHERE = Address("db-password", "ana@example.com")
_ATTRIBUTES = Attributes(
    kind=Kind.TEXT,
    format=Format.PLAINTEXT,
    label="db-password",
    label_defaulted=True,
    sharing=Sharing.INTERNAL,
    recipients=(Recipient(as_written="bo@example.com", id="2b"), Recipient(as_written="2a", id="2a")),
    expires_in=1_209_600,
    max_views=5,
    filename=None,
    content_type=None,
    suite=None,
    rotate=None,
)


def _make(attributes: Attributes = _ATTRIBUTES, *, where: Address = _WHERE, **more: object) -> tags.Tag:
    asked = {"name": "payments-prod", "generation": 2, "content": _CONTENT} | more
    return tags.make(_KEY.mac, address=where, attributes=attributes, **asked)  # type: ignore[arg-type]


def _base32(digest: bytes) -> str:
    return base64.b32encode(digest).decode()


def test_a_tag_is_the_one_that_the_format_describes() -> None:
    """Recomputed by hand from docs/formats.md, and pinned."""
    s = _base32(hashlib.sha256(b"stack:payments-prod").digest())[:6]
    address = 'db-password["ana@example.com"]'
    a = _base32(hmac.digest(_SECRET, f"address|{s}|{address}".encode(), "sha256"))[:6]
    record = {
        "kind": "text",
        "format": "plaintext",
        "sharing": "internal",
        "recipients": ["2a", "2b"],
        "expires_in": 1_209_600,
        "max_views": 5,
        "content_type": None,
        "suite": None,
        "rotate": None,
    }
    canonical = json.dumps(record, sort_keys=True, separators=(",", ":"))
    desired = f"desired|{s}|{address}|2|{canonical}|{_CONTENT}".encode()
    d = _base32(hmac.digest(_SECRET, desired, "sha256"))[:8]
    assert f"{s}.{a}.2.{d}" == str(_make())
    assert str(_make()) == "TIXB2S.E6PMHK.2.PZ2PSJXT"


@pytest.mark.parametrize(
    "other",
    [
        {"kind": Kind.FILE},
        {"format": Format.JSON},
        {"sharing": Sharing.EXTERNAL},
        {"recipients": (Recipient(as_written="bo@example.com", id="2b"),)},
        {"expires_in": 3600},
        {"max_views": 0},
        {"content_type": "text/csv"},
        {"suite": AgeSuite.X25519},
        {"rotate": "2026-11"},
    ],
    ids=lambda other: next(iter(other)),
)
def test_another_desire_is_another_tag(other: dict[str, object]) -> None:
    """Everything that a recipient can notice is covered by D."""
    changed = _make(replace(_ATTRIBUTES, **other))  # type: ignore[arg-type]
    assert _make().desired != changed.desired
    assert _make().address == changed.address


@pytest.mark.parametrize(
    "same",
    [
        {"label": "other", "label_defaulted": False},
        {"filename": "other.p12"},
        {
            "recipients": (
                Recipient(as_written="2a", id="2a"),
                Recipient(as_written="BO@example.com", id="2b"),
            )
        },
    ],
    ids=lambda same: next(iter(same)),
)
def test_what_the_server_rewrites_is_not_in_the_tag(same: dict[str, object]) -> None:
    """Label and file name are cut or cleaned there; people count by ID, in no order."""
    assert _make() == _make(replace(_ATTRIBUTES, **same))  # type: ignore[arg-type]


def test_stack_address_generation_and_content_are_in_the_tag() -> None:
    """Each alone makes another one."""
    others = [
        _make(name="payments-dev"),
        _make(where=Address("db-password")),
        _make(generation=3),
        _make(content="0" * 64),
    ]
    assert len({str(_make()), *map(str, others)}) == 5
    assert _make().stack != others[0].stack
    assert _make().desired != others[2].desired


@given(strategies.texts, strategies.tagged)
def test_a_display_name_gives_its_tag_back(label: str, tag: tags.Tag) -> None:
    """Whatever the label; the whole stays within what we allow ourselves."""
    name = tags.display_name(label * 20, tag)
    assert len(name) <= tags.NAME_MAX
    assert tag == tags.find(name)


def test_a_label_that_looks_like_a_tag_is_a_label() -> None:
    """Only the end of a name counts."""
    mine = _make()
    fake = tags.Tag(stack="A" * 6, address="B" * 6, generation=9, desired="C" * 8)
    assert mine == tags.find(tags.display_name(f"x [rc:{fake}]", mine))
    assert tags.find(f"[rc:{fake}] x") is None


@given(st.text())
def test_a_name_without_a_tag_has_none(name: str) -> None:
    """Somebody's own share is never taken for ours."""
    found = tags.find(name)
    assert found is None or name.endswith(f"[rc:{found}]")


@pytest.mark.parametrize(
    "name",
    [
        "",
        "db-password",
        "[rc:AAAAAA.BBBBBB.0.CCCCCCCC]",
        "[rc:AAAAAA.BBBBBB.01.CCCCCCCC]",
        "[rc:AAAAAA.BBBBBB.1.CCCCCCC]",
        "[rc:aaaaaa.BBBBBB.1.CCCCCCCC]",
        "[rc:AAAAA1.BBBBBB.1.CCCCCCCC]",
        "[rc:AAAAAA.BBBBBB.1.CCCCCCCC]\n",
        "[rc:AAAAAA.BBBBBB.1.CCCCCCCC] ",
        "[rc:AAAAAA.BBBBBB.١.CCCCCCCC]",
    ],
)
def test_what_is_nearly_a_tag_is_none(name: str) -> None:
    """Exactly ours or nothing."""
    assert tags.find(name) is None
