"""What apply reports while it runs and when it is done: values, so that any front end can show them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from reconciler.model.address import Address
from reconciler.model.plan import Action


class Step(StrEnum):
    """Where one change stands; the order is the write protocol's."""

    CREATING = "creating"
    ENCRYPTING = "encrypting"
    UPLOADING = "uploading"
    CHECKING = "checking"
    REVOKING = "revoking"


class Outcome(StrEnum):
    """How one change ended."""

    CREATED = "created"
    REPLACED = "replaced"
    REVOKED = "revoked"
    FORGOTTEN = "forgotten"
    FAILED = "failed"
    NOT_REACHED = "not reached"  # the run was stopped, or an earlier step of the same secret failed


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """One change entered a step. `done` of `size` bytes where a file is uploaded."""

    address: Address
    step: Step
    done: int = 0
    size: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One change's end. `failure` says what failed, what exists on the server now, and what to do."""

    address: Address
    action: Action
    outcome: Outcome
    vault_id: str | None = None
    share_url: str | None = None
    failure: str | None = None
    hint: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OrphanRevoked:
    """Something an earlier run had left, and what was done with it."""

    address: Address | None
    vault_id: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """A vault of ours that could not be revoked, beside how its address ended. The next run does it."""

    address: Address | None
    vault_id: str
    failure: str
    hint: str


Event = Progress | Result | OrphanRevoked | Left
