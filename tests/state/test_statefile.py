"""The state file: round trips, one golden example, and everything that is refused."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.errors import StateError
from reconciler.model.address import Address
from reconciler.model.canonical import canonical
from reconciler.model.manifest import AgeSuite, Format, Kind, Sharing
from reconciler.model.state import (
    Attributes,
    Deposed,
    End,
    Ended,
    Instance,
    Pending,
    Recipient,
    Share,
    State,
)
from reconciler.state import statefile
from tests.support import goldens, strategies

_FILE = "prod.state.json"


def _moment(day: int, hour: int = 7) -> datetime:
    return datetime(2026, 11, day, hour, tzinfo=UTC)


_ATTRIBUTES = Attributes(
    kind=Kind.TEXT,
    format=Format.PLAINTEXT,
    label="db-password",
    label_defaulted=True,
    sharing=Sharing.INTERNAL,
    recipients=(
        Recipient(as_written="ana@example.com", id="2abCdEfGhIjK"),
        Recipient(as_written="2boCdEfGhIjK", id="2boCdEfGhIjK"),
    ),
    expires_in=1_209_600,
    max_views=5,
    filename=None,
    content_type=None,
    suite=AgeSuite.X25519,
    rotate=None,
)
_OBJECT = Share(
    vault_id="2vaultTwo",
    generation=2,
    tag="K3QZ7A.M2XW4B.2.HTQHF2LC",
    share_code="ABCD-EFGH-JKLM",
    share_url="https://acme.conductor.one/secrets/ABCD-EFGH-JKLM",
    attributes=_ATTRIBUTES,
    fingerprint="hmac-sha256:1f2e3d4c:0123456789abcdef0123456789abcdef",
    source="env DB_PASSWORD",
    created=_moment(23),
    expires=datetime(2026, 12, 7, 7, tzinfo=UTC),
    ready=True,
)
_FILE_OBJECT = replace(
    _OBJECT,
    vault_id="2vaultCert",
    generation=1,
    tag="K3QZ7A.QQXW4B.1.ATQHF2LC",
    attributes=replace(
        _ATTRIBUTES,
        kind=Kind.FILE,
        format=None,
        label="Zertifikat für „Größe“",
        label_defaulted=False,
        sharing=Sharing.EXTERNAL,
        recipients=(Recipient(as_written="Ops@Partner.example", id="ops@partner.example"),),
        expires_in=259_200,
        max_views=0,
        filename="bundle.p12",
        content_type="application/x-pkcs12",
        suite=None,
        rotate="2026-11",
    ),
    source="file certs/bundle.p12",
    created=_moment(20),
    expires=_moment(23),
)
EXAMPLE = State(
    name="payments-prod",
    lineage="6f1c2a9e4b7d48c0a1b2c3d4e5f60718",
    serial=8,
    server="acme.conductor.one",
    creator="2mECreator",
    key_id="1f2e3d4c",
    instances={
        Address("partner-cert"): Instance(
            uid="77b0aa00aa00aa00aa00aa00aa00aa00",
            ended=Ended(how=End.EXPIRED, seen=_moment(23), share=_FILE_OBJECT),
        ),
        Address("db-password"): Instance(
            uid="8f3abb00bb00bb00bb00bb00bb00bb00",
            prevent_revoke=True,
            current=_OBJECT,
            deposed=(
                Deposed(share=replace(_OBJECT, vault_id="2vaultOne", generation=1), revoke_after=None),
                Deposed(share=replace(_OBJECT, vault_id="2vaultOld", ready=False), revoke_after=_moment(24)),
            ),
        ),
        Address("app-env", "cy@example.com"): Instance(
            uid="99c0cc00cc00cc00cc00cc00cc00cc00",
            current=replace(_OBJECT, vault_id="2vaultEnv", fingerprint=None),
        ),
    },
    generations={Address("old-name"): 4, Address("db-password"): 2, Address("partner-cert"): 1},
    pending=(
        Pending(
            op="5d0c000000000000",
            address=Address("app-env"),
            generation=1,
            tag="K3QZ7A.XXXW4B.1.DTQHF2LC",
            at=_moment(23),
            until=datetime(2026, 11, 23, 7, 15, tzinfo=UTC),
        ),
    ),
    forgotten=frozenset({"2vaultB", "2vaultA"}),
)
"""The example of docs/formats.md."""

_BYTES = statefile.encode(EXAMPLE)


def _sealed(body: dict[str, Any]) -> bytes:
    """Return JSON whose checksum is right, whatever is wrong with the rest."""
    covered = {key: value for key, value in body.items() if key != "checksum"}
    return json.dumps(
        covered | {"checksum": "sha256:" + hashlib.sha256(canonical(covered)).hexdigest()}
    ).encode()


def _refused(data: bytes) -> StateError:
    """Return the error for these bytes: it names the file and the next step, and hides Python's own."""
    with pytest.raises(StateError) as caught:
        statefile.decode(data, file=_FILE)
    error = caught.value
    assert error.detail.startswith(f"{_FILE} ")
    assert error.hint
    assert error.__cause__ is None
    assert error.__suppress_context__ or error.__context__ is None
    return error


def test_the_format_is_the_one_that_the_docs_show() -> None:
    """One example of everything, byte for byte: a change here is a change of the format."""
    goldens.check("state.json", _BYTES.decode())


def test_the_golden_file_is_read_back() -> None:
    """What was written by any earlier release of this format still means the same."""
    assert (
        statefile.decode((Path(__file__).parents[1] / "golden" / "state.json").read_bytes(), file=_FILE)
        == EXAMPLE
    )


@given(strategies.states)
def test_a_state_survives_its_file(state: State) -> None:
    """Every state, every field; and the same state is the same bytes, in whatever order it was built."""
    data = statefile.encode(state)
    assert state == statefile.decode(data, file=_FILE)
    shuffled = replace(
        state,
        instances=dict(reversed(list(state.instances.items()))),
        generations=dict(reversed(list(state.generations.items()))),
    )
    assert data == statefile.encode(shuffled)


@given(strategies.states)
def test_an_instance_is_a_line(state: State) -> None:
    """A pull request shows one changed line for one changed secret; keys are sorted throughout."""
    lines = statefile.encode(state).decode().split("\n")
    for address, instance in state.instances.items():
        start = f" {json.dumps(str(address), ensure_ascii=False)}: "
        held = [json.loads(line[len(start) :].rstrip(",")) for line in lines if line.startswith(start)]
        assert instance.uid in [it["uid"] for it in held if isinstance(it, dict)]
    body = json.loads("\n".join(lines))
    assert list(body) == sorted(body)
    assert list(body["instances"]) == sorted(body["instances"])


def test_a_file_cut_at_any_byte_is_refused() -> None:
    """Whatever a crash or a full disk leaves: never half a state. Only the last newline is dispensable."""
    for length in range(len(_BYTES) - 1):
        error = _refused(_BYTES[:length])
        assert "empty" in error.detail or "cut short" in error.detail
    assert statefile.decode(_BYTES[:-1], file=_FILE) == EXAMPLE


@settings(max_examples=600)
@given(st.integers(0, len(_BYTES) * 8 - 1))
def test_a_flipped_bit_is_refused(bit: int) -> None:
    """One bit anywhere; what cannot be told apart (`\\u001f`, `\\u001F`) means the same."""
    data = bytearray(_BYTES)
    data[bit // 8] ^= 1 << bit % 8
    with contextlib.suppress(StateError):
        assert statefile.decode(bytes(data), file=_FILE) == EXAMPLE


@given(st.binary(max_size=200))
def test_random_bytes_are_refused(data: bytes) -> None:
    """Never a traceback."""
    _refused(data)


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"", "empty"),
        (b" \n\t\r\n", "empty"),
        (b"not json", "not a state file"),
        (b"null", "not a state file"),
        (b"[]", "not a state file"),
        (b'"{}"', "not a state file"),
        (b"{}", "not a state file of this program"),
        (b"<<<<<<< ours\n" + _BYTES, "not a state file"),
        (_BYTES + _BYTES, "not a state file"),
        (b"[" * 100_000, "not a state file"),
        (b'{"a":' * 100_000, "not a state file"),
        (b'{"format_version": ' + b"9" * 5000 + b"}", "not a state file"),
        (b'{"serial": 1e999, "format_version": 1}', "checksum"),
        (b'{"format_version": 1, "name": "\\ud800"}', "not a state file"),
        (b"\xff\xfe" + "{}".encode("utf-16-le"), "not a state file"),
        (b"\xef\xbb\xbf" + _BYTES, "not a state file"),
        (_BYTES.decode().encode("utf-16"), "not a state file"),
        (_BYTES.replace("ß".encode(), b"\xdf"), "not a state file"),
        (_BYTES.replace(b'"serial": 8', b'"serial": 9'), "checksum"),
        (_BYTES.replace(b'"serial": 8', b'"serial": 7,\n"serial": 8'), "not a state file"),
        (_BYTES.replace(b"sha256:", b"sha512:"), "checksum"),
        (_BYTES.replace(b"ana@", b"eve@"), "checksum"),
    ],
    ids=lambda value: repr(value[:28]) if isinstance(value, bytes) else value,
)
def test_what_is_no_state_is_refused_with_the_reason(data: bytes, what: str) -> None:
    """Empty, foreign, deep, huge, twice the same key, merge conflicts, other encodings, edited by hand."""
    assert what in _refused(data).detail


@pytest.mark.parametrize(
    ("version", "what"),
    [
        (2, "is in format 2; this version reads up to 1"),
        (99, "is in format 99"),
        (0, "is not a state file of this program"),
        (-1, "is not a state file of this program"),
        (True, "is not a state file of this program"),
        (1.0, "is not a state file of this program"),
        ("1", "is not a state file of this program"),
        (None, "is not a state file of this program"),
        ([1], "is not a state file of this program"),
    ],
)
def test_another_format_is_refused_by_its_number(version: object, what: str) -> None:
    """A newer one names the remedy, before its checksum is looked at; 1.0 and true are not 1."""
    body = json.loads(_BYTES) | {"format_version": version}
    error = _refused(_sealed(body))
    assert what in error.detail
    if type(version) is int and version > 1:
        assert error.hint == "use the newer release of reconciler that wrote it"


def _without(key: str) -> Callable[[dict[str, Any]], None]:
    return lambda body: body.pop(key)


def _with(key: str, value: object) -> Callable[[dict[str, Any]], None]:
    return lambda body: body.__setitem__(key, value)


def _inside(key: str, value: object) -> Callable[[dict[str, Any]], None]:
    return lambda body: body["instances"]["db-password"].__setitem__(key, value)


def _object_with(key: str, value: object) -> Callable[[dict[str, Any]], None]:
    return lambda body: body["instances"]["db-password"]["current"].__setitem__(key, value)


def _attributes_with(key: str, value: object) -> Callable[[dict[str, Any]], None]:
    return lambda body: body["instances"]["db-password"]["current"]["attributes"].__setitem__(key, value)


_KEYS = [key for key in json.loads(_BYTES) if key not in ("checksum", "format_version")]


@pytest.mark.parametrize(
    "spoil",
    [
        *(_without(key) for key in _KEYS),
        *(_with(key, True) for key in _KEYS),
        _with("serial", -1),
        _with("serial", 1.5),
        _with("serial", "8"),
        _with("instances", {"Not An Address": json.loads(_BYTES)["instances"]["db-password"]}),
        _with("instances", {'a[""]': json.loads(_BYTES)["instances"]["db-password"]}),
        _with("generations", {"a": -1}),
        _with("pending", {}),
        _with("forgotten", [1]),
        _inside("current", []),
        _inside("deposed", None),
        _inside("deposed", [None]),
        _inside("ended", {"how": "vanished"}),
        _inside("prevent_revoke", 1),
        _object_with("generation", "2"),
        _object_with("created", "yesterday"),
        _object_with("created", 1_700_000_000),
        _object_with("expires", "2026-02-30T00:00:00Z"),
        _object_with("ready", None),
        _object_with("attributes", None),
        _attributes_with("kind", "folder"),
        _attributes_with("format", "toml"),
        _attributes_with("recipients", [{"id": "x"}]),
        _attributes_with("expires_in", 3.5),
        _attributes_with("suite", "rot13"),
    ],
)
def test_wrong_types_under_a_right_checksum_are_refused(spoil: Callable[[dict[str, Any]], None]) -> None:
    """A bug of another release, or a careful hand: the checksum fits and the shape does not."""
    body = json.loads(_BYTES)
    spoil(body)
    assert "does not follow the format, though its checksum fits" in _refused(_sealed(body)).detail


def test_another_layout_of_the_same_json_is_the_same_state() -> None:
    """A formatter or git's line endings change no value: the checksum covers values."""
    body = json.loads(_BYTES)
    assert statefile.decode(json.dumps(body, indent=4).encode(), file=_FILE) == EXAMPLE
    assert statefile.decode(_BYTES.replace(b"\n", b"\r\n"), file=_FILE) == EXAMPLE


def test_an_error_does_not_quote_the_file() -> None:
    """A state that became something else may be somebody's secret under the wrong name."""
    for data in (b"hunter2-canary", b'{"hunter2-canary": 1', b'{"format_version": "hunter2-canary"}'):
        error = _refused(data)
        assert "hunter2-canary" not in f"{error.detail} {error.hint}"


def test_one_secret_under_two_names_is_refused() -> None:
    """Each name would hold a value of its own against the one fingerprint: a plan would test as many guesses."""
    for shared in (
        Instance(
            uid=EXAMPLE.instances[Address("db-password")].uid, current=replace(_OBJECT, vault_id="another")
        ),
        Instance(uid="another", current=_OBJECT),
        Instance(uid="another", deposed=(Deposed(share=_OBJECT),)),
        Instance(uid="another", ended=Ended(how=End.BURNED, seen=_moment(23), share=_OBJECT)),
    ):
        forged = replace(EXAMPLE, instances={**EXAMPLE.instances, Address("guess"): shared})
        with pytest.raises(StateError, match="has one secret under two names"):
            statefile.decode(statefile.encode(forged), file=_FILE)
