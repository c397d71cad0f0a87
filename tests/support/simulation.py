"""What apply does to a state, without a tenant: enough to plan again on what it leaves."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace
from datetime import timedelta

from reconciler.model.address import Address
from reconciler.model.plan import Action, Change
from reconciler.model.state import Instance, Share, State
from reconciler.planning.planner import Planned
from tests.support import plans


def applied(
    planned: Planned,
    changes: Iterable[Change] | None = None,
    *,
    protected: Collection[Address] = (),
    once: Collection[Address] = (),
) -> State:
    """Return the state after these changes (by default all of the plan) were applied; `once` are not renewed."""
    start = planned.state or plans.state({})
    instances, generations = dict(start.instances), dict(start.generations)
    for change in planned.plan.acting() if changes is None else changes:
        old = instances.get(change.address, Instance(uid=change.uid))
        match change.action:
            case Action.CREATE | Action.REPLACE:
                made = replace(_made(change, planned), renew=change.address not in once)
                generations[change.address] = made.generation
                new = replace(old, current=made, ended=None, prevent_revoke=change.address in protected)
            case Action.REVOKE if change.deposed:
                left = tuple(d for d in old.deposed if d.share.vault_id != change.deposed)
                new = replace(old, deposed=left)
            case _:
                new = replace(
                    old,
                    current=None,
                    ended=None,
                    deposed=old.deposed if change.action is Action.REVOKE else (),
                )
        _put(instances, change.address, new)
    return replace(start, instances=instances, generations=generations, serial=start.serial + 1)


def _put(instances: dict[Address, Instance], address: Address, instance: Instance) -> None:
    instances.pop(address, None)
    if not instance.empty():
        instances[address] = instance


def _made(change: Change, planned: Planned) -> Share:
    assert change.after
    assert change.generation
    made = plans.share(f"{change.address}-{change.generation}", change.after, generation=change.generation)
    created = planned.plan.as_of
    return replace(
        made,
        fingerprint=change.fingerprint,
        source=change.source or "",
        created=created,
        expires=created + timedelta(seconds=change.after.expires_in),
    )
