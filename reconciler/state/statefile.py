"""State <-> the bytes of a state file. docs/formats.md shows one."""

from __future__ import annotations

import hashlib
import json
from typing import Final, NoReturn

from reconciler.errors import StateError
from reconciler.model.address import Address
from reconciler.model.canonical import (
    Record,
    canonical,
    generation,
    items,
    load,
    number,
    optional,
    read_time,
    record,
    serial,
    text,
    time_text,
)
from reconciler.model.state import AppliedPlan, State
from reconciler.state.records import instance_record, pending_record, read_instance, read_pending

FORMAT_VERSION: Final = 1

_DAMAGED_HINT = (
    "bring back the last good copy, beside it with the ending .backup; "
    "or move it away, and `reconciler state recover` rebuilds it from the tenant"
)


def encode(state: State) -> bytes:
    """Return the file's bytes: JSON with sorted keys, an instance a line, so that a diff reads well."""
    body: Record = {
        "format_version": FORMAT_VERSION,
        "name": state.name,
        "lineage": state.lineage,
        "serial": state.serial,
        "server": state.server,
        "creator": state.creator,
        "key_id": state.key_id,
        "instances": {str(a): instance_record(i) for a, i in state.instances.items()},
        "generations": {str(a): g for a, g in state.generations.items()},
        "pending": [pending_record(p) for p in state.pending],
        "forgotten": sorted(state.forgotten),
    }
    if state.made:
        body["made"] = {str(a): g for a, g in state.made.items()}
    if state.applied:
        body["applied"] = [{"digest": a.digest, "as_of": time_text(a.as_of)} for a in state.applied]
    body["checksum"] = _checksum(body)
    lines = (f"{json.dumps(key)}: {_block(body[key])}" for key in sorted(body))
    return ("{\n" + ",\n".join(lines) + "\n}\n").encode()


def _block(value: object) -> str:
    if isinstance(value, dict) and value:
        inner = (f" {_text(key)}: {_text(value[key])}" for key in sorted(value))
        return "{\n" + ",\n".join(inner) + "\n}"
    return _text(value)


def _text(value: object) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False)


def _checksum(body: Record) -> str:
    covered = {key: value for key, value in body.items() if key != "checksum"}
    return "sha256:" + hashlib.sha256(canonical(covered)).hexdigest()


def decode(data: bytes, *, file: str) -> State:
    """Read a state file. Raises StateError with the reason and the next step; never a mix of old and new."""
    if not data.strip():
        _refuse(file, "is empty")
    try:
        body = load(data)
        checksum = _checksum(body)
    except (ValueError, TypeError, RecursionError):
        _refuse(file, "is cut short or is not a state file")
    version = body.get("format_version")
    if type(version) is not int or version < FORMAT_VERSION:
        _refuse(file, "is not a state file of this program")
    if version > FORMAT_VERSION:
        raise StateError(
            f"{file} is in format {version}; this version reads up to {FORMAT_VERSION}",
            hint="use the newer release of reconciler that wrote it",
        )
    if body.get("checksum") != checksum:
        _refuse(file, "was changed outside this program, or damaged: its checksum does not fit")
    try:
        state = _read(body)
    except (KeyError, TypeError, ValueError):
        _refuse(file, "does not follow the format, though its checksum fits")
    if _shared(state):
        _refuse(file, "has one secret under two names, which this program never writes")
    return state


def _shared(state: State) -> bool:
    """Whether two addresses have one uid or one vault.

    Each of them would hold its own value against the one fingerprint: a thousand guesses in one plan.
    """
    instances = state.instances.values()
    vaults = [vault_id for instance in instances for vault_id in instance.vault_ids()]
    return len({instance.uid for instance in instances}) < len(instances) or len(set(vaults)) < len(vaults)


def _refuse(file: str, what: str) -> NoReturn:
    raise StateError(f"{file} {what}", hint=_DAMAGED_HINT) from None


def _read(body: Record) -> State:
    return State(
        name=text(body["name"]),
        lineage=text(body["lineage"]),
        serial=serial(body["serial"]),
        server=text(body["server"]),
        creator=text(body["creator"]),
        key_id=optional(text, body["key_id"]),
        instances={Address.parse(a): read_instance(i) for a, i in record(body["instances"]).items()},
        generations={Address.parse(a): generation(g) for a, g in record(body["generations"]).items()},
        pending=tuple(read_pending(p) for p in items(body["pending"])),
        forgotten=frozenset(text(v) for v in items(body["forgotten"])),
        made={Address.parse(a): number(g) for a, g in record(body.get("made", {})).items()},
        applied=tuple(_read_applied(record(a)) for a in items(body.get("applied", []))),
    )


def _read_applied(plan: Record) -> AppliedPlan:
    return AppliedPlan(digest=text(plan["digest"]), as_of=read_time(plan["as_of"]))
