"""What a person asks beyond a plain apply: --replace, --target, saved plans, destroy; and a run without the key."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from hypothesis import note
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from reconciler.errors import StalePlanError, StateError
from reconciler.model.address import Address
from reconciler.model.plan import Plan
from reconciler.operations.options import PlanOptions, SavedPlan
from reconciler.planfile import sealed
from reconciler.planning.selection import Only, Selection
from tests.fuzz.entries import EDITS, Entry
from tests.fuzz.faults import Fault, Kind
from tests.fuzz.machine import COUNTS, FAULTS, Machine
from tests.fuzz.world import Outcome, tag_of

SOME_FAULTS = st.lists(FAULTS, max_size=2)
LOST = st.sampled_from(["", "", "journal", "workdir"])


class Commands(Machine):
    """Commands that meet faults; the same command again makes good what they hurt."""

    def __init__(self) -> None:
        super().__init__()
        self.saved: bytes | None = None
        self.planned: dict[str, Entry] = {}
        """What was declared when that plan was saved."""

    def command(self, faults: Iterable[Fault], lost: str, **how: Any) -> bool:
        """Run a command, and once more, undisturbed, unless it came through.

        In between `lost` is lost. "patience" is a person's: False then, and later steps see to what is left.
        """
        ran = self.once(faults, how)
        if ran.clean and not any(f.kind is Kind.LATE for f in ran.fate.fired):
            return True
        if lost == "patience":
            return False
        if lost and not ran.clean:
            self.lose(lost)
        ran = self.once((), how)
        assert ran.clean, f"the same command again does not come through: {ran}"
        COUNTS["commands run again"] += 1
        return True

    def once(self, faults: Iterable[Fault], how: dict[str, Any]) -> Outcome:
        self.will_run()
        asked = how.get("asked")
        if asked and asked.destroy:
            self.owners.clear()  # I4 is not for what is to go
        ran = self.world.apply(*faults, **how)
        note(str(ran))
        self.to_do = True
        self.old_not_lost()
        return ran

    def made_since(self, before: Iterable[str], names: Iterable[str]) -> None:
        """Nothing was made but for these names."""
        allowed = self.parts(set(names))
        made = {i: v for i, v in self.world.vaults().items() if i not in set(before)}
        other = [i for i, v in made.items() if tag_of(v).address not in allowed]
        assert not other, f"made for a name that was not asked for: {other}"

    def currents(self) -> dict[str, str]:
        """Return the vault of each address in the state, under its new name where it can be renamed."""
        state = self.world.state()
        known = {a.name: i.current.vault_id for a, i in state.instances.items() if i.current} if state else {}
        names = {a.name for a in state.instances} if state else set()
        return {n if (to := self.renamed(n)) in names else to: vault_id for n, vault_id in known.items()}

    def renamed(self, name: str) -> str:
        passed = {name}
        while name not in self.declared.entries and (new := self.declared.moved.get(name)) not in {
            None,
            *passed,
        }:
            name = str(new)
            passed.add(name)
        return name

    @precondition(lambda self: self.declared.entries)
    @rule(data=st.data(), faults=SOME_FAULTS, lost=LOST)
    def replace(self, data: Any, faults: list[Fault], lost: str) -> None:
        """--replace makes another share, whatever became of the one before."""
        name = data.draw(st.sampled_from(sorted(self.declared.entries)))
        before = self.world.vaults().keys()
        self.forget(name)
        asked = PlanOptions(requested=frozenset({Address(name)}), revoke_imported=True)
        assert self.command(faults, lost, asked=asked)
        self.right()
        assert self.currents().get(name, "") not in {"", *before}, f"{name} was not replaced"
        COUNTS["--replace"] += 1

    @precondition(lambda self: self.declared.entries)
    @rule(
        data=st.data(),
        way=st.sampled_from(["--target", "--exclude", "--only"]),
        faults=SOME_FAULTS,
        lost=st.sampled_from(["", "patience"]),
    )
    def select(self, data: Any, way: str, faults: list[Fault], lost: str) -> None:
        """What is not selected keeps its share, and gets no other."""
        entries = self.declared.entries
        name = data.draw(st.sampled_from(sorted(entries)))
        selection, taken = {
            "--target": (Selection(targets=(name,)), {name}),
            "--exclude": (Selection(excludes=(name,)), {*entries, *self.currents()} - {name}),
            "--only": (Selection(only=Only.RENEWALS), {n for n, e in entries.items() if e.renew}),
        }[way]
        before, live = self.world.vaults().keys(), self.world.live()
        settled = self.world.journal() is None and not self.journal_lost
        left = {i for n, i in self.currents().items() if n not in taken and i in live} if settled else set()
        done = self.command(faults, lost, asked=PlanOptions(selection=selection, revoke_imported=True))
        self.made_since(before, taken)
        assert left <= self.world.live().keys(), f"{way} {name}: a share that was left out is revoked"
        if done and way == "--target":
            self.there(name)
        COUNTS[way] += 1

    def there(self, name: str) -> None:
        """The one address is as declared, or ended so that it may stay so."""
        state = self.read_state()
        assert state is not None
        vault = self.world.live().get(self.currents().get(name, ""))
        if vault:
            self.as_declared(name, vault)
        else:
            self.ended(name, self.declared.entries[name], state)

    @rule(faults=SOME_FAULTS, lost=st.sampled_from(["", "", "patience", "journal", "workdir"]))
    def destroy(self, faults: list[Fault], lost: str) -> None:
        """Nothing lives then but what was let go. The manifest still asks for all: the next apply makes it."""
        self.settled.clear()
        self.over.clear()
        before, open_run = self.world.live(), self.world.journal()
        known = self.world.state()
        done = self.command(faults, lost, asked=PlanOptions(destroy=True, revoke_imported=True))
        self.destroyed |= before.keys() - self.world.live()
        if self.journal_lost:
            self.foreign |= self.destroyed
        state = self.read_state()
        if done and state is not None:
            assert not state.instances, f"destroyed, and in the state: {list(state.instances)}"
            let_go = (state if open_run or not known else known).forgotten
            left = set(self.filled_vaults()) - let_go - self.unplaced
            assert not left, f"destroyed, and {len(left)} live"
            self.journal_lost = False
        COUNTS["destroyed"] += done

    # --- saved plans --------------------------------------------------------------------------------------

    def plan_out(self, asked: PlanOptions) -> bytes:
        """`plan -o`: only a key's seal makes it one."""
        self.planned = dict(self.declared.entries)
        self.saved = sealed.encode(self.world.look(asked).planned.plan, self.world.keys[-1])
        return self.saved

    def read(self, saved: bytes) -> SavedPlan:
        return SavedPlan(read=lambda key: sealed.decode(saved, file="plan", key=key), digest=None)

    @precondition(lambda self: self.declared.entries)
    @rule(data=st.data(), way=st.sampled_from(["", "--replace", "--target"]), faults=SOME_FAULTS, lost=LOST)
    def review(self, data: Any, way: str, faults: list[Fault], lost: str) -> None:
        """A saved plan does what it says, also when it is applied again after a fault."""
        name = data.draw(st.sampled_from(sorted(self.declared.entries)))
        before = self.world.vaults().keys()
        asked = PlanOptions(
            requested=frozenset({Address(name)} if way == "--replace" else ()),
            selection=Selection(targets=(name,) if way == "--target" else ()),
        )
        saved = self.plan_out(asked)
        if way == "--replace":
            self.forget(name)
        assert self.command(faults, lost, saved=self.read(saved))
        if way == "--target":
            self.made_since(before, {name})
            self.there(name)
        else:
            self.right()
        if way == "--replace":
            assert self.currents().get(name, "") not in {"", *before}, f"{name} was not replaced"
        COUNTS["saved plans applied"] += 1

    @precondition(lambda self: self.declared.entries)
    @rule(data=st.data(), edit=EDITS)
    def save_plan(self, data: Any, edit: dict[str, Any]) -> None:
        self.edit(data, edit)
        self.plan_out(PlanOptions())

    @precondition(lambda self: self.saved and self.declared.entries)
    @rule(data=st.data(), edit=st.none() | EDITS, faults=SOME_FAULTS)
    def apply_saved(self, data: Any, edit: dict[str, Any] | None, faults: list[Fault]) -> None:
        """Whatever came between: a plan is refused with nothing done, or does no more than it says."""
        assert self.saved is not None
        if edit:
            self.edit(data, edit)
        plan = sealed.decode(self.saved, file="plan", key=None)
        for change in plan.acting():
            self.forget(change.address.name)
        self.will_run()
        before, current, live = self.world.vaults().keys(), set(self.currents().values()), self.live_before
        ran = self.world.apply(*faults, saved=self.read(self.saved))
        note(str(ran))
        self.to_do = True
        self.old_not_lost()
        self.made_since(before, [c.address.name for c in plan.acting() if c.after])
        self.only_what_it_says(plan, before, current & live.keys())
        COUNTS["old plans refused"] += isinstance(ran.error, StalePlanError)
        COUNTS["old plans applied"] += ran.clean

    def only_what_it_says(self, plan: Plan, before: Iterable[str], current: set[str]) -> None:
        gone = current - self.world.live().keys()
        said = {c.deposed or (c.before.vault_id if c.before else "") for c in plan.acting()}
        assert gone <= said, f"revoked, and not in the plan: {gone - said}"
        names = {part: n for n in self.planned for part in self.parts({n})}
        for vault_id in set(self.filled_vaults()) - set(before):
            vault = self.world.live()[vault_id]
            wrong = self.planned[names[tag_of(vault).address]].differs(vault, self.world.peek(vault_id))
            assert not wrong, f"made, and not as planned: {wrong}"

    # --- without the key ----------------------------------------------------------------------------------

    @precondition(lambda self: self.serial)
    @rule()
    def without_key(self) -> None:
        """Nothing is made, and nothing that only a key can judge is touched; with the key all goes on."""
        before = self.world.vaults().keys()
        self.will_run()
        self.world.has_key = False
        ran = self.world.apply()
        self.world.has_key = True
        assert ran.clean or isinstance(ran.error, StateError), str(ran)
        self.old_not_lost()
        self.made_since(before, ())
        self.to_do = True
        COUNTS["runs without the key"] += 1
        COUNTS["refused without the key"] += not ran.clean
