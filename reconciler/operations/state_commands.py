"""What a person does to a state by hand: recover, rm, mv, import, rekey. Each under the lock, each one save."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from reconciler.c1.client import Client
from reconciler.errors import RefusedError, SourceError, StateError, UsageError
from reconciler.fingerprint import Key
from reconciler.model.address import Address
from reconciler.model.state import Attributes, Instance, Share, State
from reconciler.model.vault import Vault
from reconciler.operations.gather import (
    Gathered,
    gather,
    refuse_other_identity,
    refuse_other_tenant,
)
from reconciler.operations.plan import first_state, new_uid, recovery_of
from reconciler.operations.stack import Loaded, Stack, instance_of, no_state
from reconciler.planning import recipients, recovery
from reconciler.planning.expand import Desired, expand
from reconciler.planning.verify import mismatch, seen_attributes, share_of
from reconciler.state import tags
from reconciler.state.journal import Forgotten
from reconciler.state.ledger import Ledger
from reconciler.state.tags import Tag


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovered:
    """A rebuilt state: what is in it, and the live vaults that nobody could place."""

    state: State
    unplaced: tuple[Vault, ...]


async def rebuild(stack: Stack, client: Client, *, assigned: Mapping[Address, str]) -> Recovered:
    """Rebuild a lost state from the vaults that bear the stack's tag.

    What is as the manifest asks is taken as current; an older or different copy is kept to be revoked once
    its address has a new one. `assigned` says by hand which vault is an address's current one.
    """
    with stack.held(_now()):
        if stack.store.load() is not None:
            raise RefusedError(
                f"there is a state at {stack.store.where}", hint="move it away first, if it is the wrong one"
            )
        loaded = Loaded(state=None, key=stack.keys.here())
        gathered = await gather(stack, client, loaded, everything=True, lost=True)
        observed = gathered.observed
        ours = recovery.strangers(None, stack.manifest.name, observed.vaults.values())
        live = [vault for vault, _ in ours if recovery.is_live(vault, observed.now)]
        if live and loaded.key is None and not assigned:
            raise _not_told_apart(stack, live)
        state = _rebuilt(stack, gathered, assigned)
        known = state.known()
        # first, for it stands on the state that is gone: killed in between, this is done again and nothing is refused
        stack.workdir.keep_journal_aside()
        stack.store.save(replace(state, serial=1))
        return Recovered(state=state, unplaced=tuple(v for v in live if v.vault_id not in known))


def _not_told_apart(stack: Stack, live: Iterable[Vault]) -> StateError:
    named = "".join(f"\n{vault.vault_id} is called {json.dumps(vault.display_name)}" for vault in live)
    return StateError(
        f"without the fingerprint key of the stack nobody can say which vault is which{named}",
        hint=f"{stack.keys.hint}, or say it by hand with --assign NAME=VAULT",
    )


def _rebuilt(stack: Stack, gathered: Gathered, assigned: Mapping[Address, str]) -> State:
    observed = gathered.observed
    state = first_state(stack, observed.identity, gathered.loaded.key)
    ledger = Ledger(state)
    for address, vault_id in assigned.items():
        vault = observed.vaults.get(vault_id)
        if vault is None or vault.status.end or not vault.content_ready:
            raise UsageError(f"--assign {address}={vault_id}: this identity has no such live vault")
        if vault_id in ledger.state().known():
            raise UsageError(f"--assign {address}={vault_id}: that vault is another secret's already")
        ledger.put(address, Instance(uid=new_uid(), current=_imported(vault, observed.now)))
    rest = {a: desired for a, desired in gathered.all_desired.items() if a not in assigned}
    gathered = replace(gathered, all_desired=rest)
    return recovery_of(stack, gathered, ledger.state(), origins={}, uids={a: new_uid() for a in rest}).state


def remove(stack: Stack, address: Address) -> None:
    """Remove an address from the state: its vaults live on until their end, and are not managed any more."""
    with stack.held(_now()):
        state = _settled(stack)
        instance_of(state, address)
        ledger = Ledger(state)
        ledger.take(Forgotten(address=address))
        _save(stack, ledger.state())


def rename(stack: Stack, old: Address, new: Address) -> None:
    """Rename an address in the state; `moved:` in the manifest does the same where others can review it."""
    with stack.held(_now()):
        state = _settled(stack)
        instance_of(state, old)
        if new in state.instances:
            raise UsageError(f"{new} is in the state already")
        instances = {(new if a == old else a): i for a, i in state.instances.items()}
        generations = _at_both(state.generations, old, new)
        made = _at_both(state.made, old, new)
        _save(stack, replace(state, instances=instances, generations=generations, made=made))


def _at_both(counts: Mapping[Address, int], old: Address, new: Address) -> dict[Address, int]:
    """Return a counter with the higher number at the new address: neither name may use one again."""
    return {**counts, new: max(counts.get(old, 0), counts.get(new, 0))}


async def import_share(stack: Stack, client: Client, address: Address, vault_id: str) -> Share:
    """Take a vault that was made elsewhere as an address's current one. Its value stays unchecked."""
    with stack.held(_now()):
        loaded = stack.load_with_key(make=True)
        refuse_other_tenant(stack, loaded.state)
        identity = await client.introspect()
        state = _settled(stack) if loaded.state else first_state(stack, identity, loaded.key)
        refuse_other_identity(state, identity)
        if address in state.instances:
            raise UsageError(f"{address} is in the state already", hint="`state rm` removes it first")
        if vault_id in state.known():
            raise UsageError(f"vault {vault_id} is in the state already")
        vault = await client.get(vault_id)
        if not isinstance(vault, Vault) or vault.status.end or not vault.content_ready:
            raise UsageError(f"this identity has no live vault {vault_id}")
        share = _imported(vault, client.now, await _desired(stack, client, address, vault))
        ledger = Ledger(replace(state, forgotten=state.forgotten - {vault_id}))
        ledger.put(address, Instance(uid=new_uid(), current=share))
        if loaded.key and not loaded.state:
            stack.keys.keep(loaded.key)
        _save(stack, ledger.state())
        return share


@dataclass(frozen=True, slots=True, kw_only=True)
class Rekeyed:
    """How many values are sealed with the new key, which are not, and which of those were until now."""

    checked: int
    unchecked: tuple[Address, ...]
    lost: tuple[Address, ...]


def rekey(
    stack: Stack, new: Key, *, trust_sources: bool, confirm: Callable[[Rekeyed], bool]
) -> Rekeyed | None:
    """Make every fingerprint again with another key; None if that would lose some, and `confirm` says no.

    With the old key each source is first compared with what was sent. Without it, without a fingerprint, or if a
    source cannot be read, the value stays unchecked, unless the user vouches for the sources with `trust_sources`.
    The new key is kept before the state needs it; the old one stays beside it.
    """
    with stack.held(_now()):
        state = _settled(stack)
        live = {a: i for a, i in state.instances.items() if i.current}
        resealed = _resealed(stack, state, live, new, trust_sources=trust_sources)
        unchecked = tuple(address for address in live if address not in resealed)
        done = Rekeyed(
            checked=len(resealed),
            unchecked=unchecked,
            lost=tuple(a for a in unchecked if (share := live[a].current) and share.fingerprint),
        )
        if done.lost and not confirm(done):
            return None
        instances = {a: _proven(_with_fingerprint(i, resealed.get(a)), new) for a, i in live.items()}
        stack.keys.replace(new)
        _save(stack, replace(state, instances={**state.instances, **instances}, key_id=new.id))
        return done


def _resealed(
    stack: Stack, state: State, live: Mapping[Address, Instance], new: Key, *, trust_sources: bool
) -> dict[Address, str]:
    """Return the new fingerprints of the values that are known, or vouched for, to be those that were sent."""
    old = stack.keys.for_state(state)
    all_desired = {desired.address: desired for desired in expand(stack.manifest)}
    resealed = {}
    for address, instance in live.items():
        proven = old if instance.current and instance.current.fingerprint else None
        if address not in all_desired or not (proven or trust_sources):
            continue
        fingerprint = _sealed_again(stack, instance, all_desired[address], proven, new)
        if fingerprint:
            resealed[address] = fingerprint
    return resealed


def _with_fingerprint(instance: Instance, fingerprint: str | None) -> Instance:
    assert instance.current is not None
    return replace(instance, current=replace(instance.current, fingerprint=fingerprint))


def _proven(instance: Instance, key: Key) -> Instance:
    """Return an instance whose shares the new key knows again: their tags were made with the old one."""

    def proven(share: Share) -> Share:
        made = tags.proof(key.mac, instance.uid, share.vault_id, share.tag) if share.tag else None
        return replace(share, proof=made)

    current = proven(instance.current) if instance.current else None
    deposed = tuple(replace(old, share=proven(old.share)) for old in instance.deposed)
    return replace(instance, current=current, deposed=deposed)


def _sealed_again(
    stack: Stack, instance: Instance, desired: Desired, old: Key | None, new: Key
) -> str | None:
    """Return the new fingerprint of a value; None for one that cannot be read, or is not what was sent.

    `old` is None where nothing tells what was sent.
    """
    assert instance.current is not None
    kind = desired.attributes.kind
    try:
        was = stack.reader.look(desired.source, kind, old).mac
        now = stack.reader.look(desired.source, kind, new).mac
    except SourceError:
        return None
    if old and was and old.fingerprint(instance.uid, was) != instance.current.fingerprint:
        return None
    return new.fingerprint(instance.uid, now) if now else None


def _now() -> datetime:
    return datetime.now(UTC)


def _settled(stack: Stack) -> State:
    """Return the state, if no interrupted run is still to be taken over."""
    if stack.workdir.read_journal() is not None:
        raise RefusedError(
            "an interrupted run is still to be taken over",
            hint="`reconciler apply` does that (with --exclude '*' that alone); then try again",
        )
    state = stack.store.load()
    if state is None:
        raise no_state(stack.store)
    return state


def _save(stack: Stack, state: State) -> None:
    stack.store.save(replace(state, serial=state.serial + 1))


async def _desired(stack: Stack, client: Client, address: Address, vault: Vault) -> Attributes | None:
    """Return what the manifest asks for at an address, if that is what the vault is as far as one can see."""
    all_desired = tuple(desired for desired in expand(stack.manifest) if desired.address == address)
    directory = {email: await client.users(email) for email in recipients.lookups(all_desired)}
    resolved = recipients.resolve(all_desired, directory, known={})
    for desired in resolved.all_desired:
        same = desired.attributes.kind is vault.kind and desired.attributes.sharing is vault.sharing
        if same and mismatch(vault, desired.attributes, None) is None:
            return desired.attributes
    return None


def _imported(vault: Vault, now: datetime, desired: Attributes | None = None) -> Share:
    tag = tags.find(vault.display_name) or Tag(stack="", address="", generation=0, desired="")
    made = share_of(vault, tag, desired or seen_attributes(vault), now=now)
    return made if made.generation else replace(made, tag="")
