"""What a plan is made from, and how the share of one address stands in it before anything is decided."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from reconciler.model.address import Address
from reconciler.model.attention import Attention
from reconciler.model.plan import Drift
from reconciler.model.state import End, Ended, Instance, Share
from reconciler.model.vault import Observed
from reconciler.planning import messages, status
from reconciler.planning.status import Condition, Standing
from reconciler.planning.values import Known
from reconciler.state import tags
from reconciler.state.tags import Mac


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What is the same for every address.

    `observed` is None when this run did not look. `stack` is S of our tags, `origins` leads from new to old
    addresses, `kept` are the names whose `removed` entry says `revoke: false`. `mac` is None without the stack's key.
    """

    name: str
    mac: Mac | None
    stack: str
    observed: Observed | None
    contents: Mapping[Address, Known]
    requested: frozenset[Address]
    origins: Mapping[Address, Address]
    kept: frozenset[str]
    revoke_imported: bool
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """One address before the look: what the state has of it, and the number of its next share."""

    address: Address
    uid: str
    instance: Instance | None
    generation: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Stand:
    """How the share of an address, the live one or the last, stands.

    `share` is as the tenant has it, `instance` what the state is to remember of the look.
    """

    share: Share
    standing: Standing
    instance: Instance
    drift: tuple[Drift, ...] = ()
    attention: tuple[Attention, ...] = ()

    @property
    def live(self) -> bool:
        """Whether it can be opened now."""
        return self.standing is Condition.LIVE

    def sent_as(self, fingerprint: str) -> Stand:
        """Return it with the fingerprint of a value that is known to be the one that was sent."""
        share = replace(self.share, fingerprint=fingerprint)
        current = self.instance.current
        instance = replace(self.instance, current=share) if current else self.instance
        return replace(self, share=share, instance=instance)


def is_ours(scene: Scene, subject: Subject, share: Share) -> bool:
    """Whether the tenant shows a share under the state's tag, and that tag is this secret's.

    With the key its A is made again: a state could call the shares of other secrets this one's. What was made for
    another name, or with an earlier key, has the key's proof for its instance.
    """
    if not status.vouched_for(share, scene.observed, scene.stack):
        return False
    tag = tags.find(f"[rc:{share.tag}]")
    if scene.mac is None or scene.observed is None or tag is None:
        return True
    addresses = [a for a in (subject.address, scene.origins.get(subject.address)) if a]
    if tag.address in {tags.address_part(scene.mac, tag.stack, address) for address in addresses}:
        return True
    uid = subject.instance.uid if subject.instance else subject.uid
    return share.proof == tags.proof(scene.mac, uid, share.vault_id, share.tag)


def stand_of(scene: Scene, subject: Subject) -> Stand | None:
    """Return how the share of an address stands, None if it never had one.

    An end that is seen for the first time goes into the state. So does the tenant's word on a live share: a state
    that was edited must not hide who gains or loses.
    """
    instance = subject.instance
    last = instance.last() if instance else None
    if instance is None or last is None:
        return None
    share = status.as_seen(last, scene.observed)
    differs = (messages.state_differs(subject.address, last, share),) if share != last else ()
    if instance.current is None and instance.ended:
        return Stand(share=share, standing=instance.ended.how, instance=instance, attention=differs)
    standing = status.standing(last, scene.observed, scene.now)
    return Stand(
        share=share,
        standing=standing,
        instance=_remembered(instance, share, standing, scene.now),
        drift=() if standing is Condition.LIVE else (_drift(subject.address, last, standing),),
        attention=differs,
    )


def _remembered(instance: Instance, share: Share, standing: Standing, now: datetime) -> Instance:
    if isinstance(standing, End):
        return replace(instance, current=None, ended=Ended(how=standing, seen=now, share=share))
    return replace(instance, current=share)


def _drift(address: Address, share: Share, standing: Standing) -> Drift:
    now = standing if isinstance(standing, End) else standing.value
    return Drift(address=address, vault_id=share.vault_id, now=now)
