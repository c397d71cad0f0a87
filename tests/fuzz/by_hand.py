"""What a person does to a stack by hand: `state` rm, mv, import and rekey, and bringing back an old copy of a state."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from reconciler import age
from reconciler.c1.client import Client, Created
from reconciler.errors import RefusedError, StateError
from reconciler.model.address import Address
from reconciler.model.manifest import Format, Kind
from reconciler.model.state import Attributes, State
from reconciler.operations import state_commands
from reconciler.operations.options import PlanOptions
from reconciler.operations.stack import Stack
from reconciler.sensitive import Sensitive
from tests.fuzz.commands import SOME_FAULTS, Commands
from tests.fuzz.entries import EDITS, NAMES, Declared
from tests.fuzz.faults import Fate, Fault
from tests.fuzz.machine import COUNTS
from tests.fuzz.world import random_key, tag_of


class Life(Commands):
    """The whole life of a stack: what is done by hand as well."""

    def __init__(self) -> None:
        super().__init__()
        self.copy: tuple[bytes, Declared] | None = None
        """An old state, and the manifest of then."""

    def here(self) -> State:
        state = self.world.state()
        assert state is not None
        return state

    def by_hand(self, what: str, deed: Callable[[Stack], object]) -> bool:
        """Change the state by hand; while a run is open that is refused. No vault is touched either way."""
        live = self.world.live().keys()
        try:
            deed(self.world.stack(Fate()))
        except RefusedError:
            assert self.world.journal() is not None, f"{what} is refused for no reason"
            return False
        assert self.world.journal() is None, f"{what} over an open run"
        assert live == self.world.live().keys()
        self.to_do = True
        COUNTS[what] += 1
        return True

    @precondition(lambda self: self.serial and self.here().instances)
    @rule(data=st.data())
    def release(self, data: Any) -> None:
        """What is let go lives on, and is nobody's; what the manifest still asks for is made anew."""
        address = data.draw(st.sampled_from(sorted(self.here().instances)))
        held = {share.vault_id for share in self.here().instances[address].held()}
        if self.by_hand("state rm", lambda stack: state_commands.remove(stack, address)):
            assert held <= self.here().forgotten
            self.forget(address.name)
            self.forget(self.renamed(address.name))

    @precondition(lambda self: self.serial and self.here().instances)
    @rule(data=st.data(), follow=st.booleans())
    def move(self, data: Any, follow: bool) -> None:
        """Rename in the state; the manifest says the same then, or knows nothing of it."""
        old = data.draw(st.sampled_from(sorted(self.here().instances)))
        free = [n for n in NAMES if Address(n) not in self.here().instances and n in self.free()]
        if not free:
            return
        new = data.draw(st.sampled_from(free))
        if not self.by_hand("state mv", lambda stack: state_commands.rename(stack, old, Address(new))):
            return
        self.aliases[new] = self.aliases.get(new, {new}) | self.aliases.get(old.name, {old.name})
        settled = self.settled.get(old.name)
        for name in (old.name, new, self.renamed(old.name), self.renamed(new)):
            self.forget(name)
        if follow and settled:
            self.settled[new] = settled
        if follow and old.name in self.declared.entries:
            self.declared.rename(old.name, new, told=False)
            self.write()

    @precondition(lambda self: self.serial and self.world.journal() is None and self.free_in_state())
    @rule(data=st.data(), value=st.sampled_from(["value 0", "value 1"]), foreign=st.booleans())
    def import_(self, data: Any, value: str, foreign: bool) -> None:
        """A share that was let go, or one that was made by hand, becomes a secret's current one."""
        name = data.draw(st.sampled_from(self.free_in_state()))
        let_go = sorted(self.here().forgotten & set(self.filled_vaults()))
        texts = [o.attributes for o in self.here().shares() if o.attributes.kind is Kind.TEXT]
        if foreign and texts:
            vault_id = self.made_by_hand(texts[0], value)
        elif let_go:
            vault_id = data.draw(st.sampled_from(let_go))
        else:
            return
        self.forget(name)
        self.aliases.setdefault(name, {name})
        self.unchecked.add(vault_id)
        self.took_notes()
        self.world.run(
            Fate(),
            lambda stack, client, _: state_commands.import_share(stack, client, Address(name), vault_id),
        )
        self.to_do = True
        COUNTS["state import"] += 1
        if vault_id in self.world.by_hand:
            self.not_revoked_unasked(vault_id)
        self.world.by_hand.add(vault_id)  # another secret's tag vouches for nothing under this name

    def free_in_state(self) -> list[str]:
        taken = {self.renamed(a.name) for a in self.here().instances} | {
            a.name for a in self.here().instances
        }
        return [n for n in NAMES if n not in taken and n not in self.declared.moved]

    def made_by_hand(self, like: Attributes, value: str) -> str:
        async def make(_stack: Stack, client: Client, _uploader: object) -> str:
            made = await client.create(display_name="by hand", attributes=like, file_size=None)
            assert isinstance(made, Created)
            sealed = age.encrypt_text(age.parse_recipient(made.recipient), Sensitive.of(value))
            await client.set_content(made.vault_id, sealed, Format.PLAINTEXT)
            return made.vault_id

        vault_id = self.world.run(Fate(), make)
        self.world.by_hand.add(vault_id)
        return vault_id

    def not_revoked_unasked(self, vault_id: str) -> None:
        """Without --revoke-imported a share that does not bear our mark stays."""
        self.will_run()
        ran = self.world.apply(asked=PlanOptions())
        assert ran.clean or isinstance(ran.error, RefusedError), str(ran)
        assert vault_id in self.world.live(), "an imported share was revoked unasked"
        self.old_not_lost()

    @precondition(lambda self: self.serial and not self.journal_lost)
    @rule(trust=st.booleans())
    def rekey(self, trust: bool) -> None:
        """Every value that is as it was sent compares with the new key; of the others nobody knows."""
        new, done = random_key(), []

        def deed(stack: Stack) -> None:
            try:
                rekeyed = state_commands.rekey(stack, new, trust_sources=trust, confirm=lambda _: True)
                done.extend([rekeyed] if rekeyed else [])
            finally:  # here a key lies in the environment or nowhere
                stack.keys.file.path.unlink(missing_ok=True)

        if self.by_hand("state rekey", deed):
            self.world.keys.append(new)
            self.copy = None
            unchecked = {self.here().instances[a].current for a in done[0].unchecked}
            self.unchecked |= {share.vault_id for share in unchecked if share}

    # --- an old copy of the state -------------------------------------------------------------------------

    @precondition(lambda self: self.serial)
    @rule()
    def keep_copy(self) -> None:
        self.copy = self.world.state_path.read_bytes(), deepcopy(self.declared)

    @precondition(lambda self: self.copy and self.declared.entries)
    @rule(data=st.data(), edit=EDITS, faults=SOME_FAULTS, manifest=st.booleans())
    def bring_back(self, data: Any, edit: dict[str, Any], faults: list[Fault], manifest: bool) -> None:
        """An old copy loses nothing: it finds what came after it, and --replace takes over what it leaves alone."""
        assert self.copy is not None
        self.edit(data, edit)
        self.once(faults, {})
        live = self.filled_vaults()
        had = {n for n, i in self.currents().items() if i in live and n in self.declared.entries}
        state, declared = self.copy
        self.world.state_path.write_bytes(state)
        self.copy, self.serial = None, self.here().serial
        if manifest:
            self.declared = declared
            self.write()
            had &= declared.entries.keys()
        self.refused_beside_its_journal()
        self.settled.clear()
        self.over.clear()
        self.journal_lost = True
        self.foreign |= self.world.vaults().keys() - self.world.live()
        ran = self.world.apply()
        assert ran.clean, f"an old copy of the state: {ran}"
        self.took_notes()
        self.someone_has(had)
        self.unplaced |= self.not_placed()
        every = frozenset(Address(name) for name in self.declared.entries)
        ran = self.world.apply(asked=PlanOptions(requested=every, revoke_imported=True))
        assert ran.clean, f"an old copy of the state: {ran}"
        self.took_notes()
        self.nothing_left()
        COUNTS["old copies of states"] += 1

    def refused_beside_its_journal(self) -> None:
        journal, state = self.world.journal(), self.here()
        if journal and (journal.header.lineage != state.lineage or journal.header.base_serial > state.serial):
            self.took_notes()
            ran = self.world.apply()
            assert isinstance(ran.error, StateError), f"an old copy beside a newer journal: {ran}"
            assert not self.took_notes(), "something was sent with an old copy beside a newer journal"
            self.lose("journal")
            COUNTS["old copies refused"] += 1

    def someone_has(self, names: set[str]) -> None:
        live = self.world.live()
        found = {tag_of(live[i]).address for i in self.filled_vaults()}
        kept = {n for n, i in self.currents().items() if i in live}
        lost = [n for n in names - kept if not self.parts(self.aliases[n]) & found]
        assert not lost, f"an old copy of the state left nobody with a share of {lost}"
