"""One address looked at from all sides: its changes, what to tell about it, what the state is to remember."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TypeAlias

from reconciler.model.address import Address
from reconciler.model.attention import Attention
from reconciler.model.manifest import LEAD_DEFAULT, Renew
from reconciler.model.plan import Action, Cause, Change, Drift, Reason, Value
from reconciler.model.state import Deposed, End, Ended, Instance, Share
from reconciler.model.vault import Observed
from reconciler.planning import messages, rules, status
from reconciler.planning.expand import Desired
from reconciler.planning.rules import Decision
from reconciler.planning.status import Condition, Standing
from reconciler.planning.values import NO_KEY, NOT_READ, NOT_RECORDED, Checked, Known, Unchecked, Unreadable


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What is the same for every address. `observed` None: nobody looked. `origins`: new address -> old.

    `stack` is S of our tags.
    """

    stack: str
    observed: Observed | None
    contents: Mapping[Address, Known]
    requested: frozenset[Address]
    origins: Mapping[Address, Address]
    now: datetime


@dataclass(slots=True, kw_only=True)
class Verdict:
    """What came out for one address; filled while it is looked at.

    `instance` is what the state is to remember before the first change, None to strike it. `unchecked` says
    why the value could not be compared ("" where a note of its own says it).
    """

    address: Address
    uid: str
    instance: Instance | None
    generation: int
    live: bool = False
    unchecked: str | None = None
    changes: list[Change] = field(default_factory=list)
    drift: list[Drift] = field(default_factory=list)
    attention: list[Attention] = field(default_factory=list)
    refusals: list[Attention] = field(default_factory=list)


Found: TypeAlias = tuple[Share, Standing]


def judge_wanted(scene: Scene, verdict: Verdict, desired: Desired) -> None:
    """Decide about an address that the manifest names."""
    before = verdict.instance
    found = _look(scene, verdict)
    content = scene.contents.get(desired.address, NOT_READ)
    value = _compare(verdict, found, content)
    if scene.observed is None and found and found[0].source not in ("", str(desired.source)):
        value = Value.CHANGED  # nobody read either: another source is shown as another value
    decision = rules.NEW
    if found:
        asked = desired.address in scene.requested
        decision = rules.decide(desired, *found, value=value, requested=asked, now=scene.now)
        if decision.cause is Cause.TIME and not status.vouched_for(found[0], scene.observed, scene.stack):
            decision = replace(decision, cause=Cause.DRIFT)
    if decision.action.changes_vaults:
        _check_making(verdict, desired)
    elif found:
        _check_keeping(scene, verdict, desired, found)
        if isinstance(content, Unreadable):
            verdict.attention.append(messages.source_unreadable(desired.address, content.problem))
    _remember(verdict, desired, value)
    if decision.action is Action.NO_OP and (verdict.instance != before or desired.address in scene.origins):
        decision = _recorded(before, found)
    verdict.changes.append(_change(scene, verdict, desired, found, content, decision))


def judge_removed(scene: Scene, verdict: Verdict, *, revoke: bool) -> None:
    """Decide about an address that only the state names; without `revoke` its vaults are left to live out."""
    before = verdict.instance
    found = _look(scene, verdict)
    if before is None or found is None:
        return
    share, standing = found
    decision = rules.decide_removal(standing, revoke=revoke)
    if decision.action is Action.STATE_ONLY:
        verdict.instance = replace(before, current=None, ended=None)
    if decision.action is Action.REVOKE and before.prevent_revoke:
        verdict.refusals.append(messages.prevent_revoke(verdict.address))
    verdict.changes.append(
        Change(
            address=verdict.address,
            action=decision.action,
            reason=decision.reason,
            cause=decision.cause,
            uid=verdict.uid,
            before=share,
            moved_from=scene.origins.get(verdict.address),
            views=status.opened(share, scene.observed),
        )
    )


def judge_old_copies(scene: Scene, verdict: Verdict) -> None:
    """Decide about what earlier replaces left: revoke it, wait for its time, or strike what is gone.

    A share that ended while a newer one lives was replaced with another copy of this state: revoking the newer
    one too would leave nobody with any.
    """
    instance = verdict.instance
    if instance is None or any(change.action is Action.FORGET for change in verdict.changes):
        return  # letting an address go lets its old copies go too
    stays_ended = any(change.after and not change.action.changes_vaults for change in verdict.changes)
    left: list[Deposed] = []
    for old in instance.deposed:
        standing = status.standing(old.share, scene.observed, scene.now)
        gone = standing is Condition.MISSING or isinstance(standing, End)
        if not gone:
            left.append(old)
        if not gone and stays_ended and instance.overtaken_by(old.share):
            verdict.attention.append(messages.newer_share(verdict.address, old.share))
        elif gone or old.revoke_after is None or old.revoke_after <= scene.now:
            verdict.changes.append(
                Change(
                    address=verdict.address,
                    action=Action.STATE_ONLY if gone else Action.REVOKE,
                    reason=Reason.DEPOSED,
                    cause=Cause.DRIFT,
                    uid=verdict.uid,
                    before=old.share,
                    deposed=old.share.vault_id,
                    views=status.opened(old.share, scene.observed),
                )
            )
    if len(left) != len(instance.deposed):
        verdict.instance = replace(instance, deposed=tuple(left))


def _look(scene: Scene, verdict: Verdict) -> Found | None:
    """Return an address's vault and how it stands; an end seen for the first time goes into the state."""
    instance = verdict.instance
    if instance is None or instance.current is None:
        ended = instance.ended if instance else None
        return (_held_against_the_tenant(scene, verdict, ended.share), ended.how) if ended else None
    share = instance.current
    standing = status.standing(share, scene.observed, scene.now)
    verdict.live = standing is Condition.LIVE
    share = _held_against_the_tenant(scene, verdict, share)
    verdict.instance = instance = replace(instance, current=share)
    if isinstance(standing, End):
        ended = Ended(how=standing, seen=scene.now, share=share)
        verdict.instance = replace(instance, current=None, ended=ended)
    if standing is not Condition.LIVE:
        now: End | str = standing if isinstance(standing, End) else standing.value
        verdict.drift.append(Drift(address=verdict.address, vault_id=share.vault_id, now=now))
    return share, standing


def _held_against_the_tenant(scene: Scene, verdict: Verdict, share: Share) -> Share:
    """Return a vault with what the tenant says of it: a state that was edited must not hide who gains or loses."""
    seen = status.as_seen(share, scene.observed)
    if seen != share:
        verdict.attention.append(messages.state_differs(verdict.address, share, seen))
    return seen


def _compare(verdict: Verdict, found: Found | None, content: Known) -> Value:
    """Compare the value with the one that was sent, where anything hangs on it."""
    if found is None:
        return Value.UNKNOWN
    share, standing = found
    value = Value.of(share.fingerprint, content.fingerprint if isinstance(content, Checked) else None)
    if value is Value.UNKNOWN and (isinstance(standing, End) or standing is Condition.LIVE):
        match content:
            case Checked():
                verdict.unchecked = (NO_KEY if share.fingerprint else NOT_RECORDED).why
            case Unchecked():
                verdict.unchecked = content.why
            case Unreadable():
                verdict.unchecked = ""
    return value


def _check_making(verdict: Verdict, desired: Desired) -> None:
    views, people = desired.attributes.max_views, len(desired.attributes.recipients)
    if 0 < views < people:
        verdict.attention.append(messages.fewer_views(desired.address, views, people))


def _check_keeping(scene: Scene, verdict: Verdict, desired: Desired, found: Found) -> None:
    share, standing = found
    if standing is Condition.UNKNOWN:
        verdict.attention.append(messages.unknown_status(desired.address))
    elif isinstance(standing, End):
        verdict.attention.append(messages.ended_kept(desired.address, standing))
    elif desired.renew is Renew.NEVER and share.due(scene.now, LEAD_DEFAULT):
        verdict.attention.append(messages.ends_soon(desired.address, share))
    if share.source != str(desired.source) and verdict.unchecked is not None:
        verdict.attention.append(messages.source_changed(desired.address, share.source, str(desired.source)))


def _remember(verdict: Verdict, desired: Desired, value: Value) -> None:
    """Take into the state what needs no vault: the flag, and the new source of an equal value."""
    instance = verdict.instance
    if instance is None:
        return
    instance = replace(instance, prevent_revoke=desired.prevent_revoke)
    if instance.current and value is Value.SAME:
        instance = replace(instance, current=replace(instance.current, source=str(desired.source)))
    verdict.instance = instance


def _recorded(before: Instance | None, found: Found | None) -> Decision:
    """Return the decision for a change of the state alone; an end that was just seen is named."""
    if before and before.current and found and isinstance(found[1], End):
        reason, cause = rules.reason_of(found[1])
        return Decision(action=Action.STATE_ONLY, reason=reason, cause=cause)
    return Decision(action=Action.STATE_ONLY)


def _change(
    scene: Scene, verdict: Verdict, desired: Desired, found: Found | None, content: Known, decision: Decision
) -> Change:
    makes = decision.action.changes_vaults
    read = content if isinstance(content, Checked) else None
    share = found[0] if found else None
    kept = share.fingerprint if share else None
    return Change(
        address=desired.address,
        action=decision.action,
        reason=decision.reason,
        cause=decision.cause,
        uid=verdict.uid,
        mark=desired.mark,
        before=share,
        after=desired.to_make if makes else desired.attributes,
        fingerprint=(read.fingerprint if read else None) if makes else kept,
        source=str(desired.source),
        size=read.size if read else None,
        generation=verdict.generation if makes else None,
        moved_from=scene.origins.get(desired.address),
        views=status.opened(share, scene.observed) if share else None,
        description=desired.description,
    )
