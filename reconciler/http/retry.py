"""May this request be sent again? The table of docs/reliability.md ("What may be retried") as one function.

A create has no idempotency key: sent twice it makes two vaults, of which nobody knows the first. So it is
sent again only when it is proved that the first never left, or the answer says that it was not processed
(401, 429). Everything else about a create is *unclear* and goes to recovery, which looks for its tag.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import StrEnum
from typing import Final, TypeAlias, assert_never


class Call(StrEnum):
    """What a request does, as far as sending it twice is concerned."""

    CREATE = "create"
    SET_CONTENT = "set content"
    UPLOAD = "upload"
    GET = "get"
    SEARCH = "search"
    REVOKE = "revoke"
    INTROSPECT = "introspect"
    TOKEN = "token"  # noqa: S105 - the name of a call

    @property
    def repeatable(self) -> bool:
        """Whether a second one changes nothing that the first did not."""
        return self not in (Call.CREATE, Call.SET_CONTENT, Call.UPLOAD)


class FailureKind(StrEnum):
    """What is known about a request that did not bring what it should."""

    NOT_SENT = "not sent"  # proved: not one byte of the request left
    ANSWERED = "answered"  # a complete answer with an HTTP status
    UNCLEAR = "unclear"  # it may have been processed


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """One attempt that failed. `why` is a phrase for a person, and holds nothing of the request.

    `permanent` marks what cannot get better by itself (a certificate that is not valid).
    """

    kind: FailureKind
    why: str
    status: int | None = None
    retry_after: float | None = None
    """Seconds that the server asked for."""
    permanent: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """How patient a run is. Seconds, but for `attempts`, which are per call and count the first."""

    attempts: int = 6
    backoff: float = 0.5
    backoff_max: float = 20.0
    wait_max: float = 120.0
    """The longest single wait that a server may ask for."""
    total: float = 900.0
    """All waits of one run together, over calls that ran side by side."""


@dataclass(frozen=True, slots=True)
class Retry:
    """Send it again after so many seconds."""

    after: float


@dataclass(frozen=True, slots=True)
class RenewToken:
    """Get another token, then send it again at once."""


@dataclass(frozen=True, slots=True)
class GiveUp:
    """It was not done, and sending it again will not help: a definite failure."""


@dataclass(frozen=True, slots=True)
class InDoubt:
    """It may have been done: look before doing anything else."""


@dataclass(frozen=True, slots=True)
class Recreate:
    """The place to upload to is dead: only another vault has another one."""


Decision: TypeAlias = Retry | RenewToken | GiveUp | InDoubt | Recreate

_CREATE_REFUSED: Final = frozenset({400, 401, 403, 404, 409, 413, 422})
"""The only statuses that prove that a create made nothing."""

_PLACE_DEAD: Final = frozenset({403, 404, 410})
"""What the storage answers to an upload whose URL has ended."""

_MAYBE_DONE: Final = frozenset({408, 425, 499})
"""Client errors by number, yet what the server did before it gave them is not known."""


def decide(
    call: Call,
    failure: Failure,
    *,
    attempt: int,
    spent: float,
    renewed: bool,
    jitter: float,
    budget: Budget,
) -> Decision:
    """Return what to do after attempt number `attempt` (from 1) of one call failed.

    `spent` is how long this run has waited so far; `renewed` whether this call already had a second token;
    `jitter` is a random number in [0, 1), so that many clients do not come back in step.
    """
    again = _again(failure, attempt=attempt, spent=spent, jitter=jitter, budget=budget)
    match failure.kind:
        case FailureKind.NOT_SENT:
            return GiveUp() if failure.permanent else again
        case FailureKind.UNCLEAR:
            return again if call.repeatable else InDoubt()
        case FailureKind.ANSWERED:
            return _answered(call, failure.status or 0, again, renewed=renewed)
        case _:
            assert_never(failure.kind)


def _answered(call: Call, status: int, again: Retry | GiveUp, *, renewed: bool) -> Decision:
    if status == 429:
        return again
    if status == 401 and call not in (Call.UPLOAD, Call.TOKEN):  # neither carries a token of ours
        return GiveUp() if renewed else RenewToken()
    if call is Call.UPLOAD and status in _PLACE_DEAD:
        return Recreate()
    if _definite(call, status):
        return GiveUp()
    return again if call.repeatable else InDoubt()


def _definite(call: Call, status: int) -> bool:
    if call is Call.CREATE:
        return status in _CREATE_REFUSED
    if status in _MAYBE_DONE:
        return False
    if 300 <= status < 400:
        return call is not Call.SET_CONTENT  # a redirect is never followed, and repeats itself
    return 400 <= status < 500


def _again(failure: Failure, *, attempt: int, spent: float, jitter: float, budget: Budget) -> Retry | GiveUp:
    wait = _wait(failure, attempt=attempt, jitter=jitter, budget=budget)
    patient = wait <= budget.wait_max and spent + wait <= budget.total
    return Retry(wait) if attempt < budget.attempts and patient else GiveUp()


def _wait(failure: Failure, *, attempt: int, jitter: float, budget: Budget) -> float:
    if failure.retry_after is not None:
        return failure.retry_after + jitter  # never sooner than asked, and not all at once
    full = min(budget.backoff_max, budget.backoff * float(1 << min(attempt - 1, 30)))
    return full * (1 + jitter) / 2


YEARS: Final = range(2000, 2500)
"""What a server's time can be: sums with the first and last of all years overflow."""

_SECONDS: Final = re.compile(r"[0-9]{1,9}\Z")


def retry_after(header: str | None, now: datetime) -> float | None:
    """Read a Retry-After header: seconds or an HTTP date (RFC 9110, 10.2.3); None where it says nothing.

    `now` is the server's clock, so that a wrong local one changes nothing. A date that has passed is 0.
    """
    if header is None:
        return None
    text = header.strip()
    if _SECONDS.match(text):
        return float(text)
    when = http_date(text)
    return None if when is None else max(0.0, (when - now).total_seconds())


def http_date(text: str | None) -> datetime | None:
    """Read an HTTP date as an aware UTC time; None for anything else."""
    if not text:
        return None
    try:
        when = parsedate_to_datetime(text)
        if when.year not in YEARS:
            return None
        return when.replace(tzinfo=UTC) if when.tzinfo is None else when.astimezone(UTC)
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
