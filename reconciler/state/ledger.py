"""The state as the journal makes it: one fold, used while a run goes on and when a dead run is read back.

Because apply and recovery share it, what a crash leaves behind is read exactly as it was meant.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final, assert_never

from reconciler.errors import StateError
from reconciler.model.address import Address
from reconciler.model.state import APPLIED_KEPT, AppliedPlan, Deposed, Instance, Pending, Share, State
from reconciler.state.journal import (
    Bound,
    Committed,
    DeposedNow,
    Done,
    Entry,
    Forgotten,
    Intent,
    Journal,
    Revoked,
)

PENDING_TIME: Final = timedelta(minutes=15)
"""How long (server time) a create without an answer may still land; docs/reliability.md: what if later."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Open:
    """A create whose end is not recorded: bound to a vault, or perhaps never answered."""

    intent: Intent
    vault_id: str | None = None
    given_up: bool = False
    """We were about to revoke it: whatever it holds, it is not taken over any more."""

    def entries(self) -> tuple[Entry, ...]:
        """Return the records that say this again, for a journal that takes the place of an older one."""
        if self.vault_id is None:
            return (self.intent,)
        bound = Bound(op=self.intent.op, vault_id=self.vault_id, suite=None)
        if not self.given_up:
            return (self.intent, bound)
        return (self.intent, bound, DeposedNow(address=self.intent.address, vault_id=self.vault_id))


class Ledger:
    """A state that takes journal entries. Mutable, so that ten thousand entries do not copy ten thousand."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._instances = dict(state.instances)
        self._generations = dict(state.generations)
        self._made = dict(state.made)
        self._applied = state.applied
        self._forgotten = set(state.forgotten)
        self._open: dict[str, Open] = {}
        self._begun: dict[Address, int] = {}
        """The highest generation of the creates that may be under way."""
        for waiting in state.pending:
            self._begin(waiting.address, waiting.generation)

    def state(self) -> State:
        """Return the state as of now; the serial is the caller's to raise."""
        return replace(
            self._state,
            instances=dict(self._instances),
            generations=dict(self._generations),
            made=dict(self._made),
            applied=self._applied,
            forgotten=frozenset(self._forgotten),
        )

    def open(self) -> tuple[Open, ...]:
        """Return the creates whose end is not known, oldest first."""
        return tuple(self._open.values())

    def instance(self, address: Address) -> Instance | None:
        """Return what is known of an address."""
        return self._instances.get(address)

    def next_generation(self, address: Address) -> int:
        """Return 1 + the highest generation ever used, creates in flight included."""
        return 1 + max(
            self._state.generation(address), self._generations.get(address, 0), self._begun.get(address, 0)
        )

    def take(self, entry: Entry) -> None:
        """Fold one journal entry in."""
        match entry:
            case Intent():
                self._open[entry.op] = Open(intent=entry)
                self._begin(entry.address, entry.generation)
            case Bound():
                if entry.op in self._open:
                    self._open[entry.op] = replace(self._open[entry.op], vault_id=entry.vault_id)
            case Committed():
                self._close(entry.op)
                self._commit(entry)
            case DeposedNow():
                self._depose(entry.address, entry.vault_id)
            case Revoked():
                self._drop(entry.address, entry.vault_id)
            case Forgotten():
                self._forget(entry.address)
            case Done():
                self._close(entry.op)
            case _:
                assert_never(entry)

    def used(self, address: Address, generation: int) -> None:
        """Remember that a generation was used, so that no later vault bears it."""
        self._generations[address] = max(generation, self._generations.get(address, 0))

    def filled(self, address: Address, generation: int) -> None:
        """Remember that a filled share of a generation was made: whatever was approved for it is spent."""
        self._made[address] = max(generation, self._made.get(address, 0))

    def remember(self, plan: AppliedPlan) -> None:
        """Remember a saved plan of which everything was done."""
        others = (known for known in self._applied if known != plan)
        self._applied = (*others, plan)[-APPLIED_KEPT:]

    def put(self, address: Address, instance: Instance) -> None:
        """Set what is known of an address; nothing left to know drops it."""
        if instance.current:
            self.used(address, instance.current.generation)
        if instance.empty():
            self._instances.pop(address, None)
        else:
            self._instances[address] = instance

    def depose(self, address: Address, uid: str, old: Share) -> None:
        """Add an old copy that was found, to be revoked once the address has its current one."""
        instance = self._instances.get(address) or Instance(uid=uid)
        self.put(address, replace(instance, deposed=(*instance.deposed, Deposed(share=old))))

    def _begin(self, address: Address, generation: int) -> None:
        self._begun[address] = max(generation, self._begun.get(address, 0))

    def _close(self, op: str) -> None:
        closed = self._open.pop(op, None)
        if closed:
            self.used(closed.intent.address, closed.intent.generation)

    def _commit(self, entry: Committed) -> None:
        old = self._instances.get(entry.address)
        deposed = old.deposed if old else ()
        if old and old.current and old.current.vault_id != entry.share.vault_id:
            deposed = (*deposed, Deposed(share=old.current))
        self.used(entry.address, entry.share.generation)
        self.filled(entry.address, entry.share.generation)
        self._instances[entry.address] = Instance(
            uid=entry.uid,
            prevent_revoke=entry.prevent_revoke,
            current=entry.share,
            deposed=tuple(d for d in deposed if d.share.vault_id != entry.share.vault_id),
        )

    def _depose(self, address: Address, vault_id: str) -> None:
        for op, it in self._open.items():
            if it.vault_id == vault_id:
                self._open[op] = replace(it, given_up=True)
        instance = self._instances.get(address)
        if instance and instance.current and instance.current.vault_id == vault_id:
            old = Deposed(share=instance.current)
            self.put(address, replace(instance, current=None, deposed=(*instance.deposed, old)))

    def _drop(self, address: Address, vault_id: str) -> None:
        instance = self._instances.get(address)
        if instance:
            left = tuple(d for d in instance.deposed if d.share.vault_id != vault_id)
            self.put(address, replace(instance, deposed=left))

    def _forget(self, address: Address) -> None:
        instance = self._instances.pop(address, None)
        if instance:
            self._forgotten.update(share.vault_id for share in instance.held())


def replay(
    state: State | None, journal: Journal | None, *, file: str
) -> tuple[State | None, tuple[Open, ...]]:
    """Return the state after what a dead run recorded, and the creates whose end it did not record.

    Raises StateError where the two do not belong together. A journal on an older serial is obsolete: its run
    had saved the state. Only the vaults that it names and the state does not are looked at once more.
    """
    if journal is None:
        return state, ()
    if state is None:
        raise StateError(
            f"the state is missing, but {file} is the journal of a run that had one",
            hint="restore the state (its .backup, your branch or store), or run `reconciler state recover`",
        )
    header = journal.header
    if header.lineage != state.lineage:
        raise StateError(
            f"{file} is the journal of another state of this name",
            hint="restore the state that the interrupted run used, or remove the journal if that one is gone",
        )
    if header.base_serial > state.serial:
        raise StateError(
            f"the state (serial {state.serial}) is older than {file} (serial {header.base_serial})",
            hint="this is an old copy of the state: bring back the newer one; if that is lost, keep a copy of the "
            "journal, then remove it: the next run finds what was done since by searching the tenant",
        )
    folded, left = fold_entries(state, journal.entries)
    if header.base_serial < state.serial:
        passed = state.known() | state.forgotten
        return state, tuple(create for create in left if create.vault_id and create.vault_id not in passed)
    return folded, left


def fold_entries(state: State, entries: Iterable[Entry]) -> tuple[State, tuple[Open, ...]]:
    """Apply journal entries to a state."""
    ledger = Ledger(state)
    for entry in entries:
        ledger.take(entry)
    return ledger.state(), ledger.open()


def pending_of(open_create: Open) -> Pending:
    """Return the state's memory of a create that may still land."""
    intent = open_create.intent
    return Pending(
        op=intent.op,
        address=intent.address,
        generation=intent.generation,
        tag=intent.tag,
        at=intent.at,
        until=intent.at + PENDING_TIME,
    )
