"""`plan` and `show`: what would happen, for a person or a program."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable

import click

from reconciler import planjson, ui, view
from reconciler.addresses import Address
from reconciler.cli import session
from reconciler.cli.options import Options, options, shared
from reconciler.errors import ExitCode, UsageError
from reconciler.operations.look import Look, Wishes, look
from reconciler.plan import Plan
from reconciler.render import text


@click.command("plan")
@shared
@click.option("--detailed-exitcode", is_flag=True, help="Exit 2 when there are changes.")
@click.option(
    "--replace", multiple=True, metavar="NAME", help="Replace this secret although nothing changed."
)
def plan_command(*, detailed_exitcode: bool, replace: tuple[str, ...]) -> int:
    """Show what apply would do. Writes nothing, creates nothing."""
    it = options()
    wishes = Wishes(requested=addresses_of(replace))
    seen = asyncio.run(_look(it, wishes))
    print_plan(it, seen.planned.plan)
    changes = bool(seen.planned.plan.acting())
    return ExitCode.CHANGES if detailed_exitcode and changes else ExitCode.OK


async def _look(it: Options, wishes: Wishes) -> Look:
    manifest = session.load(it)
    async with session.sign_in(it, manifest) as at:
        holder = at.stack.workdir.held_by()
        if holder:
            ui.warn(f"another run holds this stack ({holder}); what it does shows in the next plan")
        return await look(at.stack, at.client, wishes, at.stack.key())


def print_plan(it: Options, plan: Plan) -> None:
    """Print a plan on standard output in the form that was asked for."""
    if it.json:
        click.echo(json.dumps(planjson.to_json(plan), indent=2, ensure_ascii=False))
    else:
        shown = text.render(view.make(plan), colour=ui.colour(it.color), width=ui.width())
        click.echo(shown, nl=False, color=True)


def addresses_of(names: Iterable[str]) -> frozenset[Address]:
    """Read the addresses that a person gave with --replace."""
    try:
        return frozenset(Address.parse(name) for name in names)
    except ValueError:
        raise UsageError("--replace takes the name of a secret, as the plan prints it") from None
