"""A plan: what would happen, why, and what a person must know. It can hold no plaintext."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TypeAlias

from reconciler.errors import Mark
from reconciler.model.address import Address, fold
from reconciler.model.attention import Attention
from reconciler.model.canonical import attributes_record, canonical
from reconciler.model.manifest import Sharing
from reconciler.model.state import Attributes, End, Share


class Action(StrEnum):
    """What apply does. It looks at nothing else."""

    CREATE = "create"
    REPLACE = "replace"  # create first, then revoke the old one
    REVOKE = "revoke"
    FORGET = "forget"  # drop from state, leave the vault alone
    NO_OP = "no-op"
    STATE_ONLY = "state_only"  # a move, an adoption, an end seen: touches no vault

    @property
    def changes_vaults(self) -> bool:
        """Whether `plan --detailed-exitcode` answers 2 for it (a forget counts: someone loses our care)."""
        return self not in (Action.NO_OP, Action.STATE_ONLY)

    @property
    def ends(self) -> bool:
        """Whether it takes a vault from us: which one is a part of what is approved."""
        return self in (Action.REPLACE, Action.REVOKE, Action.FORGET)


class Reason(StrEnum):
    """Why; `sentence` is what a person reads."""

    NEW = "new"
    CONTENT_CHANGED = "content_changed"
    ATTRIBUTES_CHANGED = "attributes_changed"
    ROTATED = "rotated"
    RENEWAL_DUE = "renewal_due"
    EXPIRED = "expired"
    BURNED = "burned"
    REVOKED_REMOTELY = "revoked_remotely"
    MISSING_REMOTELY = "missing_remotely"
    TAINTED = "tainted"
    REQUESTED = "requested"
    REMOVED_FROM_MANIFEST = "removed_from_manifest"
    DEPOSED = "deposed"

    @property
    def sentence(self) -> str:
        """Plain words: neither tainted nor deposed is said to a person."""
        return _SENTENCES[self]


_SENTENCES = {
    Reason.NEW: "new",
    Reason.CONTENT_CHANGED: "the value changed",
    Reason.ATTRIBUTES_CHANGED: "settings changed",
    Reason.ROTATED: "rotation asked for in the manifest",
    Reason.RENEWAL_DUE: "ends soon",
    Reason.EXPIRED: "has expired",
    Reason.BURNED: "all its views were used",
    Reason.REVOKED_REMOTELY: "was revoked by someone else",
    Reason.MISSING_REMOTELY: "is gone from the tenant",
    Reason.TAINTED: "incomplete: its content never arrived",
    Reason.REQUESTED: "requested",
    Reason.REMOVED_FROM_MANIFEST: "removed from the manifest",
    Reason.DEPOSED: "old copy",
}


class Cause(StrEnum):
    """Where a change comes from: the reviewed text, the clock, or the tenant. Guards count MANIFEST only."""

    MANIFEST = "manifest"
    TIME = "time"
    DRIFT = "drift"


class Value(StrEnum):
    """How the value of a source compares with the one that was sent."""

    SAME = "same"
    CHANGED = "changed"
    UNKNOWN = "unknown"

    @classmethod
    def of(cls, sent: str | None, read: str | None) -> Value:
        """Compare two fingerprints. Only those that one key made say anything about each other."""
        if sent is None or read is None or _maker(sent) != _maker(read):
            return cls.UNKNOWN
        return cls.SAME if sent == read else cls.CHANGED


def _maker(fingerprint: str) -> str:
    return fingerprint.rpartition(":")[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One line of a plan.

    `before` is our live (or, without one, last) object. `after` is desired, None when the vault goes.
    `generation` is the new object's. `deposed` names the vault of an old copy, whose address may have a
    second change. `moved_from` is set where the address was renamed.
    `size` is a bucket in words, never a length. `views` is how often `before` was opened, None when nobody
    looked: who loses access to a value that was opened still knows it. `description` is for reviewers alone.
    """

    address: Address
    action: Action
    reason: Reason | None = None
    cause: Cause | None = None
    uid: str
    mark: Mark | None = None
    before: Share | None = None
    after: Attributes | None = None
    fingerprint: str | None = None
    source: str | None = None
    size: str | None = None
    generation: int | None = None
    deposed: str | None = None
    moved_from: Address | None = None
    views: int | None = None
    description: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """A vault that the state has as live and the tenant does not; `now` is a word where it did not end."""

    address: Address
    vault_id: str
    now: End | str


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """Counts for the one line that closes every plan."""

    create: int
    replace: int
    revoke: int
    forget: int
    no_op: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Everything one look decided. `lineage` and `serial` are None for a first run.

    `refusals` are what apply will refuse (guards, `prevent_revoke`); `unchecked` are addresses whose value
    could not be compared. `live` counts the stack's live vaults before the change, which guards need.
    """

    name: str
    server: str
    creator: str
    lineage: str | None
    serial: int | None
    as_of: datetime
    offline: bool = False
    policy_digest: str | None = None
    live: int = 0
    changes: tuple[Change, ...] = ()
    drift: tuple[Drift, ...] = ()
    attention: tuple[Attention, ...] = ()
    refusals: tuple[Attention, ...] = ()
    unchecked: frozenset[Address] = frozenset()

    def acting(self) -> tuple[Change, ...]:
        """Return the changes that touch vaults."""
        return tuple(c for c in self.changes if c.action.changes_vaults)

    def summary(self) -> Summary:
        """Count by action; an old copy of a replaced secret counts as a revoke of its own.

        What is only struck from the state (an ended share that the manifest dropped, an old copy that is
        gone) is nobody's secret any more, and counts as nothing.
        """
        counts = dict.fromkeys(Action, 0)
        for change in self.changes:
            if change.action is not Action.STATE_ONLY or change.after:
                counts[change.action] += 1
        return Summary(
            create=counts[Action.CREATE],
            replace=counts[Action.REPLACE],
            revoke=counts[Action.REVOKE],
            forget=counts[Action.FORGET],
            no_op=counts[Action.NO_OP] + counts[Action.STATE_ONLY],
        )

    def digest(self) -> str:
        """Return `sha256:…` over what a reviewer approves, and nothing that moves by itself.

        Stack, server, policy and every change that touches a vault: address, uid, actions, reason, the vault that it
        ends, after.
        """
        covered = {
            "name": self.name,
            "server": self.server,
            "policy": self.policy_digest,
            "changes": [_digested(change) for change in self.acting()],
        }
        return "sha256:" + hashlib.sha256(canonical(covered)).hexdigest()


def _digested(change: Change) -> dict[str, object]:
    ended = {"ends": change.before.vault_id} if change.before and change.action.ends else {}
    return ended | {
        "address": str(change.address),
        "uid": change.uid,
        "action": change.action.value,
        "reason": change.reason.value if change.reason else None,
        "deposed": change.deposed,
        "after": attributes_record(change.after) if change.after else None,
        "fingerprint": change.fingerprint,
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """What a plan means for one person, by address."""

    who: str
    external: bool
    gains: tuple[Address, ...]
    loses: tuple[Address, ...]


def access(changes: Iterable[Change]) -> tuple[Access, ...]:
    """Return who gains and who loses, people outside first; a replace for the same people is neither."""
    names: dict[_Reader, str] = {}
    gains: dict[_Reader, set[Address]] = {}
    loses: dict[_Reader, set[Address]] = {}
    for change in changes:
        if change.deposed or not change.action.changes_vaults or change.action is Action.FORGET:
            continue
        # Who is served again by a create had lost access when the last one ended: that is a gain.
        old = change.before.attributes if change.before and change.action is not Action.CREATE else None
        before, after = _readers(old), _readers(change.after)
        names |= before | after
        for who in after.keys() - before.keys():
            gains.setdefault(who, set()).add(change.address)
        for who in before.keys() - after.keys():
            loses.setdefault(who, set()).add(change.address)
    people = sorted(gains.keys() | loses.keys(), key=lambda who: (not who[0], names[who]))
    return tuple(
        Access(
            who=names[who],
            external=who[0],
            gains=tuple(sorted(gains.get(who, ()))),
            loses=tuple(sorted(loses.get(who, ()))),
        )
        for who in people
    )


_Reader: TypeAlias = tuple[bool, str]
"""Outside or not, and the ID by which two spellings are one person."""


def _readers(attributes: Attributes | None) -> dict[_Reader, str]:
    if attributes is None:
        return {}
    external = attributes.sharing is Sharing.EXTERNAL
    return {(external, r.id or fold(r.as_written)): r.as_written for r in attributes.recipients}
