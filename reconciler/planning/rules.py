"""What to do about one address: the rules, without the bookkeeping around them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import assert_never

from reconciler.model.manifest import Renew
from reconciler.model.plan import Action, Cause, Reason, Value
from reconciler.model.state import End, Share
from reconciler.planning.expand import Desired
from reconciler.planning.status import Condition, Standing


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """An action with its reason and where it comes from."""

    action: Action
    reason: Reason | None = None
    cause: Cause | None = None


NOTHING = Decision(action=Action.NO_OP)
NEW = Decision(action=Action.CREATE, reason=Reason.NEW, cause=Cause.MANIFEST)


def decide(
    desired: Desired, share: Share, standing: Standing, *, value: Value, requested: bool, now: datetime
) -> Decision:
    """Decide about a desired address that has, or had, a vault."""
    asked = _asked_for(desired, share, value=value, requested=requested)
    match standing:
        case Condition.UNKNOWN:
            return NOTHING
        case Condition.MISSING:
            drift = Decision(action=Action.CREATE, reason=Reason.MISSING_REMOTELY, cause=Cause.DRIFT)
            return _by_manifest(drift, asked)
        case Condition.INCOMPLETE:
            drift = Decision(action=Action.REPLACE, reason=Reason.TAINTED, cause=Cause.DRIFT)
            return _by_manifest(drift, asked)
        case Condition.LIVE:
            return _decide_live(desired, share, asked, now=now)
        case End():
            if asked:
                return Decision(action=Action.CREATE, reason=asked, cause=Cause.MANIFEST)
            if standing is End.EXPIRED and desired.renew is Renew.ALWAYS:
                return Decision(action=Action.CREATE, reason=Reason.EXPIRED, cause=Cause.TIME)
            return NOTHING
        case _:
            assert_never(standing)


def _by_manifest(drift: Decision, asked: Reason | None) -> Decision:
    """Name what a person asked for before what happened to the vault: who gains by it must be reviewed."""
    return replace(drift, reason=asked, cause=Cause.MANIFEST) if asked else drift


def _decide_live(desired: Desired, share: Share, asked: Reason | None, *, now: datetime) -> Decision:
    if asked:
        return Decision(action=Action.REPLACE, reason=asked, cause=Cause.MANIFEST)
    if desired.renew is Renew.ALWAYS and share.due(now, desired.renew_before):
        return Decision(action=Action.REPLACE, reason=Reason.RENEWAL_DUE, cause=Cause.TIME)
    return NOTHING


def _asked_for(desired: Desired, share: Share, *, value: Value, requested: bool) -> Reason | None:
    """Return why a person wants another vault than this one; the first reason that holds is the one named."""
    old = share.attributes
    if requested:
        return Reason.REQUESTED
    if any(difference.name != "rotate" for difference in old.differences(desired.attributes)):
        return Reason.ATTRIBUTES_CHANGED
    if value is Value.CHANGED:
        return Reason.CONTENT_CHANGED
    if old.rotate != desired.attributes.rotate:
        return Reason.ROTATED
    return None


def decide_removal(standing: Standing, *, revoke: bool) -> Decision:
    """Decide about an address that the manifest no longer names.

    Nothing is left to revoke where the vault ended or is gone: then it is only struck from the state. A
    status that we do not know is no reason to keep what a person removed: revoking is safe in any.
    """
    match standing:
        case Condition.MISSING | End():
            action = Action.STATE_ONLY
        case Condition.LIVE | Condition.INCOMPLETE | Condition.UNKNOWN:
            action = Action.REVOKE if revoke else Action.FORGET
        case _:
            assert_never(standing)
    return Decision(action=action, reason=Reason.REMOVED_FROM_MANIFEST, cause=Cause.MANIFEST)


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
