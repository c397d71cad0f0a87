"""What a saved plan allows now: `apply PLAN` plans again and holds the two against each other.

What remains must be in the saved plan, equal. What is absent must be done already. Anything else is a difference.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final, TypeAlias

from reconciler.model.address import Address
from reconciler.model.attention import AttentionCode
from reconciler.model.canonical import attributes_record, time_text
from reconciler.model.plan import Action, Cause, Change, Plan, Reason
from reconciler.planning import guards

_Key: TypeAlias = tuple[Address, str | None]


_CLOCKS: Final = timedelta(minutes=5)
"""How far two readings of the tenant's clock may be apart."""


def differences(saved: Plan, now: Plan, *, clock: datetime | None = None) -> tuple[str, ...]:
    """Return every difference that forbids to apply a saved plan, as sentences; none when it may go on.

    `now` is planned as of the saved plan's time and with its uids. Serial, views and times may differ. Old
    copies are no difference (see `approved`), and a share that has ended since is the next run's. A plan
    for a future time, by the tenant's `clock`, would have the state remember as ended, for good, what still lives.
    """
    others = _stack(saved, now)
    if clock and saved.as_of > clock + _CLOCKS:
        others += (f"the plan was made for a future time (--as-of {time_text(saved.as_of)})",)
    if others:
        return others
    before, after = _reviewed(saved), _reviewed(_selected(saved, now))
    kept = {change.address: change for change in now.changes if change.deposed is None}
    keys = sorted(before.keys() | after.keys(), key=lambda key: (key[0], key[1] or ""))
    pairs = ((key[0], _difference(before.get(key), after.get(key), kept.get(key[0]))) for key in keys)
    return tuple(f"{address}: {difference}" for address, difference in pairs if difference)


def approved(saved: Plan, now: Plan) -> Plan:
    """Return what of `now` a saved plan holds. What came up by time alone waits for the next run.

    So does an old copy, unless the plan names its vault: as an old copy, or as what a change of it ends, which is
    what half of the same apply leaves. The guards count what the plan holds.
    """
    allowed = _reviewed(saved).keys()
    named = {(c.address, _ended(c)) for c in saved.acting() if _ended(c)}
    changes = tuple(
        change
        for change in now.changes
        if not change.action.changes_vaults
        or ((change.address, change.deposed) in named if change.deposed else _key(change) in allowed)
    )
    acting = {change.address for change in changes if change.action.changes_vaults}
    still = (
        r for r in now.refusals if r.code not in guards.CODES and (r.address is None or r.address in acting)
    )
    # what is left of a plan is fewer than what was reviewed, of other live ones: the plan itself is judged
    refusals = (*(guards.guards(saved, saved.limits) if acting else ()), *still)
    left_out = [note for note in saved.attention if note.code == AttentionCode.LEFT_OUT]
    return replace(now, changes=changes, refusals=refusals, attention=(*left_out, *now.attention))


def _selected(saved: Plan, now: Plan) -> Plan:
    """Return of `now` what a saved plan was about: one of --target and the like says nothing of the rest."""
    if all(note.code != AttentionCode.LEFT_OUT for note in saved.attention):
        return now
    # old copies are never left out, and say nothing of their secret
    seen = {change.address for change in saved.changes if change.deposed is None}
    return replace(now, changes=tuple(change for change in now.changes if change.address in seen))


def _stack(saved: Plan, now: Plan) -> tuple[str, ...]:
    pairs = {
        "stack": (saved.name, now.name),
        "tenant": (saved.server, now.server),
        "identity": (saved.creator, now.creator),
        "policy": (saved.policy_digest, now.policy_digest),
    }
    others = [f"the plan was made for another {name}" for name, (was, is_) in pairs.items() if was != is_]
    if saved.lineage and now.lineage and saved.lineage != now.lineage:
        others.append("the plan was made for another state")
    if saved.offline:
        others.append("the plan was made offline: it read neither the tenant nor the values")
    return tuple(others)


def _reviewed(plan: Plan) -> dict[_Key, Change]:
    """Return the changes that a reviewer decides about, by what they concern."""
    return {_key(c): c for c in plan.acting() if c.reason is not Reason.DEPOSED}


def _key(change: Change) -> _Key:
    return change.address, change.deposed


def _difference(saved: Change | None, now: Change | None, kept: Change | None) -> str | None:
    if saved is None:
        assert now is not None
        return None if now.cause is Cause.TIME else f"{_said(now)} is not in the plan"
    if now is None:
        return None if _done(saved, kept) else f"{_said(saved)} is in the plan, but would not happen now"
    if not _same_decision(saved, now):
        return f"{_said(saved)} in the plan, now {_said(now)}"
    if saved.uid != now.uid:
        return "another secret has that name now"
    if saved.fingerprint != now.fingerprint:
        return "the value is not the planned one"
    if _ended(now) not in (None, _ended(saved)):
        return "would end another share than the plan"
    if names := _changed_since(saved, now):
        return f"{', '.join(names)} changed since the plan"
    return None


def _same_decision(saved: Change, now: Change) -> bool:
    """Whether both would do the same, for the same reasons; a renewal that came too late is still that renewal.

    Of what became of the share only the first reason counts: a share that was burned and is gone by now is no other
    decision.
    """
    if _declared(saved) - {Reason.SOURCE_CHANGED} != _declared(now) - {Reason.SOURCE_CHANGED}:
        return False
    if Reason.SOURCE_CHANGED in _declared(now) ^ _declared(saved) and now.source != saved.source:
        return False  # of the same source: a killed run has noted it already, as that of an equal value
    if saved.cause is Cause.TIME and now.cause is Cause.TIME:
        return True
    return (saved.action, saved.reason) == (now.action, now.reason)


def _declared(change: Change) -> frozenset[Reason]:
    return frozenset(reason for reason in change.reasons if reason.declared)


def _done(saved: Change, kept: Change | None) -> bool:
    """Whether a change that no longer comes up was made meanwhile."""
    match saved.action:
        case Action.REVOKE | Action.FORGET:
            return kept is None or kept.after is None
        case _:
            if kept is None or kept.before is None or saved.after is None:
                return False
            made = kept.before
            if saved.before and made.vault_id == saved.before.vault_id:
                return False
            same = made.fingerprint == saved.fingerprint or saved.fingerprint is None
            return same and made.attributes.who() == saved.after.who() and _desired(saved) == _desired(kept)


def _ended(change: Change) -> str | None:
    """Return the vault that a change ends or forgets."""
    return change.before.vault_id if change.before and change.action.ends else None


def _desired(change: Change) -> dict[str, object]:
    return attributes_record(change.after) if change.after else {}


def _changed_since(saved: Change, now: Change) -> list[str]:
    """Return the attributes that are declared otherwise than in the plan: any byte counts, also of a spelling."""
    old, new = _desired(saved), _desired(now)
    return sorted(name for name in old.keys() | new.keys() if old.get(name) != new.get(name))


def _said(change: Change) -> str:
    reasons = ", ".join(_said_reason(reason, change) for reason in change.reasons)
    return f"{change.action.value} ({reasons})" if reasons else change.action.value


def _said_reason(reason: Reason, change: Change) -> str:
    names = ", ".join(name for name in change.changed if name != "rotate")
    return f"{names} changed" if reason is Reason.ATTRIBUTES_CHANGED and names else reason.sentence
