"""The lifetimes of a stack's shares as an inline drawing: what there is, what will be, and now."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from html import escape
from typing import Final, TypeAlias

from reconciler.model.attention import AttentionCode
from reconciler.model.plan import Action
from reconciler.render.view import Row, View

Across: TypeAlias = Callable[[datetime], float]
"""The column of a moment on the drawing."""

_MOST: Final = 200
"""Bars in one drawing; what is left out is said."""

_WIDTH: Final = 900
_LEFT: Final = 240
_LINE: Final = 22
_LABEL: Final = 34


@dataclass(frozen=True, slots=True, kw_only=True)
class _Bar:
    label: str
    kind: str
    start: datetime
    end: datetime


def render(view: View) -> str:
    """Return an `<svg>` and, where there are more, a sentence; nothing if no share has a lifetime to show."""
    ended = {note.address for note in view.attention if note.code == AttentionCode.ENDED_KEPT}
    noted = (row for row in view.recorded if row.mark)  # the others are struck from the state
    rows = [row for row in (*view.rows, *view.anyway, *view.unchanged, *noted) if not row.old_copy]
    rows = [row for row in rows if row.address not in ended]
    bars = [bar for row in sorted(rows, key=lambda r: r.address) for bar in _bars(row, view.as_of)]
    if not bars:
        return ""
    drawing = _drawing(bars[:_MOST], view.as_of)
    more = f"<p>and {len(bars) - _MOST:,} more lifetimes</p>" if len(bars) > _MOST else ""
    return drawing + more


def _bars(row: Row, now: datetime) -> Iterator[_Bar]:
    goes = row.action in (Action.REVOKE, Action.REPLACE)
    if row.created and row.expires and row.action is not Action.CREATE:
        end = min(now, row.expires) if goes else row.expires
        yield _Bar(label=row.address, kind="goes" if goes else "stays", start=row.created, end=end)
    if row.until:
        yield _Bar(label=row.address, kind="comes", start=now, end=row.until)


def _drawing(bars: Sequence[_Bar], now: datetime) -> str:
    first = min(min(bar.start for bar in bars), now)
    last = max(max(bar.end for bar in bars), now + timedelta(hours=1))
    lanes = {label: lane for lane, label in enumerate(dict.fromkeys(bar.label for bar in bars))}
    height = (len(lanes) + 1) * _LINE + 8

    def across(moment: datetime) -> float:
        share = (moment - first) / (last - first)
        return round(_LEFT + share * (_WIDTH - _LEFT - 8), 1)

    parts = [
        f'<svg viewBox="0 0 {_WIDTH} {height}" role="img" aria-label="Lifetimes of the shares, from '
        f'{first:%Y-%m-%d} to {last:%Y-%m-%d}">',
        *_labels(lanes),
        *(_rectangle(bar, lanes[bar.label], across(bar.start), across(bar.end)) for bar in bars),
        f'<line class="now" x1="{across(now)}" y1="4" x2="{across(now)}" y2="{height - _LINE}"/>',
        *_axis(((first, "start"), (last, "end")), across, height),
        "</svg>",
    ]
    return "\n".join(parts)


def _labels(lanes: Iterable[str]) -> Iterator[str]:
    for lane, label in enumerate(lanes):
        short = label if len(label) <= _LABEL else label[: _LABEL - 1] + "…"
        yield f'<text x="0" y="{lane * _LINE + 18}">{escape(short)}</text>'


def _rectangle(bar: _Bar, lane: int, start: float, end: float) -> str:
    said = {"stays": "stays", "goes": "is revoked", "comes": "is created"}[bar.kind]
    title = f"{bar.label}: {said}, {bar.start:%Y-%m-%d %H:%M} to {bar.end:%Y-%m-%d %H:%M} UTC"
    return (
        f'<rect class="{bar.kind}" x="{start}" y="{lane * _LINE + 7}" width="{max(round(end - start, 1), 2)}" '
        f'height="{_LINE - 9}"><title>{escape(title)}</title></rect>'
    )


def _axis(ends: Iterable[tuple[datetime, str]], across: Across, height: int) -> Iterator[str]:
    for moment, anchor in ends:
        yield (
            f'<text class="axis" x="{across(moment)}" y="{height - 6}" text-anchor="{anchor}">'
            f"{moment:%Y-%m-%d}</text>"
        )
