"""`env`: what a pipeline must hand to a run of this manifest."""

from __future__ import annotations

import click

from reconciler.cli import session
from reconciler.cli.help import Command
from reconciler.cli.options import current_options, shared
from reconciler.cli.templates import variables
from reconciler.errors import UsageError


@click.command("env", cls=Command, examples=("reconciler env --github", "reconciler env --gitlab"))
@shared
@click.option("--github", is_flag=True, help="Print the `env:` block of a GitHub step.")
@click.option("--gitlab", is_flag=True, help="Print the `id_tokens:` block of a GitLab job.")
def env_command(*, github: bool, gitlab: bool) -> None:
    """Print the variables that a pipeline's job needs. Reads none of them."""
    if github == gitlab:
        raise UsageError("the pipeline is not named", hint="pass --github or --gitlab")
    needed = variables.needed_variables(session.read_manifest(current_options()))
    click.echo(variables.github(needed) if github else variables.gitlab(needed), nl=False)
