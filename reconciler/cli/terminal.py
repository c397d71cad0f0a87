"""What a person at a terminal sees: progress, colour, and the question before apply."""

from __future__ import annotations

import json
import os
import select
import shutil
import sys
from typing import TextIO, assert_never

import click

from reconciler import display
from reconciler.display import clean
from reconciler.errors import UsageError
from reconciler.model.events import Event, Left, OrphanRevoked, Outcome, Progress, Result, Step

_OUTCOME_COLOURS = {
    Outcome.CREATED: "green",
    Outcome.REPLACED: "yellow",
    Outcome.REVOKED: "red",
    Outcome.FORGOTTEN: "cyan",
    Outcome.FAILED: "red",
    Outcome.NOT_REACHED: "magenta",
}


def colour(choice: str, stream: TextIO | None = None) -> bool:
    """Tell whether to colour: the flag, else NO_COLOR, else FORCE_COLOR, else a terminal that can."""
    if choice in ("always", "never"):
        return choice == "always"
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR") or os.environ.get("CLICOLOR_FORCE", "0") not in ("", "0"):
        return True
    return (stream or sys.stdout).isatty() and os.environ.get("TERM") != "dumb"


def width(stream: TextIO | None = None) -> int:
    """Return how many columns there are; 100 where nobody looks at a terminal."""
    return shutil.get_terminal_size((100, 24)).columns if (stream or sys.stdout).isatty() else 100


def warn(message: str) -> None:
    """Say something on standard error that is no error."""
    click.echo(f"Note: {clean(message)}", err=True)


def json_text(value: object) -> str:
    """Return JSON for standard output: nothing in it hides, moves the cursor or is a command to a pipeline.

    That takes ASCII, and care with what is obeyed anywhere in a line; no line of JSON begins with `::`.
    """
    return display.COMMAND.sub(r"\\u0023#", json.dumps(value, indent=2, ensure_ascii=True))


def waiting(seconds: float, why: str) -> None:
    """Say that the tenant is waited for, where that takes long enough to wonder."""
    if seconds >= 2:
        warn(f"waiting {seconds:.0f} s for the tenant: {why}")


def ask(question: str, *, flag: str, woken: int) -> bool:
    """Ask for a `yes`. Without a terminal nothing prompts: it fails and names the flag.

    `woken` is a descriptor that is readable once there is something else to do than to wait for an answer.
    """
    if os.environ.get("CI") or not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise UsageError(
            "there is no terminal to ask at", hint=f"pass {flag} to go ahead without the question"
        )
    click.echo(f"{question} Only `yes` goes ahead: ", nl=False, err=True)
    select.select([sys.stdin, woken], [], [])
    return sys.stdin.readline() == "yes\n"


class Reporter:
    """Shows events on standard error: a line when something ended, a live line where it is a terminal."""

    def __init__(self, *, coloured: bool) -> None:
        self.total = 0
        self.results: list[Result] = []
        self.left: list[Left] = []
        self._coloured = coloured
        self._live = sys.stderr.isatty() and os.environ.get("TERM") != "dumb"

    def __call__(self, event: Event) -> None:
        """Show one event."""
        match event:
            case Progress():
                if self._live:
                    self._show(_progress_words(event))
            case Result():
                self.results.append(event)
                self._line(_result_words(event, coloured=self._coloured))
            case OrphanRevoked():
                subject = f"{clean(str(event.address))}: " if event.address else ""
                self._line(display.line(f"{subject}{event.text}"))
            case Left():
                self.left.append(event)
                subject = f"{clean(str(event.address))}: " if event.address else ""
                self._line(f"{display.line(subject + event.failure)}\n  Next: {clean(event.hint)}")
            case _:
                assert_never(event)

    def close(self) -> None:
        """Clear the live line."""
        if self._live:
            sys.stderr.write("\r\x1b[2K")
            sys.stderr.flush()

    def _show(self, words: str) -> None:
        columns = shutil.get_terminal_size((80, 24)).columns
        line = f"[{len(self.results)}/{self.total}] {words}"[: columns - 1]
        sys.stderr.write(f"\r\x1b[2K{line}")
        sys.stderr.flush()

    def _line(self, words: str) -> None:
        self.close()
        click.echo(words, err=True, color=True)


def _progress_words(event: Progress) -> str:
    if event.step is Step.UPLOADING and event.size:
        return f"{clean(str(event.address))}: uploading {100 * event.done // event.size} %"
    return f"{clean(str(event.address))}: {event.step.value}"


def _result_words(event: Result, *, coloured: bool) -> str:
    word = event.outcome.value
    if coloured:
        word = click.style(word, fg=_OUTCOME_COLOURS[event.outcome])
    lines = [f"{clean(str(event.address))}: {word}"]
    if event.failure:
        lines += [f"  {display.line(line)}" for line in event.failure.splitlines()]
    if event.hint:
        lines.append(f"  Next: {clean(event.hint)}")
    return "\n".join(lines)
