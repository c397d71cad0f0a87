"""`completion`: the script that lets a shell complete commands, options and names of secrets."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import click
from click import shell_completion

from reconciler.cli.help import Command
from reconciler.cli.options import Options, shared
from reconciler.errors import ReconcilerError
from reconciler.model.envvars import COMPLETION

_SHELLS: Final = ("bash", "zsh", "fish", "powershell")


@click.command(
    "completion",
    cls=Command,
    examples=(
        "reconciler completion bash > /etc/bash_completion.d/reconciler",
        "reconciler completion fish > ~/.config/fish/completions/reconciler.fish",
    ),
)
@shared
@click.argument("shell", type=click.Choice(_SHELLS))
def completion_command(shell: str) -> None:
    """Print a completion script for a shell. It completes commands, options and names of secrets."""
    root = click.get_current_context().find_root().command
    kind = shell_completion.get_completion_class(shell)
    assert kind is not None
    # The base class's: bash's own runs bash first, to look at its version.
    click.echo(shell_completion.ShellComplete.source(kind(root, {}, "reconciler", COMPLETION)), nl=False)


def secret_names(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
    """Return the names of the manifest's secrets that begin like this; none where there is no valid manifest."""
    from reconciler.manifest.load import load_manifest
    from reconciler.sources import KINDS

    options = ctx.find_object(Options) or Options()
    root = Path(options.source_root).resolve() if options.source_root else None
    try:
        manifest = load_manifest(options.manifest_path, KINDS, source_root=root)
    except (ReconcilerError, OSError):
        return []
    return [name for name in manifest.secrets if name.startswith(incomplete)]
