"""What to do about one address: the rules, without the bookkeeping around them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final, assert_never

from reconciler.model.manifest import Renew
from reconciler.model.plan import Action, Cause, Reason, Value
from reconciler.model.state import End, Share
from reconciler.planning.expand import Desired
from reconciler.planning.status import Condition, Standing


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """An action with every reason for it; `cause` is where the first one comes from."""

    action: Action
    reasons: tuple[Reason, ...] = ()
    cause: Cause | None = None


NOTHING: Final = Decision(action=Action.NO_OP)
NEW: Final = Decision(action=Action.CREATE, reasons=(Reason.NEW,), cause=Cause.MANIFEST)


def decide_desired(
    desired: Desired, share: Share, standing: Standing, *, value: Value, requested: bool, now: datetime
) -> Decision:
    """Return what to do about a desired address that has, or had, a share.

    What the manifest or the command line asks for stands before what happened to the share, because who gains by
    it must be reviewed; no reason hides another.
    """
    if standing is Condition.UNKNOWN:
        return NOTHING
    asked = tuple(_asked_for(desired, share, value=value, requested=requested))
    happened = _happened(desired, share, standing, now)
    if not asked and (happened is None or not _is_enough(desired, standing)):
        return NOTHING
    reason, cause = happened or (None, None)
    swapped = share.source not in ("", str(desired.source))
    return Decision(
        action=Action.REPLACE if standing in (Condition.LIVE, Condition.INCOMPLETE) else Action.CREATE,
        reasons=(*asked, *([reason] if reason else ()), *([Reason.SOURCE_CHANGED] if swapped else ())),
        cause=Cause.MANIFEST if asked else cause,
    )


def _asked_for(desired: Desired, share: Share, *, value: Value, requested: bool) -> Iterator[Reason]:
    """Yield every reason to want another share than this one that the manifest or the command line gives."""
    changed = {difference.name for difference in share.attributes.differences(desired.attributes)}
    if requested:
        yield Reason.REQUESTED
    if changed - {"rotate"}:
        yield Reason.ATTRIBUTES_CHANGED
    if value is Value.CHANGED:
        yield Reason.CONTENT_CHANGED
    if "rotate" in changed:
        yield Reason.ROTATED


def _happened(
    desired: Desired, share: Share, standing: Standing, now: datetime
) -> tuple[Reason, Cause] | None:
    """Return what became of the share, or None while it is well and not due."""
    match standing:
        case Condition.UNKNOWN:
            return None
        case Condition.MISSING:
            return Reason.MISSING_REMOTELY, Cause.DRIFT
        case Condition.INCOMPLETE:
            return Reason.TAINTED, Cause.DRIFT
        case Condition.LIVE:
            is_due = desired.renew is Renew.ALWAYS and share.due(now, desired.renew_before)
            return (Reason.RENEWAL_DUE, Cause.TIME) if is_due else None
        case End():
            return reason_of(standing)
        case _:
            assert_never(standing)


def _is_enough(desired: Desired, standing: Standing) -> bool:
    """Whether what became of a share calls for another one: an ended one only if it expired and is renewed."""
    ended = isinstance(standing, End)
    return not ended or (standing is End.EXPIRED and desired.renew is Renew.ALWAYS)


def decide_removal(standing: Standing, *, revoke: bool) -> Decision:
    """Decide about an address that the manifest no longer names.

    Nothing is left to revoke if the share ended or is gone: then it is only struck from the state. A
    status that we do not know is no reason to keep what was removed: revoking is safe in any.
    """
    match standing:
        case Condition.MISSING | End():
            action = Action.STATE_ONLY
        case Condition.LIVE | Condition.INCOMPLETE | Condition.UNKNOWN:
            action = Action.REVOKE if revoke else Action.FORGET
        case _:
            assert_never(standing)
    return Decision(action=action, reasons=(Reason.REMOVED_FROM_MANIFEST,), cause=Cause.MANIFEST)


def reason_of(end: End) -> tuple[Reason, Cause]:
    """Return how an end that was just seen is named in a plan."""
    match end:
        case End.EXPIRED:
            return Reason.EXPIRED, Cause.TIME
        case End.BURNED:
            return Reason.BURNED, Cause.DRIFT
        case End.REVOKED:
            return Reason.REVOKED_REMOTELY, Cause.DRIFT
        case _:
            assert_never(end)
