"""The plan: manifest, people, fingerprints, state and tenant in, every decision out. Looks nothing up.

The rules are in `rules`, one address's whole story in `evaluate`; this module puts the stories together.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeVar

from reconciler.model.address import Address
from reconciler.model.attention import Attention, Refusal
from reconciler.model.manifest import Manifest
from reconciler.model.plan import Action, Change, Plan
from reconciler.model.state import State
from reconciler.model.vault import Observed
from reconciler.planning import messages, status
from reconciler.planning.evaluate import Verdict, evaluate
from reconciler.planning.expand import Desired
from reconciler.planning.moves import Moves, move
from reconciler.planning.scene import Scene, Subject
from reconciler.planning.values import Known
from reconciler.state import tags
from reconciler.state.ledger import Ledger
from reconciler.state.tags import Mac


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """A plan, and the state to save before its first change: moves made, ends recorded, what is gone struck.

    `state` is None for a first run, and equal to the prior one when there is nothing to remember.
    """

    plan: Plan
    state: State | None


def plan_changes(
    manifest: Manifest,
    *,
    server: str,
    all_desired: Sequence[Desired],
    prior: State | None,
    observed: Observed | None,
    contents: Mapping[Address, Known],
    uids: Mapping[Address, str],
    requested: frozenset[Address],
    now: datetime,
    attention: Sequence[Attention] = (),
    revoke_imported: bool = False,
    mac: Mac | None = None,
) -> Planned:
    """Decide about every address of the manifest and of the state.

    `all_desired` is what the manifest asks for with its people found, or nothing where all is to go. `prior` is the
    state, and `contents` are for the uids after its moves. `observed` is None when this run did not look. `now` is the
    server's time, or that of the saved plan that is checked. `attention` is what the caller found before.
    `mac` is the stack's key, None where it is not here: with it, a tag proves whose a share is and what was sent.
    Without `revoke_imported` only what bears, on the tenant, the tag that the state has for it is revoked.
    """
    plan = _undecided(manifest.name, server, prior, observed, now)
    if prior and status.invisible(prior, observed):
        return _nothing(plan, prior, attention)
    moves = move(prior, manifest.moved, (desired.address for desired in all_desired)) if prior else None
    scene = Scene(
        name=manifest.name,
        mac=mac,
        stack=tags.stack_part(manifest.name),
        observed=observed,
        contents=contents,
        requested=requested,
        origins=moves.origins if moves else {},
        kept=frozenset(entry.name for entry in manifest.removed if not entry.revoke),
        revoke_imported=revoke_imported,
        now=now,
    )
    verdicts = _evaluate(scene, all_desired, moves.state if moves else None, uids)
    stack = _of_the_stack(verdicts, moves, offline=plan.offline)
    state = _remembered(moves.state, verdicts) if moves else None
    return Planned(plan=_assemble(plan, verdicts, [*attention, *stack]), state=state)


def _undecided(name: str, server: str, prior: State | None, observed: Observed | None, now: datetime) -> Plan:
    """Return the plan with what it is a plan of, and nothing decided yet."""
    identity = observed.identity.user_id if observed else ""
    return Plan(
        name=name,
        server=server,
        creator=prior.creator if prior else identity,
        lineage=prior.lineage if prior else None,
        serial=prior.serial if prior else None,
        as_of=now,
        offline=observed is None,
    )


def _nothing(plan: Plan, prior: State, attention: Iterable[Attention]) -> Planned:
    """Plan nothing at all: to a stranger every vault looks deleted."""
    kept = {address: instance.current for address, instance in sorted(prior.instances.items())}
    changes = tuple(
        Change(address=address, action=Action.NO_OP, uid=prior.instances[address].uid, before=share)
        for address, share in kept.items()
    )
    noted = _sorted([*attention, messages.not_visible(prior)])
    return Planned(plan=replace(plan, changes=changes, attention=noted), state=prior)


def _evaluate(
    scene: Scene, all_desired: Sequence[Desired], state: State | None, uids: Mapping[Address, str]
) -> list[Verdict]:
    """Look at each address once, in order."""
    by_address = {desired.address: desired for desired in all_desired}
    addresses = by_address.keys() | (state.instances.keys() if state else ())
    ledger = Ledger(state) if state else None
    subjects = (_subject(address, state, ledger, uids) for address in sorted(addresses))
    return [evaluate(scene, subject, by_address.get(subject.address)) for subject in subjects]


def _subject(
    address: Address, state: State | None, ledger: Ledger | None, uids: Mapping[Address, str]
) -> Subject:
    instance = state.instances.get(address) if state else None
    return Subject(
        address=address,
        uid=instance.uid if instance else uids.get(address, ""),
        instance=instance,
        generation=ledger.next_generation(address) if ledger else 1,
    )


def _of_the_stack(verdicts: Iterable[Verdict], moves: Moves | None, *, offline: bool) -> list[Attention]:
    """Return attention to what concerns more than one address, or none that was looked at."""
    unchecked: dict[str, list[Address]] = {}
    for verdict in verdicts:
        if verdict.unchecked:
            unchecked.setdefault(verdict.unchecked, []).append(verdict.subject.address)
    attention = [messages.value_not_checked(why, addresses) for why, addresses in unchecked.items()]
    if moves is None:
        return [*attention, messages.first_run()] if offline else attention
    attention += [messages.move_blocked(old, new) for old, new in moves.blocked]
    attention += [messages.pending(waiting) for waiting in moves.state.pending]
    return attention


def _assemble(plan: Plan, verdicts: Sequence[Verdict], attention: Iterable[Attention]) -> Plan:
    changes = [change for verdict in verdicts for change in verdict.changes]
    return replace(
        plan,
        live=sum(verdict.live for verdict in verdicts),
        changes=tuple(sorted(changes, key=lambda c: (c.address, c.deposed or ""))),
        drift=tuple(drift for verdict in verdicts for drift in verdict.drift),
        attention=_sorted([*attention, *(note for verdict in verdicts for note in verdict.attention)]),
        refusals=_sorted([note for verdict in verdicts for note in verdict.refusals]),
        unchecked=frozenset(verdict.subject.address for verdict in verdicts if verdict.unchecked is not None),
    )


N = TypeVar("N", Attention, Refusal)


def _sorted(notes: Iterable[N]) -> tuple[N, ...]:
    """Put what concerns the whole stack first."""
    first = Address("")
    return tuple(sorted(notes, key=lambda a: (a.address or first, a.code, a.text)))


def _remembered(state: State, verdicts: Iterable[Verdict]) -> State:
    """Return the state as looked at; the counter of an address outlives what is struck."""
    instances = dict(state.instances)
    generations = dict(state.generations)
    for verdict in verdicts:
        if verdict.instance and not verdict.instance.empty():
            instances[verdict.subject.address] = verdict.instance
        elif instances.pop(verdict.subject.address, None):
            generations[verdict.subject.address] = verdict.subject.generation - 1
    return replace(state, instances=instances, generations=generations)
