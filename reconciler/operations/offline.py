"""A plan from the manifest and the state alone.

It imports nothing of the network, so that `plan --offline` in an editor or a commit hook answers quickly.
"""

from __future__ import annotations

from datetime import datetime

from reconciler.model.plan import Plan
from reconciler.operations.options import PlanOptions
from reconciler.operations.stack import Stack
from reconciler.planning import expand, guards, planner, recipients, selection
from reconciler.planning.moves import move
from reconciler.planning.values import NOT_READ


def look_offline(stack: Stack, options: PlanOptions, now: datetime) -> Plan:
    """Return the plan that manifest and state give: the tenant is not asked, and no source is opened."""
    state = stack.load_state().state
    known = recipients.recorded(state)
    all_desired = recipients.resolve_offline(expand.expand(stack.manifest), known)
    addresses = {w.address: w for w in all_desired}
    kept = move(state, stack.manifest.moved, addresses).state.instances if state else {}
    unmatched = selection.check(options.requested, options.selection, addresses.keys() | kept.keys())
    planned = planner.plan_changes(
        stack.manifest,
        server=state.server if state else stack.server,
        all_desired=all_desired,
        prior=state,
        observed=None,
        contents=dict.fromkeys(addresses, NOT_READ),
        uids=dict.fromkeys(addresses, ""),
        requested=options.requested,
        now=options.as_of or now,
        attention=unmatched,
    )
    return guards.guarded(selection.narrow(planned.plan, options.selection), options.limits)
