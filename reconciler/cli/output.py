"""Print a plan in one of the formats. A renderer is imported when it is used."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TextIO, TypeAlias

import click
from click.shell_completion import CompletionItem

from reconciler.cli import terminal
from reconciler.cli.options import Options
from reconciler.errors import UsageError
from reconciler.files import LinkedError, place, reason
from reconciler.model import canonical
from reconciler.model.plan import Plan
from reconciler.storage import durable


def check_output(path: Path, *, holding: str, option: str) -> None:
    """Raise UsageError if an output could not be written, before anything is done that it would report.

    Nor may it replace anything but an earlier output of its kind: a slip of the hand must not cost a state, a key
    or a manifest. `holding`: the key that its kind has.
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Screen:
    """How a text is shown: in colour, how wide, with how much."""

    colour: bool
    width: int
    verbose: bool


Renderer: TypeAlias = Callable[[Plan, Screen], str]
"""Returns a plan as text with a newline at its end."""


class OutputFormat(StrEnum):
    """The formats that come with the program. Each has a renderer below."""

    TEXT = "text"
    JSON = "json"
    MARKDOWN = "markdown"
    HTML = "html"
    GITLAB = "gitlab"


def _text(plan: Plan, screen: Screen) -> str:
    from reconciler.render import text, view

    page = view.make_view(plan)
    return text.render(page, colour=screen.colour, width=screen.width, verbose=screen.verbose)


def _json(plan: Plan, _: Screen) -> str:
    from reconciler.planfile import planjson

    return terminal.json_text(planjson.to_json(plan)) + "\n"


def _markdown(plan: Plan, _: Screen) -> str:
    from reconciler.render import markdown, view

    return markdown.render(view.make_view(plan))


def _html(plan: Plan, _: Screen) -> str:
    from reconciler.render import html, view

    return html.render(view.make_view(plan))


def _gitlab(plan: Plan, _: Screen) -> str:
    from reconciler.render import gitlab, view

    return gitlab.render(view.make_view(plan))


RENDERERS: Final[dict[str, Renderer]] = {
    OutputFormat.TEXT: _text,
    OutputFormat.JSON: _json,
    OutputFormat.MARKDOWN: _markdown,
    OutputFormat.HTML: _html,
    OutputFormat.GITLAB: _gitlab,
}
"""Every format that `--format` takes. An entry is all that another one needs; its module is imported when it runs."""


if TYPE_CHECKING:
    _ParamType = click.ParamType[str]
else:
    _ParamType = click.ParamType  # no generic before click 8.2


class FormatName(_ParamType):
    """The name of a renderer, among those that are there when the command line is read."""

    name = "format"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the name. Fails with the names that there are."""
        if value not in RENDERERS:
            self.fail(f"{value!r} is not one of {', '.join(map(repr, map(str, RENDERERS)))}.", param, ctx)
        return str(value)

    def shell_complete(
        self,
        ctx: click.Context,  # noqa: ARG002 - click's signature
        param: click.Parameter,  # noqa: ARG002
        incomplete: str,
    ) -> list[CompletionItem]:
        """Return the names that begin so."""
        return [CompletionItem(str(name)) for name in RENDERERS if name.startswith(incomplete)]


def print_plan(options: Options, plan: Plan, form: str | None = None, *, err: bool = False) -> None:
    """Print a plan on standard output, or on standard error if the other holds something else."""
    form = form or (OutputFormat.JSON if options.json else OutputFormat.TEXT)
    page = rendered(options, plan, form, stream=sys.stderr if err else sys.stdout)
    click.echo(page, nl=False, color=True, err=err)


def rendered(options: Options, plan: Plan, form: str, *, stream: TextIO | None = None) -> str:
    """Return a plan as text in one of the formats, with a newline at its end."""
    screen = Screen(
        colour=terminal.colour(options.color, stream),
        width=terminal.width(stream),
        verbose=bool(options.verbose),
    )
    return RENDERERS[form](plan, screen)
