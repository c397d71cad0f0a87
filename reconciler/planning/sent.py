"""What the tag on the tenant proves of the value that was sent, whatever the state says: D covers the content."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from reconciler.model.state import Attributes, Share
from reconciler.planning import status
from reconciler.planning.expand import Desired
from reconciler.planning.scene import Scene
from reconciler.planning.values import Checked, Known
from reconciler.state import tags
from reconciler.state.tags import Tag


def is_proven(scene: Scene, desired: Desired, share: Share, content: Known) -> bool:
    """Whether the share's tag, as the tenant shows it, is the one of a share with this very value."""
    tag = _tag(scene, share)
    return tag is not None and _covers(scene, desired, share, content, tag)


def is_refuted(scene: Scene, desired: Desired, share: Share, content: Known) -> bool:
    """Whether the stack's key made the tag for this very address, and for another value or other recipients.

    A fingerprint of the state that says otherwise is another secret's.
    """
    tag = _tag(scene, share)
    if tag is None or scene.mac is None:
        return False
    ours = tags.address_part(scene.mac, tag.stack, desired.address) == tag.address
    return ours and not _covers(scene, desired, share, content, tag)


def _tag(scene: Scene, share: Share) -> Tag | None:
    name = status.name_of(share, scene.observed)
    return tags.find(name) if name else None


def _covers(scene: Scene, desired: Desired, share: Share, content: Known, tag: Tag) -> bool:
    if scene.mac is None or not isinstance(content, Checked) or content.content is None:
        return False
    addresses = [a for a in (desired.address, scene.origins.get(desired.address)) if a]
    return any(
        tag
        == tags.make(
            scene.mac,
            name=scene.name,
            address=address,
            generation=tag.generation,
            attributes=attributes,
            content=content.content,
        )
        for address in addresses
        for attributes in _as_sent(desired, share)
    )


def _as_sent(desired: Desired, share: Share) -> Iterator[Attributes]:
    """Yield what may have been sent for the share: the tenant chose the suite if the manifest left it open."""
    yield share.attributes
    yield replace(share.attributes, suite=None)
    yield desired.to_make
