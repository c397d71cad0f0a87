"""`plan` and `show`: what would happen, for a person or a program."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import click

from reconciler.cli import ci_report, session, terminal
from reconciler.cli.completion import secret_names
from reconciler.cli.help import Command
from reconciler.cli.options import Options, current_options, shared
from reconciler.cli.output import FormatName, check_output, print_plan
from reconciler.cli.progress import Spinner
from reconciler.errors import ExitCode, LockedError, StateError, UsageError
from reconciler.fingerprint import Key
from reconciler.model import canonical
from reconciler.model.address import Address
from reconciler.model.plan import Limits, Plan
from reconciler.operations.offline import look_offline
from reconciler.operations.options import PlanOptions
from reconciler.operations.stack import Stack
from reconciler.planfile import sealed
from reconciler.planning import messages
from reconciler.planning.selection import Selection
from reconciler.storage import durable

F = TypeVar("F", bound=Callable[..., Any])


def _naming(option: str, *, metavar: str, help: str) -> Callable[[F], F]:
    return click.option(option, multiple=True, metavar=metavar, shell_complete=secret_names, help=help)


def selecting(function: F) -> F:
    """Add the options that say which secrets a command is about."""
    for decorate in (
        _naming("--exclude", metavar="GLOB", help="Exclude these secrets."),
        _naming("--target", metavar="GLOB", help="Limit the run to these secrets."),
        _naming("--replace", metavar="NAME", help="Replace this secret's share even if nothing changed."),
    ):
        function = decorate(function)
    return function


def limiting(function: F) -> F:
    """Add the options that say how much the manifest may take away at once."""
    for verb in ("replace", "revoke"):
        function = click.option(
            f"--max-{verb}",
            type=click.IntRange(min=0),
            metavar="N",
            help=f"Number of shares that the manifest may {verb}.",
        )(function)
    return function


@click.command(
    "plan", cls=Command, examples=("reconciler plan", "reconciler plan -o plan.json --target 'db-*'")
)
@shared
@selecting
@limiting
@click.option("-o", "--out", type=click.Path(dir_okay=False, path_type=Path), help="Save the plan for apply.")
@click.option(
    "--format",
    "form",
    type=FormatName(),
    metavar="FORMAT",
    help="Output format: text (the default), json, markdown, html or gitlab.",
)
@click.option("--detailed-exitcode", is_flag=True, help="Exit 2 if there are changes.")
@click.option("--offline", is_flag=True, help="Compare manifest and state alone: no tenant, no source.")
@click.option("--as-of", metavar="TIME", help="Plan for this time, such as 2026-11-23T07:00:00Z.")
def plan_command(
    *,
    replace: tuple[str, ...],
    target: tuple[str, ...],
    exclude: tuple[str, ...],
    max_revoke: int | None,
    max_replace: int | None,
    out: Path | None,
    form: str | None,
    detailed_exitcode: bool,
    offline: bool,
    as_of: str | None,
) -> int:
    """Show changes required by the manifest. Changes nothing."""
    options = current_options()
    asked = PlanOptions(
        requested=addresses_of(replace),
        selection=Selection(targets=target, excludes=exclude),
        limits=Limits(max_revoke=max_revoke, max_replace=max_replace),
        as_of=None if as_of is None else _time(as_of),
    )
    if offline and out:
        raise UsageError(
            "an offline plan cannot be applied, so it is not saved", hint="leave out --offline or -o"
        )
    if out:
        check_output(out, holding="resource_changes", option="-o")
    plan = _offline(options, asked) if offline else _online(options, asked, out)
    if asked.as_of:
        plan = dataclasses.replace(plan, attention=(messages.hypothetical(asked.as_of), *plan.attention))
    print_plan(options, plan, form)
    ci_report.tell_plan(options, plan, out)
    return ExitCode.CHANGES if detailed_exitcode and plan.acting() else ExitCode.OK


def _offline(options: Options, asked: PlanOptions) -> Plan:
    manifest = session.read_manifest(options)
    stack = session.stack_of(options, manifest, server=manifest.tenant or "")
    return look_offline(stack, asked, datetime.now(UTC))


def _online(options: Options, asked: PlanOptions, out: Path | None) -> Plan:
    import asyncio  # a good part of the start, which --offline does without

    with Spinner("Planning", coloured=terminal.colour(options.color, sys.stderr)):
        return asyncio.run(_look(options, asked, out))


async def _look(options: Options, asked: PlanOptions, out: Path | None) -> Plan:
    from reconciler.operations.plan import look

    async with session.signed_in(options) as at:
        holder = at.stack.held_by()
        if holder and out:
            raise LockedError(
                f"another run holds this stack: {holder}", hint="save the plan when it has ended"
            )
        if holder:
            terminal.warn(f"another run holds this stack ({holder}); the next plan shows its changes")
        loaded = at.stack.load_with_key(make=bool(out))
        seen = await look(at.stack, at.client, asked, loaded)
        if out:
            _save(out, seen.planned.plan, loaded.key, at.stack)
        return seen.planned.plan


def _save(out: Path, plan: Plan, key: Key | None, stack: Stack) -> None:
    if key is None:
        raise StateError(
            "a plan is saved with the stack's fingerprint key, which is not here", hint=stack.keys.lost_hint
        )
    stack.keys.keep(key)
    durable.replace(out, sealed.encode(plan, key))
    terminal.warn(f"the plan is saved; `reconciler apply {out}` applies exactly this")


@click.command(
    "show", cls=Command, examples=("reconciler show", "reconciler show plan.json --format markdown")
)
@shared
@click.argument("plan_file", metavar="[PLAN]", required=False, type=click.Path(path_type=Path))
@click.option(
    "--format",
    "form",
    type=FormatName(),
    metavar="FORMAT",
    help="Output format: text (the default), json, markdown, html or gitlab.",
)
def show_command(*, plan_file: Path | None, form: str | None) -> None:
    """Show a saved plan or the current state. Checks the plan's seal if the stack's key is here."""
    options = current_options()
    if plan_file is None:
        from reconciler.cli.state import print_state

        print_state(options)
        return
    require_plan(plan_file)
    key = session.keys_of(options, session.places_of(options, None).workdir).here()
    if key is None:
        terminal.warn(f"the seal of {plan_file} was not checked: the stack's key is not here")
    elif not sealed.sealed_with(durable.read_file(plan_file) or b"", file=str(plan_file), key=key):
        terminal.warn(f"the seal of {plan_file} was not checked: another key than the one here made it")
        key = None
    print_plan(options, read_plan(plan_file, key), form)


def read_plan(path: Path, key: Key | None) -> Plan:
    """Read a saved plan; with a key its seal is checked. Raises PlanError, StalePlanError."""
    require_plan(path)
    data = durable.read_file(path) or b""
    return sealed.decode(data, file=str(path), key=key)


def require_plan(path: Path) -> None:
    """Raise UsageError where no plan is, before anybody is asked for anything."""
    if not path.exists():
        raise UsageError(f"there is no plan {path}", hint="`reconciler plan -o PLAN` saves one")
    if path.is_dir():  # an empty PLAN is this directory
        raise UsageError("PLAN is empty or names a directory", hint="name the file that `plan -o` saved")


def addresses_of(names: Iterable[str]) -> frozenset[Address]:
    """Read the addresses that a person gave with --replace."""
    try:
        return frozenset(Address.parse(name) for name in names)
    except ValueError:
        raise UsageError("--replace takes the name of a secret, as the plan prints it") from None


def _time(text: str) -> datetime:
    try:
        return canonical.read_time(text)
    except ValueError:
        raise UsageError("--as-of takes a time such as 2026-11-23T07:00:00Z") from None
