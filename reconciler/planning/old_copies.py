"""What earlier replaces left: to be revoked, to wait for its time, or to be struck because it is gone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from reconciler.model.address import Address
from reconciler.model.attention import Attention
from reconciler.model.plan import Action, Cause, Change, Reason
from reconciler.model.state import Deposed, End, Instance
from reconciler.model.vault import Observed
from reconciler.planning import messages, status
from reconciler.planning.status import Condition


@dataclass(frozen=True, slots=True, kw_only=True)
class OldCopies:
    """What becomes of the old copies of an address: `left` are those that the state keeps."""

    left: tuple[Deposed, ...] = ()
    changes: tuple[Change, ...] = ()
    attention: tuple[Attention, ...] = ()


def old_copies(
    address: Address, instance: Instance, observed: Observed | None, now: datetime, *, stays_ended: bool
) -> OldCopies:
    """Return what becomes of each old copy of an address.

    A share that ended while a newer one lives was replaced with another copy of this state: if it `stays_ended`,
    revoking the newer one too would leave no share at all.
    """
    gone = [old for old in instance.deposed if _is_gone(old, observed, now)]
    left = tuple(old for old in instance.deposed if old not in gone)
    newer = [old for old in left if stays_ended and instance.overtaken_by(old.share)]
    over = [old for old in left if old not in newer and _is_over(old, now)]
    return OldCopies(
        left=left,
        changes=(
            *(_change(address, instance.uid, old, Action.STATE_ONLY, observed) for old in gone),
            *(_change(address, instance.uid, old, Action.REVOKE, observed) for old in over),
        ),
        attention=tuple(messages.newer_share(address, old.share) for old in newer),
    )


def _is_gone(old: Deposed, observed: Observed | None, now: datetime) -> bool:
    standing = status.standing(old.share, observed, now)
    return standing is Condition.MISSING or isinstance(standing, End)


def _is_over(old: Deposed, now: datetime) -> bool:
    """Whether its time has come, if it has one."""
    return old.revoke_after is None or old.revoke_after <= now


def _change(address: Address, uid: str, old: Deposed, action: Action, observed: Observed | None) -> Change:
    return Change(
        address=address,
        action=action,
        reasons=(Reason.DEPOSED,),
        cause=Cause.DRIFT,
        uid=uid,
        before=old.share,
        deposed=old.share.vault_id,
        views=status.opened(old.share, observed),
    )
