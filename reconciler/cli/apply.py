"""`apply` and `destroy`."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
from collections import Counter
from collections.abc import Iterable, Iterator

import click

from reconciler import ui
from reconciler.cli import session
from reconciler.cli.options import Options, options, shared
from reconciler.cli.plan import addresses_of, print_plan
from reconciler.errors import ExitCode, SignInError
from reconciler.events import Outcome, Result
from reconciler.operations.apply import Applied, Stop, Terms, apply
from reconciler.operations.look import Wishes
from reconciler.plan import Plan
from reconciler.policy import Limits


@click.command("apply")
@shared
@click.option("--auto-approve", is_flag=True, help="Do not ask.")
@click.option(
    "--replace", multiple=True, metavar="NAME", help="Replace this secret although nothing changed."
)
@click.option(
    "--max-revoke", type=click.IntRange(min=0), metavar="N", help="Let the manifest revoke up to N."
)
@click.option(
    "--max-replace", type=click.IntRange(min=0), metavar="N", help="Let the manifest replace up to N."
)
@click.option(
    "--parallelism", type=click.IntRange(1, 100), default=10, show_default=True, help="Changes at once."
)
@click.option("--show-links", is_flag=True, help="Print share links in CI too.")
def apply_command(
    *,
    auto_approve: bool,
    replace: tuple[str, ...],
    max_revoke: int | None,
    max_replace: int | None,
    parallelism: int,
    show_links: bool,
) -> int:
    """Make the tenant as the manifest says."""
    wishes = Wishes(requested=addresses_of(replace))
    limits = Limits(max_revoke=max_revoke, max_replace=max_replace)
    return _run(wishes, limits, auto_approve=auto_approve, parallelism=parallelism, show_links=show_links)


@click.command("destroy")
@shared
@click.option("--auto-approve", is_flag=True, help="Do not ask.")
@click.option(
    "--parallelism", type=click.IntRange(1, 100), default=10, show_default=True, help="Changes at once."
)
def destroy_command(*, auto_approve: bool, parallelism: int) -> int:
    """Revoke every share of this stack."""
    return _run(
        Wishes(destroy=True), Limits(), auto_approve=auto_approve, parallelism=parallelism, show_links=False
    )


def _run(wishes: Wishes, limits: Limits, *, auto_approve: bool, parallelism: int, show_links: bool) -> int:
    it = options()
    stop = Stop()
    reporter = ui.Reporter(coloured=ui.colour(it.color))

    def confirm(plan: Plan) -> bool:
        if not it.json:
            print_plan(it, plan)
        reporter.total = len(plan.acting())
        return auto_approve or ui.ask(_question(plan, destroy=wishes.destroy), flag="--auto-approve")

    terms = Terms(
        wishes=wishes,
        limits=limits,
        parallelism=parallelism,
        confirm=confirm,
        report=reporter,
        stop=stop,
    )
    try:
        applied = asyncio.run(_apply(it, terms))
    finally:
        reporter.close()
    _print(it, applied, links=show_links or not it.in_ci())
    return _exit_code(applied, stop)


async def _apply(it: Options, terms: Terms) -> Applied:
    manifest = session.load(it)
    async with session.sign_in(it, manifest) as at:
        with _stopping(terms.stop):
            return await apply(at.stack, at.client, at.uploader, terms)


@contextlib.contextmanager
def _stopping(stop: Stop) -> Iterator[None]:
    """Turn SIGINT and SIGTERM into a request to finish; the second one ends the process at once."""
    loop = asyncio.get_running_loop()

    def on_signal(number: signal.Signals) -> None:
        if stop.requested:
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
        stop.requested = True
        stop.terminated = number is signal.SIGTERM
        ui.warn(
            "finishing what is in hand; once more ends it at once, and the next run then goes on from there"
        )

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, on_signal, number)
    try:
        yield
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)


def _question(plan: Plan, *, destroy: bool) -> str:
    if destroy:
        return f"Revoke all {len(plan.acting())} shares of {plan.name}?"
    return f"Apply these changes to {plan.server}?"


def _print(it: Options, applied: Applied, *, links: bool) -> None:
    if it.json:
        click.echo(json.dumps(_result_json(applied, links=links), indent=2, ensure_ascii=False))
        return
    if applied.declined:
        click.echo("Nothing was done.")
    elif not applied.plan.acting():
        print_plan(it, applied.plan)
    else:
        click.echo(_counts(applied.results))
        if links:
            _print_links(applied.results)


def _counts(results: Iterable[Result]) -> str:
    found = Counter(result.outcome for result in results)
    said = ", ".join(f"{found[outcome]} {outcome.value}" for outcome in Outcome if found[outcome])
    return f"Applied: {said}." if said else "Nothing was to be done."


def _print_links(results: Iterable[Result]) -> None:
    linked = sorted((str(r.address), r.share_url) for r in results if r.share_url)
    if linked:
        click.echo("\nShare links:")
        wide = max(len(address) for address, _ in linked)
        for address, url in linked:
            click.echo(f"  {address:<{wide}}  {url}")


def _result_json(applied: Applied, *, links: bool) -> dict[str, object]:
    return {
        "format_version": "1.0",
        "name": applied.plan.name,
        "declined": applied.declined,
        "results": [
            {
                "address": str(result.address),
                "action": result.action.value,
                "outcome": result.outcome.value,
                "vault_id": result.vault_id,
                "share_url": result.share_url if links else None,
                "failure": result.failure,
                "next": result.hint,
            }
            for result in applied.results
        ],
    }


def _exit_code(applied: Applied, stop: Stop) -> int:
    """Say how it ended: a credential that was refused counts before everything that it made fail."""
    if applied.declined:
        return ExitCode.ERROR
    if any(isinstance(failure, SignInError) for failure in applied.failures):
        return ExitCode.SIGN_IN
    if applied.failures:
        done = any(r.outcome not in (Outcome.FAILED, Outcome.NOT_REACHED) for r in applied.results)
        return ExitCode.PARTIAL if done else ExitCode.ERROR
    if stop.requested and any(r.outcome is Outcome.NOT_REACHED for r in applied.results):
        return ExitCode.TERMINATED if stop.terminated else ExitCode.INTERRUPTED
    return ExitCode.OK
