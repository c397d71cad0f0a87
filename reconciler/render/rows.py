"""One change of a plan, in plain words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from reconciler import display
from reconciler.display import clean
from reconciler.errors import Mark
from reconciler.model.address import fold
from reconciler.model.manifest import Sharing
from reconciler.model.plan import Access, Action, Change, Reason, access
from reconciler.model.state import Attributes, Difference

SIGNS: Final = {
    Action.CREATE: "+",
    Action.REPLACE: "+/-",  # Terraform's for create first
    Action.REVOKE: "-",
    Action.FORGET: ".",
    Action.STATE_ONLY: "~",
    Action.NO_OP: "",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """A recipient. `new_domain`: nothing in the stack went to that domain so far.

    `name` is as it was written; `id` is the C1 user that an address means, if it was looked up.
    """

    name: str
    external: bool
    new_domain: bool
    id: str | None = None

    @classmethod
    def of(cls, name: str, *, external: bool, new_domains: frozenset[str], id_: str | None = None) -> Reader:
        """Return a recipient, cleaned for display."""
        return cls(
            name=display.person(name),
            external=external,
            new_domain=external and domain(name) in new_domains,
            id=clean(id_) if id_ and not external and id_ != name else None,
        )

    @property
    def labels(self) -> tuple[str, ...]:
        """Return what a reviewer must not overlook."""
        if self.new_domain:
            return ("external", "new domain")
        return ("external",) if self.external else ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Detail:
    """An attribute, or the source, that changes. Both sides are words, not values of secrets."""

    name: str
    before: str
    after: str

    @property
    def sentence(self) -> str:
        """Both sides in one sentence."""
        if self.name == "source":
            return f"source {self.after}, was {self.before}"
        return f"{self.name} {self.before} -> {self.after}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One change. `why` and `details` together are all that changed; `size` is a bucket.

    `created` and `expires` are those of the vault that there is (`before`), `until` is about when the one that
    is to be made ends; `lifetime` is what is declared.
    """

    address: str
    action: Action
    sign: str
    why: tuple[str, ...]
    kind: str
    lifetime: str
    views: str
    size: str | None
    label: str
    description: str | None
    source: str | None
    recipients: tuple[Reader, ...]
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
        lifetime = f"expires in {self.lifetime}" if self.lifetime else ""
        return tuple(fact for fact in (self.kind, lifetime, self.views, self.size) if fact)

    @property
    def reason(self) -> str:
        """Every reason, without the sides of what changed: what rows have in common."""
        names = (f"{detail.name} changed" for detail in self.details)
        return "; ".join((*self.why, *names))

    @property
    def sentences(self) -> tuple[str, ...]:
        """All that changed, one sentence each."""
        return (*self.why, *(detail.sentence for detail in self.details))

    @property
    def makes(self) -> bool:
        """Whether a share is made."""
        return self.action in (Action.CREATE, Action.REPLACE)

    @property
    def origin(self) -> str | None:
        """Where the value comes from, if the details do not say it."""
        swapped = any(detail.name == "source" for detail in self.details)
        return self.source if self.makes and not swapped else None


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
    """Return one change. Its lifetime, views and recipients are those declared, or of what goes away."""
    attributes = change.after or (change.before.attributes if change.before else None)
    before, people = change.before, access((change,))
    makes = change.action in (Action.CREATE, Action.REPLACE)
    external = attributes is not None and attributes.sharing is Sharing.EXTERNAL
    return Row(
        address=clean(str(change.address)),
        action=change.action,
        sign=SIGNS[change.action],
        why=_why(change),
        kind=attributes.kind.value if attributes else "",
        lifetime=display.duration(attributes.expires_in) if attributes else "",
        views=display.views(attributes.max_views) if attributes else "",
        size=clean(change.size) if change.size else None,
        label=clean(attributes.label) if attributes else "",
        description=clean(change.description.translate(_ONE_LINE)) if change.description else None,
        source=clean(change.source) if change.source else None,
        recipients=tuple(
            Reader.of(r.shown, external=external, new_domains=new_domains, id_=None if r.person else r.id)
            for r in (attributes.recipients if attributes else ())
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


def _why(change: Change) -> tuple[str, ...]:
    """Return every reason in plain words; what has two sides is in the details. A change of the state says what."""
    if change.action is Action.FORGET:
        return ("removed from the manifest; its share is not revoked",)
    if change.action is Action.STATE_ONLY:
        return (_recorded(change),)
    return tuple(dict.fromkeys(_sentences(change)))


def _sentences(change: Change) -> Iterator[str]:
    swapped = _swapped(change)
    for reason in change.reasons:
        match reason:
            case Reason.ATTRIBUTES_CHANGED if change.changed:
                pass  # each attribute is named
            case Reason.SOURCE_CHANGED if swapped:
                pass
            case Reason.ROTATED if "rotate" in change.changed:
                pass
            case Reason.CONTENT_CHANGED if change.fingerprint is None:
                yield "value not read"
            case _:
                yield reason.sentence
    if "recipients" in change.changed:
        yield "recipients changed"
    if change.moved_from:
        yield f"renamed from {clean(str(change.moved_from))}"


def _recorded(change: Change) -> str:
    if change.reason is Reason.REMOVED_FROM_MANIFEST:
        return "removed from the manifest; its share has ended"
    if change.reason:
        return f"{change.reason.sentence}, gone" if change.deposed else change.reason.sentence
    return f"renamed from {clean(str(change.moved_from))}" if change.moved_from else "recorded in the state"


def _readers(people: Iterable[Access], new_domains: frozenset[str]) -> tuple[Reader, ...]:
    return tuple(Reader.of(p.who, external=p.external, new_domains=new_domains) for p in people)


def _details(change: Change) -> tuple[Detail, ...]:
    """Return what differs, with both sides; recipients are gained or lost instead."""
    differences = [each for each in change.differences() if each.name not in ("recipients", "source")]
    if _swapped(change) and change.before:
        differences.append(Difference(name="source", before=change.before.source, after=change.source))
    return tuple(
        Detail(
            name=_NAMES.get(each.name, each.name),
            before=_side(each.name, each.before),
            after=_side(each.name, each.after),
        )
        for each in differences
    )


def _swapped(change: Change) -> bool:
    """Whether the value comes from another source than before. A plan of format 1.1 has no reason for it."""
    before = change.before
    makes = change.action in (Action.CREATE, Action.REPLACE)
    return bool(makes and before and before.source and change.source and before.source != change.source)


_NAMES: Final = {"sharing": "share_with", "suite": "age_suite"}
"""An attribute's name in a manifest, if it is another one."""


def _side(name: str, value: object) -> str:
    match name, value:
        case "expires_in", int():
            return display.duration(value)
        case "max_views", 0:
            return "unlimited"
        case "sharing", Sharing.INTERNAL:
            return "users"  # as a manifest has it
        case _, None:
            return "none"
        case _:
            return clean(str(value))
