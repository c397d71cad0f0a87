"""What shows that a run is at work: a spinner while it plans, a bar while it applies, or a line for each outcome.

The first two take a terminal, and `rich`, which is imported nowhere else and only then.
"""

from __future__ import annotations

import os
import sys
import threading
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self, assert_never

import click

from reconciler import display
from reconciler.cli import terminal
from reconciler.display import clean
from reconciler.model.events import Event, Left, OrphanRevoked, Outcome, Progress, Result, Step
from reconciler.render.outcome import outcome_word

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress as Bar

_DELAY: Final = 0.5
"""Seconds that a run may take before it shows that it is at work."""

_OUTCOME_COLOURS: Final = {
    Outcome.CREATED: "green",
    Outcome.REPLACED: "yellow",
    Outcome.REVOKED: "red",
    Outcome.FORGOTTEN: "cyan",
    Outcome.FAILED: "red",
    Outcome.NOT_REACHED: "magenta",
}


def can_redraw() -> bool:
    """Whether standard error is a terminal whose lines may be drawn again, watched by a person."""
    return sys.stderr.isatty() and os.environ.get("TERM") != "dumb" and not os.environ.get("CI")


def _console(*, coloured: bool) -> Console:
    from rich.console import Console

    return Console(stderr=True, no_color=not coloured, highlight=False, markup=False, emoji=False)


class Spinner:
    """A spinner with a word, on a terminal, from half a second on until `stop`."""

    def __init__(self, words: str, *, coloured: bool) -> None:
        self._words = words
        self._coloured = coloured
        self._lock = threading.Lock()
        self._bar: Bar | None = None
        self._ended = False
        self._timer = threading.Timer(_DELAY, self._show)
        self._timer.daemon = True

    def __enter__(self) -> Self:
        if can_redraw():
            self._timer.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Take the spinner away."""
        self._timer.cancel()
        with self._lock:
            self._ended = True
            if self._bar is not None:
                _take_away(self._bar)
                self._bar = None

    def _show(self) -> None:
        from rich.progress import Progress as Bar
        from rich.progress import SpinnerColumn, TextColumn, TimeElapsedColumn

        with self._lock:
            if self._ended:
                return
            words = TextColumn("{task.description}", markup=False)
            self._bar = Bar(
                SpinnerColumn(),
                words,
                TimeElapsedColumn(),
                console=_console(coloured=self._coloured),
                transient=True,
                redirect_stdout=False,
                redirect_stderr=False,
            )
            self._bar.add_task(self._words, total=None)
            _put_up(self._bar)


def _put_up(bar: Bar) -> None:
    from rich.text import Text

    def above(text: str) -> None:
        # Not wrapped again: the lines have their width, and a link keeps its own.
        bar.console.print(Text.from_ansi(text), soft_wrap=True)

    terminal.above.append(above)
    bar.start()


def _take_away(bar: Bar) -> None:
    bar.stop()
    terminal.above.clear()


class Reporter:
    """Shows events on standard error: a line for each outcome, and above a terminal's last line a bar beneath them."""

    def __init__(self, *, coloured: bool, verbose: bool = False) -> None:
        self.results: list[Result] = []
        self.left: list[Left] = []
        self._coloured = coloured
        self._verbose = verbose
        self._running: dict[str, str] = {}
        self._bar: Bar | None = None

    def start(self, total: int) -> None:
        """Begin to show how many of `total` changes are done, if there is a terminal to show it on."""
        if not can_redraw():
            return
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
        from rich.progress import Progress as Bar
        from rich.table import Column

        self._bar = Bar(
            BarColumn(bar_width=16),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn(
                "{task.description}",
                markup=False,
                table_column=Column(ratio=1, no_wrap=True, overflow="ellipsis"),
            ),
            console=_console(coloured=self._coloured),
            transient=True,
            expand=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._bar.add_task("", total=total)
        _put_up(self._bar)

    def __call__(self, event: Event) -> None:
        """Show one event."""
        match event:
            case Progress():
                self._running[clean(str(event.address))] = _step_words(event)
            case Result():
                self.results.append(event)
                self._running.pop(clean(str(event.address)), None)
                if event.outcome is not Outcome.NOT_REACHED or self._verbose:
                    self._say(_result_lines(event, coloured=self._coloured))
            case OrphanRevoked():
                self._say(terminal.paragraph(f"{_subject(event)}{clean(event.text)}", rest="  "))
            case Left():
                self.left.append(event)
                self._say(
                    [
                        *terminal.paragraph(f"{_subject(event)}{clean(event.failure)}", rest="  "),
                        *terminal.paragraph(f"Next: {clean(event.hint)}", first="  ", rest="    "),
                    ]
                )
            case _:
                assert_never(event)
        self._redraw()

    def close(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            _take_away(self._bar)
            self._bar = None

    def _redraw(self) -> None:
        if self._bar is not None:
            running = ", ".join(f"{address} {words}" for address, words in self._running.items())
            [task] = self._bar.task_ids
            ended = sum(result.outcome is not Outcome.NOT_REACHED for result in self.results)
            self._bar.update(task, completed=ended, description=running)

    def _say(self, lines: list[str]) -> None:
        terminal.say("\n".join(lines))


def _subject(event: OrphanRevoked | Left) -> str:
    return f"{clean(str(event.address))}: " if event.address else ""


def _step_words(event: Progress) -> str:
    if event.step is Step.UPLOADING and event.size:
        return f"uploading {100 * event.done // event.size} %"
    return event.step.value


def _result_lines(event: Result, *, coloured: bool) -> list[str]:
    lines = terminal.paragraph(f"{clean(str(event.address))}: {outcome_word(event.outcome)}", rest="  ")
    if coloured:
        words, _, word = lines[-1].rpartition(" ")
        lines[-1] = f"{words} {click.style(word, fg=_OUTCOME_COLOURS[event.outcome])}"
    for line in (event.failure or "").splitlines():
        lines += terminal.paragraph(display.clean(line), first="  ", rest="    ")
    if event.hint:
        lines += terminal.paragraph(f"Next: {clean(event.hint)}", first="  ", rest="    ")
    return lines
