"""The sentences of a plan's refusals, each with a code that scripts can rely on."""

from __future__ import annotations

import json

from reconciler.model.address import Address
from reconciler.model.attention import Refusal, RefusalCode
from reconciler.model.state import Share
from reconciler.state import tags


def not_by_this_stack(address: Address, share: Share, name: str, stack: str) -> Refusal:
    """Refuse to end what does not say itself that it is this share: a state that was edited could name any vault."""
    tag = tags.find(name)
    other = tag is not None and tag.stack != stack
    mark = "bears the mark of another stack" if other else "does not bear the mark that the state has for it"
    return Refusal(
        code=RefusalCode.OF_ANOTHER_STACK if other else RefusalCode.NOT_BY_THIS_STACK,
        address=address,
        text=f"is to be revoked, but its vault {share.vault_id} {mark}: the tenant calls it {json.dumps(name)}",
        next="if you imported it: --revoke-imported; if not, somebody changed the state: restore it",
    )


def hidden(address: Address, share: Share) -> Refusal:
    """Refuse to end what this identity cannot see: whether it is this share, nothing but the state says."""
    return Refusal(
        code=RefusalCode.HIDDEN,
        address=address,
        text=f"is to be revoked, but the tenant does not show its vault {share.vault_id} to this identity",
        next="restore its right to that in C1, and run the same command again",
    )


def prevent_revoke(address: Address) -> Refusal:
    """Refuse the removal of a secret that was declared as not to be revoked."""
    return Refusal(
        code=RefusalCode.PREVENT_REVOKE,
        address=address,
        text="is to be revoked, but was declared with `prevent_revoke: true`",
        next="set it to false and apply that first, or list the secret under `removed:` with `revoke: false`",
    )


def too_many_revokes(count: int, live: int, limit: int | None) -> Refusal:
    """Refuse a manifest that would revoke too many shares at once."""
    return _too_many(RefusalCode.MAX_REVOKE, "revoke", count, live, limit)


def too_many_replaces(count: int, live: int, limit: int | None) -> Refusal:
    """Refuse a manifest that would replace too many shares at once."""
    return _too_many(RefusalCode.MAX_REPLACE, "replace", count, live, limit)


def _too_many(code: RefusalCode, verb: str, count: int, live: int, limit: int | None) -> Refusal:
    allowed = "" if limit is None else f", more than the {limit} that --max-{verb} allows"
    return Refusal(
        code=code,
        text=f"the manifest would {verb} {count} of {live} live secrets{allowed}",
        next=f"if that is meant: --max-{verb} {count}, or save the plan, have it reviewed and apply that",
    )
