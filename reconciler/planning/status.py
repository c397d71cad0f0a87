"""What the tenant says about a vault of ours, in the words that decisions are made of."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import TypeAlias

from reconciler.model.state import End, Share, State
from reconciler.model.vault import Observed, Status
from reconciler.planning import verify
from reconciler.state import tags


class Condition(StrEnum):
    """How a vault that has not ended stands."""

    LIVE = "live"
    INCOMPLETE = "incomplete"
    MISSING = "missing"
    UNKNOWN = "unknown"


Standing: TypeAlias = Condition | End


def standing(share: Share, observed: Observed | None, now: datetime) -> Standing:
    """Return how one vault stands. Offline, or where nobody looked, the state and the clock are believed.

    What is past its end has expired, whatever the answer: a vault deleted after its time was not taken away.
    """
    over = share.expires <= now
    vault = observed.vaults.get(share.vault_id) if observed else None
    if vault is None:
        if over:
            return End.EXPIRED
        if observed and share.vault_id in observed.gone:
            return Condition.MISSING
        if observed and share.vault_id in observed.hidden:
            return Condition.UNKNOWN
        return Condition.LIVE if share.ready else Condition.INCOMPLETE
    ended = vault.status.end
    if ended:
        return ended
    if over or (vault.expires and vault.expires <= now):
        return End.EXPIRED
    if vault.status is Status.UNKNOWN:
        return Condition.UNKNOWN
    return Condition.LIVE if vault.content_ready else Condition.INCOMPLETE


def as_seen(share: Share, observed: Observed | None) -> Share:
    """Return a vault with the tenant's word where it and the state disagree; unchanged when nobody looked."""
    vault = observed.vaults.get(share.vault_id) if observed else None
    return verify.as_seen(share, vault) if vault else share


def opened(share: Share, observed: Observed | None) -> int | None:
    """Return how often a vault was opened, or None when nobody looked."""
    vault = observed.vaults.get(share.vault_id) if observed else None
    return vault.current_views if vault else None


def vouched_for(share: Share, observed: Observed | None, stack: str) -> bool:
    """Tell whether the tenant shows a vault under the very tag that the state has for it, with our S.

    Without that the state alone says whose it is and who could open it: nothing is revoked and no renewal goes out
    on its word. Either a person imported it, or the tenant did not keep its name, or the state was edited.
    """
    if observed is None:
        return True
    vault = observed.vaults.get(share.vault_id)
    tag = tags.find(vault.display_name) if vault else None
    return tag is not None and tag.stack == stack and str(tag) == share.tag


def name_of(share: Share, observed: Observed | None) -> str | None:
    """Return what the tenant calls a vault, None where it does not show it."""
    vault = observed.vaults.get(share.vault_id) if observed else None
    return vault.display_name if vault else None


def invisible(prior: State | None, observed: Observed | None) -> bool:
    """Tell whether this identity cannot see the stack's vaults, so that nothing it sees means anything.

    Search and GET are scoped to who made a vault: to anybody else everything looks deleted.
    """
    if prior is None or observed is None:
        return False
    held = prior.held()  # one that ended may be hidden for all we care
    return observed.identity.user_id != prior.creator or (bool(held) and held <= observed.hidden)
