"""`apply` and `destroy`."""

from __future__ import annotations

import asyncio
import sys
from datetime import timedelta
from pathlib import Path

import click

from reconciler.cli import ci_report, result_file, session, signals, terminal
from reconciler.cli.help import Command
from reconciler.cli.options import Options, current_options, shared
from reconciler.cli.output import check_output, print_plan
from reconciler.cli.plan import addresses_of, limiting, read_plan, require_plan, selecting
from reconciler.cli.progress import Reporter, Spinner
from reconciler.errors import ExitCode, SignInError, UsageError
from reconciler.layout import wrap
from reconciler.manifest.reading import lives
from reconciler.model.events import Outcome
from reconciler.model.plan import NO_LIMITS, Limits, Plan
from reconciler.operations.apply import Applied, FrontEnd, apply
from reconciler.operations.execute import Stop
from reconciler.operations.options import ApplyOptions, PlanOptions, SavedPlan
from reconciler.planning.selection import EVERYTHING, Only, Selection
from reconciler.render import outcome
from reconciler.render.links import ShareLink, link_lines

_AUTO_APPROVE = click.option("--auto-approve", is_flag=True, help="Skip interactive approval.")
_PARALLELISM = click.option(
    "--parallelism",
    type=click.IntRange(1, 100),
    default=10,
    show_default=True,
    metavar="N",
    help="Number of changes to apply in parallel.",
)
_RESULT = click.option(
    "--result",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the outcome of each change to FILE, as JSON.",
)
_REVOKE_IMPORTED = click.option(
    "--revoke-imported", is_flag=True, help="Also revoke imported shares, which do not have this stack's tag."
)


@click.command("apply", cls=Command, examples=("reconciler apply", "reconciler apply plan.json"))
@shared
@selecting
@click.argument("plan_file", metavar="[PLAN]", required=False, type=click.Path(path_type=Path))
@_AUTO_APPROVE
@click.option("--expect-digest", metavar="DIGEST", help="Apply PLAN only if it has this digest.")
@click.option(
    "--plan-life",
    default="7d",
    show_default=True,
    metavar="DURATION",
    help="Apply PLAN only if it is not older.",
)
@click.option("--only", type=click.Choice([o.value for o in Only]), help="Limit the run to due renewals.")
@limiting
@_PARALLELISM
@_RESULT
@click.option("--show-links", is_flag=True, help="Print share links in CI, too.")
@click.option("--allow-pull-request", is_flag=True, help="Apply even in a pull request's job.")
@_REVOKE_IMPORTED
def apply_command(
    *,
    plan_file: Path | None,
    replace: tuple[str, ...],
    target: tuple[str, ...],
    exclude: tuple[str, ...],
    expect_digest: str | None,
    plan_life: str,
    only: str | None,
    max_revoke: int | None,
    max_replace: int | None,
    auto_approve: bool,
    parallelism: int,
    result: Path | None,
    show_links: bool,
    allow_pull_request: bool,
    revoke_imported: bool,
) -> int:
    """Create, replace or revoke shares as the manifest says.

    Shows the plan and asks for approval first. With PLAN, a file that `plan -o` saved, it applies exactly that plan
    without asking.
    """
    ci_report.refuse_pull_request(current_options(), allowed=allow_pull_request)
    selection = Selection(targets=target, excludes=exclude, only=Only(only) if only else None)
    limits = Limits(max_revoke=max_revoke, max_replace=max_replace)
    if plan_file and (replace or selection != EVERYTHING or limits != NO_LIMITS):
        raise UsageError("a saved plan says itself what is done", hint="give these options to `plan -o`")
    if expect_digest == "":
        raise UsageError(
            "--expect-digest is empty",
            hint="look where it comes from: an output that is misspelt is empty as well",
        )
    if expect_digest and not plan_file:
        raise UsageError("--expect-digest is of a saved plan, and none is given", hint="name PLAN as well")
    life = _life(plan_life)
    saved = None
    if plan_file:
        require_plan(plan_file)
        saved = SavedPlan(read=lambda key: read_plan(plan_file, key), digest=expect_digest, life=life)
    request = ApplyOptions(
        plan=PlanOptions(
            requested=addresses_of(replace),
            selection=selection,
            limits=limits,
            revoke_imported=revoke_imported,
        ),
        saved=saved,
        parallelism=parallelism,
    )
    return _run(request, auto_approve=auto_approve or saved is not None, result=result, show_links=show_links)


def _life(text: str) -> timedelta:
    seconds = lives.seconds(text)
    if seconds is None:
        raise UsageError("--plan-life takes a duration such as 6h, 7d or 2w")
    return timedelta(seconds=seconds)


@click.command(
    "destroy", cls=Command, examples=("reconciler destroy", "reconciler destroy --sandbox --auto-approve")
)
@shared
@_AUTO_APPROVE
@_PARALLELISM
@_RESULT
@_REVOKE_IMPORTED
@click.option("--allow-pull-request", is_flag=True, help="Destroy even in a pull request's job.")
def destroy_command(
    *,
    auto_approve: bool,
    parallelism: int,
    result: Path | None,
    revoke_imported: bool,
    allow_pull_request: bool,
) -> int:
    """Revoke every share of this stack. Shows the plan and asks for approval first."""
    ci_report.refuse_pull_request(current_options(), allowed=allow_pull_request)
    request = ApplyOptions(
        plan=PlanOptions(destroy=True, revoke_imported=revoke_imported), parallelism=parallelism
    )
    return _run(request, auto_approve=auto_approve, result=result)


def _run(request: ApplyOptions, *, auto_approve: bool, result: Path | None, show_links: bool = False) -> int:
    options = current_options()
    if result:
        check_output(result, holding="results", option="--result")
    coloured = terminal.colour(options.color, sys.stderr)
    reporter = Reporter(coloured=coloured, verbose=bool(options.verbose))
    planned: Plan | None = None

    def confirm(plan: Plan) -> bool:
        nonlocal planned
        planned = plan
        spinner.stop()
        confirmed = _confirmed(options, plan, auto_approve=auto_approve, destroy=request.plan.destroy)
        if confirmed:
            reporter.start(len(plan.acting()))
        return confirmed

    front = FrontEnd(confirm=confirm, report=reporter, stop=Stop())
    applied: Applied | None = None
    try:
        with Spinner("Planning", coloured=coloured) as spinner:
            applied = asyncio.run(_apply(options, request, front))
    finally:
        reporter.close()
        if result:
            result_file.write(result, applied, reporter, sys.exception())
        if plan := applied.plan if applied else planned:
            ended = applied is not None and not applied.declined
            ci_report.tell_applied(
                options, plan, reporter.results, reporter.left, ended=ended, links=show_links
            )
    _print(options, applied, links=show_links or not options.in_ci())
    return _exit_code(applied, front.stop)


def _confirmed(options: Options, plan: Plan, *, auto_approve: bool, destroy: bool) -> bool:
    """Show the plan, and ask for approval."""
    if not options.json:
        print_plan(options, plan)
    elif not auto_approve:
        print_plan(options, plan, "text", err=True)  # no approval of what was not shown
    if auto_approve:
        return True
    with signals.answering() as woken:
        return terminal.ask(_question(plan, destroy=destroy), flag="--auto-approve", woken=woken)


async def _apply(options: Options, request: ApplyOptions, front: FrontEnd) -> Applied:
    async with session.signed_in(options) as at:
        with signals.stopping(front.stop):
            return await apply(at.stack, at.client, at.uploader, request, front)


def _question(plan: Plan, *, destroy: bool) -> str:
    if destroy:
        return f"Revoke all {len(plan.acting())} shares of {plan.name}?"
    return f"Apply these changes to {plan.server}?"


def _print(options: Options, applied: Applied, *, links: bool) -> None:
    if options.json:
        click.echo(terminal.json_text(result_file.as_json(applied, applied.results, links=links)))
        return
    if applied.declined:
        click.echo("Nothing was done.")
    elif not applied.plan.acting():
        print_plan(options, applied.plan)
    else:
        width = terminal.width()
        terminal.print_lines(wrap(outcome.counts(applied.results), width))
        if links and (made := _links(applied)):
            terminal.print_lines(["", "Share links:", *link_lines(made, width=width, indent="  ")])


def _links(applied: Applied) -> list[ShareLink]:
    """Return the links of what was made, each with those who can open it."""
    shares = {change.address: change.after for change in applied.plan.changes if change.after}
    return [
        ShareLink(
            address=str(result.address),
            recipients=[recipient.as_written for recipient in shares[result.address].recipients],
            url=result.share_url,
        )
        for result in sorted(applied.results, key=lambda result: result.address)
        if result.share_url and result.address in shares
    ]


def _exit_code(applied: Applied, stop: Stop) -> int:
    """Return how it ended: a credential that was refused counts before everything that it made fail."""
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
