"""Everything that plan and apply must know before anything is decided, and the decision."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from reconciler import expand, planner, recipients, recovery
from reconciler.addresses import Address
from reconciler.client import Client
from reconciler.errors import ManifestError, Problem, SignInError, SourceError, StateError
from reconciler.expand import Wanted
from reconciler.fingerprint import Key
from reconciler.ledger import Open, replay
from reconciler.manifest import Format
from reconciler.moves import move
from reconciler.operations.refresh import refresh
from reconciler.operations.stack import Stack
from reconciler.operations.together import each
from reconciler.plan import Attention, Change, Reason
from reconciler.planner import Checked, Planned, Unchecked, Unreadable
from reconciler.recovery import Desire, Found, Healing
from reconciler.remote import Identity, Observed, User
from reconciler.sources import Content
from reconciler.state import State

_LOOKUPS_AT_ONCE = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What the command line asks of a plan beyond the manifest."""

    requested: frozenset[Address] = frozenset()
    destroy: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One look at a stack: what was found, and what would happen.

    `loaded` is the state as it lies on disk; `healing.state` with everything a dead run left taken in;
    `planned.state` with moves and ends as well, which is what apply saves first.
    """

    identity: Identity
    loaded: State | None
    healing: Healing
    planned: Planned
    wanted: Mapping[Address, Wanted]
    contents: Mapping[Address, Content]
    key: Key | None

    def must_write(self) -> bool:
        """Tell whether there is anything to send or to save."""
        return bool(self.planned.plan.acting() or self.healing.shells or self.planned.state != self.loaded)


async def look(stack: Stack, client: Client, wishes: Wishes, key: Key | None) -> Look:
    """Read the journal and the state, ask the tenant, read the sources, decide. Writes nothing."""
    identity = await client.introspect()
    if not identity.sharing_enabled:
        raise SignInError(
            f"secret sharing is switched off for the tenant {stack.server}",
            hint="an administrator of the tenant switches it on (module “Secret sharing”)",
        )
    loaded, open_creates = _remembered(stack)
    observed = await refresh(
        client, name=stack.manifest.name, state=loaded, open_creates=open_creates, identity=identity
    )
    if loaded is None:
        _refuse_lost_state(stack, observed)
    key = _own_key(key, loaded)
    resolved = await _people(client, stack, loaded, wishes)
    wanted = {w.address: w for w in resolved.wanted}
    before = loaded or _first_state(stack, identity, key)
    moves = move(before, stack.manifest.moved, wanted)
    contents, unreadable = await _read_sources(stack, wanted, key)
    uids = _uids(moves.state, wanted, open_creates)
    desires = {a: _desire(w, contents.get(a), uids[a], key) for a, w in wanted.items()}
    healing = _heal(
        before,
        Found(
            name=stack.manifest.name,
            now=observed.now,
            vaults=observed.vaults,
            open=open_creates,
            wanted=desires,
            moved={Address(m.source): Address(m.to) for m in stack.manifest.moved},
            origins=moves.origins,
            uids=uids,
            mac=key.mac if key else None,
        ),
        observed.identity,
    )
    planned = planner.plan_changes(
        name=stack.manifest.name,
        server=stack.server,
        wanted=tuple(wanted.values()),
        moved=stack.manifest.moved,
        removed=stack.manifest.removed,
        prior=healing.state if loaded or healing.state.instances else None,
        observed=observed,
        contents=_known(wanted, contents, unreadable, uids, key),
        uids=uids,
        requested=wishes.requested,
        now=observed.now,
        offline=False,
    )
    if planned.problems:
        raise SourceError(planned.problems)
    notes = (*healing.attention, *resolved.attention, *_pointed_out(wanted, contents))
    plan = replace(planned.plan, attention=(*planned.plan.attention, *notes))
    if wishes.destroy:
        plan = replace(plan, changes=tuple(_as_requested(change) for change in plan.changes))
    return Look(
        identity=identity,
        loaded=loaded,
        healing=healing,
        planned=replace(planned, plan=plan, state=planned.state or healing.state),
        wanted=wanted,
        contents=contents,
        key=key,
    )


def _remembered(stack: Stack) -> tuple[State | None, tuple[Open, ...]]:
    """Return the state after what a dead run recorded. The journal is read first: a run may end meanwhile."""
    journal = stack.workdir.read_journal()
    state = stack.backend.load()
    if state is not None and state.name != stack.manifest.name:
        raise StateError(
            f"{stack.backend.path} is the state of the stack {state.name}, not of {stack.manifest.name}",
            hint="give each stack its own state (`state: {path: …}` or --state), or rename the stack back",
        )
    if state is not None and state.server != stack.server:
        raise StateError(
            f"{stack.backend.path} belongs to the tenant {state.server}, and this run is signed in to {stack.server}",
            hint="use that tenant's credential, or another --state",
        )
    return replay(state, journal, file=str(stack.workdir.journal_path))


def _refuse_lost_state(stack: Stack, observed: Observed) -> None:
    """Stop where a first run finds live vaults of this stack: its state is missing, not absent."""
    bearing = recovery.strangers(None, stack.manifest.name, observed.vaults.values())
    live = [vault for vault, _ in bearing if recovery.is_live(vault, observed.now)]
    if live:
        raise StateError(
            f"there is no state at {stack.backend.path}, but {len(live)} live "
            f"{'vault bears' if len(live) == 1 else 'vaults bear'} the mark of the stack {stack.manifest.name}",
            hint="restore the state file (or its .backup); `reconciler state recover` rebuilds it from the tenant",
        )


def _first_state(stack: Stack, identity: Identity, key: Key | None) -> State:
    return State(
        name=stack.manifest.name,
        lineage=secrets.token_hex(16),
        serial=0,
        server=stack.server,
        creator=identity.user_id,
        key_id=key.id if key else None,
    )


def _own_key(key: Key | None, state: State | None) -> Key | None:
    """Return the key if it is the one that made the state: another key is as good as none."""
    if key and state and state.key_id and state.key_id != key.id:
        return None
    return key


async def _people(client: Client, stack: Stack, state: State | None, wishes: Wishes) -> recipients.Resolved:
    wanted = () if wishes.destroy else expand.expand(stack.manifest)
    directory: dict[str, tuple[User, ...]] = {}

    async def find(email: str) -> None:
        directory[email] = await client.users(email)

    await each(recipients.lookups(wanted), find, at_once=_LOOKUPS_AT_ONCE)
    instances = state.instances.items() if state else ()
    known = {address: i.current.attributes for address, i in instances if i.current}
    resolved = recipients.resolve(wanted, directory, known=known)
    if resolved.problems:
        raise ManifestError(resolved.problems)
    return resolved


async def _read_sources(
    stack: Stack, wanted: Mapping[Address, Wanted], key: Key | None
) -> tuple[dict[Address, Content], dict[Address, Problem]]:
    """Read every source through, one after the other and off the loop: a file may hold a gigabyte."""
    contents: dict[Address, Content] = {}
    unreadable: dict[Address, Problem] = {}

    def read_all() -> None:
        for address, want in wanted.items():
            try:
                contents[address] = stack.reader.look(want.source, want.attributes.kind, key)
            except SourceError as error:
                unreadable[address] = error.problems[0]

    await asyncio.to_thread(read_all)
    return contents, unreadable


def _uids(state: State, wanted: Iterable[Address], open_creates: Iterable[Open]) -> dict[Address, str]:
    """Return each address's uid: the state's, else the one that an interrupted create used, else a new one."""
    begun = {o.intent.address: o.intent.uid for o in open_creates}
    known = {address: instance.uid for address, instance in state.instances.items()}
    return {a: known.get(a) or begun.get(a) or secrets.token_hex(16) for a in wanted}


def _heal(state: State, found: Found, identity: Identity) -> Healing:
    if identity.user_id != state.creator:
        return Healing(state=state)
    return recovery.heal(state, found)


def _desire(want: Wanted, content: Content | None, uid: str, key: Key | None) -> Desire:
    mac = content.mac if content else None
    return Desire(
        attributes=want.attributes,
        content=mac,
        fingerprint=key.fingerprint(uid, mac) if key and mac else None,
        source=str(want.source),
        prevent_revoke=want.prevent_revoke,
    )


def _known(
    wanted: Iterable[Address],
    contents: Mapping[Address, Content],
    unreadable: Mapping[Address, Problem],
    uids: Mapping[Address, str],
    key: Key | None,
) -> dict[Address, Checked | Unchecked | Unreadable]:
    """Return what the planner may know of each value: a fingerprint and a bucket of its size."""
    known: dict[Address, Checked | Unchecked | Unreadable] = {}
    for address in wanted:
        if address in unreadable:
            known[address] = Unreadable(problem=unreadable[address])
            continue
        content = contents[address]
        if key is None or content.mac is None:
            known[address] = Unchecked(why="the fingerprint key is not here")
        else:
            size = planner.size_bucket(content.size)
            known[address] = Checked(fingerprint=key.fingerprint(uids[address], content.mac), size=size)
    return known


def _as_requested(change: Change) -> Change:
    """Say of a revoke that `destroy` asks for it: the manifest still holds the secret."""
    removed = change.reason is Reason.REMOVED_FROM_MANIFEST
    return replace(change, reason=Reason.REQUESTED) if removed else change


def _pointed_out(wanted: Mapping[Address, Wanted], contents: Mapping[Address, Content]) -> list[Attention]:
    return [
        Attention(
            code="trailing_newline",
            address=address,
            text=f"the value of {wanted[address].source} ends with a newline, which is sent as it is",
            next="add `trim: newline` to the source if the newline does not belong to the secret",
        )
        for address, content in contents.items()
        if content.ends_with_newline and wanted[address].attributes.format is Format.PLAINTEXT
    ]
