"""Everything that must be known before anything can be decided: tenant, people, sources."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from reconciler.c1.calls import sharing_off
from reconciler.c1.client import Client
from reconciler.errors import ManifestError, Problem, SignInError, SourceError, StateError
from reconciler.fingerprint import Key
from reconciler.model.address import Address
from reconciler.model.attention import Attention
from reconciler.model.manifest import Format
from reconciler.model.state import State
from reconciler.model.vault import Identity, Observed, User
from reconciler.operations.concurrency import each
from reconciler.operations.refresh import refresh
from reconciler.operations.stack import SANDBOX_SERVER, Loaded, Stack
from reconciler.planning import expand, messages, recipients, recovery
from reconciler.planning.expand import Desired
from reconciler.sources import Content

_LOOKUPS_AT_ONCE = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Gathered:
    """What I/O brought: what was known before, and what tenant and sources say now."""

    loaded: Loaded
    observed: Observed
    all_desired: Mapping[Address, Desired]
    contents: Mapping[Address, Content]
    unreadable: Mapping[Address, Problem]
    attention: tuple[Attention, ...]


async def gather(
    stack: Stack, client: Client, loaded: Loaded, *, everything: bool, lost: bool = False
) -> Gathered:
    """Return what the tenant and the sources say. Writes nothing.

    `everything` is False for `destroy`, which desires nothing; `lost` for a state that is to be rebuilt.
    """
    state = loaded.state
    identity = await client.introspect()
    if not identity.sharing_enabled:
        raise sharing_off(stack.server)
    refuse_other_tenant(stack, state)
    observed = await refresh(
        client, name=stack.manifest.name, state=state, open_creates=loaded.open_creates, identity=identity
    )
    if state is None and not lost:
        _refuse_lost_state(stack, observed)
    resolved = await _people(client, stack, state, everything=everything)
    all_desired = {w.address: w for w in resolved.all_desired}
    contents, unreadable = await _read_sources(stack, all_desired, loaded.key)
    return Gathered(
        loaded=loaded,
        observed=observed,
        all_desired=all_desired,
        contents=contents,
        unreadable=unreadable,
        attention=(*resolved.attention, *_pointed_out(all_desired, contents)),
    )


def refuse_other_tenant(stack: Stack, state: State | None) -> None:
    """Raise StateError where the state belongs to another tenant than the one that this run is signed in to."""
    if state is not None and state.server != stack.server:
        hint = "use that tenant's credential, or another --state"
        if SANDBOX_SERVER in (state.server, stack.server):
            sandboxed = state.server == SANDBOX_SERVER
            hint = f"run {'with' if sandboxed else 'without'} --sandbox, or name another --state"
        raise StateError(
            f"{stack.store.where} belongs to the tenant {state.server}, and this run is signed in to {stack.server}",
            hint=hint,
        )


def refuse_other_identity(state: State, identity: Identity) -> None:
    """Raise SignInError where another identity made the stack's vaults: search and GET show them to it alone."""
    if identity.user_id != state.creator:
        raise SignInError(
            "the vaults of this stack are not visible to you: another C1 identity made them",
            hint="sign in as that identity; `reconciler auth status` shows who you are",
        )


def _refuse_lost_state(stack: Stack, observed: Observed) -> None:
    """Stop where a first run finds live vaults of this stack: its state is missing, not absent."""
    bearing = recovery.strangers(None, stack.manifest.name, observed.vaults.values())
    live = [vault for vault, _ in bearing if recovery.is_live(vault, observed.now)]
    if live and stack.store.load() is not None:
        raise StateError(
            f"another run has made {stack.store.where} since this one looked",
            hint="run the same command again",
        )
    if live:
        raise StateError(
            f"there is no state at {stack.store.where}, but {len(live)} live "
            f"{'vault bears' if len(live) == 1 else 'vaults bear'} the tag of the stack {stack.manifest.name}",
            hint="restore the state file (or its .backup); `reconciler state recover` rebuilds it from the tenant; "
            "if another manifest has that name, give this one its own",
        )


async def _people(
    client: Client, stack: Stack, state: State | None, *, everything: bool
) -> recipients.Resolved:
    all_desired = expand.expand(stack.manifest) if everything else ()
    directory: dict[str, tuple[User, ...]] = {}

    async def find(email: str) -> None:
        directory[email] = await client.users(email)

    await each(recipients.lookups(all_desired), find, at_once=_LOOKUPS_AT_ONCE)
    if ids := recipients.identified(all_desired):
        directory |= {user.user_id: (user,) for user in await client.users_by_id(ids)}
    resolved = recipients.resolve(all_desired, directory, known=recipients.recorded(state))
    if resolved.problems:
        raise ManifestError(resolved.problems)
    return resolved


async def _read_sources(
    stack: Stack, all_desired: Mapping[Address, Desired], key: Key | None
) -> tuple[dict[Address, Content], dict[Address, Problem]]:
    """Read every source through, one after the other and off the loop: a file may hold a gigabyte."""
    contents: dict[Address, Content] = {}
    unreadable: dict[Address, Problem] = {}

    def read_all() -> None:
        for address, desired in all_desired.items():
            try:
                contents[address] = stack.reader.look(desired.source, desired.attributes.kind, key)
            except SourceError as error:
                unreadable[address] = error.problems[0]

    await asyncio.to_thread(read_all)
    return contents, unreadable


def _pointed_out(
    all_desired: Mapping[Address, Desired], contents: Mapping[Address, Content]
) -> list[Attention]:
    return [
        messages.trailing_newline(address, str(all_desired[address].source))
        for address, content in contents.items()
        if content.ends_with_newline and all_desired[address].attributes.format is Format.PLAINTEXT
    ]
