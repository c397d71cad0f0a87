"""What the tenant says about a vault of ours, in the words that decisions are made of."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from enum import StrEnum
from typing import TypeAlias

from reconciler.model.canonical import LIFETIME_MAX
from reconciler.model.manifest import Sharing
from reconciler.model.state import Attributes, End, Recipient, Share, State
from reconciler.model.vault import Observed, Status
from reconciler.planning.verify import EXPIRY_TOLERANCE, lifetime_differs, writable
from reconciler.state import tags


class Condition(StrEnum):
    """How a vault that has not ended stands."""

    LIVE = "live"
    INCOMPLETE = "incomplete"
    MISSING = "missing"
    UNKNOWN = "unknown"


Standing: TypeAlias = Condition | End


def standing(share: Share, observed: Observed | None, now: datetime) -> Standing:
    """Return how one vault stands. Offline, or if this run did not look, the state and the clock are believed.

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
    """Return a share with the tenant's word on who opens it, how often and until when.

    The share itself when the two agree, or when this run did not look. An answer without recipients is not the
    whole of one: nothing of it is held against the state.
    """
    vault = observed.vaults.get(share.vault_id) if observed else None
    if vault is None:
        return share
    sharing = vault.sharing or share.attributes.sharing
    readers = vault.emails if sharing is Sharing.EXTERNAL else vault.user_ids
    if not readers:
        return share
    created, expires = vault.created or share.created, vault.expires or share.expires
    attributes = _with_readers(share.attributes, sharing, readers)
    attributes = replace(attributes, max_views=vault.max_views)
    if vault.created and vault.expires and lifetime_differs(expires - created, attributes):
        attributes = replace(
            attributes, expires_in=min(max(0, int((expires - created).total_seconds())), LIFETIME_MAX)
        )
    if max(abs(created - share.created), abs(expires - share.expires)) > EXPIRY_TOLERANCE:
        share = replace(share, created=created, expires=expires)
    return replace(share, attributes=attributes)


def _with_readers(attributes: Attributes, sharing: Sharing, readers: frozenset[str]) -> Attributes:
    """Return the attributes with these recipients, as written in the state if it knows them."""
    if (sharing, readers) == (attributes.sharing, attributes.who()):
        return attributes
    known = {r.id or r.as_written: r for r in attributes.recipients if sharing is attributes.sharing}
    people = (known.get(r) or Recipient(as_written=writable(r), id=writable(r)) for r in sorted(readers))
    return replace(attributes, sharing=sharing, recipients=tuple(people))


def opened(share: Share, observed: Observed | None) -> int | None:
    """Return how often a vault was opened, or None if this run did not look."""
    vault = observed.vaults.get(share.vault_id) if observed else None
    return vault.current_views if vault else None


def vouched_for(share: Share, observed: Observed | None, stack: str) -> bool:
    """Whether the tenant shows a vault under the very tag that the state has for it, with our S.

    Without that the state alone says whose it is and who could open it: nothing is revoked and no renewal goes out
    on its word. Either a person imported it, or the tenant did not keep its name, or the state was edited.
    """
    if observed is None:
        return True
    vault = observed.vaults.get(share.vault_id)
    tag = tags.find(vault.display_name) if vault else None
    return tag is not None and tag.stack == stack and str(tag) == share.tag


def name_of(share: Share, observed: Observed | None) -> str | None:
    """Return what the tenant calls a vault, None if it does not show it."""
    vault = observed.vaults.get(share.vault_id) if observed else None
    return vault.display_name if vault else None


def invisible(prior: State | None, observed: Observed | None) -> bool:
    """Whether this identity cannot see the stack's vaults, so that nothing it sees means anything.

    Search and GET are scoped to who made a vault: to anybody else everything looks deleted.
    """
    if prior is None or observed is None:
        return False
    held = prior.held()  # one that ended may be hidden for all we care
    return observed.identity.user_id != prior.creator or (bool(held) and held <= observed.hidden)
