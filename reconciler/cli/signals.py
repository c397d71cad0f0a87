"""SIGINT and SIGTERM: a request to finish while changes are applied, an answer while a question stands."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Iterator
from typing import Final

from reconciler.cli import terminal
from reconciler.errors import Stopped
from reconciler.operations.execute import Stop

_NUMBERS: Final = (signal.SIGINT, signal.SIGTERM)

_INTERRUPTED: Final = (
    "Interrupt received: finishing the changes in progress. "
    "Press Ctrl-C again to stop now; the next run resumes."
)


@contextlib.contextmanager
def stopping(stop: Stop) -> Iterator[None]:
    """Turn a signal into a request to finish; the second one ends the process at once. Inside a running loop."""
    loop = asyncio.get_running_loop()

    def on_signal(number: signal.Signals) -> None:
        if stop.requested:
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
        stop.requested = True
        stop.terminated = number is signal.SIGTERM
        terminal.say("\n".join(terminal.paragraph(_INTERRUPTED)))

    for number in _NUMBERS:
        loop.add_signal_handler(number, on_signal, number)
    try:
        yield
    finally:
        for number in _NUMBERS:
            loop.remove_signal_handler(number)


@contextlib.contextmanager
def answering() -> Iterator[int]:
    """Let a signal end a question: the loop stands still meanwhile, and would only hear it afterwards.

    Yields a descriptor that is readable once a signal came: one that comes just before a read would not end it.
    """

    def end(number: int, _: object) -> None:
        raise Stopped("nothing was done", terminated=number == signal.SIGTERM)

    woken, waking = os.pipe()
    os.set_blocking(waking, False)
    wakeup = signal.set_wakeup_fd(waking, warn_on_full_buffer=False)
    before = {number: signal.signal(number, end) for number in _NUMBERS}
    try:
        yield woken
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(wakeup, warn_on_full_buffer=False)
        os.close(woken)
        os.close(waking)
