"""The options that every command takes, before or after its name."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])

DEFAULT_FILE: Final = "reconciler.yaml"


@dataclass(slots=True)
class Options:
    """What the shared options say. Nothing that widens trust has another source than these and the environment."""

    file: str = DEFAULT_FILE
    sandbox: bool = False
    server: str | None = None
    state: str | None = None
    source_root: str | None = None
    ca_file: str | None = None
    age_suite: str | None = None
    ci: str = "auto"
    color: str = "auto"
    json: bool = False
    verbose: int = 0

    @property
    def manifest_path(self) -> Path:
        """Return where the manifest is."""
        return Path(self.file)

    def in_ci(self) -> bool:
        """Tell whether the rules for CI hold: a non-empty `CI`, and no sandbox."""
        return bool(os.environ.get("CI")) and not self.sandbox


def options() -> Options:
    """Return the shared options of the command that runs."""
    return click.get_current_context().ensure_object(Options)


def _keep(ctx: click.Context, param: click.Parameter, value: Any) -> None:
    """Keep a value that was given; the same option further right wins."""
    it = ctx.ensure_object(Options)
    if param.name and ctx.get_parameter_source(param.name) is not click.core.ParameterSource.DEFAULT:
        setattr(it, param.name, value)


def shared(function: F) -> F:
    """Add the shared options to a command."""
    for decorate in reversed(_SHARED):
        function = decorate(function)
    return function


def _option(*names: str, **settings: Any) -> Callable[[F], F]:
    return click.option(*names, expose_value=False, callback=_keep, **settings)


_SHARED: Final[tuple[Callable[[Any], Any], ...]] = (
    _option("-f", "--file", metavar="FILE", help=f"The manifest (default: {DEFAULT_FILE})."),
    _option("--sandbox", is_flag=True, help="Use the embedded sandbox tenant. Not for real secrets."),
    _option("--server", metavar="URL", help="The tenant, as https://TENANT.conductor.one."),
    _option("--state", metavar="FILE", help="The state file (default: beside the manifest)."),
    _option("--source-root", metavar="DIR", help="Let sources come from beneath this directory."),
    _option("--ca-file", metavar="FILE", help="PEM file of CAs to trust instead of the defaults."),
    _option(
        "--age-suite",
        type=click.Choice(["auto", "x25519", "mlkem768x25519"]),
        help="Override the manifest's age_suite.",
    ),
    _option(
        "--ci", type=click.Choice(["auto", "github", "gitlab", "none"]), help="Whose conventions to follow."
    ),
    _option("--color", type=click.Choice(["auto", "always", "never"]), help="Colour the output."),
    _option("--json", is_flag=True, help="Print JSON."),
    _option("-v", "--verbose", count=True, help="Say more."),
)
