"""Who the people of a manifest are: e-mail addresses -> C1 users, with nothing looked up here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from reconciler.errors import Problem
from reconciler.model.address import Address, fold
from reconciler.model.attention import Attention
from reconciler.model.manifest import Person, Sharing
from reconciler.model.state import Attributes, Recipient, State
from reconciler.model.vault import User
from reconciler.planning import messages
from reconciler.planning.expand import Desired


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolved:
    """The instances with every recipient's ID; with `problems` they must not be planned."""

    all_desired: tuple[Desired, ...]
    attention: tuple[Attention, ...] = ()
    problems: tuple[Problem, ...] = ()


def lookups(all_desired: Iterable[Desired]) -> tuple[str, ...]:
    """Return the e-mail addresses to look up in the directory, folded, each once.

    Those outside too: an outside address that is a C1 user is pointed out.
    """
    return tuple(
        sorted({fold(p.as_written) for desired in all_desired for p in desired.people if "@" in p.as_written})
    )


def identified(all_desired: Iterable[Desired]) -> tuple[str, ...]:
    """Return the user IDs that are written as such, each once: they can be looked up many at a time."""
    inside = (desired for desired in all_desired if desired.attributes.sharing is Sharing.INTERNAL)
    return tuple(
        sorted({p.as_written for desired in inside for p in desired.people if "@" not in p.as_written})
    )


def recorded(state: State | None) -> dict[Address, Attributes]:
    """Return what each address was last applied with: its live vault, else the one that ended."""
    if state is None:
        return {}
    known = {address: instance.last() for address, instance in state.instances.items()}
    return {address: share.attributes for address, share in known.items() if share}


def resolve(
    all_desired: Iterable[Desired],
    directory: Mapping[str, tuple[User, ...]],
    *,
    known: Mapping[Address, Attributes],
) -> Resolved:
    """Fill in the recipients' IDs from what the directory answered to `lookups` and `identified`, by key.

    `known` is `recorded`: a disabled user is refused for a new secret, and pointed out for one that
    exists. There they stay in what they have, and are left out of what is made again, because a tenant need not
    take them: so a leaver does not block the renewal for the others.
    """
    resolver = _Resolver(directory, known)
    return Resolved(
        all_desired=tuple(resolver.resolve(desired) for desired in all_desired),
        attention=resolver.attention(),
        problems=tuple(dict.fromkeys(resolver.problems)),
    )


def resolve_offline(
    all_desired: Iterable[Desired], known: Mapping[Address, Attributes]
) -> tuple[Desired, ...]:
    """Fill in the IDs that the state remembers, for an offline plan; the rest stay None."""
    remembered: dict[str, str] = {}
    for attributes in known.values():
        if attributes.sharing is Sharing.INTERNAL:
            remembered |= {fold(r.as_written): r.id for r in attributes.recipients if r.id}
    return tuple(
        _with_ids(desired, [_id_offline(desired, person, remembered) for person in desired.people])
        for desired in all_desired
    )


def _id_offline(desired: Desired, person: Person, remembered: Mapping[str, str]) -> str | None:
    folded = fold(person.as_written)
    if desired.attributes.sharing is Sharing.EXTERNAL or "@" not in folded:
        return folded
    return remembered.get(folded)


def _with_ids(
    desired: Desired, ids: Iterable[str | None], directory: Mapping[str, tuple[User, ...]] | None = None
) -> Desired:
    """Return the instance with these IDs, one for each of its people; a second mention of one is dropped.

    Whom a written ID means is what the directory says: an ID alone tells a reviewer nothing.
    """
    people: dict[str, tuple[Person, Recipient]] = {}
    for person, id_ in zip(desired.people, ids, strict=True):
        users = (directory or {}).get(person.as_written, ()) if "@" not in person.as_written else ()
        email = next((user.email for user in users if user.email), None)
        one = (person, Recipient(as_written=person.as_written, id=id_, person=email))
        people.setdefault(id_ or fold(person.as_written), one)
    recipients = tuple(recipient for _, recipient in people.values())
    return replace(
        desired,
        people=tuple(person for person, _ in people.values()),
        attributes=replace(desired.attributes, recipients=recipients),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """What one person came to. `absent`: disabled; `out`: disabled, and not in what there is either."""

    id: str | None
    absent: bool = False
    out: bool = False


_NOBODY: Final = _Found(id=None)


class _Resolver:
    def __init__(
        self, directory: Mapping[str, tuple[User, ...]], known: Mapping[Address, Attributes]
    ) -> None:
        self.directory = directory
        self.known = known
        self.problems: list[Problem] = []
        self.disabled: dict[str, list[Address]] = {}
        self.left_out: dict[str, list[Address]] = {}
        self.inside: dict[str, list[Address]] = {}

    def resolve(self, desired: Desired) -> Desired:
        found = [(person, self._find(desired, person)) for person in desired.people]
        stay = [(person, it) for person, it in found if not it.out]
        for person in (person for person, it in found if it.out):
            if stay:
                self.left_out.setdefault(person.as_written, []).append(desired.address)
            else:
                self._refuse_disabled(person)
        absent = frozenset(it.id for _, it in stay if it.absent and it.id)
        return _with_ids(
            replace(desired, people=tuple(person for person, _ in stay), absent=absent),
            [it.id for _, it in stay],
            self.directory,
        )

    def _find(self, desired: Desired, person: Person) -> _Found:
        folded = fold(person.as_written)
        if desired.attributes.sharing is Sharing.EXTERNAL:
            if any(user.enabled for user in self._users(folded)):
                self.inside.setdefault(person.as_written, []).append(desired.address)
            return _Found(id=folded)
        if "@" not in folded:
            return self._checked_id(desired, person)
        enabled = [user for user in self._users(folded) if user.enabled]
        if len(enabled) == 1:
            return _Found(id=enabled[0].user_id)
        if not enabled:
            return self._absent(desired, person, self._users(folded))
        self._problem(
            person,
            f"{len(enabled)} users in the tenant have the address {person.as_written}",
            "use the ID of the one that you mean",
        )
        return _NOBODY

    def _checked_id(self, desired: Desired, person: Person) -> _Found:
        users = self.directory.get(person.as_written, ())
        if any(user.enabled for user in users):
            return _Found(id=person.as_written)
        return self._absent(desired, person, users)

    def _users(self, folded: str) -> tuple[User, ...]:
        """Return who has exactly this address: the directory's search may be fuzzy."""
        return tuple(user for user in self.directory.get(folded, ()) if user.has(folded))

    def _absent(self, desired: Desired, person: Person, disabled: tuple[User, ...]) -> _Found:
        if not disabled:
            self._problem(
                person,
                f"no user in the tenant has the {'address' if '@' in person.as_written else 'ID'} {person.as_written}",
                "correct it, or list it under `external` if the person is outside",
            )
            return _NOBODY
        has_already = self._recorded_id(desired, person, disabled)
        if has_already:
            self.disabled.setdefault(person.as_written, []).append(desired.address)
            return _Found(id=has_already, absent=True)
        if desired.address in self.known:
            return _Found(id=None, absent=True, out=True)
        self._refuse_disabled(person)
        return _NOBODY

    def _refuse_disabled(self, person: Person) -> None:
        self._problem(
            person,
            f"{person.as_written} is disabled in the tenant",
            "a new share needs recipients who can sign in: remove this one, or enable the account",
        )

    def _recorded_id(self, desired: Desired, person: Person, disabled: tuple[User, ...]) -> str | None:
        attributes = self.known.get(desired.address)
        ids = {user.user_id for user in disabled}
        for recipient in attributes.recipients if attributes else ():
            if recipient.id in ids or fold(recipient.as_written) == fold(person.as_written):
                return recipient.id
        return None

    def _problem(self, person: Person, what: str, hint: str) -> None:
        self.problems.append(Problem(mark=person.mark, what=what, hint=hint))

    def attention(self) -> tuple[Attention, ...]:
        """Return one line a person, not one a secret."""
        return (
            *(messages.recipient_disabled(*item, left_out=False) for item in sorted(self.disabled.items())),
            *(messages.recipient_disabled(*item, left_out=True) for item in sorted(self.left_out.items())),
            *(messages.external_is_user(*item) for item in sorted(self.inside.items())),
        )
