"""A plan as a comment of a pull request, or a job's summary.

Line 1 is a hidden marker, by which one comment is found and updated. Then what a person decides by, outside of
any fold. The same plan is always the same bytes: no times, no durations. Where it would be too long, details go
first, then rows, then lists, and it says what was left out.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from reconciler.display import counted
from reconciler.model.plan import Action
from reconciler.planning.values import SIZES
from reconciler.render.inline import code, html_comment, prose
from reconciler.render.view import Affected, Loss, Note, Reader, Row, View

COMMENT_BYTES: Final = 65_000
"""GitHub takes 65,536 characters in a comment; the rest is for what a workflow adds."""

SUMMARY_BYTES: Final = 1_000_000
"""Of `$GITHUB_STEP_SUMMARY`; a step that writes more loses all of it at 1 MiB."""


_OURS: Final = re.compile(r"text|file|expires in \d+[smhd]|unlimited views|[\d,]+ views?")
"""A kind, a lifetime, how often it may be opened."""

_PER_PERSON: Final = 5
"""Secrets of one person that are named one by one on a page that is cut."""

_TRIES: Final = 8
"""How often a page is made again to come closer to its budget."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cut:
    """How much is shown: per-secret details or not, and how many rows and list items at most."""

    details: bool = False
    rows: int
    items: int


_ALL: Final = 10**9
_WHOLE: Final = (_Cut(details=True, rows=_ALL, items=_ALL), _Cut(rows=_ALL, items=_ALL))


def marker(name: str, server: str) -> str:
    """Return how line 1 begins: what a workflow searches its comment by."""
    return f"<!-- reconciler:plan stack={html_comment(name)} server={html_comment(server)} "


def render(view: View, *, budget: int = COMMENT_BYTES) -> str:
    """Return the most that fits in `budget` bytes of UTF-8."""
    size = 0
    for cut in _WHOLE:
        page = _page(view, cut, budget)
        if (size := len(page.encode())) <= budget:
            return page
    return _filled(view, budget, size)


def _filled(view: View, budget: int, whole: int) -> str:
    """Return the page with the most lines of each list that fit. `whole` is how many bytes all lines take."""
    page, fits = _page(view, _Cut(rows=0, items=0), budget), 0
    lists = (view.groups, view.rows, view.anyway, view.attention, view.refusals, view.recorded)
    too_many, room = max(map(len, lists)), budget - len(page.encode())
    spare = whole - budget
    for _ in range(_TRIES):
        if room <= 0 or too_many - fits <= 1:
            break
        guess = (too_many - fits) * room // (room + spare)
        count = fits + min(max(guess, 1), too_many - fits - 1)
        tried = _page(view, _Cut(rows=count, items=count), budget)
        left = budget - len(tried.encode())
        if left >= 0:
            page, fits, room = tried, count, left
        else:
            too_many, spare = count, -left
    return page


def _page(view: View, cut: _Cut, budget: int) -> str:
    return "\n".join(_Page(view, cut, budget // 4).lines()) + "\n"


class _Page:
    def __init__(self, view: View, cut: _Cut, domains: int) -> None:
        self.view = view
        self.domains = domains
        self.cut = cut
        self.left_out: list[str] = []

    def lines(self) -> Iterator[str]:
        view = self.view
        yield f"{marker(view.name, view.server)}digest={html_comment(view.digest)} -->"
        yield f"**{view.summary_line}**"
        yield ""
        yield f"{code(view.name)}: {view.headline.removeprefix(f'{view.name}: ')}"
        yield ""
        yield from self.new_domains()
        yield from self.items("people", [self.group(group) for group in view.groups])
        yield from (" ".join(view.remarks), "") if view.remarks else ()
        yield from self.notes("Refused", view.refusals)
        yield from self.table("This change causes", view.rows)
        yield from self.table("Would happen anyway", view.anyway)
        yield from self.notes("Attention", view.attention)
        yield from self.recorded()
        yield from self.details()
        if self.left_out:
            yield f"Left out, because the whole is too long here: {', '.join(self.left_out)}."

    def new_domains(self) -> Iterator[str]:
        """Name each new domain once where not everything fits: none may go under among many people."""
        found = self.view.new_domains
        if self.cut.details or not found:
            return
        named: list[str] = []
        room = self.domains
        for domain in found:
            if (room := room - len(code(domain).encode()) - 2) < 0:
                break
            named.append(code(domain))
        more = [f"{len(found) - len(named):,} more"] if len(named) < len(found) else []
        yield f"**{counted(len(found), 'new domain')}:** {', '.join((*named, *more))}"
        yield ""

    def group(self, group: Affected) -> str:
        """Return one line: who, and behind the signs what."""
        meanings = []
        # The sign stands in the span: bare, it would begin a list within the list.
        who = ", ".join(_reader(reader, f"{group.sign} ") for reader in group.readers)
        if group.losses:
            read = [_loss(loss) for loss in group.losses if loss.hint]
            unread = [_loss(loss) for loss in group.losses if not loss.hint]
            meanings.append(self.few(unread, kept=read))
        if group.gains:
            gains = self.few([code(address) for address in group.gains])
            meanings.append(f"`+` {gains}" if group.losses else gains)
        if group.relinked:
            meanings.append(f"new link for {self.few([code(address) for address in group.relinked])}")
        return f"- {who} → {'; '.join(meanings)}"

    def few(self, secrets: Sequence[str], *, kept: Sequence[str] = ()) -> str:
        """Return secrets as a list, `kept` first; on a page that is cut, many of the others are a number."""
        if self.cut.details or len(secrets) <= _PER_PERSON:
            return ", ".join((*kept, *secrets))
        return f"{', '.join((*kept, *secrets[:_PER_PERSON]))} and {len(secrets) - _PER_PERSON:,} more"

    def items(self, what: str, lines: Sequence[str]) -> Iterator[str]:
        kept = lines[: self.cut.items]
        yield from kept
        if kept != lines:
            self.left_out.append(f"{len(lines) - len(kept):,} {what}")
        if kept:
            yield ""

    def notes(self, title: str, notes: Sequence[Note]) -> Iterator[str]:
        if not notes:
            return
        yield f"### {title}"
        yield ""
        if len(notes) > self.cut.items:
            counts = Counter(note.code for note in notes)
            yield ", ".join(f"{counts[key]:,} {code(key)}" for key in sorted(counts))
            yield ""
        yield from self.items(f"lines of {title.lower()}", [_note(note) for note in notes])

    def table(self, title: str, rows: Sequence[Row]) -> Iterator[str]:
        if not rows:
            return
        ordered = sorted(rows, key=_urgency)
        kept = ordered[: self.cut.rows]
        yield f"### {title}"
        yield ""
        if len(kept) < len(rows):
            counts = Counter((row.action, row.reason) for row in rows)
            for (action, reason), count in sorted(counts.items()):
                yield f"- {count:,} to {action.value}: {prose(reason)}"
            yield ""
            self.left_out.append(f"{len(rows) - len(kept):,} rows")
        if kept:
            yield "| | secret | why | share | from | recipients |"
            yield "|---|---|---|---|---|---|"
            yield from (_row(row) for row in kept)
            yield ""

    def recorded(self) -> Iterator[str]:
        rows = self.view.recorded
        if rows:
            yield "### Changes to the state alone"
            yield ""
            yield from self.items("notes", [f"- {code(row.address)} {prose(row.reason)}" for row in rows])

    def details(self) -> Iterator[str]:
        rows = sorted((*self.view.rows, *self.view.anyway), key=_urgency)
        if not rows:
            return
        if not self.cut.details:
            self.left_out.append(f"the details of {counted(len(rows), 'change')}")
            return
        yield f"<details><summary>Details of {counted(len(rows), 'change')}</summary>"
        yield ""
        for row in rows:
            yield from _detail(row)
        yield "</details>"


def _urgency(row: Row) -> tuple[int, str]:
    """Order what a reviewer must see first: who is new outside, what goes away, who else is new, then the rest."""
    outside = max((len(reader.labels) for reader in row.gained), default=0)
    if outside:
        return -outside, row.address
    if row.action in (Action.REVOKE, Action.FORGET):
        return 0, row.address
    return (1 if row.gained else 2), row.address


def _reader(reader: Reader, sign: str) -> str:
    labels = f" **[{', '.join(reader.labels)}]**" if reader.labels else ""
    return f"{code(sign + reader.name)}{labels}"


def _loss(loss: Loss) -> str:
    return f"{code(loss.address)} (**{loss.hint}**)" if loss.hint else code(loss.address)


def _note(note: Note) -> str:
    address = f"{code(note.address)}: " if note.address else ""
    following = f"<br>Next: {prose(note.next)}" if note.next else ""
    return f"- {address}{prose(note.text)}{following}"


def _row(row: Row) -> str:
    origin = code(row.origin) if row.origin else ""
    facts = ", ".join(map(_fact, row.facts)) if row.makes else ""
    counts = [f"{sign}{len(who):,}" for sign, who in (("+", row.gained), ("-", row.lost)) if who]
    people = f"{len(row.recipients):,}" + (f" ({', '.join(counts)})" if counts and row.makes else "")
    cells = (code(row.sign), code(row.address), "<br>".join(_changes(row)), facts, origin, people)
    return "| " + " | ".join(cells) + " |"


def _fact(fact: str) -> str:
    """Return words of ours as they are; a plan that was read could hold others."""
    return fact if fact in SIZES or _OURS.fullmatch(fact) else code(fact)


def _changes(row: Row) -> Iterator[str]:
    """Yield all that changed; both sides of it can hold any text."""
    yield from (prose(sentence) for sentence in row.why)
    for detail in row.details:
        if detail.name == "source":
            yield f"source {code(detail.after)}, was {code(detail.before)}"
        else:
            yield f"{code(detail.name)} {code(detail.before)} → {code(detail.after)}"


def _person(reader: Reader) -> str:
    return f"{code(reader.name)} ({code(reader.id)})" if reader.id else code(reader.name)


def _detail(row: Row) -> Iterator[str]:
    place = f", {code(f'{row.mark.file}:{row.mark.line}')}" if row.mark else ""
    yield f"**{code(row.address)}** {'; '.join(map(prose, row.why))}{place}"
    yield ""
    yield f"- label {code(row.label)}"
    if row.description:
        yield f"- described as {code(row.description)}"
    if row.makes and row.source:
        yield f"- from {code(row.source)}"
    if row.opened is not None:
        yield f"- opened {row.opened}x"
    if row.recipients:
        yield "- recipients: " + ", ".join(map(_person, row.recipients))
    yield ""
