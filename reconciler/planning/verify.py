"""From what the tenant says of a vault to what we keep of it: whether it is as declared, how it ended."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from reconciler.model.manifest import Kind, Sharing
from reconciler.model.state import Attributes, Recipient, Share
from reconciler.model.vault import Vault
from reconciler.state import tags
from reconciler.state.tags import Tag

EXPIRY_TOLERANCE: Final = timedelta(minutes=5)


def mismatch(vault: Vault, attributes: Attributes, tag: str | None) -> str | None:
    """Return what differs from what was asked for, in words, or None. `tag` None leaves the name alone.

    Never the file's name: the server rewrites it. The tag must be there: by it a vault is found again.
    """
    found = tags.find(vault.display_name)
    if tag and (found is None or str(found) != tag):
        return "its name does not carry the tag that was sent"
    readers = vault.user_ids if attributes.sharing is Sharing.INTERNAL else vault.emails
    if readers != attributes.who():
        return "its recipients are not the ones that were declared"
    if vault.max_views != attributes.max_views:
        return f"it allows {vault.max_views} views where {attributes.max_views} were declared"
    if vault.created and vault.expires:
        life = vault.expires - vault.created
        if _differs(life, attributes):
            return f"it lives {int(life.total_seconds())} s where {attributes.expires_in} s were declared"
    return None


def as_seen(share: Share, vault: Vault) -> Share:
    """Return what the state keeps of a vault with the tenant's word on who opens it, how often and until when.

    The state itself where the two agree. An answer that names nobody is not the whole of one: nothing of it is
    held against the state.
    """
    sharing = vault.sharing or share.attributes.sharing
    readers = vault.emails if sharing is Sharing.EXTERNAL else vault.user_ids
    if not readers:
        return share
    attributes = share.attributes
    if (sharing, readers) != (attributes.sharing, attributes.who()):
        known = {r.id or r.as_written: r for r in attributes.recipients if sharing is attributes.sharing}
        people = tuple(
            known.get(r) or Recipient(as_written=_writable(r), id=_writable(r)) for r in sorted(readers)
        )
        attributes = replace(attributes, sharing=sharing, recipients=people)
    if vault.max_views != attributes.max_views:
        attributes = replace(attributes, max_views=vault.max_views)
    created, expires = vault.created or share.created, vault.expires or share.expires
    if max(abs(created - share.created), abs(expires - share.expires)) > EXPIRY_TOLERANCE:
        share = replace(share, created=created, expires=expires)
    life = expires - created
    if vault.created and vault.expires and _differs(life, attributes):
        attributes = replace(attributes, expires_in=max(0, int(life.total_seconds())))
    return replace(share, attributes=attributes)


def _differs(life: timedelta, attributes: Attributes) -> bool:
    return abs(life - timedelta(seconds=attributes.expires_in)) > EXPIRY_TOLERANCE


def share_of(
    vault: Vault,
    tag: Tag,
    attributes: Attributes,
    *,
    now: datetime,
    fingerprint: str | None = None,
    source: str = "",
) -> Share:
    """Return what the state keeps of a vault. `now` stands in where the tenant gives no time of creation."""
    created = vault.created or now
    return Share(
        vault_id=vault.vault_id,
        generation=tag.generation,
        tag=str(tag),
        share_code=_writable(vault.share_code),
        share_url=_writable(vault.share_url),
        attributes=attributes,
        fingerprint=fingerprint,
        source=source,
        created=created,
        expires=vault.expires or created + timedelta(seconds=attributes.expires_in),
        ready=vault.content_ready,
    )


def seen_attributes(vault: Vault) -> Attributes:
    """Describe a vault by what the tenant says of it, where nothing here remembers what was asked for."""
    readers = sorted(map(_writable, vault.emails if vault.sharing is Sharing.EXTERNAL else vault.user_ids))
    life = vault.expires - vault.created if vault.created and vault.expires else timedelta(0)
    return Attributes(
        kind=vault.kind or Kind.TEXT,
        format=vault.format,
        label=_writable(vault.display_name),
        label_defaulted=True,
        sharing=vault.sharing or Sharing.INTERNAL,
        recipients=tuple(Recipient(as_written=r, id=r) for r in readers),
        expires_in=max(0, int(life.total_seconds())),
        max_views=vault.max_views,
        filename=_writable(vault.filename) or None,
        content_type=None,
        suite=None,
        rotate=None,
    )


def _writable(text: str) -> str:
    """Return a foreign text as UTF-8 can carry it: JSON can spell half a surrogate pair, a file cannot hold one."""
    return text.encode("utf-8", "replace").decode()
