"""Which changes of a plan are to be carried out: `--target`, `--exclude`, `--only renewals`.

A selection never filters what a run owes: recovery, old copies, moves, ends seen.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Final

from reconciler.addresses import Address
from reconciler.plan import Attention, Cause, Change, Plan, Reason


class Only(StrEnum):
    """A kind of change that a run may be kept to."""

    RENEWALS = "renewals"


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Globs over addresses (`db-*`), and a kind. Empty selects everything."""

    targets: tuple[str, ...] = ()
    excludes: tuple[str, ...] = ()
    only: Only | None = None

    def takes(self, change: Change) -> bool:
        """Tell whether a change is selected."""
        if not change.action.changes_vaults or change.reason is Reason.DEPOSED:
            return True
        if self.only is Only.RENEWALS and change.cause is not Cause.TIME:
            return False
        names = {str(change.address), change.address.name}
        if self.targets and not any(_matches(names, glob) for glob in self.targets):
            return False
        return not any(_matches(names, glob) for glob in self.excludes)


EVERYTHING: Final = Selection()


def narrow(plan: Plan, selection: Selection) -> Plan:
    """Return the plan with what is selected, and a word about what is not."""
    kept = tuple(change for change in plan.changes if selection.takes(change))
    left_out = len(plan.changes) - len(kept)
    if not left_out:
        return plan
    words = f"{left_out} {'change is' if left_out == 1 else 'changes are'} left out by the command line"
    note = Attention(
        code="left_out", text=words, next="run without --target, --exclude and --only to see them"
    )
    acting: set[Address] = {change.address for change in kept if change.action.changes_vaults}
    refusals = tuple(r for r in plan.refusals if r.address is None or r.address in acting)
    return replace(plan, changes=kept, attention=(note, *plan.attention), refusals=refusals)


def _matches(names: set[str], glob: str) -> bool:
    return any(fnmatchcase(name, glob) for name in names)
