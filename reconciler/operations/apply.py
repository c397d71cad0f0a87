"""Apply: recover what a dead run left, then make what the plan says, and record all of it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from reconciler import __version__
from reconciler.c1.client import Client
from reconciler.c1.upload import Uploader
from reconciler.errors import ReconcilerError, RefusedError, SignInError, StalePlanError, StateError
from reconciler.model.attention import Refusal
from reconciler.model.events import Event, Result
from reconciler.model.plan import Plan
from reconciler.model.state import State
from reconciler.operations.execute import Stop, Work
from reconciler.operations.gather import refuse_other_identity
from reconciler.operations.options import ApplyOptions, PlanOptions, SavedPlan
from reconciler.operations.plan import Look, look
from reconciler.operations.run import Run
from reconciler.operations.stack import Loaded, Stack
from reconciler.planfile import sealed
from reconciler.planning import status
from reconciler.state.journal import Header
from reconciler.state.ledger import Ledger, pending_of
from reconciler.storage.workdir import JournalWriter


@dataclass(frozen=True, slots=True, kw_only=True)
class FrontEnd:
    """Who looks on. `confirm` is asked once, with the plan: False ends it with nothing done."""

    confirm: Callable[[Plan], bool]
    report: Callable[[Event], None]
    stop: Stop


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """What an apply did: the plan that it stood on, and how each change of it ended."""

    plan: Plan
    results: tuple[Result, ...] = ()
    failures: tuple[ReconcilerError, ...] = ()
    declined: bool = False


async def apply(
    stack: Stack, client: Client, uploader: Uploader, options: ApplyOptions, front: FrontEnd
) -> Applied:
    """Apply under the lock. Raises ReconcilerError where nothing was begun; later each outcome is named."""
    with stack.held(client.now):
        stack.workdir.check_writable()
        stack.store.check_writable()
        loaded = stack.load_with_key(make=True)
        saved = _reviewed(stack, options.saved, loaded) if options.saved else None
        seen = await look(stack, client, _as_saved(options.plan, saved), loaded)
        if saved and options.saved:
            seen = _approved(seen, saved, client.now, options.saved.life)
        plan = seen.planned.plan
        _refuse(stack, seen)
        if not (seen.must_write() or stack.workdir.has_journal()):
            return Applied(plan=plan)
        if plan.acting() and not front.confirm(plan):
            return Applied(plan=plan, declined=True)
        return await _carry_out(stack, client, uploader, seen, front, options.parallelism, saved)


def _reviewed(stack: Stack, saved: SavedPlan, loaded: Loaded) -> Plan:
    if loaded.key is None:
        raise StateError(
            "a saved plan is checked with the stack's fingerprint key, which is not here",
            hint=stack.keys.hint,
        )
    plan = saved.read(loaded.key)
    if saved.digest is not None and saved.digest != plan.digest():
        raise StalePlanError(
            "the saved plan is not the one that was approved: its digest is another",
            hint="apply the plan that was reviewed, or review this one",
        )
    return plan


def _as_saved(options: PlanOptions, saved: Plan | None) -> PlanOptions:
    """Plan again as of the saved plan's time, its names for what is new, its limits, what it was to replace."""
    if saved is None:
        return options
    uids, asked = sealed.uids(saved), sealed.asked(saved)
    return replace(options, as_of=saved.as_of, uids=uids, asked=asked, limits=saved.limits)


def _approved(seen: Look, saved: Plan, now: datetime, life: timedelta) -> Look:
    """Keep what the saved plan holds. Raises StalePlanError with the list of what it does not."""
    assert seen.planned.state is not None
    why = sealed.spent(saved, seen.planned.plan, seen.planned.state, clock=now, life=life)
    if why := why or sealed.differences(saved, seen.planned.plan, clock=now):
        raise StalePlanError("\n".join(why), hint="nothing was done; make a new plan and have that reviewed")
    plan = sealed.approved(saved, seen.planned.plan)
    return replace(seen, planned=replace(seen.planned, plan=plan))


def _refuse(stack: Stack, seen: Look) -> None:
    """Stop before anything is written, where the plan may not or cannot be carried out."""
    plan = seen.planned.plan
    _refuse_the_unseen(seen)
    if plan.refusals:
        raise RefusedError(
            "\n".join(f"{r.address}: {r.text}" if r.address else r.text for r in plan.refusals),
            hint=_first_next(plan.refusals),
        )
    if seen.gathered.loaded.key is None and any(c.after for c in plan.acting()):
        raise StateError(
            "the fingerprint key of this stack is not here, so nothing can be made that a later run would know",
            hint=stack.keys.lost_hint,
        )


def _refuse_the_unseen(seen: Look) -> None:
    """Raise SignInError where this identity sees none of the stack's vaults: nothing it sees means anything."""
    state, observed = seen.recovery.state, seen.gathered.observed
    refuse_other_identity(state, observed.identity)
    if status.invisible(state, observed):
        raise SignInError(
            "the tenant hides every vault of this stack from this identity, which made them (403)",
            hint="did it lose a role in C1? `reconciler auth status` shows who you are and what you may do",
        )


def _first_next(refusals: Sequence[Refusal]) -> str | None:
    return next((r.next for r in refusals if r.next), None)


async def _carry_out(
    stack: Stack,
    client: Client,
    uploader: Uploader,
    seen: Look,
    front: FrontEnd,
    parallelism: int,
    saved: Plan | None,
) -> Applied:
    with _claimed(stack, seen) as (ledger, journal):
        run = Run(
            name=stack.manifest.name,
            client=client,
            uploader=uploader,
            reader=stack.reader,
            key=seen.gathered.loaded.key,
            ledger=ledger,
            journal=journal,
            report=front.report,
        )
        work = Work(
            run=run,
            all_desired=seen.gathered.all_desired,
            contents=seen.gathered.contents,
            parallelism=parallelism,
            stop=front.stop,
        )
        await work.recover(seen.recovery.orphans)
        await work.change_all(seen.planned.plan.acting())
        if saved and work.complete():
            ledger.remember(sealed.record_of(saved))
    return Applied(plan=seen.planned.plan, results=tuple(work.results), failures=tuple(work.failures))


@contextlib.contextmanager
def _claimed(stack: Stack, seen: Look) -> Iterator[tuple[Ledger, JournalWriter]]:
    """Claim the state for this run, and save what the run did when it ends, however it ends.

    The claim raises the serial before the first effect, so that a copy of the old state is refused from here.
    """
    assert seen.planned.state is not None
    state = replace(seen.planned.state, serial=seen.planned.state.serial + 1)
    key = seen.gathered.loaded.key
    if key:
        state = replace(state, key_id=key.id)
        stack.keys.keep(key)
    stack.store.save(state)
    carried = [entry for orphan in seen.recovery.orphans if orphan.open for entry in orphan.open.entries()]
    journal = stack.workdir.new_journal(_header(state), carried)
    ledger = Ledger(state)
    for entry in carried:
        ledger.take(entry)
    try:
        yield ledger, journal
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
    final = ledger.state()
    pending = {p.op: p for p in final.pending} | {o.intent.op: pending_of(o) for o in left}
    final = replace(final, serial=final.serial + 1, pending=tuple(pending.values()))
    stack.store.save(final)
    entries = [entry for create in left if create.vault_id for entry in create.entries()]
    if entries:
        stack.workdir.new_journal(_header(final), entries).close()
    else:
        stack.workdir.drop_journal()
