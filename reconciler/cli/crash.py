"""What a person sees of an internal error: its type and, with -v, the places; never what it says.

The text of an exception, and a traceback's source lines and locals, can quote a value, a token or an upload
address. Names of types, modules and functions cannot.
"""

from __future__ import annotations

import contextlib
import errno
import os
import sys
import threading
from collections.abc import Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Final

import click

from reconciler import __version__
from reconciler.cli.options import Options

if TYPE_CHECKING:
    from sys import UnraisableHookArgs

_FULL: Final = (errno.ENOSPC, errno.EDQUOT)
"""A full disk beneath standard output is no internal error. Our own files have errors of their own for it."""


def report(error: BaseException, *, verbose: bool) -> None:
    """Print an error that this program did not foresee, and what to do."""
    if isinstance(error, OSError) and error.errno in _FULL:
        click.echo(
            f"Error: no room\n  {os.strerror(error.errno or 0)}: not all of it could be written.", err=True
        )
        click.echo("  Next: free space where the output goes, and run the same command again.", err=True)
        return
    from reconciler.cli import terminal  # it knows the manifest's nouns, which `--help` need not import

    more = "" if verbose else "run it again with -v, which names the lines of code, and "
    lines = [
        "Error: internal error",
        *terminal.paragraph(
            f"{describe(error)}: its text is not shown, because it could quote a secret.",
            first="  ",
            rest="    ",
        ),
        "  What was done is recorded; run the same command again to resume.",
        *(f"  {line}" for line in (trace_lines(error) if verbose else ())),
        *terminal.paragraph(
            f"Next: {more}report it with the lines above (version {__version__}).", first="  ", rest="    "
        ),
    ]
    terminal.say("\n".join(lines))


def describe(error: BaseException) -> str:
    """Return an exception's type, and the operating system's words for one of its errors."""
    name = f"{type(error).__module__}.{type(error).__qualname__}".removeprefix("builtins.")
    known = isinstance(error, OSError) and isinstance(error.errno, int)
    return f"{name} ({os.strerror(error.errno)})" if known else name  # type: ignore[attr-defined]


def trace_lines(error: BaseException | None) -> Iterator[str]:
    """Yield where it was raised: module, line and function, the outermost first, then what it came from."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield f"{describe(error)} at"
        yield from _frames(error.__traceback__)
        if isinstance(error, BaseExceptionGroup):
            for inner in error.exceptions:
                yield from trace_lines(inner)
        error = error.__cause__ or error.__context__


def _frames(trace: TracebackType | None) -> Iterator[str]:
    while trace is not None:
        code = trace.tb_frame.f_code
        yield f"  {trace.tb_frame.f_globals.get('__name__')}:{trace.tb_lineno} in {code.co_qualname}"
        trace = trace.tb_next


@contextlib.contextmanager
def quiet_elsewhere(options: Options) -> Iterator[None]:
    """Keep Python from printing an exception meanwhile: a thread's or a finalizer's."""

    def in_thread(about: threading.ExceptHookArgs) -> None:
        if about.exc_value is not None and not isinstance(about.exc_value, SystemExit):
            report(about.exc_value, verbose=bool(options.verbose))

    def in_finalizer(about: UnraisableHookArgs) -> None:
        if about.exc_value is not None and options.verbose:
            report(about.exc_value, verbose=True)

    if "logging" in sys.modules or sys.flags.dev_mode or os.environ.get("PYTHONASYNCIODEBUG"):
        # debugging is on: asyncio would log the result, or the exception, of each step that takes long
        import logging

        logging.getLogger("asyncio").disabled = True
    before = threading.excepthook, sys.unraisablehook
    threading.excepthook, sys.unraisablehook = in_thread, in_finalizer
    try:
        yield
    finally:
        threading.excepthook, sys.unraisablehook = before
