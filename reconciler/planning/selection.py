"""Which changes of a plan are to be carried out: `--target`, `--exclude`, `--only renewals`.

A selection never filters what a run owes: recovery, old copies, moves, ends seen.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Final

from reconciler.errors import UsageError
from reconciler.model.address import Address
from reconciler.model.attention import Attention
from reconciler.model.plan import Cause, Change, Plan, Reason
from reconciler.planning import messages
from reconciler.suggest import did_you_mean


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
        """Whether a change is selected."""
        if not change.action.changes_vaults or change.reason is Reason.DEPOSED:
            return True
        if self.only is Only.RENEWALS and change.cause is not Cause.TIME:
            return False
        names = _names(change.address)
        if self.targets and not any(_matches(names, glob) for glob in self.targets):
            return False
        return not any(_matches(names, glob) for glob in self.excludes)


EVERYTHING: Final = Selection()


def check(
    requested: Collection[Address], selection: Selection, known: Collection[Address]
) -> list[Attention]:
    """Return attention to what excludes nothing; `known` are the addresses of the manifest and of the state.

    Raises UsageError if --replace or --target names nothing: a misspelt name must not read as "no changes".
    """
    names = {name for address in known for name in _names(address)}
    for address in sorted(set(requested) - set(known)):
        raise _no_such(f"--replace {address} names no secret", str(address), names)
    for glob in selection.targets:
        if not _matches(names, glob):
            raise _no_such(f"--target {glob} matches no secret", glob, names)
    unmatched = [glob for glob in selection.excludes if not _matches(names, glob)]
    return [messages.excludes_nothing(glob, did_you_mean(glob.strip("*"), names)) for glob in unmatched]


def _no_such(what: str, word: str, names: Collection[str]) -> UsageError:
    hint = did_you_mean(word.strip("*"), names) or "`reconciler plan` names every secret that changes"
    return UsageError(f"{what} of the manifest or the state", hint=hint)


def narrow(plan: Plan, selection: Selection) -> Plan:
    """Return the plan with what is selected, and attention to what is not."""
    kept = tuple(change for change in plan.changes if selection.takes(change))
    left_out = len(plan.changes) - len(kept)
    if not left_out:
        return plan
    acting: set[Address] = {change.address for change in kept if change.action.changes_vaults}
    refusals = tuple(r for r in plan.refusals if r.address is None or r.address in acting)
    return replace(
        plan, changes=kept, attention=(messages.left_out(left_out), *plan.attention), refusals=refusals
    )


def _names(address: Address) -> set[str]:
    return {str(address), address.name}


def _matches(names: Collection[str], glob: str) -> bool:
    return any(fnmatchcase(name, glob) for name in names)
