"""A plan: what would happen, why, and what needs attention. It can hold no plaintext."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final, TypeAlias, assert_never

from reconciler.errors import Mark
from reconciler.model.address import Address, fold
from reconciler.model.attention import Attention, Refusal
from reconciler.model.canonical import attributes_record, canonical
from reconciler.model.manifest import Sharing
from reconciler.model.state import Attributes, Difference, End, Share


class Action(StrEnum):
    """What apply does. It looks at nothing else."""

    CREATE = "create"
    """Make a share where none lives: a new secret, or one whose share ended or is gone."""

    REPLACE = "replace"
    """Make another share, then revoke the one that lives: a share cannot be changed."""

    REVOKE = "revoke"
    """End a share: its secret left the manifest, or it is an old copy."""

    FORGET = "forget"
    """Drop a share from the state and leave it to its end: `removed` with `revoke: false`."""

    NO_OP = "no-op"
    """Nothing: the share is as declared, or stays as it ended."""

    STATE_ONLY = "state_only"
    """Change the state and no share: a rename, an adoption, an end that was seen."""

    @property
    def changes_vaults(self) -> bool:
        """Whether `plan --detailed-exitcode` answers 2 for it (a forget counts: the share is no longer managed)."""
        return self not in (Action.NO_OP, Action.STATE_ONLY)

    @property
    def ends(self) -> bool:
        """Whether it takes a vault from us: which one is a part of what is approved."""
        return self in (Action.REPLACE, Action.REVOKE, Action.FORGET)


class Cause(StrEnum):
    """Where a change comes from. Guards count MANIFEST only, `--only renewals` carries out TIME only."""

    MANIFEST = "manifest"
    """The reviewed text or the command line asks for it."""

    TIME = "time"
    """The clock: the share expired or is due, and the tenant shows that it is the stack's."""

    DRIFT = "drift"
    """The tenant: the share is gone, incomplete or an old copy, or nothing there shows whose it is."""


class Reason(StrEnum):
    """Why; a change has all that hold. `sentence` is what a person reads."""

    REQUESTED = "requested"
    """`--replace` names the secret, or `destroy` revokes everything."""

    NEW = "new"
    """The manifest has the secret and the state does not."""

    ATTRIBUTES_CHANGED = "attributes_changed"
    """Recipients, lifetime, views or another attribute differ from the share's; `Change.changed` names them."""

    CONTENT_CHANGED = "content_changed"
    """The value differs from the one that was sent; offline, which reads none, its source does."""

    ROTATED = "rotated"
    """The word under `rotate` is another one."""

    RENEWAL_DUE = "renewal_due"
    """The share is within `renew_before` of its end, and is renewed."""

    EXPIRED = "expired"
    """The share reached its end."""

    BURNED = "burned"
    """All views of the share were used."""

    REVOKED_REMOTELY = "revoked_remotely"
    """The share was revoked by hand or by another program."""

    MISSING_REMOTELY = "missing_remotely"
    """The tenant does not know the share any more, before its end."""

    TAINTED = "tainted"
    """The share has no content: the run that made it died, or its upload failed."""

    REMOVED_FROM_MANIFEST = "removed_from_manifest"
    """The state has the secret and the manifest does not."""

    DEPOSED = "deposed"
    """The share was replaced, and the run that did so could not revoke it."""

    SOURCE_CHANGED = "source_changed"
    """The value comes from another source than the share's did. Never the only reason: an equal value stays."""

    @property
    def declared(self) -> bool:
        """Whether the manifest or the command line gives it; the others are what became of the share."""
        match self:
            case (
                Reason.REQUESTED
                | Reason.NEW
                | Reason.ATTRIBUTES_CHANGED
                | Reason.CONTENT_CHANGED
                | Reason.ROTATED
                | Reason.REMOVED_FROM_MANIFEST
                | Reason.SOURCE_CHANGED
            ):
                return True
            case (
                Reason.RENEWAL_DUE
                | Reason.EXPIRED
                | Reason.BURNED
                | Reason.REVOKED_REMOTELY
                | Reason.MISSING_REMOTELY
                | Reason.TAINTED
                | Reason.DEPOSED
            ):
                return False
            case _:
                assert_never(self)

    @property
    def sentence(self) -> str:
        """Plain words: neither tainted nor deposed is said to a person."""
        return _SENTENCES[self]


_SENTENCES = {
    Reason.NEW: "new",
    Reason.CONTENT_CHANGED: "value changed",
    Reason.ATTRIBUTES_CHANGED: "attributes changed",
    Reason.ROTATED: "rotated",
    Reason.RENEWAL_DUE: "expires soon",
    Reason.EXPIRED: "expired",
    Reason.BURNED: "all views used",
    Reason.REVOKED_REMOTELY: "revoked outside of reconciler",
    Reason.MISSING_REMOTELY: "missing on the tenant",
    Reason.TAINTED: "incomplete: its content did not arrive",
    Reason.REQUESTED: "asked for on the command line",
    Reason.REMOVED_FROM_MANIFEST: "removed from the manifest",
    Reason.DEPOSED: "old copy",
    Reason.SOURCE_CHANGED: "source changed",
}


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

    `reasons` are all that hold, never one in the place of another; the first is `action_reason` of the JSON.
    `before` is our live (or, without one, last) object. `after` is desired, None when the vault goes.
    `generation` is the new object's. `deposed` names the vault of an old copy, whose address may have a
    second change. `moved_from` is set if the address was renamed.
    `size` is a bucket in words, never a length. `views` is how often `before` was opened, None when this
    run did not look: who loses access to a value that was opened still knows it. `description` is for reviewers alone.
    """

    address: Address
    action: Action
    reasons: tuple[Reason, ...] = ()
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

    @property
    def reason(self) -> Reason | None:
        """The first reason, the one that `cause` is about."""
        return self.reasons[0] if self.reasons else None

    @property
    def changed(self) -> tuple[str, ...]:
        """The names of the attributes in which the share that is made differs from the one before."""
        return tuple(difference.name for difference in self._attributes())

    @property
    def value(self) -> Value | None:
        """How the value of the share that is made compares with the one before; None if there is no pair."""
        if Reason.CONTENT_CHANGED in self.reasons:
            return Value.CHANGED  # also offline, where another source counts as another value
        return Value.of(self.before.fingerprint, self.fingerprint) if self.before and self._makes else None

    def differences(self) -> tuple[Difference, ...]:
        """Return all that the share that is made has otherwise than the one before: attributes, then the source.

        The value is not among them (see `value`): it has no sides that a plan could show.
        """
        if self.before is None or Reason.SOURCE_CHANGED not in self.reasons:
            return self._attributes()
        source = Difference(name="source", before=self.before.source, after=self.source)
        return (*self._attributes(), source)

    def _attributes(self) -> tuple[Difference, ...]:
        if self.before is None or self.after is None or not self._makes:
            return ()
        return self.before.attributes.differences(self.after)

    @property
    def _makes(self) -> bool:
        return self.action in (Action.CREATE, Action.REPLACE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """A vault that the state has as live and the tenant does not; `now` is a word if it did not end."""

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
class Limits:
    """What `--max-revoke` and `--max-replace` say; None leaves it to the guard."""

    max_revoke: int | None = None
    max_replace: int | None = None


NO_LIMITS: Final = Limits()


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Everything one look decided. `lineage` and `serial` are None for a first run.

    `refusals` are what apply will refuse (guards, `prevent_revoke`); `unchecked` are addresses whose value
    could not be compared. `live` counts the stack's live vaults before the change, which guards need; `limits` are what
    they were told to let through.
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
    limits: Limits = NO_LIMITS
    changes: tuple[Change, ...] = ()
    drift: tuple[Drift, ...] = ()
    attention: tuple[Attention, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    unchecked: frozenset[Address] = frozenset()

    def acting(self) -> tuple[Change, ...]:
        """Return the changes that touch vaults."""
        return tuple(c for c in self.changes if c.action.changes_vaults)

    def summary(self) -> Summary:
        """Count by action; an old copy of a replaced secret counts as a revoke of its own.

        What is only struck from the state (an ended share that the manifest dropped, an old copy that is
        gone) is no secret any more, and counts as nothing.
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

        Stack, server, policy, the limits that the guards were given, and every change that touches a vault: address,
        uid, actions, reasons, the vault that it ends, after.
        """
        covered: dict[str, object] = {
            "name": self.name,
            "server": self.server,
            "policy": self.policy_digest,
            "changes": [_digested(change) for change in self.acting()],
        }
        if self.limits != NO_LIMITS:
            covered["limits"] = limits_record(self.limits)
        return "sha256:" + hashlib.sha256(canonical(covered)).hexdigest()


def limits_record(limits: Limits) -> dict[str, int | None]:
    """Return the limits as JSON has them."""
    return {"max_revoke": limits.max_revoke, "max_replace": limits.max_replace}


def _digested(change: Change) -> dict[str, object]:
    more: dict[str, object] = {}
    if change.before and change.action.ends:
        more["ends"] = change.before.vault_id
    if len(change.reasons) > 1:  # a plan of format 1.1 has one at most, and keeps its digest
        more["reasons"] = [reason.value for reason in change.reasons]
    return more | {
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
    return {(external, r.id or fold(r.as_written)): r.shown for r in attributes.recipients}
