"""What a command did, in words, or as data if `--json` asks for it."""

from __future__ import annotations

from collections.abc import Mapping

import click

from reconciler import display
from reconciler.cli import terminal
from reconciler.cli.options import Options


def tell_what_was_done(options: Options, facts: Mapping[str, object], *lines: str) -> None:
    """Print the lines on standard output, or with `--json` the facts, which say the same."""
    if options.json:
        click.echo(terminal.json_text(facts))
        return
    for line in lines:
        click.echo(display.line(line))
