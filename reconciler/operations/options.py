"""What the command line asks of a plan and of an apply. Nothing of the network is imported here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from reconciler.fingerprint import Key
from reconciler.model.address import Address
from reconciler.model.plan import NO_LIMITS, Limits, Plan
from reconciler.planfile.spent import LIFE
from reconciler.planning.selection import EVERYTHING, Selection


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanOptions:
    """What is asked of a plan beyond the manifest.

    `as_of`, `uids` and `asked` (what `--replace` named then: address -> the vault that it ends) come from a saved plan
    that is planned again; `as_of` else is the server's now.
    """

    requested: frozenset[Address] = frozenset()
    destroy: bool = False
    revoke_imported: bool = False
    selection: Selection = EVERYTHING
    limits: Limits = NO_LIMITS
    as_of: datetime | None = None
    uids: Mapping[Address, str] = field(default_factory=dict)
    asked: Mapping[Address, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedPlan:
    """Reads a reviewed plan once the key that sealed it is known.

    `digest` is what its reviewer saw, `life` how long the plan may be applied.
    """

    read: Callable[[Key | None], Plan]
    digest: str | None
    life: timedelta = LIFE


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplyOptions:
    """What is asked of an apply: what to plan, and how to carry it out."""

    plan: PlanOptions
    saved: SavedPlan | None = None
    parallelism: int
