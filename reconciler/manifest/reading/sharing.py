"""Audiences and `share_with`: who the people of each secret are."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from collections.abc import Mapping as MappingType
from dataclasses import dataclass
from typing import Final

from reconciler.errors import Mark
from reconciler.manifest.document import Entry, Node
from reconciler.manifest.reading.fields import Fields, Log, fields_in, text_in
from reconciler.model.address import fold, is_name
from reconciler.model.hidden import UNSEEN
from reconciler.model.manifest import EMAILS_MAX, USERS_MAX, Person, Sharing
from reconciler.suggest import one_of

_EMAIL: Final = re.compile(r"""[^\s@<>()\[\],;:"\\]+@[^\s@<>()\[\],;:"\\.]+(?:\.[^\s@<>()\[\],;:"\\.]+)*""")
_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
_PERSON_MAX: Final = 254
"""Characters: the longest address that mail can carry."""

_COUNTED_MAX: Final = 500
"""People of one entry that are counted: more than any share can have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Audience:
    """A list of people with a name; `sharing` is None when nothing usable was written."""

    sharing: Sharing | None
    people: tuple[Person, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Audiences:
    """All audiences by name. `complete` is false when some may be missing, through a problem told elsewhere."""

    by_name: MappingType[str, Audience]
    complete: bool


def read_audiences(entries: Iterable[tuple[str, Entry]], log: Log, *, complete: bool) -> Audiences:
    """Read every audience of the manifest and of what it includes; each name must be there once."""
    audiences: dict[str, Audience] = {}
    first: dict[str, Mark] = {}
    for name, entry in entries:
        if not is_name(name):
            log.odd(entry.mark)
        elif name in first:
            log.add(
                entry.mark,
                f"audience {name} is defined twice",
                f"expected it once (first defined at {first[name]})",
            )
        else:
            first[name] = entry.mark
            fields = fields_in(entry.value, f"audiences.{name}", log)
            audiences[name] = _audience(fields, entry.mark) if fields else Audience(sharing=None, people=())
    return Audiences(by_name=audiences, complete=complete)


def _audience(fields: Fields, mark: Mark) -> Audience:
    users = _people(fields, "users", Sharing.INTERNAL)
    external = _people(fields, "external", Sharing.EXTERNAL)
    if "users" in fields and "external" in fields:
        problem = f"{fields.path} mixes C1 users and external recipients"
        fields.log.add(mark, problem, "expected users or external", "use two audiences, one for each")
    elif fields.only():
        fields.log.add(mark, f"{fields.path} has no recipients", "expected users or external in it")
    sharing = Sharing.EXTERNAL if "external" in fields else Sharing.INTERNAL
    return Audience(sharing=sharing if users or external else None, people=(*users, *external))


def read_sharing(
    fields: Fields, audiences: Audiences, mark: Mark
) -> tuple[Sharing, tuple[Person, ...]] | None:
    """Read one `share_with`: how it shares and with whom, each person once. None after a problem."""
    log = fields.log
    groups = [
        Audience(sharing=sharing, people=_people(fields, key, sharing))
        for key, sharing in (("users", Sharing.INTERNAL), ("external", Sharing.EXTERNAL))
        if key in fields
    ]
    groups += [group for node in fields.items("audiences") if (group := _named(node, fields, audiences))]
    kinds = {group.sharing for group in groups if group.sharing}
    if len(kinds) > 1:
        problem = f"{fields.path} mixes C1 users and external recipients"
        log.add(
            mark,
            problem,
            "expected one or the other",
            "use two secrets, one with users and one with external",
        )
        return None
    people = _distinct(groups)
    if not people or not kinds:
        _nobody(fields, mark)
        return None
    (sharing,) = kinds
    if not _check_count(len(people), sharing, fields, mark):
        return None
    return sharing, tuple(people.values())


def _distinct(groups: Iterable[Audience]) -> dict[str, Person]:
    """Return the people of some audiences, each once; where there are far too many, not all of them.

    Ten thousand entries can each name an audience of a hundred thousand.
    """
    people: dict[str, Person] = {}
    for group in {id(group): group for group in groups}.values():
        for person in group.people:
            people.setdefault(fold(person.as_written), person)
            if len(people) > _COUNTED_MAX:
                return people
    return people


def _named(node: Node, fields: Fields, audiences: Audiences) -> Audience | None:
    name = text_in(node, fields.log)
    if name is None:
        return None
    if name not in audiences.by_name:
        if audiences.complete:
            known = audiences.by_name
            expected = one_of(known) if known else "expected an audience, and none is defined"
            hint = fields.log.meant(name, known)
            fields.log.add(node.mark, f"{fields.path} names an unknown audience", expected, hint)
        fields.log.odd(node.mark)
        return None
    return audiences.by_name[name]


def _nobody(fields: Fields, mark: Mark) -> None:
    if fields.only():
        fields.log.add(
            mark, f"{fields.path} has no recipients", "expected users, external or audiences in it"
        )
    else:
        fields.log.odd(mark)  # what is there is wrong, and is told elsewhere


def _check_count(count: int, sharing: Sharing, fields: Fields, mark: Mark) -> bool:
    limit, counted = (
        (USERS_MAX, "C1 users") if sharing is Sharing.INTERNAL else (EMAILS_MAX, "addresses outside")
    )
    if count > limit:
        said = count if count <= _COUNTED_MAX else f"more than {_COUNTED_MAX}"
        problem = f"{fields.path} reaches {said} {counted}"
        hint = (
            "split it into two entries (each_recipient: true, one share for each, comes in a later version)"
        )
        fields.log.add(mark, problem, f"expected at most {limit}", hint)
    return count <= limit


def _people(fields: Fields, key: str, sharing: Sharing) -> tuple[Person, ...]:
    people: dict[str, Person] = {}
    for node in fields.items(key):
        text = text_in(node, fields.log)
        if text is None:
            continue
        if not 0 < len(text) <= _PERSON_MAX:
            fields.log.odd(node.mark)
            continue
        if not _is_person(text, sharing):
            problem = f"{fields.name(key)} contains an invalid recipient"
            fields.log.add(node.mark, problem, _EXPECTED[sharing])
            continue
        if wrong := _mistakable(text):
            fields.log.add(node.mark, f"{fields.name(key)} contains {wrong[0]}", wrong[1])
            continue
        people.setdefault(fold(text), Person(as_written=text, mark=node.mark))
    return tuple(people.values())


_EXPECTED: Final = {
    Sharing.INTERNAL: "expected a C1 user's e-mail address or ID",
    Sharing.EXTERNAL: "expected an e-mail address such as ops@partner.example",
}


def _is_person(text: str, sharing: Sharing) -> bool:
    if not text.isprintable():
        return False
    if "@" not in text:
        return sharing is Sharing.INTERNAL and bool(_ID.fullmatch(text))
    has_dot = "." in text.rpartition("@")[2]
    return bool(_EMAIL.fullmatch(text)) and (has_dot or sharing is Sharing.INTERNAL)


_ALIKE: Final = frozenset({"ARMENIAN", "CHEROKEE", "COPTIC", "CYRILLIC", "GREEK", "LATIN"})
"""Scripts with letters that look like each other's, by the first word of a character's name."""


def _mistakable(text: str) -> tuple[str, str] | None:
    """Return what makes an address look like another one, and what is expected; a reviewer sees only its looks."""
    if text.isascii():
        return None
    local, _, domain = text.rpartition("@")
    if not domain.isascii():
        return "an address whose domain is not ASCII", "expected the domain in its xn-- form"
    # NFC would leave fullwidth letters and ligatures as they are
    if UNSEEN.search(local) or unicodedata.normalize("NFKC", local) != local:
        return "an address with hidden or compatibility characters", "expected plain letters before the @"
    if any(unicodedata.category(each).startswith("M") for each in local):
        return "an address with combining marks", "expected plain letters before the @"
    if any(
        each != each.lower() for each in local if not each.isascii()
    ):  # a mail server's lower case is another's
        return "an address with capital letters outside of ASCII", "expected them in lower case"
    scripts = {unicodedata.name(each, "").partition(" ")[0] for each in local}
    if len(scripts & _ALIKE) > 1:
        return "an address that mixes scripts", "expected the letters before the @ to be of one script"
    return None
