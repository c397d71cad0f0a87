"""The journal's bytes: round trips, a torn end that is ignored, and damage that is refused."""

from __future__ import annotations

import contextlib
import itertools
import json
import zlib
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.errors import StateError
from reconciler.model.address import Address
from reconciler.model.manifest import AgeSuite
from reconciler.state import journal
from reconciler.state.journal import (
    Bound,
    Committed,
    DeposedNow,
    Done,
    Entry,
    Forgotten,
    Header,
    Intent,
    Journal,
    Revoked,
)
from tests.state.test_statefile import EXAMPLE
from tests.support import goldens, strategies

_FILE = ".reconciler/prod.journal"
_HEADER = Header(lineage="6f1c2a9e", base_serial=8, tool="reconciler 0.1.0")
_WHERE = Address("db-password")
_MADE = EXAMPLE.instances[_WHERE].current
assert _MADE is not None
_ENTRIES: tuple[Entry, ...] = (
    Intent(op="5d0c", address=_WHERE, uid="8f3a", generation=2, tag=_MADE.tag, at=_MADE.created),
    Bound(op="5d0c", vault_id="2vaultTwo", suite=AgeSuite.X25519),
    Committed(op="5d0c", address=_WHERE, uid="8f3a", prevent_revoke=True, share=_MADE),
    DeposedNow(address=_WHERE, vault_id="2vaultOne"),
    Revoked(address=_WHERE, vault_id="2vaultOne"),
    Forgotten(address=Address("legacy")),
    Intent(
        op="6e1d",
        address=Address("app-env", "ana@example.com"),
        uid="99c0",
        generation=1,
        tag="T",
        at=_MADE.created,
    ),
    Bound(op="6e1d", vault_id="2vaultX", suite=None),
    Done(op="6e1d"),
)


def _encode(entries: tuple[Entry, ...], header: Header = _HEADER) -> bytes:
    lines = [journal.entry_line(n, entry) for n, entry in enumerate(entries, start=1)]
    return b"".join([journal.header_line(header), *lines])


_BYTES = _encode(_ENTRIES)
_STARTS = [0, *(i + 1 for i, byte in enumerate(_BYTES) if byte == 0x0A)]
"""Where each line begins; the last is where the next would."""


def _sealed(value: dict[str, Any]) -> bytes:
    """Return a line whose checksum is right, whatever is in it."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return json.dumps(value | {"crc": f"{zlib.crc32(text.encode()):08x}"}).encode() + b"\n"


def _refused(data: bytes) -> StateError:
    with pytest.raises(StateError) as caught:
        journal.parse(data, file=_FILE)
    error = caught.value
    assert error.detail.startswith(f"{_FILE}, line ")
    assert error.hint
    assert error.__suppress_context__ or error.__context__ is None
    return error


def test_the_format_is_the_one_that_the_docs_show() -> None:
    """One of each record, byte for byte."""
    goldens.check("journal.jsonl", _BYTES.decode())


@given(
    st.builds(Header, lineage=strategies.texts, base_serial=st.integers(0, 10**12), tool=strategies.texts),
    st.lists(strategies.entries(), max_size=6).map(tuple),
)
def test_a_journal_survives_its_file(header: Header, entries: tuple[Entry, ...]) -> None:
    """Every record, every field; one line each."""
    data = _encode(entries, header)
    assert len(entries) + 1 == data.count(b"\n")
    assert Journal(header=header, entries=entries) == journal.parse(data, file=_FILE)


def test_a_journal_cut_at_any_byte_loses_the_torn_record_only() -> None:
    """The crash came while a record was written: the step that it announces was not taken."""
    for length in range(len(_BYTES) + 1):
        whole = sum(1 for start in _STARTS[1:] if start <= length)
        actual = journal.parse(_BYTES[:length], file=_FILE)
        if whole == 0:
            assert actual is None
            continue
        assert Journal(header=_HEADER, entries=_ENTRIES[: whole - 1]) == actual


@given(st.binary(max_size=40), st.integers(0, len(_BYTES)))
def test_rubbish_behind_a_cut_is_a_torn_record(rubbish: bytes, length: int) -> None:
    """A disk may leave old blocks where the last record was to be: no record of before is lost or made up."""
    whole = max(start for start in _STARTS if start <= length)
    data = _BYTES[:length] + rubbish.replace(b"\n", b"")
    try:
        actual = journal.parse(data, file=_FILE)
    except StateError:
        return
    entries = actual.entries if actual else ()
    known = _ENTRIES[: max(0, _STARTS.index(whole) - 1)]
    assert entries in (known, _ENTRIES[: len(known) + 1])


@pytest.mark.parametrize("bit", range(8))
def test_a_flipped_bit_is_refused(bit: int) -> None:
    """Wherever it is: a line that has its newline was written to its end, the last one too.

    One bit makes a zero of the `@` in a name.
    """
    last = Forgotten(address=Address("api-key", "ana@example.com"))
    whole = _encode((*_ENTRIES, last), _HEADER)
    for place in range(len(whole)):
        data = bytearray(whole)
        data[place] ^= 1 << bit
        _refused(bytes(data))


@pytest.mark.parametrize("sector", [512, 4096])
def test_sectors_that_never_reached_the_disk_are_a_torn_record(sector: int) -> None:
    """A kernel that dies may have grown the file by a line of which some sectors are missing: they read as zeros."""
    intent = _ENTRIES[0]
    assert isinstance(intent, Intent)
    long = replace(intent, tag="x" * 3 * sector)
    before = Journal(header=_HEADER, entries=_ENTRIES)
    for extra in range(0, sector, 64):  # where in its sector the line begins
        header = replace(_HEADER, tool=_HEADER.tool + "y" * extra)
        start, whole = len(_encode(_ENTRIES, header)), _encode((*_ENTRIES, long), header)
        places = range(start // sector, -(-len(whole) // sector))
        for first, last in itertools.combinations_with_replacement(places, 2):
            data = bytearray(whole)
            end = min(len(data), (last + 1) * sector)
            for place in range(max(start, first * sector), end):
                data[place] = 0
            assert replace(before, header=header) == journal.parse(bytes(data), file=_FILE)


def test_a_few_zeros_within_a_line_are_no_hole() -> None:
    """No disk loses as little as that: a bit was flipped, or somebody wrote there."""
    start = _STARTS[-2]
    for place in range(start + 1, len(_BYTES) - 1):
        for size in (1, 2, 7):
            end = min(place + size, len(_BYTES) - 1)
            _refused(_BYTES[:place] + bytes(end - place) + _BYTES[end:])


def test_zeros_between_two_records_are_no_torn_record() -> None:
    """Both were synced before their steps."""
    for start in _STARTS[1:-1]:
        _refused(_BYTES[: start - 1] + b"\0" + _BYTES[start:])


def test_every_bit_of_a_newline_counts() -> None:
    """Two records made one by a damaged newline were both on the disk: neither is dropped silently."""
    for start in _STARTS[1:]:
        for bit in range(8):
            data = bytearray(_BYTES)
            data[start - 1] ^= 1 << bit
            _refused(bytes(data))


def test_a_line_missing_twice_or_swapped_is_refused() -> None:
    """Every record has its number."""
    lines = [_BYTES[a:b] for a, b in itertools.pairwise(_STARTS)]
    for at in range(len(lines) - 1):
        _refused(b"".join(lines[:at] + lines[at + 1 :]))
        _refused(b"".join(lines[: at + 1] + lines[at:]))
        _refused(b"".join([*lines[:at], lines[at + 1], lines[at], *lines[at + 2 :], lines[-1]]))


@pytest.mark.parametrize(
    ("tail", "line"),
    [
        (journal.header_line(_HEADER) + journal.entry_line(1, _ENTRIES[0]), 2),
        (_sealed({"n": 1, "lineage": "x", "base_serial": 1, "tool": "t"}), 2),
        (_sealed({"n": 1, "is": "exploded", "op": "1"}), 2),
        (_sealed({"n": 1, "is": ["intent"]}), 2),
        (_sealed({"n": 1}), 2),
        (journal.entry_line(1, _ENTRIES[8]) + _sealed({"n": 2, "is": "bound", "op": "1"}), 3),
        (_sealed({"n": 1, "is": "done", "op": 7}), 2),
        (_sealed({"n": 1, "is": "forgotten", "address": "Not An Address"}), 2),
        (_sealed({"n": 1, "is": "bound", "op": "1", "vault_id": "v", "suite": "rot13"}), 2),
        (journal.entry_line(2, _ENTRIES[8]) + journal.entry_line(3, _ENTRIES[8]), 2),
        (_sealed({"n": True, "is": "done", "op": "1"}) + journal.entry_line(2, _ENTRIES[8]), 2),
        (_sealed({"n": 1.0, "is": "done", "op": "1"}) + journal.entry_line(2, _ENTRIES[8]), 2),
        (b"\n" + journal.entry_line(1, _ENTRIES[8]), 2),
        (b'{"n":1,"n":1}\n' + journal.entry_line(2, _ENTRIES[8]), 2),
        (b'{"n":1,"x":"\\ud800"}\n' + journal.entry_line(2, _ENTRIES[8]), 2),
        (b"[" * 100_000 + b"\n" + journal.entry_line(2, _ENTRIES[8]), 2),
        (b"\xff\xfe\n\n", 2),
    ],
)
def test_damage_is_refused_with_its_line(tail: bytes, line: int) -> None:
    """Two headers, unknown records, wrong types under a right checksum, wrong numbers, rubbish."""
    assert f"{_FILE}, line {line}: " in _refused(journal.header_line(_HEADER) + tail).detail


def test_a_flag_of_another_type_is_refused() -> None:
    """`prevent_revoke` guards a vault: 0 is not false and "false" is not true."""
    good = json.loads(journal.entry_line(1, _ENTRIES[2]))
    del good["crc"]
    for value in (0, 1, "false", None):
        _refused(journal.header_line(_HEADER) + _sealed(good | {"prevent_revoke": value}))


def test_a_header_of_another_shape_is_refused() -> None:
    """Without lineage and serial nobody can say to which state it belongs."""
    for header in ({"n": 0}, {"n": 0, "lineage": "x", "base_serial": "1", "tool": "t"}):
        _refused(_sealed(header) + journal.entry_line(1, _ENTRIES[8]))


@pytest.mark.parametrize("data", [b"", b"{", journal.header_line(_HEADER)[:-1]])
def test_a_journal_without_a_header_is_none(data: bytes) -> None:
    """Nothing was announced, so nothing was done."""
    assert journal.parse(data, file=_FILE) is None


@given(st.binary(max_size=200))
def test_random_bytes_are_none_or_refused(data: bytes) -> None:
    """Never a traceback, never a record."""
    with contextlib.suppress(StateError):
        assert journal.parse(data, file=_FILE) is None


def test_an_error_does_not_quote_the_file() -> None:
    """Whatever lies there under this name."""
    error = _refused(b"hunter2-canary\n\n\n")
    assert "hunter2-canary" not in f"{error.detail} {error.hint}"
