"""Print a plan in the form that was asked for. A renderer is imported when it is used."""

from __future__ import annotations

import importlib
import os
import stat
import sys
from pathlib import Path
from typing import Final, TextIO

import click

from reconciler.cli import terminal
from reconciler.cli.options import Options
from reconciler.errors import UsageError
from reconciler.files import LinkedError, place, reason
from reconciler.model import canonical
from reconciler.model.plan import Plan
from reconciler.planfile import planjson
from reconciler.render import text, view
from reconciler.storage import durable

FORMATS: Final = ("text", "json", "markdown", "html", "gitlab")


def check_output(path: Path, *, holding: str, option: str) -> None:
    """Raise UsageError where an output could not be written, before anything is done that it would tell.

    Nor may it replace anything but an earlier output of its kind: a slip of the hand must not cost a state, a key
    or a manifest. `holding`: the key that tells the kind.
    """
    try:
        place(path)
        about = path.lstat() if path.exists() or path.is_symlink() else None
    except LinkedError as error:
        raise UsageError(
            f"{option} {path} leads through a symbolic link ({error.path})",
            hint="name a file that no link leads to",
        ) from None
    except OSError as error:
        raise UsageError(f"{option} {path} cannot be written: {reason(error)}") from None
    if about and not stat.S_ISREG(about.st_mode):
        raise UsageError(f"{option} {path} is not a regular file", hint="name a file, or a new one")
    if not path.parent.is_dir():
        raise UsageError(
            f"{option} {path} cannot be written: its directory is not there", hint="make it first"
        )
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise UsageError(f"{option} {path} cannot be written: its directory is not writable")
    _refuse_to_lose(path, holding, option)


def _refuse_to_lose(path: Path, holding: str, option: str) -> None:
    data = durable.read_file(path)
    if not data:
        return
    try:
        earlier = holding in canonical.load(data)
    except (ValueError, TypeError, RecursionError):
        earlier = False
    if not earlier:
        raise UsageError(f"{option} {path} holds something else, which would be lost", hint="name a new file")


def print_plan(it: Options, plan: Plan, form: str | None = None, *, err: bool = False) -> None:
    """Print a plan on standard output, or on standard error where that holds something else."""
    form = form or ("json" if it.json else "text")
    click.echo(
        rendered(it, plan, form, stream=sys.stderr if err else sys.stdout), nl=False, color=True, err=err
    )


def rendered(it: Options, plan: Plan, form: str, *, stream: TextIO | None = None) -> str:
    """Return a plan as text in one of `FORMATS`, with a newline at its end."""
    if form == "json":
        return terminal.json_text(planjson.to_json(plan)) + "\n"
    seen = view.make(plan)
    if form == "text":
        return text.render(
            seen,
            colour=terminal.colour(it.color, stream),
            width=terminal.width(stream),
            verbose=bool(it.verbose),
        )
    shown = importlib.import_module(f"reconciler.render.{form}").render(seen)
    assert isinstance(shown, str)
    return shown
