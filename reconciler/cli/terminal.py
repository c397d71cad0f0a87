"""What depends on the terminal: colour, width, notes, and the question before apply."""

from __future__ import annotations

import json
import os
import select
import sys
from collections.abc import Callable, Iterable
from typing import Final, TextIO

import click

from reconciler import display
from reconciler.display import clean
from reconciler.errors import UsageError
from reconciler.layout import NARROWEST, PIPE, wrap

above: Final[list[Callable[[str], None]]] = []
"""How to print above the line that is being drawn again, while there is one."""


def colour(choice: str, stream: TextIO | None = None) -> bool:
    """Whether to colour: the flag, else NO_COLOR, else FORCE_COLOR, else a terminal that can."""
    if choice in ("always", "never"):
        return choice == "always"
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR") or os.environ.get("CLICOLOR_FORCE", "0") not in ("", "0"):
        return True
    return (stream or sys.stdout).isatty() and os.environ.get("TERM") != "dumb"


def width(stream: TextIO | None = None) -> int:
    """Return how many columns a line may take: COLUMNS, else the terminal's, else 80; never less than 40."""
    given = os.environ.get("COLUMNS", "")
    if given.isdecimal() and int(given) > 0:
        return max(int(given), NARROWEST)
    return max(_columns_of(stream or sys.stdout), NARROWEST)


def _columns_of(stream: TextIO) -> int:
    try:
        return (os.get_terminal_size(stream.fileno()).columns if stream.isatty() else 0) or PIPE
    except (OSError, ValueError):  # closed, or no file at all
        return PIPE


def paragraph(text: str, *, first: str = "", rest: str = "", err: bool = True) -> list[str]:
    """Return a cleaned text as lines for standard error, or for standard output."""
    return wrap(text, width(sys.stderr if err else sys.stdout), first=first, rest=rest)


def say(text: str) -> None:
    """Print on standard error, above what is being drawn there."""
    if above:
        above[-1](text)
    else:
        click.echo(text, err=True, color=True)


def warn(message: str) -> None:
    """Print a note on standard error: something that is no error."""
    say("\n".join(paragraph(f"Note: {clean(message)}", rest="  ")))


def print_lines(lines: Iterable[str]) -> None:
    """Print lines on standard output."""
    for line in lines:
        click.echo(line)


def json_text(value: object) -> str:
    """Return JSON for standard output: nothing in it hides, moves the cursor or is a command to a pipeline.

    That takes ASCII, and care with what is obeyed anywhere in a line; no line of JSON begins with `::`.
    """
    return display.COMMAND.sub(r"\\u0023#", json.dumps(value, indent=2, ensure_ascii=True))


def waiting(seconds: float, why: str) -> None:
    """Report a wait for the tenant, if it is long enough to wonder about."""
    if seconds >= 2:
        warn(f"waiting {seconds:.0f} s for the tenant: {why}")


def ask(question: str, *, flag: str, woken: int) -> bool:
    """Ask for a `yes`. Raises UsageError, which names the flag, without a terminal.

    `woken` is a descriptor that is readable once there is something else to do than to wait for an answer.
    """
    if os.environ.get("CI") or not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise UsageError(
            "there is no terminal to ask for approval", hint=f"pass {flag} to approve in advance"
        )
    say("\n".join(paragraph(clean(question), rest="  ")))
    click.echo("  Only 'yes' will be accepted to approve: ", nl=False, err=True)
    select.select([sys.stdin, woken], [], [])
    return sys.stdin.readline() == "yes\n"
