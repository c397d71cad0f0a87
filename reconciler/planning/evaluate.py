"""One address looked at from all sides: its changes, its attention and refusals, what the state is to remember.

Each step returns a value and the next one takes it: how the share stands, how its value compares, what is decided.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from reconciler.model.attention import Attention, Refusal
from reconciler.model.manifest import LEAD_DEFAULT, Renew
from reconciler.model.plan import Action, Cause, Change, Drift, Value
from reconciler.model.state import End, Instance, Share
from reconciler.planning import messages, refusals, rules, sent, status
from reconciler.planning.expand import Desired
from reconciler.planning.old_copies import OldCopies, old_copies
from reconciler.planning.rules import Decision
from reconciler.planning.scene import Scene, Stand, Subject, is_ours, stand_of
from reconciler.planning.status import Condition
from reconciler.planning.values import NO_KEY, NOT_READ, NOT_RECORDED, Checked, Known, Unchecked, Unreadable


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What came out for one address.

    `instance` is what the state is to remember before the first change, None to strike it. `unchecked` says
    why the value could not be compared ("" if attention of its own says it).
    """

    subject: Subject
    instance: Instance | None
    live: bool = False
    unchecked: str | None = None
    changes: tuple[Change, ...] = ()
    drift: tuple[Drift, ...] = ()
    attention: tuple[Attention, ...] = ()
    refusals: tuple[Refusal, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Compared:
    value: Value
    unchecked: str | None = None


def evaluate(scene: Scene, subject: Subject, desired: Desired | None) -> Verdict:
    """Return everything about one address; `desired` is None when only the state names it."""
    stand = stand_of(scene, subject)
    own = _of_desired(scene, subject, stand, desired) if desired else _of_removed(scene, subject, stand)
    copies = _copies(scene, own)
    changes = (*own.changes, *copies.changes)
    return replace(
        own,
        instance=replace(own.instance, deposed=copies.left) if own.instance else None,
        live=stand.live if stand else False,
        changes=changes,
        drift=stand.drift if stand else (),
        attention=(*(stand.attention if stand else ()), *own.attention, *copies.attention),
        refusals=(*own.refusals, *_imported(scene, subject, changes)),
    )


def _of_desired(scene: Scene, subject: Subject, stand: Stand | None, desired: Desired) -> Verdict:
    """Return the verdict on an address that the manifest names."""
    content = scene.contents.get(desired.address, NOT_READ)
    compared = _compare(scene, desired, stand, content)
    if stand and compared.value is Value.SAME and isinstance(content, Checked):
        stand = stand.sent_as(content.fingerprint)
    decision, awaits = _decide(scene, subject, desired, stand, content, compared.value)
    attention = (
        (*awaits, *_of_making(desired))
        if decision.action.changes_vaults
        else _of_keeping(scene, desired, stand, content, compared)
    )
    seen = stand.instance if stand else subject.instance
    instance = _kept(seen, desired, compared.value) if seen else None
    if decision.action is Action.NO_OP and (
        _shown(instance) != _shown(subject.instance) or desired.address in scene.origins
    ):
        decision = _recorded(subject.instance, stand)
    return Verdict(
        subject=subject,
        instance=instance,
        unchecked=compared.unchecked,
        changes=(_change(scene, subject, desired, stand, content, decision),),
        attention=tuple(attention),
    )


def _compare(scene: Scene, desired: Desired, stand: Stand | None, content: Known) -> _Compared:
    """Compare the value with the one that was sent, and say why that was not possible if it matters."""
    if stand is None:
        return _Compared(value=Value.UNKNOWN)
    share, standing = stand.share, stand.standing
    value = Value.of(share.fingerprint, content.fingerprint if isinstance(content, Checked) else None)
    if value is Value.UNKNOWN and sent.is_proven(scene, desired, share, content):
        value = Value.SAME
    matters = isinstance(standing, End) or standing is Condition.LIVE
    unchecked = _why_unchecked(share, content) if matters and value is Value.UNKNOWN else None
    if scene.observed is None and share.source not in ("", str(desired.source)):
        value = Value.CHANGED  # neither was read: another source is shown as another value
    return _Compared(value=value, unchecked=unchecked)


def _why_unchecked(share: Share, content: Known) -> str:
    match content:
        case Checked():
            return (NO_KEY if share.fingerprint else NOT_RECORDED).why
        case Unchecked():
            return content.why
        case Unreadable():
            return ""


def _decide(
    scene: Scene, subject: Subject, desired: Desired, stand: Stand | None, content: Known, value: Value
) -> tuple[Decision, tuple[Attention, ...]]:
    """Return what to do, and why it awaits review if time alone would not be enough to do it."""
    if stand is None:
        return rules.NEW, ()
    decision = rules.decide_desired(
        desired,
        stand.share,
        stand.standing,
        value=value,
        requested=desired.address in scene.requested,
        now=scene.now,
    )
    if decision.cause is not Cause.TIME:
        return decision, ()
    if isinstance(stand.standing, End) and not stand.share.renew:
        return replace(decision, cause=Cause.MANIFEST), (messages.ended_before(desired.address),)
    if scene.observed is None:
        return decision, ()
    if not is_ours(scene, subject, stand.share):
        return replace(decision, cause=Cause.DRIFT), ()
    if value is not Value.SAME or sent.is_refuted(scene, desired, stand.share, content):
        return replace(decision, cause=Cause.MANIFEST), (messages.value_not_proven(desired.address),)
    return decision, ()


def _of_making(desired: Desired) -> Iterator[Attention]:
    """Yield attention to a share that is to be made."""
    views, people = desired.attributes.max_views, len(desired.attributes.recipients)
    if 0 < views < people:
        yield messages.fewer_views(desired.address, views, people)


def _of_keeping(
    scene: Scene, desired: Desired, stand: Stand | None, content: Known, compared: _Compared
) -> Iterator[Attention]:
    """Yield attention to a share that stays as it is."""
    if stand is None:
        return
    address, share, standing = desired.address, stand.share, stand.standing
    if standing is Condition.UNKNOWN:
        yield messages.unknown_status(address)
    elif isinstance(standing, End):
        yield messages.ended_kept(address, standing)
    elif desired.renew is Renew.NEVER and share.due(scene.now, LEAD_DEFAULT):
        yield messages.ends_soon(address, share)
    if share.source != str(desired.source) and compared.unchecked is not None:
        yield messages.source_changed(address, share.source, str(desired.source))
    if isinstance(content, Unreadable):
        yield messages.source_unreadable(address, content.problem)


def _kept(instance: Instance, desired: Desired, value: Value) -> Instance:
    """Return the instance with what needs no share: the flag, upkeep, and the new source of an equal value.

    Upkeep is that of a share that lives: a later word does not change how one ended.
    """
    instance = replace(instance, prevent_revoke=desired.prevent_revoke)
    if instance.current is None:
        return instance
    current = replace(instance.current, renew=desired.renew is Renew.ALWAYS)
    if value is Value.SAME:
        current = replace(current, source=str(desired.source))
    return replace(instance, current=current)


def _shown(instance: Instance | None) -> Instance | None:
    """Return the instance without what is noted silently: that its share is renewed, or no longer."""
    current = instance.current if instance else None
    return replace(instance, current=replace(current, renew=False)) if instance and current else instance


def _recorded(before: Instance | None, stand: Stand | None) -> Decision:
    """Return the decision for a change of the state alone; an end that was just seen is named."""
    if before and before.current and stand and isinstance(stand.standing, End):
        reason, cause = rules.reason_of(stand.standing)
        return Decision(action=Action.STATE_ONLY, reasons=(reason,), cause=cause)
    return Decision(action=Action.STATE_ONLY)


def _change(
    scene: Scene,
    subject: Subject,
    desired: Desired,
    stand: Stand | None,
    content: Known,
    decision: Decision,
) -> Change:
    makes = decision.action.changes_vaults
    read = content if isinstance(content, Checked) else None
    share = stand.share if stand else None
    kept = share.fingerprint if share else None
    return Change(
        address=desired.address,
        action=decision.action,
        reasons=decision.reasons,
        cause=decision.cause,
        uid=subject.uid,
        mark=desired.mark,
        before=share,
        after=desired.to_make if makes else desired.attributes,
        fingerprint=(read.fingerprint if read else None) if makes else kept,
        source=str(desired.source),
        size=content.size if isinstance(content, Checked | Unchecked) else None,
        generation=subject.generation if makes else None,
        moved_from=scene.origins.get(desired.address),
        views=status.opened(share, scene.observed) if share else None,
        description=desired.description,
    )


def _of_removed(scene: Scene, subject: Subject, stand: Stand | None) -> Verdict:
    """Return the verdict on an address that only the state names: without `revoke` its shares are left to live out."""
    instance = subject.instance
    if instance is None or stand is None:
        return Verdict(subject=subject, instance=instance)
    decision = rules.decide_removal(stand.standing, revoke=subject.address.name not in scene.kept)
    protected = decision.action is Action.REVOKE and instance.prevent_revoke
    over = decision.action is Action.STATE_ONLY
    change = Change(
        address=subject.address,
        action=decision.action,
        reasons=decision.reasons,
        cause=decision.cause,
        uid=subject.uid,
        before=stand.share,
        moved_from=scene.origins.get(subject.address),
        views=status.opened(stand.share, scene.observed),
    )
    return Verdict(
        subject=subject,
        instance=replace(instance, current=None, ended=None) if over else stand.instance,
        changes=(change,),
        refusals=(refusals.prevent_revoke(subject.address),) if protected else (),
    )


def _copies(scene: Scene, own: Verdict) -> OldCopies:
    """Return what becomes of the old copies of an address; forgetting it leaves them to live out too."""
    instance = own.instance
    if instance is None or any(change.action is Action.FORGET for change in own.changes):
        return OldCopies(left=instance.deposed if instance else ())
    stays = any(change.after and not change.action.changes_vaults for change in own.changes)
    return old_copies(own.subject.address, instance, scene.observed, scene.now, stays_ended=stays)


def _imported(scene: Scene, subject: Subject, changes: tuple[Change, ...]) -> Iterator[Refusal]:
    """Yield a refusal for each share to be revoked that does not bear, on the tenant, the tag of the state."""
    for change in () if scene.revoke_imported else changes:
        share = change.before if change.action in (Action.REVOKE, Action.REPLACE) else None
        if share and not is_ours(scene, subject, share):
            name = status.name_of(share, scene.observed)
            yield (
                refusals.hidden(change.address, share)
                if name is None
                else refusals.not_by_this_stack(change.address, share, name, scene.stack)
            )
