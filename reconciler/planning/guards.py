"""Guards: how much a manifest may take away in one go before a person has to say so."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from reconciler.model.attention import Refusal, RefusalCode
from reconciler.model.plan import NO_LIMITS, Action, Cause, Limits, Plan, Reason
from reconciler.planning import messages, refusals

FREE_COUNT: Final = 5
FREE_PERCENT: Final = 30
"""A change of more than both, of what is live, is not something that happens by the way."""


CODES: Final = frozenset({RefusalCode.MAX_REVOKE, RefusalCode.MAX_REPLACE})
"""The refusals that are made here."""


def guarded(plan: Plan, limits: Limits) -> Plan:
    """Return a plan with its limits, told to whoever reads it, and what they and the guards refuse of it."""
    told = (messages.limits_given(limits),) if limits != NO_LIMITS else ()
    return replace(
        plan,
        limits=limits,
        attention=(*told, *plan.attention),
        refusals=(*guards(plan, limits), *plan.refusals),
    )


def guards(plan: Plan, limits: Limits) -> tuple[Refusal, ...]:
    """Return what apply must refuse: too many changes that the manifest caused, and revokes of old copies.

    Old copies count with the revokes: a state that was edited could call any share one. Renewals and repairs never
    count. A limit that was given counts instead of the guard, in both directions.
    """
    revokes, replaces = _caused(plan, Action.REVOKE), _caused(plan, Action.REPLACE)
    copies = sum(1 for c in plan.changes if c.action is Action.REVOKE and c.reason is Reason.DEPOSED)
    refused = []
    # Every stack of one secret would trip on its removal, and the plan says it as plainly.
    everything = revokes == plan.live and plan.live > 1
    if _too_many(revokes + copies, plan.live + copies, limits.max_revoke, everything=everything):
        refused.append(refusals.too_many_revokes(revokes + copies, plan.live + copies, limits.max_revoke))
    if _too_many(replaces, plan.live, limits.max_replace, everything=False):
        refused.append(refusals.too_many_replaces(replaces, plan.live, limits.max_replace))
    return tuple(refused)


def _caused(plan: Plan, action: Action) -> int:
    return sum(1 for c in plan.changes if c.action is action and c.cause is Cause.MANIFEST)


def _too_many(count: int, live: int, limit: int | None, *, everything: bool) -> bool:
    if limit is not None:
        return count > limit
    return everything or (count > FREE_COUNT and count * 100 > live * FREE_PERCENT)
