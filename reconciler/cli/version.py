"""`version`: what runs here, and on what."""

from __future__ import annotations

import platform
import sys
from importlib import metadata
from typing import Final

import click

from reconciler import __version__
from reconciler.cli import terminal
from reconciler.cli.help import Command
from reconciler.cli.options import current_options, shared

_DEPENDENCIES: Final = (
    "click",
    "cryptography",
    "httpx",
    "jsonschema",
    "pyjwt",
    "pyrage",
    "pyyaml",
    "starlette",
    "uvicorn",
)
"""The last two belong to the sandbox, which is an extra."""


@click.command("version", cls=Command, examples=("reconciler version", "reconciler version --json"))
@shared
def version_command() -> None:
    """Show the version of this program, Python and libraries."""
    system = f"{sys.platform} {platform.machine()}"
    libraries = {name: _version(name) for name in _DEPENDENCIES}
    if current_options().json:
        facts = {
            "version": __version__,
            "python": platform.python_version(),
            "platform": system,
            "dependencies": libraries,
        }
        click.echo(terminal.json_text(facts))
        return
    click.echo(f"reconciler {__version__}\nPython {platform.python_version()} on {system}")
    for name, version in libraries.items():
        click.echo(f"+ {name} {version or '(not installed)'}")


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None
