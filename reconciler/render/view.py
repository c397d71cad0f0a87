"""What a reader sees of a plan, computed once, so that every format says the same.

All text that a manifest or a tenant could have made is cleaned of hidden characters here, once. A renderer
still escapes for its own format.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from reconciler.display import clean
from reconciler.errors import Mark
from reconciler.model.address import Address
from reconciler.model.attention import Attention, AttentionCode, LaterCode, Refusal, RefusalCode
from reconciler.model.plan import Action, Cause, Plan, Summary
from reconciler.render.people import Affected, Loss, groups_of
from reconciler.render.rows import Reader, Row, first_seen, make_row

__all__ = ["Affected", "Loss", "Note", "Reader", "Row", "View", "make_view"]

_LATER: Final = frozenset(
    {AttentionCode.UPKEEP_CHANGED, AttentionCode.STACK_CHANGED, AttentionCode.GONE_CHANGED}
)
"""What changes no share now, and is no "no changes" all the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """Attention or a refusal. `mark` is the line of its secret, if it has one."""

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
class View:
    """A plan for readers.

    `rows` is what the manifest causes, `anyway` what the clock and the tenant cause, `recorded` what only the
    state remembers, `unchanged` the rest. `headline` and `groups` let a reviewer decide in a minute.
    """

    name: str
    server: str
    digest: str
    as_of: datetime
    offline: bool
    headline: str
    groups: tuple[Affected, ...]
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


def make_view(plan: Plan) -> View:
    """Compute what a reader sees. Same plan, same view."""
    new_domains = first_seen(plan.changes)
    rows = [(change, make_row(change, new_domains, plan.as_of)) for change in plan.changes]
    acting = [(change, row) for change, row in rows if change.action.changes_vaults]
    groups = groups_of(plan.acting(), new_domains)
    marks = {change.address: change.mark for change in plan.changes if change.mark}
    return View(
        name=clean(plan.name),
        server=clean(plan.server),
        digest=plan.digest(),
        as_of=plan.as_of,
        offline=plan.offline,
        headline=f"{clean(plan.name)}: {_headline(plan, groups)}",
        groups=groups,
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


def _headline(plan: Plan, groups: Sequence[Affected]) -> str:
    if _invisible(plan):
        return "not visible to you, nothing planned"
    if not plan.acting():
        later = any(note.code in _LATER for note in plan.attention)
        return "no share changes now, but later runs act differently" if later else "no changes"
    gain = [reader for group in groups if group.gains for reader in group.readers]
    lose = [reader for group in groups if group.losses for reader in group.readers]
    relinked = sum(len(group.readers) for group in groups if group.relinked)
    parts = [] if gain or lose else ["no one gains or loses access"]
    if gain:
        outside = sum(reader.external for reader in gain)
        external = "" if not outside else " (EXTERNAL)" if outside == len(gain) else f" ({outside} EXTERNAL)"
        parts.append(f"{len(gain):,} {'gains' if len(gain) == 1 else 'gain'} access{external}")
    if lose:
        verb = "loses" if len(lose) == 1 else "lose"
        parts.append(f"{len(lose):,} {verb} {'it' if gain else 'access'}")
    if relinked:
        parts.append(f"{relinked:,} {'needs' if relinked == 1 else 'need'} a new link")
    return ", ".join(parts)


def _remarks(plan: Plan) -> tuple[str, ...]:
    """Return what else a reviewer must know before deciding."""
    remarks = []
    unchecked = ["values"] if plan.unchecked or plan.offline else []
    unchecked += ["tenant"] if plan.offline else []
    if unchecked:
        remarks.append(f"Not checked: {', '.join(unchecked)}.")
    if plan.refusals:
        remarks.append("Apply refuses this, see below.")
    return tuple(remarks)


def _notes(notes: Iterable[Attention | Refusal], marks: dict[Address, Mark]) -> tuple[Note, ...]:
    return tuple(
        Note(
            code=note.code,
            address=clean(str(note.address)) if note.address else None,
            text=clean(note.text),
            next=clean(note.next) if note.next else None,
            mark=marks.get(note.address) if note.address else None,
        )
        for note in notes
    )
