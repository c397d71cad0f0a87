"""The state machine: a person edits, time passes, recipients look, strangers revoke, runs meet faults and die.

After every step what must hold at all times is checked on the tenant's own record; after every step called
`converge`, which is one undisturbed apply, that everything is as declared. docs/reliability.md names the
invariants I1 to I9. `commands` and `by_hand` add what else a person does.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from typing import Any

from hypothesis import note
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from reconciler.errors import StateError
from reconciler.model.address import Address
from reconciler.model.state import State
from reconciler.operations import state_commands
from reconciler.sandbox.vault import Status, Stored, status
from reconciler.state import journal, tags
from reconciler.state.ledger import PENDING_TIME
from tests.fuzz.entries import EDITS, ENTRIES, NAMES, Declared, Entry
from tests.fuzz.faults import CALLS, Fate, Fault, Kind
from tests.fuzz.world import NAME, World, same_randomness, tag_of

COUNTS: Counter[str] = Counter()
"""What was done, over all examples of this process: printed by `make fuzz`."""

OFTEN = (*CALLS, "create", "content", "get", "revoke", "journal", "journal", "save")
FAULTS = st.sampled_from(OFTEN).flatmap(
    lambda call: st.builds(
        Fault,
        call=st.just(call),
        nth=st.integers(1, {"journal": 12, "save": 2, "drop": 1}.get(call, 3)),
        kind=st.sampled_from(CALLS[call]),
        times=st.sampled_from([1, 1, 1, 2, 4]),
    )
)


WAITS = (997, 71_993, 532_811, 691_217, 2_678_513)
"""Seconds: less than an hour to a month. No sum of them is a whole day, where a moment decides what is due."""


class Machine(RuleBasedStateMachine):
    """What was declared, what was last seen right, and what the tenant's log said since."""

    def __init__(self) -> None:
        super().__init__()
        self.randomness = same_randomness()
        self.randomness.__enter__()
        self.world = World()
        self.declared = Declared()
        self.contents: dict[str, bytes] = {}
        """What each vault that had content held when it was first seen with it."""
        self.foreign: set[str] = set()
        """Vaults that somebody else revoked or burned."""
        self.settled: dict[str, tuple[str, Entry]] = {}
        """Address -> its vault and entry at the last convergence, while nothing else was declared in a run since."""
        self.over: dict[str, Entry] = {}
        """Addresses whose share somebody ended, and which may not be made again while their entry stays."""
        self.aliases: dict[str, set[str]] = {}
        self.owners: dict[str, str] = {}
        self.live_before: dict[str, Stored] = {}
        self.let_go: frozenset[str] = frozenset()
        self.destroyed: set[str] = set()
        """Vaults that a `destroy` revoked: without its journal they read as revoked by others."""
        self.unchecked: set[str] = set()
        """Vaults whose value nobody compares: imported ones, and those that a rekey could not read."""
        self.unplaced: set[str] = set()
        """Live vaults that a lost state knew and nobody knows any more."""
        self.filled: dict[tuple[str, int], set[str]] = {}
        self.had_content: set[str] = set()
        self.serial = 0
        self.journal_lost = False
        self.to_do = False
        """Whether a run would perhaps find anything to do."""
        self.write()

    @initialize(entries=st.lists(ENTRIES, min_size=1, max_size=3))
    def begin(self, entries: list[Entry]) -> None:
        for name, entry in zip(NAMES, entries, strict=False):
            self.declared.add(name, entry)
            self.aliases[name] = {name}
        self.write()

    def teardown(self) -> None:
        self.world.close()
        self.randomness.__exit__(None, None, None)

    # --- a person edits -----------------------------------------------------------------------------------

    def write(self) -> None:
        entries = self.declared
        self.world.declare(entries.body(), entries.values(), entries.files())
        self.to_do = True
        COUNTS["edits"] += 1

    def free(self) -> list[str]:
        return [name for name in NAMES if name not in self.declared.entries]

    @precondition(lambda self: self.free())
    @rule(data=st.data(), entry=ENTRIES)
    def add(self, data: Any, entry: Entry) -> None:
        name = data.draw(st.sampled_from(self.free()))
        self.forget(self.declared.moved.get(name))
        self.declared.add(name, entry)
        self.aliases.setdefault(name, {name})
        self.write()

    @precondition(lambda self: self.declared.entries)
    @rule(data=st.data(), edit=EDITS)
    def edit(self, data: Any, edit: dict[str, Any]) -> None:
        name = data.draw(st.sampled_from(sorted(self.declared.entries)))
        self.declared.entries[name] = replace(self.declared.entries[name], **edit)
        self.write()

    @precondition(lambda self: self.declared.entries)
    @rule(data=st.data(), revoke=st.sampled_from([True, True, False]))
    def remove(self, data: Any, revoke: bool) -> None:
        name = data.draw(st.sampled_from(sorted(self.declared.entries)))
        self.declared.remove(name, revoke=revoke)
        self.write()

    @precondition(lambda self: self.declared.entries and self.free())
    @rule(data=st.data())
    def rename(self, data: Any) -> None:
        old = data.draw(st.sampled_from(sorted(self.declared.entries)))
        new = data.draw(st.sampled_from(self.free()))
        state = self.world.state()
        self.forget(self.declared.moved.get(new))
        self.forget(new)
        self.declared.rename(old, new)
        self.aliases[new] = self.aliases.get(new, {new}) | self.aliases[old]
        if state and Address(new) not in state.instances and Address(old) in state.instances:
            if old in self.settled:
                self.settled[new] = self.settled.pop(old)
            if old in self.over:
                self.over[new] = self.over.pop(old)
        self.forget(old)
        self.write()

    def forget(self, name: str | None) -> None:
        """Expect nothing particular of an address any more."""
        if name:
            self.settled.pop(name, None)
            self.over.pop(name, None)

    # --- the world goes on --------------------------------------------------------------------------------

    @rule(seconds=st.sampled_from(WAITS))
    def wait(self, seconds: int) -> None:
        self.world.advance(timedelta(seconds=seconds))
        self.to_do = True
        if seconds > WAITS[2]:
            self.over.clear()  # what was not looked at for months is told by its end alone

    def filled_vaults(self) -> list[str]:
        return [i for i, v in self.world.live().items() if self.world.ready(v)]

    @precondition(lambda self: self.filled_vaults())
    @rule(data=st.data())
    def view(self, data: Any) -> None:
        vault_id = data.draw(st.sampled_from(self.filled_vaults()))
        vault = self.world.live()[vault_id]
        for _ in range(max(1, vault.max_views - vault.views)):
            assert self.contents[vault_id] == self.world.view(vault_id)
        if vault.max_views:
            self.taken(vault_id)
            COUNTS["burned"] += 1

    @precondition(lambda self: self.world.live())
    @rule(data=st.data())
    def revoke(self, data: Any) -> None:
        vault_id = data.draw(st.sampled_from(sorted(self.world.live(), key=lambda i: self.world.live()[i].n)))
        self.foreign.add(vault_id)
        self.world.revoke(vault_id)
        self.taken(vault_id)
        COUNTS["revoked by others"] += 1

    def taken(self, vault_id: str) -> None:
        self.foreign.add(vault_id)
        self.to_do = True
        for name, (current, entry) in self.settled.items():
            if current == vault_id:
                self.over[name] = entry

    @precondition(lambda self: self.world.late)
    @rule()
    def land(self) -> None:
        before = self.world.live()
        self.world.land()
        for vault_id in before.keys() - self.world.live():
            self.taken(vault_id)
        self.to_do = True
        COUNTS["late requests"] += 1

    # --- what becomes of the files ------------------------------------------------------------------------

    def lose(self, what: str) -> None:
        """Lose what a run that ended early left on this machine; the key is kept in the environment."""
        for path in self.world.workdir.glob("*.journal" if what == "journal" else "*"):
            path.unlink()
            self.journal_lost = True
            self.foreign |= self.destroyed
            COUNTS[f"{what}s lost"] += 1

    @precondition(lambda self: self.serial > 6)
    @rule()
    def lose_state(self) -> None:
        """Without its state nothing is sent; `state recover` makes one of what the tenant has."""
        self.world.state_path.unlink()
        if any(self.world.ready(v) for i, v in self.world.live().items() if i not in self.world.by_hand):
            ran = self.world.apply()
            assert isinstance(ran.error, StateError), f"D4: applied without the state: {ran}"
            assert not self.took_notes(), "D4: something was sent without the state"
        before = self.world.live()
        self.foreign |= self.world.vaults().keys() - before  # nobody remembers who revoked what
        self.serial = 0
        self.world.run(Fate(), lambda stack, client, _: state_commands.rebuild(stack, client, assigned={}))
        state = self.read_state()
        assert state is not None
        self.unplaced |= before.keys() - state.known()
        self.settled.clear()
        self.over.clear()
        self.journal_lost = True
        COUNTS["states lost"] += 1

    # --- runs ---------------------------------------------------------------------------------------------

    @rule(
        edits=st.lists(st.tuples(st.integers(0, 3), EDITS), max_size=2),
        faults=st.lists(FAULTS, min_size=1, max_size=3),
        parallelism=st.sampled_from([1, 1, 4]),
        lost=st.sampled_from(["", "", "", "journal", "workdir"]),
    )
    def disturbed(
        self, edits: list[tuple[int, dict[str, Any]]], faults: list[Fault], parallelism: int, lost: str
    ) -> None:
        """One apply of some edits, which meets faults, and perhaps dies of them."""
        names = sorted(self.declared.entries)
        for number, edit in edits if names else ():
            name = names[number % len(names)]
            self.declared.entries[name] = replace(self.declared.entries[name], **edit)
        self.write()
        self.will_run()
        ran = self.world.apply(*faults, parallelism=parallelism)
        COUNTS["disturbed runs"] += 1
        COUNTS["faults met"] += len(ran.fate.fired)
        COUNTS["killed runs"] += ran.killed
        note(str(ran))
        self.old_not_lost()
        if ran.clean and not any(f.kind is Kind.LATE for f in ran.fate.fired):
            self.right()
            self.to_do = False
            COUNTS["converged in spite of faults"] += bool(ran.fate.fired)
        elif lost and not ran.clean:
            self.lose(lost)

    @precondition(lambda self: self.to_do)
    @rule()
    def converge(self) -> None:
        """One undisturbed apply makes everything right; then there is nothing left to do."""
        self.will_run()
        ran = self.world.apply()
        COUNTS["undisturbed runs"] += 1
        assert ran.clean, f"I8: an undisturbed run did not converge: {ran}"
        assert ran.applied is not None
        left = [r for r in ran.applied.results if r.outcome.value in ("failed", "not reached")]
        assert not left, f"I8: not done: {left}"
        self.old_not_lost()
        self.nothing_left()

    def nothing_left(self) -> None:
        """After an undisturbed run all is right, and the next one finds nothing to do."""
        self.right(orphans=True)
        seen = self.world.look()
        assert not seen.planned.plan.acting(), f"I2: the next plan is not empty: {seen.planned.plan.acting()}"
        assert not seen.recovery.orphans, "I2: the next run would revoke a shell"
        assert not seen.must_write(), "I2: the next run would save"
        self.to_do = False

    def will_run(self) -> None:
        """Drop what is expected of addresses that are now declared differently: this run may see to that."""
        declared = self.declared.entries
        for name in {*self.settled, *self.over}:
            entry = declared.get(name)
            if name in self.settled and self.settled[name][1] != entry:
                self.settled.pop(name)
            if name in self.over and self.over[name] != entry:
                self.over.pop(name)
        self.live_before = self.world.live()
        if self.journal_lost:
            self.unplaced |= self.not_placed()
        state = self.world.state()
        self.let_go = state.forgotten if state else frozenset()
        self.owners = {}
        for address, instance in state.instances.items() if state else ():
            moved = self.declared.moved.get(address.name, address.name)
            if instance.current and moved in declared:
                self.owners[instance.current.vault_id] = moved

    def not_placed(self) -> set[str]:
        """Return what lives and is an address neither of the state, now or before, nor of the manifest."""
        state = self.world.state()
        names = {a.name for a in (*state.instances, *state.generations)} if state else set()
        ours = self.parts(names | {*self.declared.entries, *self.declared.moved})
        live = self.world.live()
        known = state.known() if state else frozenset()
        return {i for i in live.keys() - known if tag_of(live[i]).address not in ours}

    # --- what must hold -----------------------------------------------------------------------------------

    @invariant()
    def always(self) -> None:
        COUNTS["steps"] += 1
        self.took_notes()
        state = self.read_state()
        if not self.journal_lost:
            self.known(state)

    def read_state(self) -> State | None:
        """I5: the state parses, and its serial never falls."""
        state = self.world.state()
        if state is None:
            assert self.serial == 0, "I5: the state is gone"
            return None
        assert self.serial <= state.serial, "I5: the serial fell"
        self.serial = state.serial
        return state

    def took_notes(self) -> list[dict[str, Any]]:
        """I1, as the tenant's log tells it; remember what new vaults hold. Returns what is new in the log."""
        new = self.world.events()
        all_vaults = self.world.vaults() if new else {}
        for event in new:
            vault = all_vaults.get(str(event.get("vault")))
            if vault is None:
                continue
            tag = tag_of(vault)
            copies = self.filled.setdefault((tag.address, tag.generation), set())
            match event["is"]:
                case "content_set":
                    copies.add(vault.vault_id)
                    self.had_content.add(vault.vault_id)
                case "revoked" | "burned":
                    copies.discard(vault.vault_id)
            if len(copies) > 1:
                copies &= self.world.live().keys()  # an expired one is nobody's
            assert len(copies) < 2, f"I1: two live copies of one generation: {copies}"
        for vault_id in self.had_content - self.contents.keys():
            if vault_id in self.world.live():
                self.contents[vault_id] = self.world.peek(vault_id)
        return new

    def old_not_lost(self) -> None:
        """I4: no run revoked the live vault of a desired address before a newer one had been complete.

        Nor did it revoke what had been let go.
        """
        self.took_notes()
        gone = (self.let_go & self.live_before.keys()) - self.world.live().keys()
        assert not gone, "a share that was let go is revoked"
        vaults, imported = self.world.vaults(), self.imported()
        for vault_id, name in self.owners.items():
            was_live = vault_id in self.live_before and vault_id in self.had_content
            if (
                not was_live
                or vaults[vault_id].deleted is None
                or vault_id in self.foreign
                or name in imported
            ):
                continue
            parts = self.parts(self.aliases[name])
            newer = {i for i in self.had_content if tag_of(vaults[i]).address in parts} - {vault_id}
            ours = {i for i in newer if vaults[i].deleted is not None} - self.foreign
            assert newer - ours, f"I4: the last live share of {name} was revoked"

    def imported(self) -> set[str]:
        """Return the names that have a live share which bears no mark of theirs."""
        state, live = self.world.state(), self.world.live()
        current = (
            {a.name: i.current.vault_id for a, i in state.instances.items() if i.current} if state else {}
        )
        return {name for name, vault_id in current.items() if vault_id in self.unchecked & live.keys()}

    def parts(self, names: set[str]) -> set[str]:
        stack = tags.stack_part(NAME)
        return {tags.address_part(k.mac, stack, Address(n)) for n in names for k in self.world.keys}

    def known(self, state: State | None) -> None:
        """I3: what has content and lives is in state or journal, or its tag is among the pending ones."""
        recorded = set(state.known() | state.forgotten) if state else set()
        written = self.world.journal()
        for entry in written.entries if written else ():
            if isinstance(entry, journal.Bound):
                recorded.add(entry.vault_id)
            elif isinstance(entry, journal.Committed):
                recorded.add(entry.share.vault_id)
        waiting = {p.tag for p in state.pending} if state else set()
        live = self.world.live()
        lost = set(self.filled_vaults()) - recorded - self.unplaced
        lost = {i for i in lost if str(tag_of(live[i])) not in waiting}
        assert not lost, f"I3: {len(lost)} live vaults in neither state nor journal"

    def right(self, *, orphans: bool = False) -> None:
        """I2, I9: live vaults == vaults in state == what is desired, and each is as declared."""
        state = self.world.state()
        assert state is not None or not self.declared.entries, "I2: no state"
        self.journal_lost = False
        if state is None:
            return
        assert self.world.journal() is None, "I2: the journal is not empty"
        current = {str(a): i.current for a, i in state.instances.items() if i.current}
        old = {d.share.vault_id for i in state.instances.values() for d in i.deposed}
        assert not old, "I2: an old copy is left"
        free = state.forgotten | (self.unplaced - state.known())
        live = {
            i: v
            for i, v in self.world.live().items()
            if i not in free and (self.world.ready(v) or (orphans and not self.nobodys_yet(v)))
        }
        ids = {share.vault_id for share in current.values()}
        assert ids == set(live), f"I2: {set(live) - ids} live and not in state, {ids - set(live)} not live"
        unwanted = current.keys() - self.declared.entries.keys()
        assert not unwanted, f"I2: {unwanted} still live"
        settled = {}
        for name, entry in self.declared.entries.items():
            if name in current:
                vault = live[current[name].vault_id]
                self.as_declared(name, vault)
                assert name not in self.over, f"{name} was ended by somebody and is made again"
                self.not_made_again(name, vault)
                settled[name] = (vault.vault_id, entry)
            else:
                self.ended(name, entry, state)
        self.settled = settled

    def nobodys_yet(self, shell: Stored) -> bool:
        """Tell whether an empty vault is an earlier key's and young: once nobody can still fill it, it is revoked."""
        here = {tags.address_part(self.world.keys[-1].mac, tags.stack_part(NAME), Address(n)) for n in NAMES}
        age = timedelta(microseconds=self.world.store.now() - shell.created)
        return age <= PENDING_TIME and tag_of(shell).address not in here

    def as_declared(self, name: str, vault: Stored) -> None:
        entry, value = self.declared.entries[name], self.world.peek(vault.vault_id)
        wrong = entry.differs(vault, entry.value.encode() if vault.vault_id in self.unchecked else value)
        assert not wrong, f"I9: {name}: {wrong}"

    def not_made_again(self, name: str, vault: Stored) -> None:
        """What was right before and is not due is the same vault still."""
        if name not in self.settled:
            return
        before, entry = self.settled[name]
        was = self.live_before.get(before)
        if was is None or before in self.foreign:
            return
        age = timedelta(microseconds=self.world.store.now() - was.created)
        if not entry.renew or age < entry.life * 0.8:
            assert before == vault.vault_id, f"{name} was made again for no reason"

    def ended(self, name: str, entry: Entry, state: State) -> None:
        """A desired address without a live vault had the right one, which ended in a way that is to be respected."""
        instance = state.instances.get(Address(name))
        assert instance is not None, f"I2: {name} is desired and unknown"
        assert instance.ended is not None, f"I2: {name} has no live share and none that ended"
        vault_id = instance.ended.share.vault_id
        vault = self.world.vaults()[vault_id]
        value = entry.value.encode() if vault_id in self.unchecked else self.contents.get(vault_id)
        wrong = entry.differs(vault, value)
        assert not wrong, f"I9: {name} ended, but it was not what is declared: {wrong}"
        how = status(vault, self.world.store.now(), self.world.store.settings)
        by_time = how in (Status.EXPIRED, Status.DATA_DELETED) and not entry.renew
        assert by_time or vault_id in self.foreign, (
            f"I2: {name} is not live, and nobody but us ended it ({how})"
        )
