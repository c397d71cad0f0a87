"""What a reader sees of a plan, computed once, so that every format says the same.

All text that a manifest or a tenant could have made is cleaned of hidden characters here, once. A renderer
still escapes for its own format.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from reconciler import display
from reconciler.display import clean, counted
from reconciler.errors import Mark
from reconciler.model.address import Address
from reconciler.model.attention import Attention, AttentionCode, LaterCode, Refusal, RefusalCode
from reconciler.model.plan import Access, Action, Cause, Change, Plan, Summary, access
from reconciler.render.rows import Reader, Row, domain, first_seen, make_row

__all__ = ["Gain", "Note", "Reader", "Row", "View", "make"]

_PER_PERSON: Final = 5
"""Secrets of one person that are told one by one, in what a person decides by."""

_LATER: Final = frozenset(
    {AttentionCode.UPKEEP_CHANGED, AttentionCode.STACK_CHANGED, AttentionCode.GONE_CHANGED}
)
"""What changes no share now, and is no "no changes" all the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """Attention or a refusal. `mark` is the line of its secret, where it has one."""

    code: AttentionCode | RefusalCode | LaterCode
    address: str | None
    text: str
    next: str | None
    mark: Mark | None

    @property
    def line(self) -> str:
        """Address and text as one sentence."""
        return f"{self.address}: {self.text}" if self.address else self.text


@dataclass(frozen=True, slots=True, kw_only=True)
class Gain:
    """One person and one secret: gained, or lost. `opened` is how often a lost one was read, by anybody.

    `more` secrets beside it are told as a number where one person gains or loses many.
    """

    reader: Reader
    address: str
    gains: bool
    more: int = 0
    facts: tuple[str, ...] = ()
    opened: int | None = None

    @property
    def what(self) -> tuple[str, ...]:
        """Say what is behind the address: its facts, or how many others."""
        return (f"and {self.more:,} more",) if self.more else self.facts

    @property
    def mark(self) -> str:
        """`+` or `-`."""
        return "+" if self.gains else "-"

    @property
    def hint(self) -> str | None:
        """What the loss of a value that was read asks for: who read it still knows it."""
        return f"opened {self.opened}x: rotate the value" if not self.gains and self.opened else None


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """A plan for readers.

    `rows` is what the manifest causes, `anyway` what the clock and the tenant cause, `recorded` what only the
    state remembers, `unchanged` the rest. `headline` and `decisive` let a person decide in a minute.
    """

    name: str
    server: str
    digest: str
    as_of: datetime
    offline: bool
    headline: str
    decisive: tuple[Gain, ...]
    new_domains: tuple[str, ...]
    remarks: tuple[str, ...]
    rows: tuple[Row, ...]
    anyway: tuple[Row, ...]
    recorded: tuple[Row, ...]
    unchanged: tuple[Row, ...]
    attention: tuple[Note, ...]
    refusals: tuple[Note, ...]
    summary: Summary
    summary_line: str


def make(plan: Plan) -> View:
    """Compute what a reader sees. Same plan, same view."""
    new_domains = first_seen(plan.changes)
    rows = [(change, make_row(change, new_domains, plan.as_of)) for change in plan.changes]
    acting = [(change, row) for change, row in rows if change.action.changes_vaults]
    caused = [change for change, _ in acting if change.cause is Cause.MANIFEST]
    people = access(caused)
    marks = {change.address: change.mark for change in plan.changes if change.mark}
    return View(
        name=clean(plan.name),
        server=clean(plan.server),
        digest=plan.digest(),
        as_of=plan.as_of,
        offline=plan.offline,
        headline=f"{clean(plan.name)}: {_headline(plan, people)}",
        decisive=_decisive(people, caused, new_domains),
        new_domains=tuple(sorted(map(clean, new_domains))),
        remarks=_remarks(plan),
        rows=tuple(row for change, row in acting if change.cause is Cause.MANIFEST),
        anyway=tuple(row for change, row in acting if change.cause is not Cause.MANIFEST),
        recorded=tuple(row for change, row in rows if change.action is Action.STATE_ONLY),
        unchanged=tuple(row for change, row in rows if change.action is Action.NO_OP),
        attention=_notes(plan.attention, marks),
        refusals=_notes(plan.refusals, marks),
        summary=plan.summary(),
        summary_line="Nothing planned." if _invisible(plan) else summary_line(plan.summary()),
    )


def summary_line(summary: Summary) -> str:
    """Return the one line that closes every plan."""
    s = summary
    if not (s.create or s.replace or s.revoke or s.forget):
        return f"No changes. {s.no_op} unchanged." if s.no_op else "No changes."
    forget = f"{s.forget} to forget, " if s.forget else ""
    return (
        f"Plan: {s.create} to create, {s.replace} to replace, {s.revoke} to revoke, "
        f"{forget}{s.no_op} unchanged."
    )


def _invisible(plan: Plan) -> bool:
    return any(note.code == AttentionCode.NOT_VISIBLE for note in plan.attention)


def _headline(plan: Plan, people: Sequence[Access]) -> str:
    if _invisible(plan):
        return "not visible to you, nothing planned"
    if not plan.acting():
        later = any(note.code in _LATER for note in plan.attention)
        return "no share changes now, but later runs act differently" if later else "no changes"
    gain, lose = [p for p in people if p.gains], [p for p in people if p.loses]
    if not gain and not lose:
        return "nobody gains or loses access"
    parts = []
    if gain:
        outside = sum(p.external for p in gain)
        who = "" if not outside else " (EXTERNAL)" if outside == len(gain) else f" ({outside} EXTERNAL)"
        parts.append(f"{len(gain)} {'gains' if len(gain) == 1 else 'gain'} access{who}")
    if lose:
        verb = "loses" if len(lose) == 1 else "lose"
        parts.append(f"{len(lose)} {verb} {'it' if gain else 'access'}")
    return ", ".join(parts)


def _decisive(
    people: Iterable[Access], changes: Iterable[Change], new_domains: frozenset[str]
) -> tuple[Gain, ...]:
    """Return who gains and who loses what, one line each: gains first, people outside before the others."""
    by_address = {change.address: change for change in changes if not change.deposed}
    gains, losses = [], []
    for person, reader in _new_first(people, new_domains):
        gains += _few([_gain(reader, by_address[address]) for address in person.gains])
        losses += _few([_loss(reader, by_address[address]) for address in person.loses])
    return (*gains, *losses)


def _new_first(people: Iterable[Access], new_domains: frozenset[str]) -> Iterable[tuple[Access, Reader]]:
    """Order people by what a page that is cut must not lose: one of each new domain, the others there, the rest."""
    first: dict[str, str] = {}
    ranked = []
    for person in people:
        reader = Reader.of(person.who, external=person.external, new_domains=new_domains)
        rank = 2
        if reader.new_domain and person.gains:
            rank = int(first.setdefault(domain(person.who), person.who) != person.who)
        ranked.append((rank, person, reader))
    return ((person, reader) for _, person, reader in sorted(ranked, key=lambda entry: entry[0]))


def _few(lines: list[Gain]) -> list[Gain]:
    """Tell many secrets of one person as one; each that was opened keeps its line, for its value must change."""
    read = [line for line in lines if line.hint]
    rest = [line for line in lines if not line.hint]
    if len(rest) <= _PER_PERSON:
        return lines
    return [*read, replace(rest[0], more=len(rest) - 1)]


def _gain(reader: Reader, change: Change) -> Gain:
    after = change.after
    facts = (
        (after.kind.value, display.duration(after.expires_in), display.views(after.max_views))
        if after
        else ()
    )
    return Gain(reader=reader, address=clean(str(change.address)), gains=True, facts=facts)


def _loss(reader: Reader, change: Change) -> Gain:
    return Gain(reader=reader, address=clean(str(change.address)), gains=False, opened=change.views)


def _remarks(plan: Plan) -> tuple[str, ...]:
    """Return what else a person must hear before deciding."""
    remarks = []
    relinked = _relinked(plan.changes)
    if relinked:
        verb = "needs" if relinked == 1 else "need"
        remarks.append(f"{counted(relinked, 'person', 'people')} {verb} a new link.")
    unchecked = ["values"] if plan.unchecked or plan.offline else []
    unchecked += ["tenant"] if plan.offline else []
    if unchecked:
        remarks.append(f"Not checked: {', '.join(unchecked)}.")
    if plan.refusals:
        remarks.append("Apply refuses this, see below.")
    return tuple(remarks)


def _relinked(changes: Iterable[Change]) -> int:
    """Count the people who have a link that a new vault makes useless, and who get another."""
    people: set[tuple[str, str]] = set()
    for change in changes:
        if change.action in (Action.CREATE, Action.REPLACE) and change.before and change.after:
            stay = change.before.attributes.who() & change.after.who()
            people |= {(change.after.sharing.value, who) for who in stay}
    return len(people)


def _notes(found: Iterable[Attention | Refusal], marks: dict[Address, Mark]) -> tuple[Note, ...]:
    return tuple(
        Note(
            code=note.code,
            address=clean(str(note.address)) if note.address else None,
            text=clean(note.text),
            next=clean(note.next) if note.next else None,
            mark=marks.get(note.address) if note.address else None,
        )
        for note in found
    )
