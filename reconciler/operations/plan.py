"""One look at a stack, and what would happen: what plan shows and apply carries out."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from reconciler.c1.client import Client
from reconciler.errors import SourceError
from reconciler.fingerprint import Key
from reconciler.model.address import Address
from reconciler.model.attention import Attention
from reconciler.model.plan import Change, Reason
from reconciler.model.state import Instance, State
from reconciler.model.vault import Identity
from reconciler.operations.gather import Gathered, gather
from reconciler.operations.options import PlanOptions
from reconciler.operations.stack import Loaded, Stack
from reconciler.planning import expand, guards, messages, planner, selection
from reconciler.planning.expand import Desired
from reconciler.planning.moves import move
from reconciler.planning.planner import Planned
from reconciler.planning.recovery import DesiredShare, Recovery, Remains, recover
from reconciler.planning.values import NO_KEY, Checked, Known, Unchecked, Unreadable, size_bucket
from reconciler.sources import Content
from reconciler.state.ledger import Open


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One look at a stack: what was gathered, and what would happen.

    `gathered.loaded.state` is the state as it was left; `recovery.state` with everything a dead run left taken in;
    `planned.state` with moves and ends as well, which is what apply saves first.
    """

    gathered: Gathered
    recovery: Recovery
    planned: Planned

    def must_write(self) -> bool:
        """Whether there is anything to send or to save."""
        before, after = self.gathered.loaded.state, self.planned.state
        if (
            before and after
        ):  # which generations were filled shows again in each run: no reason to save by itself
            after = replace(after, made=before.made)
        return bool(self.planned.plan.acting() or self.recovery.orphans or after != before)


async def look(stack: Stack, client: Client, options: PlanOptions, loaded: Loaded) -> Look:
    """Return what would happen: ask the tenant, read the sources, decide. Writes nothing."""
    return _decide(stack, options, await gather(stack, client, loaded, everything=not options.destroy))


def _decide(stack: Stack, options: PlanOptions, gathered: Gathered) -> Look:
    loaded, all_desired = gathered.loaded, gathered.all_desired
    before = loaded.state or first_state(stack, gathered.observed.identity, loaded.key)
    moves = move(before, stack.manifest.moved, all_desired)
    uids = _uids(moves.state, all_desired, loaded.open_creates, options.uids)
    recovery = recovery_of(stack, gathered, before, moves.origins, uids, first_run=loaded.state is None)
    kept = move(recovery.state, stack.manifest.moved, all_desired).state.instances
    unmatched = selection.check(options.requested, options.selection, all_desired.keys() | kept.keys())
    planned = planner.plan_changes(
        replace(stack.manifest, removed=()) if options.destroy else stack.manifest,
        server=stack.server,
        all_desired=tuple(all_desired.values()),
        prior=recovery.state if loaded.state or recovery.state.instances else None,
        observed=gathered.observed,
        contents=_known(gathered, uids, _no_key(stack)),
        uids=uids,
        requested=options.requested | _still_asked(options.asked, kept),
        now=options.as_of or gathered.observed.now,
        revoke_imported=options.revoke_imported,
        mac=loaded.key.mac if loaded.key else None,
        attention=(*recovery.attention, *_told_orphans(recovery), *unmatched, *gathered.attention),
    )
    plan = selection.narrow(planned.plan, options.selection)
    if options.destroy:  # which asks by itself
        plan = replace(plan, changes=tuple(_as_requested(change) for change in plan.changes))
    else:
        plan = guards.guarded(plan, options.limits)
    needed = {c.address for c in plan.acting() if c.after}
    if problems := [problem for address, problem in gathered.unreadable.items() if address in needed]:
        raise SourceError(problems)
    planned = replace(planned, plan=plan, state=planned.state or recovery.state)
    return Look(gathered=gathered, recovery=recovery, planned=planned)


def _still_asked(asked: Mapping[Address, str], kept: Mapping[Address, Instance]) -> frozenset[Address]:
    """Return the addresses whose vault is still the one that a saved plan was asked to replace: not done yet."""
    last = {a: instance.last() for a, instance in kept.items() if a in asked}
    return frozenset(a for a, share in last.items() if share and share.vault_id == asked[a])


def first_state(stack: Stack, identity: Identity, key: Key | None) -> State:
    """Return the empty state of a new stack; nothing is saved."""
    return State(
        name=stack.manifest.name,
        lineage=secrets.token_hex(16),
        serial=0,
        server=stack.server,
        creator=identity.user_id,
        key_id=key.id if key else None,
    )


def _uids(
    state: State, all_desired: Iterable[Address], open_creates: Iterable[Open], planned: Mapping[Address, str]
) -> dict[Address, str]:
    """Return each address's uid: the state's, the saved plan's, an interrupted create's, else a new one.

    A plan or a create of before a rename may name one that has gone to another address since: never twice.
    """
    begun = {o.intent.address: o.intent.uid for o in open_creates}
    uids = {address: instance.uid for address, instance in state.instances.items()}
    taken = set(uids.values())
    for address in all_desired:
        if address not in uids:
            promised = (uid for uid in (planned.get(address), begun.get(address)) if uid and uid not in taken)
            uids[address] = next(promised, None) or new_uid()
            taken.add(uids[address])
    return uids


def new_uid() -> str:
    """Return a name for a new instance: 16 random bytes, hex."""
    return secrets.token_hex(16)


def recovery_of(
    stack: Stack,
    gathered: Gathered,
    before: State,
    origins: Mapping[Address, Address],
    uids: Mapping[Address, str],
    *,
    first_run: bool = False,
) -> Recovery:
    """Return what an earlier run left, taken in for the values that were read."""
    observed, key = gathered.observed, gathered.loaded.key
    if observed.identity.user_id != before.creator:
        return Recovery(state=before)
    desires = {
        address: _desire(desired, gathered.contents.get(address), uids[address], key)
        for address, desired in gathered.all_desired.items()
    }
    remains = Remains(
        name=stack.manifest.name,
        now=observed.now,
        vaults=observed.vaults,
        hidden=observed.hidden,
        open=gathered.loaded.open_creates,
        all_desired=desires,
        moved={Address(m.source): Address(m.to) for m in stack.manifest.moved},
        origins=origins,
        uids=uids,
        mac=key.mac if key else None,
        declared=frozenset(desired.address for desired in expand.expand(stack.manifest)),
        first_run=first_run,
    )
    return recover(before, remains)


def _told_orphans(recovery: Recovery) -> list[Attention]:
    return [messages.left_incomplete(orphan.address) for orphan in recovery.orphans]


def _desire(desired: Desired, content: Content | None, uid: str, key: Key | None) -> DesiredShare:
    mac = content.mac if content else None
    return DesiredShare(
        attributes=desired.to_make,
        content=mac,
        fingerprint=key.fingerprint(uid, mac) if key and mac else None,
        source=str(desired.source),
        prevent_revoke=desired.prevent_revoke,
    )


def _no_key(stack: Stack) -> Unchecked:
    if stack.keys.environ is not None:
        return NO_KEY
    return Unchecked(why=f"{stack.keys.hint}: this stack was made with it")


def _known(gathered: Gathered, uids: Mapping[Address, str], no_key: Unchecked) -> dict[Address, Known]:
    """Return what the planner may know of each value: a fingerprint and a bucket of its size."""
    key = gathered.loaded.key
    known: dict[Address, Known] = {}
    for address in gathered.all_desired:
        if address in gathered.unreadable:
            known[address] = Unreadable(problem=gathered.unreadable[address])
            continue
        content = gathered.contents[address]
        if key is None or content.mac is None:
            known[address] = replace(no_key, size=size_bucket(content.size))
        else:
            fingerprint = key.fingerprint(uids[address], content.mac)
            known[address] = Checked(
                fingerprint=fingerprint, size=size_bucket(content.size), content=content.mac
            )
    return known


def _as_requested(change: Change) -> Change:
    """Return a revoke with the reason that `destroy` gives it: the manifest still holds the secret."""
    removed = change.reason is Reason.REMOVED_FROM_MANIFEST
    return replace(change, reasons=(Reason.REQUESTED,)) if removed else change
