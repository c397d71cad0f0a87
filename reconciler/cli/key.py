"""`key new`."""

from __future__ import annotations

import click

from reconciler.cli.group import Group
from reconciler.cli.options import shared
from reconciler.model.envvars import FINGERPRINT_KEY
from reconciler.storage.keyfile import new_key


@click.group("key", cls=Group)
@shared
def key_command() -> None:
    """Make the key that fingerprints of values are made with."""


@key_command.command("new")
@shared
def new() -> None:
    """Print a new fingerprint key, for a CI secret of its own."""
    click.echo(new_key().to_text())
    click.echo(
        f"Keep it as a masked secret and pass it as {FINGERPRINT_KEY} to every run of one stack.", err=True
    )
