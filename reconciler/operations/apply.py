"""Apply: heal what a dead run left, then make what the plan says, and record all of it."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import groupby

from reconciler import __version__, planfile, policy
from reconciler.client import Client
from reconciler.errors import ReconcilerError, RefusedError, SignInError, StalePlanError, StateError
from reconciler.events import Event, Healed, Outcome, Result
from reconciler.fingerprint import Key
from reconciler.journal import Bound, Forgotten, Header
from reconciler.ledger import Ledger, pending_of
from reconciler.operations.look import Look, Wishes, look
from reconciler.operations.stack import Stack
from reconciler.operations.together import each
from reconciler.operations.write import Run, make, revoke
from reconciler.plan import Action, Attention, Change, Plan
from reconciler.policy import Limits
from reconciler.recovery import PENDING_SECONDS, Shell
from reconciler.state import Object, State
from reconciler.upload import Uploader
from reconciler.workdir import KEY_VARIABLE


@dataclass(slots=True)
class Stop:
    """Set by a signal: finish what is in hand, begin nothing new."""

    requested: bool = False
    terminated: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedPlan:
    """Reads a reviewed plan once the key that sealed it is known. `digest` is what its reviewer saw."""

    read: Callable[[Key | None], Plan]
    digest: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """How an apply is to be done. `confirm` is asked once, with the plan; False ends it with nothing done."""

    wishes: Wishes
    limits: Limits
    parallelism: int
    confirm: Callable[[Plan], bool]
    report: Callable[[Event], None]
    stop: Stop
    saved: SavedPlan | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """What an apply did. `state` is what is on the disk afterwards, None where there is none."""

    plan: Plan
    results: tuple[Result, ...] = ()
    failures: tuple[ReconcilerError, ...] = ()
    declined: bool = False
    state: State | None = None


async def apply(stack: Stack, client: Client, uploader: Uploader, terms: Terms) -> Applied:
    """Apply under the lock. Raises ReconcilerError where nothing was begun; later each outcome is named."""
    with stack.workdir.lock(now=client.now, job=stack.job):
        stack.workdir.check_writable()
        stack.backend.check_writable()
        key = stack.key() or stack.first_key()
        saved = _reviewed(terms.saved, key) if terms.saved else None
        seen = await look(stack, client, _as_saved(terms.wishes, saved), key)
        if saved:
            seen = _approved(seen, saved, client.now)
        plan = seen.planned.plan
        _refuse(seen, terms)
        if not (seen.must_write() or stack.workdir.has_journal()):
            return Applied(plan=plan, state=seen.loaded)
        if plan.acting() and not terms.confirm(plan):
            return Applied(plan=plan, declined=True, state=seen.loaded)
        return await _carry_out(stack, client, uploader, terms, seen)


def _reviewed(saved: SavedPlan, key: Key | None) -> Plan:
    if key is None:
        raise StateError(
            "a saved plan is checked with the stack's fingerprint key, which is not here",
            hint=f"set {KEY_VARIABLE}",
        )
    plan = saved.read(key)
    if saved.digest and saved.digest != plan.digest():
        raise StalePlanError(
            "the saved plan is not the one that was approved: its digest is another",
            hint="apply the plan that was reviewed, or review this one",
        )
    return plan


def _as_saved(wishes: Wishes, saved: Plan | None) -> Wishes:
    """Plan again as of the saved plan's time, with its names for what is new."""
    return replace(wishes, as_of=saved.as_of, uids=planfile.uids(saved)) if saved else wishes


def _approved(seen: Look, saved: Plan, now: datetime) -> Look:
    """Keep what the saved plan holds. Raises StalePlanError with the list of what it does not."""
    differences = planfile.compare(saved, seen.planned.plan, clock=now)
    if differences:
        raise StalePlanError(
            "\n".join(differences), hint="nothing was done; make a new plan and have that reviewed"
        )
    plan = planfile.approved(saved, seen.planned.plan)
    return replace(seen, planned=replace(seen.planned, plan=plan))


def _refuse(seen: Look, terms: Terms) -> None:
    """Stop before anything is written, where the plan may not or cannot be carried out."""
    plan = seen.planned.plan
    if seen.identity.user_id != seen.healing.state.creator:
        raise SignInError(
            "the vaults of this stack are not visible to you: another C1 identity made them",
            hint="sign in as that identity; `reconciler auth status` shows who you are",
        )
    destroy = terms.wishes.destroy
    refusals = (
        *plan.refusals,
        *policy.guards(plan, terms.limits, destroy=destroy, reviewed=terms.saved is not None),
    )
    if refusals:
        raise RefusedError("\n".join(r.text for r in refusals), hint=_first_next(refusals))
    if seen.key is None and any(c.after for c in plan.acting()):
        raise StateError(
            "the fingerprint key of this stack is not here, so nothing can be made that a later run would know",
            hint=f"set {KEY_VARIABLE}, or bring back .reconciler/fingerprint.key",
        )


def _first_next(refusals: Sequence[Attention]) -> str | None:
    return next((r.next for r in refusals if r.next), None)


async def _carry_out(stack: Stack, client: Client, uploader: Uploader, terms: Terms, seen: Look) -> Applied:
    async with _claimed(stack, client, uploader, terms, seen) as work:
        await work.heal(seen.healing.shells)
        await work.change_all(seen.planned.plan.acting())
    return Applied(
        plan=seen.planned.plan,
        results=tuple(work.results),
        failures=tuple(work.failures),
        state=stack.backend.load(),
    )


@contextlib.asynccontextmanager
async def _claimed(
    stack: Stack, client: Client, uploader: Uploader, terms: Terms, seen: Look
) -> AsyncIterator[_Work]:
    """Claim the state for this run, and save what the run did when it ends, however it ends.

    The claim raises the serial before the first effect, so that a copy of the old state is refused from here.
    """
    assert seen.planned.state is not None
    state = replace(seen.planned.state, serial=seen.planned.state.serial + 1)
    if seen.key:
        state = replace(state, key_id=seen.key.id)
        stack.keep_first_key(seen.key)
    stack.backend.save(state)
    journal = stack.workdir.new_journal(_header(state))
    ledger = Ledger(state)
    run = Run(
        name=state.name,
        client=client,
        uploader=uploader,
        reader=stack.reader,
        key=seen.key,
        ledger=ledger,
        journal=journal,
        report=terms.report,
    )
    try:
        yield _Work(run=run, seen=seen, terms=terms)
    finally:
        journal.close()
        _close(stack, ledger)


def _header(state: State) -> Header:
    return Header(lineage=state.lineage, base_serial=state.serial, tool=f"reconciler {__version__}")


def _close(stack: Stack, ledger: Ledger) -> None:
    """Save what came of the run, and end its journal.

    A vault that was made, and is neither complete for certain nor certainly revoked, has no place in the state:
    it goes into a journal that stands on the saved state, so that the next run finds it by its ID.
    """
    left = ledger.open()
    pending = tuple(pending_of(o, seconds=PENDING_SECONDS) for o in left)
    final = ledger.state()
    final = replace(final, serial=final.serial + 1, pending=(*final.pending, *pending))
    stack.backend.save(final)
    bound = [o for o in left if o.vault_id]
    if not bound:
        stack.workdir.drop_journal()
        return
    with contextlib.closing(stack.workdir.new_journal(_header(final))) as journal:
        for it in bound:
            journal.write(it.intent)
            journal.write(Bound(op=it.intent.op, vault_id=it.vault_id or "", suite=None))


@dataclass(slots=True, kw_only=True)
class _Work:
    """The changes of one run, and how each ended."""

    run: Run
    seen: Look
    terms: Terms
    results: list[Result] = field(default_factory=list)
    failures: list[ReconcilerError] = field(default_factory=list)
    barred: bool = False
    """Nothing more can succeed: the disk or the credential is gone."""

    async def heal(self, shells: Sequence[Shell]) -> None:
        """Revoke the empty vaults that an interrupted run left. They are in no state, so no record is needed."""

        async def revoke_shell(shell: Shell) -> None:
            try:
                await self.run.client.revoke(shell.vault_id)
            except ReconcilerError as error:
                self._failed(error)
                return
            text = "an empty share that an interrupted run had left is revoked"
            self.terms.report(Healed(address=shell.address, vault_id=shell.vault_id, text=text))

        await each(shells, revoke_shell, at_once=self.terms.parallelism)

    async def change_all(self, changes: Sequence[Change]) -> None:
        """Carry out changes, the addresses side by side, those of one address in order."""
        ordered = sorted(changes, key=lambda c: (c.address, c.deposed is not None))
        groups = [list(group) for _, group in groupby(ordered, key=lambda c: c.address)]
        await each(groups, self._change_group, at_once=self.terms.parallelism)

    async def _change_group(self, changes: Sequence[Change]) -> None:
        for change in changes:
            if self.terms.stop.requested or self.barred or self._must_wait(change):
                self._ended(change, Outcome.NOT_REACHED)
                continue
            try:
                await self._change(change)
            except ReconcilerError as error:
                self._failed(error)
                self._ended(change, Outcome.FAILED, failure=error)

    def _must_wait(self, change: Change) -> bool:
        """Keep an old copy while its address has no live one, though it should: somebody may need it.

        An address whose share ended, and stays ended, is to have none.
        """
        instance = self.run.ledger.instance(change.address)
        lacks_current = instance is None or (instance.current is None and instance.ended is None)
        return change.deposed is not None and lacks_current and change.address in self.seen.wanted

    async def _change(self, change: Change) -> None:
        match change.action:
            case Action.CREATE | Action.REPLACE:
                await self._make(change)
            case Action.REVOKE:
                await self._revoke(change)
            case Action.FORGET:
                self.run.take(Forgotten(address=change.address))
                self._ended(change, Outcome.FORGOTTEN)
            case Action.NO_OP | Action.STATE_ONLY:
                pass  # saved with the claim

    async def _make(self, change: Change) -> None:
        address = change.address
        made = await make(self.run, change, self.seen.wanted[address], self.seen.contents[address])
        if change.action is Action.CREATE:
            self._ended(change, Outcome.CREATED, made=made)
            return
        assert change.before is not None
        try:
            await revoke(self.run, address, change.before.vault_id)
        except ReconcilerError as error:
            error.detail = f"the new share is live, but the old copy is not revoked yet: {error.detail}"
            self._failed(error)
            self._ended(change, Outcome.FAILED, made=made, failure=error)
        else:
            self._ended(change, Outcome.REPLACED, made=made)

    async def _revoke(self, change: Change) -> None:
        vault_id = change.deposed or (change.before.vault_id if change.before else None)
        assert vault_id is not None
        await revoke(self.run, change.address, vault_id)
        self._ended(change, Outcome.REVOKED, vault_id=vault_id)

    def _failed(self, error: ReconcilerError) -> None:
        error.hint = error.hint or "run the same command again: it goes on from here"
        self.failures.append(error)
        self.barred = self.barred or isinstance(error, StateError | SignInError)

    def _ended(
        self,
        change: Change,
        outcome: Outcome,
        *,
        made: Object | None = None,
        vault_id: str | None = None,
        failure: ReconcilerError | None = None,
    ) -> None:
        result = Result(
            address=change.address,
            action=change.action,
            outcome=outcome,
            vault_id=made.vault_id if made else vault_id,
            share_url=made.share_url if made else None,
            failure=failure.detail if failure else None,
            hint=failure.hint if failure else None,
        )
        self.results.append(result)
        self.terms.report(result)
