"""`key new`."""

from __future__ import annotations

import click

from reconciler.cli.help import Group
from reconciler.cli.options import current_options, shared
from reconciler.cli.told import tell_what_was_done
from reconciler.model.envvars import FINGERPRINT_KEY
from reconciler.storage.keyfile import new_key


@click.group(
    "key",
    cls=Group,
    examples=("reconciler key new", "reconciler key new | gh secret set RECONCILER_FINGERPRINT_KEY"),
)
@shared
def key_command() -> None:
    """Manage fingerprint keys."""


@key_command.command(
    "new",
    examples=("reconciler key new", "reconciler key new | gh secret set RECONCILER_FINGERPRINT_KEY"),
)
@shared
def new() -> None:
    """Print a new fingerprint key. Keep it as a masked CI secret."""
    key = new_key().to_text()
    tell_what_was_done(current_options(), {"fingerprint_key": key}, key)
    click.echo(
        f"Keep it as a masked secret and pass it as {FINGERPRINT_KEY} to every run of one stack.", err=True
    )
