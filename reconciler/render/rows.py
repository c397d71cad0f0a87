"""One change of a plan, in a reader's words."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from reconciler import display
from reconciler.display import clean
from reconciler.errors import Mark
from reconciler.model.address import fold
from reconciler.model.manifest import Sharing
from reconciler.model.plan import Access, Action, Change, Reason, access
from reconciler.model.state import Attributes

SYMBOLS: Final = {
    Action.CREATE: "+",
    Action.REPLACE: "+/-",  # Terraform's for create first
    Action.REVOKE: "-",
    Action.FORGET: ".",
    Action.STATE_ONLY: "~",
    Action.NO_OP: "",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """A person a secret is shared with. `new_domain`: nothing in the stack went to that domain so far.

    `who` is what somebody wrote; `id` is the C1 user that an address means, where it was looked up.
    """

    who: str
    external: bool
    new_domain: bool
    id: str | None = None

    @classmethod
    def of(cls, who: str, *, external: bool, new_domains: frozenset[str], id_: str | None = None) -> Reader:
        """Describe one person, cleaned for display."""
        return cls(
            who=display.person(who),
            external=external,
            new_domain=external and domain(who) in new_domains,
            id=clean(id_) if id_ and not external and id_ != who else None,
        )

    @property
    def marks(self) -> tuple[str, ...]:
        """Say what a reviewer must not overlook."""
        if self.new_domain:
            return ("external", "new domain")
        return ("external",) if self.external else ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Detail:
    """An attribute that a replace changes. Both sides are words, not values of secrets."""

    name: str
    before: str
    after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One change. `was_source` is set where the value came from elsewhere before; `size` is a bucket.

    `created` and `expires` are those of the vault that there is (`before`), `until` is about when the one that
    is to be made ends; `life` is what is declared.
    """

    address: str
    action: Action
    symbol: str
    reason: str
    kind: str
    life: str
    views: str
    size: str | None
    label: str
    description: str | None
    source: str | None
    was_source: str | None
    people: tuple[Reader, ...]
    gained: tuple[Reader, ...]
    lost: tuple[Reader, ...]
    details: tuple[Detail, ...]
    opened: int | None
    moved_from: str | None
    old_copy: bool
    mark: Mark | None
    created: datetime | None
    expires: datetime | None
    until: datetime | None

    @property
    def facts(self) -> tuple[str, ...]:
        """What it is and how long and how often it can be opened."""
        return tuple(fact for fact in (self.kind, self.life, self.views, self.size) if fact)

    @property
    def origin(self) -> str | None:
        """Where the value comes from, and where it came from."""
        if self.source is None:
            return None
        return f"{self.source}, was {self.was_source}" if self.was_source else self.source


def domain(email: str) -> str:
    """Return what follows the last `@`, folded."""
    return fold(email).rpartition("@")[2]


def first_seen(changes: Iterable[Change]) -> frozenset[str]:
    """Return the outside domains that a plan shares with and that no vault of the stack was shared with."""
    before: set[str] = set()
    after: set[str] = set()
    for change in changes:
        before |= _outside(change.before.attributes if change.before else None)
        after |= _outside(change.after)
    return frozenset(after - before)


def _outside(attributes: Attributes | None) -> set[str]:
    if attributes is None or attributes.sharing is not Sharing.EXTERNAL:
        return set()
    return {domain(recipient.as_written) for recipient in attributes.recipients}


_ONE_LINE: Final = str.maketrans("\n\t", "  ")
"""A description may have lines and tabs, a row has not."""


def make_row(change: Change, new_domains: frozenset[str], now: datetime) -> Row:
    """Say one change. Its life, views and people are those declared, or of what goes away."""
    shown = change.after or (change.before.attributes if change.before else None)
    before, people = change.before, access((change,))
    makes = change.action in (Action.CREATE, Action.REPLACE)
    external = shown is not None and shown.sharing is Sharing.EXTERNAL
    swapped = before and change.source and before.source and before.source != change.source
    return Row(
        address=clean(str(change.address)),
        action=change.action,
        symbol=SYMBOLS[change.action],
        reason=_reason(change),
        kind=shown.kind.value if shown else "",
        life=display.duration(shown.expires_in) if shown else "",
        views=display.views(shown.max_views) if shown else "",
        size=clean(change.size) if change.size else None,
        label=clean(shown.label) if shown else "",
        description=clean(change.description.translate(_ONE_LINE)) if change.description else None,
        source=clean(change.source) if change.source else None,
        was_source=clean(before.source) if before and swapped else None,
        people=tuple(
            Reader.of(r.shown, external=external, new_domains=new_domains, id_=None if r.person else r.id)
            for r in (shown.recipients if shown else ())
        ),
        gained=_readers((p for p in people if p.gains), new_domains),
        lost=_readers((p for p in people if p.loses), new_domains),
        details=_details(change),
        opened=change.views,
        moved_from=clean(str(change.moved_from)) if change.moved_from else None,
        old_copy=change.deposed is not None,
        mark=_cleaned(change.mark),
        created=before.created if before else None,
        expires=before.expires if before else None,
        until=now + timedelta(seconds=change.after.expires_in) if change.after and makes else None,
    )


def _cleaned(mark: Mark | None) -> Mark | None:
    return Mark(file=clean(mark.file), line=mark.line, column=mark.column) if mark else None


def _reason(change: Change) -> str:
    """Return why, in plain words; a change of the state alone says what is noted."""
    if change.reason is Reason.CONTENT_CHANGED and change.fingerprint is None:
        return "another source, not read"
    if change.action is Action.FORGET:
        return "let go, its share lives on"
    if change.reason and not (
        change.action is Action.STATE_ONLY and change.reason is Reason.REMOVED_FROM_MANIFEST
    ):
        sentence = change.reason.sentence
        gone = change.deposed and change.action is Action.STATE_ONLY
        return f"{sentence}, gone" if gone else sentence
    if change.action is Action.STATE_ONLY:
        if change.moved_from:
            return f"renamed from {clean(str(change.moved_from))}"
        return "removed from the manifest, and over" if change.reason else "noted in the state"
    return ""


def _readers(people: Iterable[Access], new_domains: frozenset[str]) -> tuple[Reader, ...]:
    return tuple(Reader.of(p.who, external=p.external, new_domains=new_domains) for p in people)


def _details(change: Change) -> tuple[Detail, ...]:
    """Return the attributes that differ, but for the people: those are gained or lost."""
    if change.before is None or change.after is None or not change.action.changes_vaults:
        return ()
    old, new = change.before.attributes, change.after
    names = [difference.name for difference in old.differences(new) if difference.name != "recipients"]
    return tuple(Detail(name=_NAMES[name], before=_said(old, name), after=_said(new, name)) for name in names)


_NAMES: Final = {
    "kind": "kind",
    "format": "format",
    "label": "label",
    "sharing": "sharing",
    "expires_in": "life",
    "max_views": "views",
    "filename": "file name",
    "content_type": "content type",
    "suite": "age suite",
    "rotate": "rotate",
}


def _said(attributes: Attributes, name: str) -> str:
    match name:
        case "expires_in":
            return display.duration(attributes.expires_in)
        case "max_views":
            return display.views(attributes.max_views)
        case _:
            value = getattr(attributes, name)
            return "none" if value is None else clean(str(value))
