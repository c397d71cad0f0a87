"""The options that every command takes, before or after its name, or from the environment."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

import click
from click.core import ParameterSource

from reconciler.model import envvars

F = TypeVar("F", bound=Callable[..., Any])

DEFAULT_FILE: Final = "reconciler.yaml"

UNBROKEN: Final = "\N{NO-BREAK SPACE}"
"""A space in a help text where no line ends; printed as a usual one."""


@dataclass(slots=True)
class Options:
    """The shared options. Nothing that widens trust has another source than these and the environment."""

    file: str = DEFAULT_FILE
    sandbox: bool = False
    server: str | None = None
    state: str | None = None
    source_root: str | None = None
    allow_env: tuple[str, ...] | None = None
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
        """Whether the rules for CI hold: a non-empty `CI`, and no sandbox."""
        return bool(os.environ.get("CI")) and not self.sandbox


def current_options() -> Options:
    """Return the shared options of the command that runs."""
    return click.get_current_context().ensure_object(Options)


class SharedOption(click.Option):
    """An option of every command. Its variable is read once, at the top: a flag anywhere wins over it."""

    def resolve_envvar_value(self, ctx: click.Context) -> str | None:
        """Return the variable's value, where this is the top and the value is not empty."""
        return None if ctx.parent else super().resolve_envvar_value(ctx)

    def type_cast_value(self, ctx: click.Context, value: Any) -> Any:
        """Return the value as its type; a flag's variable takes the usual words."""
        try:
            return super().type_cast_value(ctx, value)
        except click.BadParameter:
            if not self.is_flag:
                raise
            raise click.BadParameter("must be one of: true, false", ctx=ctx, param=self) from None

    def get_error_hint(self, ctx: click.Context | None) -> str:
        """Return what a message about a bad value names: the option, or the variable that held the value."""
        source = ctx.get_parameter_source(self.name) if ctx and self.name else None
        if source is ParameterSource.ENVIRONMENT:
            return str(self.envvar)
        return super().get_error_hint(ctx)


def _keep(ctx: click.Context, param: click.Parameter, value: Any) -> None:
    """Keep a value that was given; the same option further right wins."""
    if param.name and ctx.get_parameter_source(param.name) is not ParameterSource.DEFAULT:
        setattr(ctx.ensure_object(Options), param.name, value)


def shared(function: F) -> F:
    """Add the shared options to a command."""
    for decorate in reversed(_SHARED):
        function = decorate(function)
    return function


def _option(*names: str, help: str, envvar: str | None = None, **settings: Any) -> Callable[[F], F]:
    return click.option(
        *names,
        cls=SharedOption,
        expose_value=False,
        callback=_keep,
        envvar=envvar,
        help=_with_variable(help, envvar) if envvar else help,
        **settings,
    )


def _with_variable(help: str, name: str) -> str:
    return f"{help} [env:{UNBROKEN}{name}]"


_PATH: Final = click.Path(readable=False)
"""A path for completion's sake. Whoever opens it checks it."""

_SHARED: Final[tuple[Callable[[Any], Any], ...]] = (
    _option(
        "-f",
        "--file",
        type=_PATH,
        metavar="FILE",
        help=f"The manifest (default: {DEFAULT_FILE}).",
        envvar=envvars.RECONCILER_FILE,
    ),
    _option(
        "--sandbox",
        is_flag=True,
        help="Use the embedded sandbox tenant. Not for real secrets.",
        envvar=envvars.RECONCILER_SANDBOX,
    ),
    _option(
        "--server",
        metavar="URL",
        # read where the other variables are that name a tenant
        help=_with_variable("The tenant, as https://TENANT.conductor.one.", envvars.RECONCILER_SERVER),
    ),
    _option(
        "--state",
        type=_PATH,
        metavar="FILE",
        help="The state file (default: beside the manifest).",
        envvar=envvars.RECONCILER_STATE,
    ),
    _option(
        "--source-root",
        type=_PATH,
        metavar="DIR",
        help="Allow sources anywhere beneath this directory.",
        envvar=envvars.RECONCILER_SOURCE_ROOT,
    ),
    _option(
        "--allow-env",
        multiple=True,
        metavar="GLOB",
        help="Allow only these variables as sources (repeatable; in the variable: with spaces).",
        envvar=envvars.RECONCILER_ALLOW_ENV,
    ),
    _option(
        "--ca-file",
        type=_PATH,
        metavar="FILE",
        help="PEM file of CAs to trust instead of the defaults.",
        envvar=envvars.RECONCILER_CA_FILE,
    ),
    _option(
        "--age-suite",
        type=click.Choice(["auto", "x25519", "mlkem768x25519"]),
        metavar="SUITE",
        help="Override the manifest's age_suite: auto, x25519 or mlkem768x25519.",
        envvar=envvars.RECONCILER_AGE_SUITE,
    ),
    _option(
        "--ci",
        type=click.Choice(["auto", "github", "gitlab", "none"]),
        metavar="SYSTEM",
        help="Follow the conventions of a CI system: auto, github, gitlab or none.",
        envvar=envvars.RECONCILER_CI,
    ),
    _option(
        "--color",
        type=click.Choice(["auto", "always", "never"]),
        metavar="WHEN",
        help="Colour the output: auto, always or never.",
        envvar=envvars.RECONCILER_COLOR,
    ),
    _option("--no-color", "color", flag_value="never", help="Same as --color never."),
    _option("--json", is_flag=True, help="Print JSON.", envvar=envvars.RECONCILER_JSON),
    _option("-v", "--verbose", count=True, help="Verbose output.", envvar=envvars.RECONCILER_VERBOSE),
)
