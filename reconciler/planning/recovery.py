"""What to do with the vaults that a dead run left: adopt, revoke, or leave alone. Decisions only.

A vault is looked at when it bears our stack's tag and is in neither state nor `forgotten`:

* empty: revoked at once when the create is ours (journal, pending, or a known address); when its secret
  is unknown, once it is older than the pending time. An empty vault holds nothing and can never be filled.
* complete, a known address: adopted when it is what the manifest asks for now and newer than what we have,
  also when it has meanwhile ended (recorded as that end, not made again); otherwise it is an old copy.
* complete, an unknown address or no key: left alone, with attention.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

from reconciler.model.address import Address
from reconciler.model.attention import Attention
from reconciler.model.state import Attributes, End, Ended, Instance, Pending, State
from reconciler.model.vault import Status, Vault
from reconciler.planning import messages, moves
from reconciler.planning.verify import mismatch, seen_attributes, share_of
from reconciler.state import tags
from reconciler.state.journal import Committed
from reconciler.state.ledger import PENDING_TIME, Ledger, Open, pending_of
from reconciler.state.tags import Mac, Tag

_NO_KEY: Final = "its secret is unknown: run with the stack's fingerprint key"
_UNKNOWN: Final = (
    "its secret is unknown: it was made with an earlier key, or for a secret removed from the state"
)

HORIZON: Final = timedelta(days=31)
"""How far back a search must look: a share lives at most 30 days."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DesiredShare:
    """What the manifest asks for at an address. `content` is the plaintext's hex HMAC, None if unknown."""

    attributes: Attributes
    content: str | None
    fingerprint: str | None
    source: str
    prevent_revoke: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Orphan:
    """A vault of ours to be revoked: empty for good, or given up by its run before its link was given out.

    `open` is the create that the journal names it by: remembered until the vault is revoked.
    """

    vault_id: str
    address: Address | None
    open: Open | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovery:
    """The state with all that was adopted, the orphans to revoke, and attention."""

    state: State
    orphans: tuple[Orphan, ...] = ()
    attention: tuple[Attention, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Remains:
    """What a dead run may have left, as it was read before planning. `uids` holds a uid for every desired address."""

    name: str
    now: datetime
    vaults: Mapping[str, Vault]
    hidden: frozenset[str] = frozenset()
    """Vaults that the tenant does not show (403)."""
    open: tuple[Open, ...]
    all_desired: Mapping[Address, DesiredShare]
    moved: Mapping[Address, Address]
    """Old address -> new address, as declared: a tag may have been made from either."""
    uids: Mapping[Address, str]
    mac: Mac | None
    origins: Mapping[Address, Address] = field(default_factory=dict)
    """New address -> where the state has it still, for the moves that are to be made."""
    declared: frozenset[Address] = frozenset()
    """Every address of the manifest, desired in this run or not."""
    first_run: bool = False
    """Nothing is known and nothing lives: what ended before belonged to an earlier stack, and is made again."""


def recover(state: State, remains: Remains) -> Recovery:
    """Decide about every vault of ours that the state does not know."""
    return _Recoverer(state, remains).run()


def strangers(state: State | None, name: str, vaults: Iterable[Vault]) -> tuple[tuple[Vault, Tag], ...]:
    """Return the vaults that bear the stack's tag and the state does not know, newest generation first."""
    known = state.known() | state.forgotten if state else frozenset()
    ours = tags.stack_part(name)
    tagged = ((vault, tags.find(vault.display_name)) for vault in vaults)
    bearing = [(v, tag) for v, tag in tagged if tag and tag.stack == ours and v.vault_id not in known]
    return tuple(sorted(bearing, key=_newest_first))


def _newest_first(pair: tuple[Vault, Tag]) -> tuple[int, str]:
    return -pair[1].generation, pair[0].vault_id


def is_live(vault: Vault, now: datetime) -> bool:
    """Whether the vault can be opened now."""
    in_time = vault.expires is None or now < vault.expires
    return vault.content_ready and vault.status is Status.ACTIVE and in_time


class _Recoverer:
    def __init__(self, state: State, remains: Remains) -> None:
        self.before = state
        self.remains = remains
        self.ledger = Ledger(state)
        self.orphans: list[Orphan] = []
        self.attention: list[Attention] = []
        self.ops_by_tag = {o.intent.tag: o.intent.address for o in remains.open}
        self.ops_by_tag |= {p.tag: p.address for p in state.pending}
        self.ops_by_vault = {o.vault_id: o for o in remains.open if o.vault_id}
        self.addresses = self._known_addresses()

    def run(self) -> Recovery:
        bearing = strangers(self.before, self.remains.name, self.remains.vaults.values())
        for vault, tag in sorted([*bearing, *self._without_tag(bearing)], key=_newest_first):
            self._judge(vault, tag)
        self.orphans += self._unseen()
        pending = self._pending()
        return Recovery(
            state=replace(self.ledger.state(), pending=pending),
            orphans=tuple(self.orphans),
            attention=tuple(self.attention),
        )

    def _without_tag(self, bearing: Iterable[tuple[Vault, Tag]]) -> Iterator[tuple[Vault, Tag]]:
        """Return the vaults that the journal names and whose names the tenant did not keep."""
        passed = self.before.known() | self.before.forgotten | {vault.vault_id for vault, _ in bearing}
        for bound in self.remains.open:
            vault = self.remains.vaults.get(bound.vault_id or "")
            tag = tags.find(f"[rc:{bound.intent.tag}]")
            if vault and tag and vault.vault_id not in passed and not tags.find(vault.display_name):
                yield vault, tag

    def _unseen(self) -> Iterator[Orphan]:
        """Return the vaults that the journal alone names, and that may hold anything; no link was given out."""
        for bound in self.remains.open:
            if bound.vault_id and bound.vault_id in self.remains.hidden:
                yield Orphan(vault_id=bound.vault_id, address=bound.intent.address, open=bound)

    def _known_addresses(self) -> dict[str, tuple[Address, Address]]:
        """Return A -> the address it was made from and the address that it means now."""
        remains = self.remains
        if remains.mac is None:
            return {}
        steps = {old.name: new.name for old, new in remains.moved.items()}
        keys = {"", *(desired.key for desired in remains.all_desired)}
        renamed = {Address(old, key) for old in steps for key in keys}
        begun = {o.intent.address for o in remains.open} | {p.address for p in self.before.pending}
        kept = {*self.before.instances, *self.before.generations}
        known = {*kept, *remains.all_desired, *remains.declared, *renamed, *begun}
        all_desired = frozenset(remains.all_desired)
        stack = tags.stack_part(remains.name)
        return {
            tags.address_part(remains.mac, stack, old): (
                old,
                moves.destination(old, steps, all_desired) or old,
            )
            for old in known
        }

    def _judge(self, vault: Vault, tag: Tag) -> None:
        whose = self.addresses.get(tag.address)
        bound = self.ops_by_vault.get(vault.vault_id)
        address = whose[1] if whose else bound.intent.address if bound else self.ops_by_tag.get(str(tag))
        if address:
            self.ledger.used(self._home(address), tag.generation)
        if whose:
            self.ledger.used(whose[0], tag.generation)  # an old name may be used again, its tags may not
        if not vault.was_filled or (bound and bound.given_up and self._bears(vault, bound)):
            self._judge_useless(vault, address, bound)
            return
        if bound and bound.given_up:
            if is_live(vault, self.remains.now):
                self.attention.append(messages.named_by_journal(vault.vault_id))
            return
        if whose:
            self.ledger.filled(self._home(whose[1]), tag.generation)
        if whose is None:
            self._tell(vault, _UNKNOWN if self.remains.mac else _NO_KEY)
        elif self._is_desired(vault, tag, whose):
            self._adopt(vault, tag, whose[1])
        elif is_live(vault, self.remains.now):
            desired = self.remains.all_desired.get(whose[1])
            if desired and desired.content is None:
                self._tell(vault, f"whether it is current shows when the source of {whose[1]} can be read")
            else:
                home = self._home(whose[1])
                uid = self._uid(home, whose[1], vault)
                seen = seen_attributes(vault)
                share = share_of(vault, tag, seen, now=self.remains.now, proof=self._proof(uid, vault, tag))
                self.ledger.depose(home, uid, share)

    @staticmethod
    def _bears(vault: Vault, bound: Open) -> bool:
        """Whether a filled vault says itself that it is the one of a create: a journal alone could name any."""
        tag = tags.find(vault.display_name)
        return tag is not None and str(tag) == bound.intent.tag

    def _judge_useless(self, vault: Vault, address: Address | None, bound: Open | None) -> None:
        settled = vault.created and self.remains.now - vault.created > PENDING_TIME
        if vault.status is Status.UNKNOWN:
            self._tell(vault, "this version does not know its status, so it is left alone")
        elif vault.status.end is None and (address or settled):
            self.orphans.append(Orphan(vault_id=vault.vault_id, address=address, open=bound))

    def _tell(self, vault: Vault, why: str) -> None:
        if is_live(vault, self.remains.now) or vault.status is Status.UNKNOWN:
            self.attention.append(messages.unknown_vault(vault.vault_id, why))

    def _is_desired(self, vault: Vault, tag: Tag, whose: tuple[Address, Address]) -> bool:
        tagged, address = whose
        desired = self.remains.all_desired.get(address)
        if desired is None or desired.content is None or self.remains.mac is None:
            return False
        if tag.generation <= self._newest(self._home(address)):
            return False
        if vault.status.end and not self._is_the_end(vault, tag, whose):
            return False
        again = tags.make(
            self.remains.mac,
            name=self.remains.name,
            address=tagged,
            generation=tag.generation,
            attributes=desired.attributes,
            content=desired.content,
        )
        return again == tag and mismatch(vault, desired.attributes, str(tag)) is None

    def _is_the_end(self, vault: Vault, tag: Tag, whose: tuple[Address, Address]) -> bool:
        """Whether a vault that ended is how its secret ended, and not one of its past."""
        tagged, address = whose
        if self.remains.first_run or tag.generation <= self.before.generations.get(tagged, 0):
            return False  # it ended under our eyes, and left the state for that
        known = self.ledger.instance(self._home(address))
        if known and any(tag.generation < old.share.generation for old in known.deposed):
            return False  # a newer one took its place, and lives
        # With the journal lost it is unknown who revoked it. What is live is not given up for it.
        by_someone = vault.status.end is End.REVOKED and vault.vault_id not in self.ops_by_vault
        return not (by_someone and known and known.current)

    def _adopt(self, vault: Vault, tag: Tag, address: Address) -> None:
        desired = self.remains.all_desired[address]
        home = self._home(address)
        uid = self._uid(home, address, vault)
        share = share_of(
            vault,
            tag,
            desired.attributes,
            now=self.remains.now,
            fingerprint=desired.fingerprint,
            source=desired.source,
            proof=self._proof(uid, vault, tag),
        )
        self.ledger.take(
            Committed(op="", address=home, uid=uid, prevent_revoke=desired.prevent_revoke, share=share)
        )
        how = vault.status.end
        if how:
            ended = Ended(how=how, seen=self.remains.now, share=share)
            instance = self.ledger.instance(home) or Instance(uid=uid)
            self.ledger.put(home, replace(instance, current=None, ended=ended))
        self.attention.append(messages.adopted(address))

    def _proof(self, uid: str, vault: Vault, tag: Tag) -> str | None:
        """Return the key's word for a vault whose tag says that it is the address's, under whatever name."""
        return tags.proof(self.remains.mac, uid, vault.vault_id, str(tag)) if self.remains.mac else None

    def _home(self, address: Address) -> Address:
        """Return where the state keeps an address: under its old name, while a move is still to be made."""
        return self.remains.origins.get(address, address)

    def _newest(self, home: Address) -> int:
        """Return the generation of what an address has or last had; one that was adopted just now counts."""
        known = self.ledger.instance(home)
        current = known.current if known else None
        ended = known.ended if known else None
        return max(current.generation if current else 0, ended.share.generation if ended else 0)

    def _uid(self, home: Address, address: Address, vault: Vault) -> str:
        """Return an address's uid; one that is not desired gets one that no other has, from its vault."""
        known = self.ledger.instance(home)
        made_up = hashlib.sha256(vault.vault_id.encode()).hexdigest()[:32]
        return known.uid if known else self.remains.uids.get(address) or made_up

    def _pending(self) -> tuple[Pending, ...]:
        """Keep the creates that may still land; what was found or is past its time is settled."""
        waiting = {p.op: p for p in self.before.pending}
        for open_create in self.remains.open:
            if open_create.vault_id is None:
                pending = pending_of(open_create)
                waiting[pending.op] = pending
            else:
                self.ledger.used(open_create.intent.address, open_create.intent.generation)
        seen = {str(tag) for v in self.remains.vaults.values() if (tag := tags.find(v.display_name))}
        kept = {op: p for op, p in waiting.items() if p.tag not in seen and self.remains.now < p.until}
        for pending in (p for op, p in waiting.items() if op not in kept):
            self.ledger.used(pending.address, pending.generation)
        return tuple(kept.values())
