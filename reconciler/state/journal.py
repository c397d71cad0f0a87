"""The journal: what a run did, a record before each step, so that a crash loses nothing.

One line a record, one fsync a line, each with its number and a CRC-32. A torn last line is the crash itself
and is ignored; any other damage is refused, also of a last line that is there to its end: it may have been on the
disk, and its step taken. The file is `workdir`'s; here are only the bytes.

    intent     a create is about to be sent
    bound      the tenant answered it: the vault exists, and is empty
    committed  the vault is complete, and is now the address's current one
    deposed    a vault of ours is about to be revoked
    revoked    it is revoked
    forgotten  a vault was let go, untouched
    done       the create of this op came to nothing, and nothing of it is left
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, NoReturn, TypeAlias, assert_never

from reconciler.errors import StateError
from reconciler.model.address import Address
from reconciler.model.canonical import (
    Record,
    canonical,
    flag,
    generation,
    load,
    member,
    optional,
    read_time,
    serial,
    text,
    time_text,
)
from reconciler.model.manifest import AgeSuite
from reconciler.model.state import Share
from reconciler.state.records import read_share, share_record

_SECTOR: Final = 512
"""Bytes that a disk writes at least: it keeps or loses them together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """The state that the records stand on: a later serial makes the journal obsolete."""

    lineage: str
    base_serial: int
    tool: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """A create that is about to be sent. `op` is this attempt's own name."""

    op: str
    address: Address
    uid: str
    generation: int
    tag: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """The vault that the create made. Its upload URL is a capability and is written nowhere."""

    op: str
    vault_id: str
    suite: AgeSuite | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Committed:
    """The vault is verified; what was current before becomes an old copy."""

    op: str
    address: Address
    uid: str
    prevent_revoke: bool
    share: Share


@dataclass(frozen=True, slots=True, kw_only=True)
class DeposedNow:
    """We are about to revoke this vault: if it is found revoked, it was us."""

    address: Address
    vault_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Revoked:
    """The vault is revoked (or was gone)."""

    address: Address
    vault_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Forgotten:
    """A person chose to leave the address's vaults alone."""

    address: Address


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """The attempt came to nothing and left nothing: no vault, or an empty one that is revoked."""

    op: str


Entry: TypeAlias = Intent | Bound | Committed | DeposedNow | Revoked | Forgotten | Done


@dataclass(frozen=True, slots=True, kw_only=True)
class Journal:
    """A journal as read, without a last line that a crash has cut."""

    header: Header
    entries: tuple[Entry, ...]


def header_line(header: Header) -> bytes:
    """Return the first line."""
    return _line({"n": 0, "lineage": header.lineage, "base_serial": header.base_serial, "tool": header.tool})


def entry_line(number_: int, entry: Entry) -> bytes:
    """Return the line of the record with this number; the first record is 1."""
    return _line({"n": number_} | _entry_record(entry))


def _line(value: Record) -> bytes:
    return canonical(value | {"crc": _crc(value)}) + b"\n"


def _crc(value: Record) -> str:
    return f"{zlib.crc32(canonical(value)):08x}"


def _entry_record(entry: Entry) -> Record:
    match entry:
        case Intent():
            return {
                "is": "intent",
                "op": entry.op,
                "address": str(entry.address),
                "uid": entry.uid,
                "generation": entry.generation,
                "tag": entry.tag,
                "at": time_text(entry.at),
            }
        case Bound():
            suite = entry.suite.value if entry.suite else None
            return {"is": "bound", "op": entry.op, "vault_id": entry.vault_id, "suite": suite}
        case Committed():
            return {
                "is": "committed",
                "op": entry.op,
                "address": str(entry.address),
                "uid": entry.uid,
                "prevent_revoke": entry.prevent_revoke,
                "object": share_record(entry.share),
            }
        case DeposedNow():
            return {"is": "deposed", "address": str(entry.address), "vault_id": entry.vault_id}
        case Revoked():
            return {"is": "revoked", "address": str(entry.address), "vault_id": entry.vault_id}
        case Forgotten():
            return {"is": "forgotten", "address": str(entry.address)}
        case Done():
            return {"is": "done", "op": entry.op}
        case _:
            assert_never(entry)


def parse(data: bytes, *, file: str) -> Journal | None:
    """Read a journal; None where nothing was written yet. StateError for damage before the last line."""
    values: list[Record] = []
    lines = data.split(b"\n")
    for index, line in enumerate(lines[:-1]):
        value = _parse_line(line)
        if value is None:
            break
        if not (type(value.get("n")) is int and value["n"] == index):
            _refuse(file, index)
        values.append(value)
    rest = b"\n".join(lines[len(values) :])
    if b"\n" in rest[:-1] or not _is_torn(rest):
        _refuse(file, len(values))
    return _journal(values, file=file) if values else None


def _is_torn(line: bytes) -> bool:
    """Whether a crash can have left this last line: its record was then never synced, and its step not taken.

    A process that is killed leaves the beginning of a line. A kernel that dies may have grown the file without
    having written each block of it: what is missing reads as zeros, which no record holds. Such a hole begins with
    the line or fills whole sectors; any other line with its newline was written to its end.
    """
    if line.endswith(b"\n") and not (line.startswith(b"\0") or bytes(_SECTOR) in line):
        return False
    return not _goes_on_behind_a_record(line)


def _goes_on_behind_a_record(line: bytes) -> bool:
    """Whether a damaged newline made one line of two: both were on the disk before their steps."""
    written = line.rstrip(b"\0\n").decode("utf-8", "replace")
    try:
        _, end = json.JSONDecoder().raw_decode(written)
    except (ValueError, RecursionError):
        return False
    return end != len(written)


def _parse_line(line: bytes) -> Record | None:
    try:
        value = load(line)
        crc, expected = value.pop("crc", None), _crc(value)
    except (ValueError, TypeError, RecursionError):
        return None
    return value if crc == expected else None


def _journal(values: Sequence[Record], *, file: str) -> Journal:
    read: list[Entry] = []
    header = None
    try:
        header = _read_header(values[0])
        for value in values[1:]:
            read.append(_read_entry(value))
    except (KeyError, TypeError, ValueError):
        _refuse(file, len(read) + 1 if header else 0)
    return Journal(header=header, entries=tuple(read))


def _read_header(fields: Record) -> Header:
    return Header(
        lineage=text(fields["lineage"]), base_serial=serial(fields["base_serial"]), tool=text(fields["tool"])
    )


def _read_entry(fields: Record) -> Entry:
    match fields["is"]:
        case "intent":
            return Intent(
                op=text(fields["op"]),
                address=Address.parse(text(fields["address"])),
                uid=text(fields["uid"]),
                generation=generation(fields["generation"]),
                tag=text(fields["tag"]),
                at=read_time(fields["at"]),
            )
        case "bound":
            return Bound(
                op=text(fields["op"]),
                vault_id=text(fields["vault_id"]),
                suite=optional(member(AgeSuite), fields["suite"]),
            )
        case "committed":
            return Committed(
                op=text(fields["op"]),
                address=Address.parse(text(fields["address"])),
                uid=text(fields["uid"]),
                prevent_revoke=flag(fields["prevent_revoke"]),
                share=read_share(fields["object"]),
            )
        case "deposed":
            return DeposedNow(
                address=Address.parse(text(fields["address"])), vault_id=text(fields["vault_id"])
            )
        case "revoked":
            return Revoked(address=Address.parse(text(fields["address"])), vault_id=text(fields["vault_id"]))
        case "forgotten":
            return Forgotten(address=Address.parse(text(fields["address"])))
        case "done":
            return Done(op=text(fields["op"]))
        case _:
            raise ValueError("an unknown record")


def _refuse(file: str, index: int) -> NoReturn:
    raise StateError(
        f"{file}, line {index + 1}: the journal of an interrupted run is damaged",
        hint="keep a copy of it, then remove it: the next run finds what was left by searching the tenant",
    ) from None
