"""`env`: what a pipeline must hand to a run of this manifest."""

from __future__ import annotations

import click

from reconciler.cli import session
from reconciler.cli.options import options, shared
from reconciler.cli.templates import variables
from reconciler.errors import UsageError


@click.command("env")
@shared
@click.option("--github", is_flag=True, help="The `env:` of a GitHub step.")
@click.option("--gitlab", is_flag=True, help="The `id_tokens:` of a GitLab job, and the variables to set.")
def env_command(*, github: bool, gitlab: bool) -> None:
    """Print what a job must say so that plan and apply find every variable. Reads no variable."""
    if github == gitlab:
        raise UsageError("say for which pipeline", hint="--github or --gitlab")
    needed = variables.of(session.read_manifest(options()))
    click.echo(variables.github(needed) if github else variables.gitlab(needed), nl=False)
