"""What we know of our vaults: the nouns of the state file (docs/formats.md)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from reconciler.model.address import Address, fold
from reconciler.model.manifest import AgeSuite, Format, Kind, Lead, Sharing


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Recipient:
    """Who may open a vault: as a person wrote it, and as the API knows it.

    The ID of an address outside is the folded address; None means "not looked up" (an offline plan).
    `person` is the address of the user whose ID was written, as the directory just said: for reviewers alone.
    """

    as_written: str
    id: str | None
    person: str | None = field(default=None, compare=False)

    @property
    def shown(self) -> str:
        """Who it is in a plan: what is sent, and of an ID that somebody wrote the person as well."""
        if self.person:
            return f"{self.person} ({self.as_written})"
        folded = fold(self.as_written)
        return folded if self.id == folded else self.as_written


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One thing that differs between a share and what is declared, by its name, with both sides as data."""

    name: str
    before: object
    after: object


@dataclass(frozen=True, slots=True, kw_only=True)
class Attributes:
    """Everything about a vault that a reader or recipient can notice, but its content.

    `format` is a text's, `filename` and `content_type` are a file's. `suite` None is `auto` (desired only).
    `expires_in` in seconds; `max_views` 0 is without limit.
    """

    kind: Kind
    format: Format | None
    label: str
    label_defaulted: bool
    sharing: Sharing
    recipients: tuple[Recipient, ...]
    expires_in: int
    max_views: int
    filename: str | None
    content_type: str | None
    suite: AgeSuite | None
    rotate: str | None

    def who(self) -> frozenset[str]:
        """Return the recipients' IDs (as written, where not looked up)."""
        return frozenset(r.id or r.as_written for r in self.recipients)

    def differences(self, desired: Attributes) -> tuple[Difference, ...]:
        """Return what differs from the desired attributes, in the order of the class.

        A defaulted label says nothing about what a person wants, and neither does a suite left to the server.
        Recipients are compared by ID: a second spelling is the same person.
        """
        # A server that does not say the suite is of the time when there was only one.
        suite = self.suite or AgeSuite.X25519
        same = {
            "label": desired.label_defaulted or self.label == desired.label,
            "label_defaulted": True,
            "recipients": self.who() == desired.who(),
            "suite": desired.suite in (None, suite),
        }
        pairs = (
            (field.name, getattr(self, field.name), getattr(desired, field.name)) for field in fields(self)
        )
        return tuple(
            Difference(name=name, before=before, after=after)
            for name, before, after in pairs
            if not same.get(name, before == after)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """One vault of ours. Immutable there, so immutable here; each new one has the next generation."""

    vault_id: str
    generation: int
    tag: str
    share_code: str
    share_url: str
    attributes: Attributes
    fingerprint: str | None
    source: str
    """Where the value came from, as a person wrote it (`env DB_PASSWORD`): a plan shows a swap."""
    created: datetime
    expires: datetime
    ready: bool
    renew: bool = False
    """Whether it was declared `renew: always` when last seen live: what ended without it is not renewed by time."""
    proof: str | None = field(default=None, repr=False)
    """The stack key's word that the vault is its instance's, whatever its address is now; see `state.tags.proof`."""

    def due(self, now: datetime, lead: Lead) -> bool:
        """Whether it is within its lead of its end. `now` is the server's time, as both ends are."""
        lifetime = int((self.expires - self.created).total_seconds())
        return now >= self.expires - timedelta(seconds=lead.of(lifetime))


@dataclass(frozen=True, slots=True, kw_only=True)
class Deposed:
    """The old half of a replace, or an old copy that was found: still to be revoked."""

    share: Share
    revoke_after: datetime | None = None


class End(StrEnum):
    """How a vault ended; written when first seen and never reinterpreted."""

    EXPIRED = "expired"
    BURNED = "burned"
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """A vault whose end was seen, and when."""

    how: End
    seen: datetime
    share: Share


@dataclass(frozen=True, slots=True, kw_only=True)
class Instance:
    """One address: its live vault, its old ones, or how the last one ended. `uid` survives moves."""

    uid: str
    prevent_revoke: bool = False
    current: Share | None = None
    deposed: tuple[Deposed, ...] = ()
    ended: Ended | None = None

    def held(self) -> tuple[Share, ...]:
        """Return what has not ended, as far as we know: its live vault and the old copies."""
        current = (self.current,) if self.current else ()
        return (*current, *(old.share for old in self.deposed))

    def shares(self) -> tuple[Share, ...]:
        """Return its vaults, whatever their condition."""
        ended = (self.ended.share,) if self.ended else ()
        return (*self.held(), *ended)

    def vault_ids(self) -> frozenset[str]:
        """Return the ids of its vaults, whatever their condition."""
        return frozenset(share.vault_id for share in self.shares())

    def last(self) -> Share | None:
        """Return its live vault, else the one that ended."""
        return self.current or (self.ended.share if self.ended else None)

    def overtaken_by(self, copy: Share) -> bool:
        """Whether the share ended and a copy is not older: that is no remnant, another run went on with it.

        A state that was made again may have counted its generations anew: then the tenant's clock tells.
        """
        if self.ended is None or self.current:
            return False
        ended = self.ended.share
        return copy.generation >= ended.generation or copy.created > ended.created

    def empty(self) -> bool:
        """Whether nothing is left to remember."""
        return not self.shares()


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """A create that may still land on the server: searched for again until `until` (server time)."""

    op: str
    address: Address
    generation: int
    tag: str
    at: datetime
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class AppliedPlan:
    """A saved plan of which everything was done. Two plans with one digest are told apart by their time."""

    digest: str
    as_of: datetime


APPLIED_KEPT: Final = 100
"""How many applied plans a state remembers. Older ones are past their life (`--plan-life`) long before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """One stack's memory. `serial` grows with every saved change; `lineage` never changes.

    `made` is, per address, the highest generation of which a filled share was made: what an approval may be spent on
    once. `generations` counts the attempts as well.
    """

    name: str
    lineage: str
    serial: int
    server: str
    creator: str
    key_id: str | None
    instances: Mapping[Address, Instance] = field(default_factory=dict)
    generations: Mapping[Address, int] = field(default_factory=dict)
    pending: tuple[Pending, ...] = ()
    forgotten: frozenset[str] = frozenset()
    made: Mapping[Address, int] = field(default_factory=dict)
    applied: tuple[AppliedPlan, ...] = ()

    def shares(self) -> Iterator[Share]:
        """Yield every vault in the state, whatever its condition."""
        for instance in self.instances.values():
            yield from instance.shares()

    def known(self) -> frozenset[str]:
        """Return the ids of every vault in the state, whatever its condition."""
        return frozenset(it.vault_id for it in self.shares())

    def held(self) -> frozenset[str]:
        """Return the ids of every vault that has not ended, as far as we know."""
        return frozenset(it.vault_id for instance in self.instances.values() for it in instance.held())

    def generation(self, address: Address) -> int:
        """Return the highest generation that a vault of the address ever had; it outlives the instance."""
        instance = self.instances.get(address)
        used = [it.generation for it in instance.shares()] if instance else []
        return max((self.generations.get(address, 0), *used))
