"""What is known without the tenant: state and journal, and a plan from them and the manifest alone.

It imports nothing of the network, so that `plan --offline` in an editor or a commit hook answers quickly.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from reconciler.errors import StateError
from reconciler.model.address import Address
from reconciler.model.plan import Plan
from reconciler.model.state import State
from reconciler.operations.stack import Stack
from reconciler.planning import expand, planner, recipients, selection
from reconciler.planning.moves import move
from reconciler.planning.selection import EVERYTHING, Selection
from reconciler.planning.values import NOT_READ
from reconciler.state.ledger import Open, replay


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanOptions:
    """What the command line asks of a plan beyond the manifest.

    `as_of`, `uids` and `asked` (what `--replace` said then: address -> the vault that it ends) come from a saved plan
    that is planned again; `as_of` else is the server's now.
    """

    requested: frozenset[Address] = frozenset()
    destroy: bool = False
    revoke_imported: bool = False
    selection: Selection = EVERYTHING
    as_of: datetime | None = None
    uids: Mapping[Address, str] = field(default_factory=dict)
    asked: Mapping[Address, str] = field(default_factory=dict)


def remembered(stack: Stack) -> tuple[State | None, tuple[Open, ...]]:
    """Return the state after what a dead run recorded. The journal is read first: a run may end meanwhile."""
    journal = stack.workdir.read_journal()
    state = stack.backend.load()
    if state is not None and state.name != stack.manifest.name:
        raise StateError(
            f"{stack.backend.path} is the state of the stack {state.name}, not of {stack.manifest.name}",
            hint="give each stack its own state (`state: {path: …}` or --state), or rename the stack back",
        )
    return replay(state, journal, file=str(stack.workdir.journal_path))


def look_offline(stack: Stack, options: PlanOptions, now: datetime) -> Plan:
    """Plan from the manifest and the state alone: nobody is asked, and no source is opened."""
    loaded, _ = remembered(stack)
    known = recipients.recorded(loaded)
    all_desired = recipients.resolve_offline(expand.expand(stack.manifest), known)
    addresses = {w.address: w for w in all_desired}
    kept = move(loaded, stack.manifest.moved, addresses).state.instances if loaded else {}
    unmatched = selection.check(options.requested, options.selection, addresses.keys() | kept.keys())
    planned = planner.plan_changes(
        stack.manifest,
        server=loaded.server if loaded else stack.server,
        all_desired=all_desired,
        prior=loaded,
        observed=None,
        contents=dict.fromkeys(addresses, NOT_READ),
        uids=dict.fromkeys(addresses, ""),
        requested=options.requested,
        now=options.as_of or now,
        attention=unmatched,
    )
    return selection.narrow(planned.plan, options.selection)
