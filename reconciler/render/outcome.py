"""The outcome of a run, in a sentence and as markdown for a pipeline's step."""

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
    numbers = Counter(result.outcome for result in results)
    words = ", ".join(f"{numbers[each]:,} {outcome_word(each)}" for each in Outcome if numbers[each])
    return f"Applied: {words}." if words else "Nothing to do."


def outcome_word(outcome: Outcome) -> str:
    """Return an outcome for people; JSON has the value."""
    return "not started" if outcome is Outcome.NOT_REACHED else outcome.value


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
    word = outcome_word(result.outcome)
    outcome = word if result.outcome in _WELL else f"**{word}**"
    more = _said(result.failure, result.hint) if result.failure else ""
    if links and result.share_url:
        more = f"{more}<br>{code(clean(result.share_url))}" if more else code(clean(result.share_url))
    return f"| {code(clean(str(result.address)))} | {outcome} | {more} |"


def _said(failure: str, following: str | None) -> str:
    lines = [prose(clean(line)) for line in failure.splitlines()]
    return "<br>".join((*lines, f"Next: {prose(clean(following))}") if following else lines)
