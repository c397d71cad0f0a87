"""Renames: `moved` entries applied to a state, before anything else is looked at."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from reconciler.model.address import Address
from reconciler.model.manifest import Moved
from reconciler.model.state import State


@dataclass(frozen=True, slots=True, kw_only=True)
class Moves:
    """A state with its moves made. `origins`: new address -> old; `blocked`: old and new, which is taken."""

    state: State
    origins: Mapping[Address, Address]
    blocked: tuple[tuple[Address, Address], ...] = ()


def move(state: State, moved: Iterable[Moved], all_desired: Iterable[Address]) -> Moves:
    """Make the moves that lead from an address that is not desired to one that is.

    Chains are followed (`a -> b`, later `b -> c`). An address keeps its uid, so that its value still
    compares; the counter of generations follows it and stays behind too: neither name may use one again.
    """
    steps = {step.source: step.to for step in moved}
    if not steps:
        return Moves(state=state, origins={})
    addresses = frozenset(all_desired)
    instances, generations, made = dict(state.instances), dict(state.generations), dict(state.made)
    origins: dict[Address, Address] = {}
    blocked: list[tuple[Address, Address]] = []
    for old in sorted(state.instances):
        new = destination(old, steps, addresses)
        if new is None:
            continue
        generations[new] = max(generations.get(old, 0), generations.get(new, 0))
        if highest := max(made.get(old, 0), made.get(new, 0)):
            made[new] = highest
        if new in instances:
            blocked.append((old, new))
            continue
        instances[new] = instances.pop(old)
        origins[new] = old
    return Moves(
        state=replace(state, instances=instances, generations=generations, made=made),
        origins=origins,
        blocked=tuple(blocked),
    )


def destination(old: Address, steps: Mapping[str, str], all_desired: frozenset[Address]) -> Address | None:
    """Return where an address goes, or None when it stays: it is still desired, or the way ends nowhere."""
    if old in all_desired:
        return None
    name, passed = old.name, {old.name}
    while name in steps and steps[name] not in passed:
        name = steps[name]
        passed.add(name)
        if Address(name, old.key) in all_desired:
            return Address(name, old.key)
    return None
