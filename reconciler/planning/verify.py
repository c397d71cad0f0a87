"""From what the tenant says of a vault to what we keep of it: whether it is as declared, what the state records."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from reconciler.model.canonical import LIFETIME_MAX
from reconciler.model.manifest import Kind, Sharing
from reconciler.model.state import Attributes, Recipient, Share
from reconciler.model.vault import Vault
from reconciler.state import tags
from reconciler.state.tags import Tag

EXPIRY_TOLERANCE: Final = timedelta(minutes=5)


def mismatch(vault: Vault, attributes: Attributes, tag: str | None) -> str | None:
    """Return what differs from the declared attributes, in words, or None. `tag` None leaves the name alone.

    Never the file's name: the server rewrites it. The tag must be there: by it a vault is found again.
    """
    found = tags.find(vault.display_name)
    if tag and (found is None or str(found) != tag):
        return "its name does not carry the tag that was sent"
    readers = vault.user_ids if attributes.sharing is Sharing.INTERNAL else vault.emails
    if readers != attributes.who():
        return "its recipients are not the declared ones"
    if vault.max_views != attributes.max_views:
        return f"it allows {vault.max_views} views instead of {attributes.max_views}"
    if vault.created and vault.expires:
        life = vault.expires - vault.created
        if lifetime_differs(life, attributes):
            return f"it lives {int(life.total_seconds())} s instead of {attributes.expires_in} s"
    return None


def lifetime_differs(life: timedelta, attributes: Attributes) -> bool:
    """Whether a share lives longer or shorter than declared, by more than two clocks may differ."""
    return abs(life - timedelta(seconds=attributes.expires_in)) > EXPIRY_TOLERANCE


def share_of(
    vault: Vault,
    tag: Tag,
    attributes: Attributes,
    *,
    now: datetime,
    fingerprint: str | None = None,
    source: str = "",
    renew: bool = False,
    proof: str | None = None,
) -> Share:
    """Return what the state keeps of a vault. `now` stands in if the tenant gives no time of creation."""
    created = vault.created or now
    return Share(
        vault_id=vault.vault_id,
        generation=tag.generation,
        tag=str(tag),
        share_code=writable(vault.share_code),
        share_url=writable(vault.share_url),
        attributes=attributes,
        fingerprint=fingerprint,
        source=source,
        created=created,
        expires=vault.expires or created + timedelta(seconds=attributes.expires_in),
        ready=vault.content_ready,
        renew=renew,
        proof=proof,
    )


def seen_attributes(vault: Vault) -> Attributes:
    """Describe a vault by what the tenant says of it, when nothing here remembers what was declared."""
    readers = sorted(map(writable, vault.emails if vault.sharing is Sharing.EXTERNAL else vault.user_ids))
    life = vault.expires - vault.created if vault.created and vault.expires else timedelta(0)
    return Attributes(
        kind=vault.kind or Kind.TEXT,
        format=vault.format,
        label=writable(vault.display_name),
        label_defaulted=True,
        sharing=vault.sharing or Sharing.INTERNAL,
        recipients=tuple(Recipient(as_written=r, id=r) for r in readers),
        expires_in=min(max(0, int(life.total_seconds())), LIFETIME_MAX),
        max_views=vault.max_views,
        filename=writable(vault.filename) or None,
        content_type=None,
        suite=None,
        rotate=None,
    )


def writable(text: str) -> str:
    """Return a foreign text as UTF-8 can carry it: JSON can spell half a surrogate pair, a file cannot hold one."""
    return text.encode("utf-8", "replace").decode()
