"""The sentences of a plan's refusals, each with a code that scripts can rely on."""

from __future__ import annotations

import json

from reconciler.model.address import Address
from reconciler.model.attention import Refusal, RefusalCode
from reconciler.model.state import Share
from reconciler.state import tags


def not_by_this_stack(address: Address, share: Share, name: str, stack: str) -> Refusal:
    """Return a refusal to revoke a share without the state's tag: an edited state could name any share."""
    tag = tags.find(name)
    other = tag is not None and tag.stack != stack
    tagged = (
        "carries the tag of another stack" if other else "does not carry the tag that the state has for it"
    )
    return Refusal(
        code=RefusalCode.OF_ANOTHER_STACK if other else RefusalCode.NOT_BY_THIS_STACK,
        address=address,
        text=f"cannot be revoked: its share {share.vault_id} {tagged}; the tenant calls it {json.dumps(name)}",
        next="if you imported the share: --revoke-imported; if not, the state was edited: restore it",
    )


def hidden(address: Address, share: Share) -> Refusal:
    """Return a refusal to revoke a share that this identity cannot see: the state alone says which one it is."""
    return Refusal(
        code=RefusalCode.HIDDEN,
        address=address,
        text=f"cannot be revoked: the tenant hides its share {share.vault_id} from this identity",
        next="restore the identity's access in C1, then run the same command again",
    )


def prevent_revoke(address: Address) -> Refusal:
    """Return a refusal to revoke a secret that was declared with `prevent_revoke`."""
    return Refusal(
        code=RefusalCode.PREVENT_REVOKE,
        address=address,
        text="cannot be revoked: it was declared with `prevent_revoke: true`",
        next="set it to false and apply that first, or list the secret under `removed:` with `revoke: false`",
    )


def too_many_revokes(count: int, live: int, limit: int | None) -> Refusal:
    """Return a refusal of a manifest that would revoke too many shares at once."""
    return _too_many(RefusalCode.MAX_REVOKE, "revoke", count, live, limit)


def too_many_replaces(count: int, live: int, limit: int | None) -> Refusal:
    """Return a refusal of a manifest that would replace too many shares at once."""
    return _too_many(RefusalCode.MAX_REPLACE, "replace", count, live, limit)


def _too_many(code: RefusalCode, verb: str, count: int, live: int, limit: int | None) -> Refusal:
    allowed = "" if limit is None else f", more than --max-{verb} {limit} allows"
    return Refusal(
        code=code,
        text=f"the manifest would {verb} {count} of {live} live secrets{allowed}",
        next=f"if this is intended: --max-{verb} {count}, also of `plan -o`; start a pipeline by hand with this limit",
    )
