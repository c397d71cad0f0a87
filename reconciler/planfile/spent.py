"""Whether the approval of a saved plan still counts: it is for one moment, and for one time.

What was done by a plan and taken back since is never done again by the same plan: a job that is run once more would
give access back that nobody approved anew.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from reconciler import display
from reconciler.model.address import Address
from reconciler.model.canonical import time_text
from reconciler.model.plan import Plan
from reconciler.model.state import AppliedPlan, State
from reconciler.planfile.approval import approved

LIFE: Final = timedelta(days=7)
"""How long a saved plan may be applied, unless `--plan-life` says otherwise."""


def spent(
    saved: Plan, now: Plan, state: State, *, clock: datetime, life: timedelta = LIFE
) -> tuple[str, ...]:
    """Return why a saved plan may not be applied any more, as sentences; none while its approval counts.

    `now` is what would happen, planned as the saved plan was; `state` is what is known before; `clock` is the
    tenant's. A plan of which nothing is left to do is not spent.
    """
    if clock - saved.as_of > life:
        span = display.duration(int(life.total_seconds()))
        return (f"the plan is of {time_text(saved.as_of)}, and a plan lives for {span} (--plan-life)",)
    # An old copy is revoked by whichever run comes first: it grants nothing, and is no work of the plan.
    left = {change.address for change in approved(saved, now).acting() if not change.deposed}
    if left and record_of(saved) in state.applied:
        return ("the plan was applied already, and what it did was taken back since",)
    return tuple(_made_before(saved, state, left))


def record_of(saved: Plan) -> AppliedPlan:
    """Return what a state remembers of a plan of which everything was done."""
    return AppliedPlan(digest=saved.digest(), as_of=saved.as_of)


def _made_before(saved: Plan, state: State, left: set[Address]) -> Iterator[str]:
    """Yield each address whose planned share was made already, and would be made once more."""
    for change in saved.acting():
        made = state.made.get(change.address, 0)
        if change.generation and change.address in left and change.generation <= made:
            yield f"{change.address}: the share that the plan makes was made already, and was taken back since"
