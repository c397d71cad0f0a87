"""What became of a run, as markdown: what a pipeline's step shows of apply."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from reconciler.display import clean, counted
from reconciler.model.events import Left, Outcome, Result
from reconciler.render.inline import code, prose

_LAST: Final = 100
"""Bytes that are kept for the line that says what was left out."""

_WELL: Final = (Outcome.CREATED, Outcome.REPLACED, Outcome.REVOKED, Outcome.FORGOTTEN)


def render(name: str, results: Sequence[Result], left: Iterable[Left], *, links: bool, budget: int) -> str:
    """Return as many lines as fit in `budget` bytes of UTF-8, what went wrong first. `links` shows share links."""
    room = budget - _LAST
    kept: list[str] = []
    lines = list(_lines(name, results, left, links=links))
    for line in lines:
        if (room := room - len(line.encode()) - 1) < 0:
            kept += [
                "",
                f"Left out, because the whole is too long here: {counted(len(lines) - len(kept), 'line')}.",
            ]
            break
        kept.append(line)
    text = "".join(f"{line}\n" for line in kept)
    return text if len(text.encode()) <= budget else ""


def counts(results: Iterable[Result]) -> str:
    """Return how many ended how, in one sentence."""
    found = Counter(result.outcome for result in results)
    said = ", ".join(f"{found[outcome]} {outcome.value}" for outcome in Outcome if found[outcome])
    return f"Applied: {said}." if said else "Nothing was to be done."


def _lines(name: str, results: Sequence[Result], left: Iterable[Left], *, links: bool) -> Iterator[str]:
    yield f"**{counts(results)}**"
    yield ""
    yield code(clean(name))
    yield ""
    for each in left:
        subject = f"{code(clean(str(each.address)))}: " if each.address else ""
        yield f"- {subject}{_said(each.failure, each.hint)}"
    if results:
        yield ""
        yield "| secret | outcome | |"
        yield "|---|---|---|"
    for result in sorted(results, key=lambda r: (r.outcome in _WELL, r.address)):
        yield _row(result, links=links)


def _row(result: Result, *, links: bool) -> str:
    outcome = result.outcome.value if result.outcome in _WELL else f"**{result.outcome.value}**"
    more = _said(result.failure, result.hint) if result.failure else ""
    if links and result.share_url:
        more = f"{more}<br>{code(clean(result.share_url))}" if more else code(clean(result.share_url))
    return f"| {code(clean(str(result.address)))} | {outcome} | {more} |"


def _said(failure: str, following: str | None) -> str:
    lines = [prose(clean(line)) for line in failure.splitlines()]
    return "<br>".join((*lines, f"next: {prose(clean(following))}") if following else lines)
