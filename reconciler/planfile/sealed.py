"""Saved plans: the JSON plan with a seal, read back, and held against what would happen now.

The seal is an HMAC with the stack's fingerprint key. It says that the plan is as this program wrote it; who
approved it, it does not say.
"""

from __future__ import annotations

import hmac
import json
from dataclasses import replace
from typing import Final, NoReturn, Protocol, TypedDict

from reconciler.errors import Mark, PlanError, StalePlanError
from reconciler.model.address import Address, is_name
from reconciler.model.attention import Attention, AttentionCode, LaterCode, Refusal, RefusalCode
from reconciler.model.canonical import (
    E,
    Record,
    canonical,
    flag,
    generation,
    items,
    load,
    member,
    number,
    optional,
    read_attributes,
    read_time,
    record,
    serial,
    text,
)
from reconciler.model.plan import Action, Cause, Change, Drift, Limits, Plan, Reason
from reconciler.model.state import End, Share
from reconciler.planfile.approval import approved, differences
from reconciler.planfile.planjson import FORMAT_VERSION, to_json
from reconciler.planfile.spent import record_of, spent
from reconciler.planning.values import SIZES

__all__ = [
    "Sealer",
    "approved",
    "asked",
    "decode",
    "differences",
    "encode",
    "record_of",
    "sealed_with",
    "spent",
    "to_json",
    "uids",
]


_AGAIN: Final = "make it again with `reconciler plan -o`"
_ACTIONS: Final = {
    ("create",): Action.CREATE,
    ("create", "delete"): Action.REPLACE,
    ("delete",): Action.REVOKE,
    ("forget",): Action.FORGET,
    ("no-op",): Action.NO_OP,
}


class Sealer(Protocol):
    """What seals: a `fingerprint.Key` fits, which this layer must not name."""

    id: str

    def mac(self, message: bytes) -> bytes:
        """Return HMAC-SHA256 of a message."""


def encode(plan: Plan, key: Sealer) -> bytes:
    """Return a saved plan's bytes. The uids of new secrets are in it, so that apply makes the same ones."""
    body = to_json(plan)
    body["seal"] = _seal(body, key)
    return json.dumps(body, indent=1, ensure_ascii=False).encode() + b"\n"


def decode(data: bytes, *, file: str, key: Sealer | None) -> Plan:
    """Read a saved plan.

    Without a key (`show`) only the digest is checked: what a reviewer approved. Raises PlanError for what is
    no plan, StalePlanError for one that was changed or that another key sealed.
    """
    body = _parse(data, file)
    if key is not None:
        _check_seal(body, key, file)
    try:
        plan = _read(body)
        if body["digest"] != plan.digest():
            _changed(file)
    except (KeyError, TypeError, ValueError):
        _refuse(file, "does not follow the format of a saved plan")
    return plan


def sealed_with(data: bytes, *, file: str, key: Sealer) -> bool:
    """Whether a plan names this key as the one of its seal. The seal itself is for `decode`."""
    return str(_parse(data, file).get("seal")).startswith(_seal_start(key))


def uids(plan: Plan) -> dict[Address, str]:
    """Return the uid of each secret of a plan: the state does not know one that it creates, or that a dead run made."""
    return {c.address: c.uid for c in plan.changes if c.after}


def asked(plan: Plan) -> dict[Address, str]:
    """Return what `--replace` asked for when a plan was saved, and the vault that each ends."""
    requested = (c for c in plan.changes if Reason.REQUESTED in c.reasons and c.after)
    return {c.address: c.before.vault_id for c in requested if c.before}


def _parse(data: bytes, file: str) -> Record:
    try:
        body = load(data)
        canonical(body)  # what UTF-8 cannot carry is refused here
    except (ValueError, TypeError, RecursionError):
        _refuse(file, "is cut short or is not a saved plan")
    version = body.get("format_version")
    if not isinstance(version, str) or "resource_changes" not in body:
        _refuse(file, "is not a saved plan of this program")
    if version.partition(".")[0] != FORMAT_VERSION.partition(".")[0]:
        raise PlanError(
            f"{file} is a plan in a format that this version does not read (it reads {FORMAT_VERSION})",
            hint="use the release of reconciler that wrote it, or " + _AGAIN,
        )
    return body


def _seal(body: Record, key: Sealer) -> str:
    covered = {name: value for name, value in body.items() if name != "seal"}
    return f"{_seal_start(key)}{key.mac(b'plan|' + canonical(covered)).hex()[:32]}"


def _seal_start(key: Sealer) -> str:
    return f"hmac-sha256:{key.id}:"


def _check_seal(body: Record, key: Sealer, file: str) -> None:
    seal = body.get("seal")
    if not isinstance(seal, str):
        raise StalePlanError(f"{file} bears no seal: it was not saved with `plan -o`", hint=_AGAIN)
    if not seal.startswith(_seal_start(key)):
        raise StalePlanError(
            f"{file} was sealed with another fingerprint key",
            hint="apply it where the key is that it was made with, or " + _AGAIN,
        )
    if not hmac.compare_digest(seal.encode(), _seal(body, key).encode()):
        _changed(file)


def _changed(file: str) -> NoReturn:
    raise StalePlanError(f"{file} was changed after it was saved", hint=_AGAIN)


def _refuse(file: str, what: str) -> NoReturn:
    raise PlanError(f"{file} {what}", hint=_AGAIN) from None


def _read(body: Record) -> Plan:
    return Plan(
        name=_read_name(body["name"]),
        server=text(body["server"]),
        creator=text(body["creator"]),
        lineage=optional(text, body["lineage"]),
        serial=optional(serial, body["serial"]),
        as_of=read_time(body["as_of"]),
        offline=flag(body["offline"]),
        policy_digest=optional(text, body["policy_digest"]),
        live=number(body["live"]),
        limits=_read_limits(record(body.get("limits", {}))),
        changes=tuple(_read_change(value) for value in items(body["resource_changes"])),
        drift=tuple(_read_drift(value) for value in items(body["resource_drift"])),
        attention=tuple(_read_attention(value) for value in items(body["attention"])),
        refusals=tuple(_read_refusal(value) for value in items(body["refusals"])),
        unchecked=frozenset(Address.parse(text(value)) for value in items(body["unchecked"])),
    )


def _read_limits(limits: Record) -> Limits:
    """Read the limits, which a plan had none of before format 1.3."""
    return Limits(
        max_revoke=optional(number, limits.get("max_revoke")),
        max_replace=optional(number, limits.get("max_replace")),
    )


def _read_change(value: object) -> Change:
    it = record(value)
    inner = record(it["change"])
    action = _ACTIONS[tuple(text(word) for word in items(inner["actions"]))]
    change = Change(
        address=Address.parse(text(it["address"])),
        action=Action.STATE_ONLY if it.get("state_only") else action,
        reasons=_read_reasons(it),
        cause=optional(member(Cause), it["caused_by"]),
        uid=text(it["uid"]),
        mark=optional(_read_mark, it["manifest"]),
        generation=optional(number, it["generation"]),
        deposed=optional(text, it.get("deposed")),
        description=optional(text, it.get("description")),
        moved_from=optional(lambda old: Address.parse(text(old)), it.get("previous_address")),
    )
    if inner["before"] is not None:
        before = record(inner["before"])
        views = optional(number, before["current_views"])
        change = replace(change, before=_read_before(before), views=views)
    if inner["after"] is not None:
        after = record(inner["after"])
        change = replace(
            change,
            after=read_attributes(after),
            fingerprint=optional(text, after["fingerprint"]),
            source=optional(text, after["source"]),
            size=optional(_read_size, after["size"]),
        )
    return change


def _read_reasons(change: Record) -> tuple[Reason, ...]:
    """Read all reasons, the first of which is `action_reason`; before format 1.2 that was the only one."""
    first = optional(member(Reason), change["action_reason"])
    alone = [first] if first else []
    reasons = tuple(member(Reason)(reason) for reason in items(change.get("action_reasons", alone)))
    if list(reasons[:1]) != alone:
        raise ValueError("the first reason was expected to be the action's")
    return reasons


def _read_name(value: object) -> str:
    if not is_name(text(value)):
        raise ValueError("the name of a stack was expected")
    return text(value)


def _read_size(value: object) -> str:
    if value not in SIZES:
        raise ValueError("a bucket of sizes was expected")
    return text(value)


def _read_mark(value: object) -> Mark:
    it = record(value)
    return Mark(file=text(it["file"]), line=number(it["line"]), column=number(it["column"]))


def _read_before(it: Record) -> Share:
    """Read a vault as a plan tells it: what opens it is not there, and nothing that acts may miss it."""
    return Share(
        vault_id=text(it["vault_id"]),
        generation=generation(it["generation"]),
        tag="",
        share_code="",
        share_url="",
        attributes=read_attributes(it),
        fingerprint=optional(text, it["fingerprint"]),
        source=text(it["source"]),
        created=read_time(it["created"]),
        expires=read_time(it["expires"]),
        ready=flag(it["ready"]),
    )


def _read_drift(value: object) -> Drift:
    it = record(value)
    now = text(it["is"])
    return Drift(
        address=Address.parse(text(it["address"])),
        vault_id=text(it["vault_id"]),
        now=End(now) if now in tuple(End) else now,
    )


def _read_attention(value: object) -> Attention:
    note = record(value)
    return Attention(code=_read_code(AttentionCode, note["code"]), **_read_note(note))


def _read_refusal(value: object) -> Refusal:
    note = record(value)
    return Refusal(code=_read_code(RefusalCode, note["code"]), **_read_note(note))


class _Note(TypedDict):
    text: str
    address: Address | None
    next: str | None


def _read_note(note: Record) -> _Note:
    return _Note(
        text=text(note["text"]),
        address=optional(lambda address: Address.parse(text(address)), note["address"]),
        next=optional(text, note["next"]),
    )


def _read_code(known: type[E], value: object) -> E | LaterCode:
    """Read a code; one that a newer minor version of the format has grown stays as it is."""
    code = text(value)
    return known(code) if code in tuple(known) else LaterCode(code)
