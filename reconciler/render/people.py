"""What a plan means for the people it names: each once, with all that they gain, lose, or need a new link for."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import groupby
from typing import TypeAlias

from reconciler.display import clean
from reconciler.model.address import Address, fold
from reconciler.model.manifest import Sharing
from reconciler.model.plan import Action, Cause, Change, access
from reconciler.model.state import Attributes
from reconciler.render.rows import Reader, domain


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """A secret that is lost. `opened` is how often it was read, by anyone; None or 0 if that is not known or never."""

    address: str
    opened: int | None

    @property
    def hint(self) -> str | None:
        """What the loss of a value that was read asks for: who read it still knows it."""
        return f"opened {self.opened}x: rotate the value" if self.opened else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Affected:
    """People for whom a plan means the same; each stands in one group."""

    readers: tuple[Reader, ...]
    losses: tuple[Loss, ...]
    gains: tuple[str, ...]
    relinked: tuple[str, ...]
    """Secrets that stay theirs behind a new link."""

    @property
    def sign(self) -> str:
        """What counts most: `-` for a loss, `+` for a gain, `~` for a new link."""
        return "-" if self.losses else "+" if self.gains else "~"


@dataclass(slots=True)
class _Person:
    reader: Reader
    gains: set[Address] = field(default_factory=set)
    losses: set[Address] = field(default_factory=set)
    relinked: set[Address] = field(default_factory=set)


_Key: TypeAlias = tuple[bool, str]
"""Outside or not, and the ID by which two spellings are one person."""


def groups_of(changes: Iterable[Change], new_domains: frozenset[str]) -> tuple[Affected, ...]:
    """Return everyone whom a plan's acting changes concern: new outside first, then losses, then the others."""
    changes = [change for change in changes if not change.deposed]
    people = _people(changes, new_domains)
    opened = {change.address: change.views for change in changes}
    first = _first_of_domains(people)
    ranked = sorted(people, key=lambda person: (_rank(person, first), *_meaning(person), person.reader.name))
    return tuple(
        _group(list(alike), opened)
        for _, alike in groupby(ranked, key=lambda person: (_rank(person, first), *_meaning(person)))
    )


def _people(changes: list[Change], new_domains: frozenset[str]) -> list[_Person]:
    people: dict[_Key, _Person] = {}
    keys: dict[tuple[bool, str], _Key] = {}

    def known(attributes: Attributes | None) -> set[_Key]:
        external = attributes is not None and attributes.sharing is Sharing.EXTERNAL
        found = set()
        for recipient in attributes.recipients if attributes else ():
            key = (external, recipient.id or fold(recipient.as_written))
            keys[external, recipient.shown] = key
            if key not in people:
                reader = Reader.of(
                    recipient.shown,
                    external=external,
                    new_domains=new_domains,
                    id_=None if recipient.person else recipient.id,
                )
                people[key] = _Person(reader)
            found.add(key)
        return found

    for change in changes:
        before = known(change.before.attributes if change.before else None)
        after = known(change.after)
        if change.action in (Action.CREATE, Action.REPLACE):
            for key in before & after:
                people[key].relinked.add(change.address)
    caused = {change.address for change in changes if change.cause is Cause.MANIFEST}
    for one in access(changes):
        person = people[keys[one.external, one.who]]
        # What comes back by itself was theirs before: a new link, and no gain.
        person.gains = {
            address for address in one.gains if address in caused or address not in person.relinked
        }
        person.losses = set(one.loses)
    for person in people.values():
        person.relinked -= person.gains
    return [person for person in people.values() if person.gains or person.losses or person.relinked]


def _first_of_domains(people: Iterable[_Person]) -> frozenset[str]:
    """Return one person of each new domain: what a page that is cut must not lose."""
    first: dict[str, str] = {}
    for person in people:
        if person.reader.new_domain and person.gains:
            first.setdefault(domain(person.reader.name), person.reader.name)
    return frozenset(first.values())


def _rank(person: _Person, first: frozenset[str]) -> int:
    reader = person.reader
    if person.gains and reader.new_domain:
        return 0 if reader.name in first else 1
    if person.gains and reader.external:
        return 2
    return 3 if person.losses else 4 if person.gains else 5


def _meaning(person: _Person) -> tuple[tuple[Address, ...], ...]:
    return tuple(sorted(person.losses)), tuple(sorted(person.gains)), tuple(sorted(person.relinked))


def _group(alike: list[_Person], opened: dict[Address, int | None]) -> Affected:
    losses, gains, relinked = _meaning(alike[0])
    return Affected(
        readers=tuple(person.reader for person in alike),
        losses=tuple(Loss(address=clean(str(address)), opened=opened.get(address)) for address in losses),
        gains=_addresses(gains),
        relinked=_addresses(relinked),
    )


def _addresses(addresses: Iterable[Address]) -> tuple[str, ...]:
    return tuple(clean(str(address)) for address in addresses)
