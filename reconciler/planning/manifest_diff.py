"""Two manifests against each other, as a plan: what a fork's pull request can show, with no state, key or token.

The base stands in for the state: as if everything that it declares had been applied, and no tenant could be read.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final, TypeAlias

from reconciler import display
from reconciler.model.attention import Attention, AttentionCode
from reconciler.model.manifest import Lead, Manifest, Renew
from reconciler.model.plan import Action, Change, Plan
from reconciler.model.state import Instance, Share, State
from reconciler.planning import diff_messages, expand, planner
from reconciler.planning.expand import Desired
from reconciler.planning.values import NOT_READ

Pair: TypeAlias = tuple[str, object, object]
"""What is declared, how it was declared before, and how it is now."""

_NOT_HERE: Final = frozenset({AttentionCode.NOT_CHECKED, AttentionCode.ENDS_SOON, AttentionCode.FIRST_RUN})
"""What the planner says because the tenant was not read: true of every comparison of two texts."""


def between(base: Manifest | None, head: Manifest, *, now: datetime, changed: frozenset[str]) -> Plan:
    """Return what `head` would change if `base` had been applied. `changed`: source files whose bytes differ."""
    prior = _as_applied(base, now) if base else None
    all_desired = expand.expand(head)
    plan = planner.plan_changes(
        head,
        server=head.tenant or "",
        all_desired=all_desired,
        prior=prior,
        observed=None,
        contents={desired.address: NOT_READ for desired in all_desired},
        uids={desired.address: "" for desired in all_desired},
        requested=frozenset(),
        now=now,
    ).plan
    told = tuple(a for a in plan.attention if a.code not in _NOT_HERE)
    hints = _hints(all_desired, plan.changes, changed)
    later = _later(base, head, plan.changes) if base else ()
    return replace(plan, attention=(*later, *told, *hints), unchecked=frozenset())


def _later(base: Manifest, head: Manifest, changes: Iterable[Change]) -> Iterable[Attention]:
    """Yield attention to what is declared differently and changes no share now: no vault shows it."""
    stack = (
        ("name", base.name, head.name),
        ("target", base.tenant, head.tenant),
        ("state", base.state_path, head.state_path),
    )
    if facts := _facts(stack):
        yield diff_messages.stack_changed(facts)
    if facts := _facts(_gone(base, head)):
        yield diff_messages.gone_changed(facts)
    if facts := _facts([("age_suite", base.age_suite or "auto", head.age_suite or "auto")]):
        yield diff_messages.upkeep_changed(None, facts)
    was = {desired.address: desired for desired in expand.expand(base)}
    is_ = {desired.address: desired for desired in expand.expand(head)}
    for change in changes:
        old, new = was.get(change.moved_from or change.address), is_.get(change.address)
        if old and new and (facts := _facts(_upkeep(old, new))):
            yield diff_messages.upkeep_changed(new.address, facts)


def _upkeep(old: Desired, new: Desired) -> Iterable[Pair]:
    yield "renew", old.renew.value, new.renew.value
    if new.renew is Renew.ALWAYS:
        yield "renew_before", _lead(old.renew_before), _lead(new.renew_before)
    yield "prevent_revoke", old.prevent_revoke, new.prevent_revoke
    if new.attributes.label_defaulted and not old.attributes.label_defaulted:
        yield "label", old.attributes.label, new.attributes.label  # of the next share: no default is compared


def _lead(lead: Lead) -> str:
    return f"{lead.percent}%" if lead.seconds is None else display.duration(lead.seconds)


def _gone(base: Manifest, head: Manifest) -> Iterable[Pair]:
    """Return what became of secrets that the base does not have either: it counts where the base was not applied."""
    moves = [{entry.source: entry.to for entry in manifest.moved} for manifest in (base, head)]
    revokes = [{entry.name: entry.revoke for entry in manifest.removed} for manifest in (base, head)]
    for name in sorted(set().union(*moves, *revokes) - base.secrets.keys()):
        yield f"{name}: moved to", moves[0].get(name), moves[1].get(name)
        yield f"{name}: revoke", revokes[0].get(name, True), revokes[1].get(name, True)


def _facts(pairs: Iterable[Pair]) -> list[str]:
    return [f"{name} {_said(is_)}, was {_said(was)}" for name, was, is_ in pairs if was != is_]


def _said(value: object) -> str:
    return "none" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def _as_applied(base: Manifest, now: datetime) -> State:
    instances = {
        desired.address: Instance(
            uid="", prevent_revoke=desired.prevent_revoke, current=_object(desired, now)
        )
        for desired in expand.expand(base)
    }
    return State(
        name=base.name,
        lineage="",
        serial=0,
        server=base.tenant or "",
        creator="",
        key_id=None,
        instances=instances,
    )


def _object(desired: Desired, now: datetime) -> Share:
    return Share(
        vault_id="",
        generation=1,
        tag="",
        share_code="",
        share_url="",
        attributes=desired.attributes,
        fingerprint=None,
        source=str(desired.source),
        created=now,
        expires=now + timedelta(seconds=desired.attributes.expires_in),
        ready=True,
        renew=desired.renew is Renew.ALWAYS,
    )


def _hints(
    all_desired: Iterable[Desired], changes: Iterable[Change], changed: frozenset[str]
) -> Iterable[Attention]:
    """Yield attention to each secret that is declared as before while its file changed."""
    kept = {change.address for change in changes if change.action is Action.NO_OP}
    for desired in all_desired:
        if desired.address in kept and str(desired.source) in changed:
            yield diff_messages.source_file_changed(desired.address, str(desired.source))
