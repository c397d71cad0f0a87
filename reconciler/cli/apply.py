"""`apply` and `destroy`."""

from __future__ import annotations

import asyncio
import os
import stat
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from reconciler import durable, ui
from reconciler.cli import ci, session, signals, unforeseen
from reconciler.cli.formats import print_plan, refuse_to_lose
from reconciler.cli.options import Options, options, shared
from reconciler.cli.plan import addresses_of, read_plan, require_plan, selecting
from reconciler.errors import ExitCode, ReconcilerError, SignInError, UsageError
from reconciler.events import Outcome, Result
from reconciler.operations.apply import Applied, SavedPlan, Terms, apply
from reconciler.operations.look import Wishes
from reconciler.operations.work import Stop
from reconciler.plan import Plan
from reconciler.policy import Limits
from reconciler.selection import EVERYTHING, Only, Selection
from reconciler.words import clean


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """What the command line says about one run."""

    wishes: Wishes
    limits: Limits
    saved: SavedPlan | None = None
    auto_approve: bool
    parallelism: int
    show_links: bool = False
    result: Path | None = None


_REVOKE_IMPORTED = click.option(
    "--revoke-imported", is_flag=True, help="Also revoke shares without this stack's mark, as imported ones."
)


@click.command("apply")
@shared
@selecting
@click.argument("plan_file", metavar="[PLAN]", required=False, type=click.Path(path_type=Path))
@click.option("--auto-approve", is_flag=True, help="Do not ask.")
@click.option("--expect-digest", metavar="DIGEST", help="Apply PLAN only if this is its digest.")
@click.option("--only", type=click.Choice([o.value for o in Only]), help="Apply only due renewals.")
@click.option(
    "--max-revoke", type=click.IntRange(min=0), metavar="N", help="Allow the manifest to revoke up to N."
)
@click.option(
    "--max-replace", type=click.IntRange(min=0), metavar="N", help="Allow the manifest to replace up to N."
)
@click.option(
    "--parallelism", type=click.IntRange(1, 100), default=10, show_default=True, help="Changes at once."
)
@click.option(
    "--result", type=click.Path(dir_okay=False, path_type=Path), help="Write each outcome there, as JSON."
)
@click.option("--show-links", is_flag=True, help="Print share links in CI too.")
@click.option("--allow-pull-request", is_flag=True, help="Apply although a pull request started this job.")
@_REVOKE_IMPORTED
def apply_command(
    *,
    plan_file: Path | None,
    replace: tuple[str, ...],
    target: tuple[str, ...],
    exclude: tuple[str, ...],
    expect_digest: str | None,
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
    """Make the tenant match the manifest; with PLAN, apply exactly that saved plan."""
    ci.refuse_pull_request(options(), allowed=allow_pull_request)
    selection = Selection(targets=target, excludes=exclude, only=Only(only) if only else None)
    if plan_file and (replace or selection != EVERYTHING):
        raise UsageError("a saved plan says itself what is done", hint="give these options to `plan -o`")
    if expect_digest and not plan_file:
        raise UsageError("--expect-digest is of a saved plan, and none is given", hint="name PLAN as well")
    saved = None
    if plan_file:
        require_plan(plan_file)
        saved = SavedPlan(read=lambda key: read_plan(plan_file, key), digest=expect_digest)
    return _run(
        _Asked(
            wishes=Wishes(
                requested=addresses_of(replace), selection=selection, revoke_imported=revoke_imported
            ),
            limits=Limits(max_revoke=max_revoke, max_replace=max_replace),
            saved=saved,
            auto_approve=auto_approve or saved is not None,
            parallelism=parallelism,
            show_links=show_links,
            result=result,
        )
    )


@click.command("destroy")
@shared
@click.option("--auto-approve", is_flag=True, help="Do not ask.")
@click.option(
    "--parallelism", type=click.IntRange(1, 100), default=10, show_default=True, help="Changes at once."
)
@click.option(
    "--result", type=click.Path(dir_okay=False, path_type=Path), help="Write each outcome there, as JSON."
)
@_REVOKE_IMPORTED
@click.option("--allow-pull-request", is_flag=True, help="Do it although a pull request started this job.")
def destroy_command(
    *,
    auto_approve: bool,
    parallelism: int,
    result: Path | None,
    revoke_imported: bool,
    allow_pull_request: bool,
) -> int:
    """Revoke every share of this stack."""
    ci.refuse_pull_request(options(), allowed=allow_pull_request)
    wishes = Wishes(destroy=True, revoke_imported=revoke_imported)
    return _run(
        _Asked(
            wishes=wishes, limits=Limits(), auto_approve=auto_approve, parallelism=parallelism, result=result
        )
    )


def _run(asked: _Asked) -> int:
    it = options()
    if asked.result:
        _check_result(asked.result)
    stop = Stop()
    reporter = ui.Reporter(coloured=ui.colour(it.color, sys.stderr))

    def confirm(plan: Plan) -> bool:
        if not it.json:
            print_plan(it, plan)
        elif not asked.auto_approve:
            print_plan(it, plan, "text", err=True)  # nobody says yes to what was not shown
        reporter.total = len(plan.acting())
        if asked.auto_approve:
            return True
        with signals.answering() as woken:
            question = _question(plan, destroy=asked.wishes.destroy)
            return ui.ask(question, flag="--auto-approve", woken=woken)

    terms = Terms(
        wishes=asked.wishes,
        limits=asked.limits,
        parallelism=asked.parallelism,
        confirm=confirm,
        report=reporter,
        stop=stop,
        saved=asked.saved,
    )
    links = asked.show_links or not it.in_ci()
    applied: Applied | None = None
    try:
        applied = asyncio.run(_apply(it, terms))
    finally:
        reporter.close()
        if asked.result:
            _write_result(asked.result, applied, reporter, sys.exception())
    _print(it, applied, links=links)
    return _exit_code(applied, stop)


def _check_result(path: Path) -> None:
    """Raise UsageError where no report could be written, before anything is done that it would report."""
    try:
        about = path.lstat() if path.exists() or path.is_symlink() else None
    except OSError as error:
        raise UsageError(f"--result {path} cannot be written: {durable.reason(error)}") from None
    if about and not stat.S_ISREG(about.st_mode):
        raise UsageError(f"--result {path} is not a regular file", hint="name a file, or a new one")
    if not path.parent.is_dir():
        raise UsageError(
            f"--result {path} cannot be written: its directory is not there", hint="make it first"
        )
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise UsageError(f"--result {path} cannot be written: its directory is not writable")
    refuse_to_lose(path, holding="results", option="--result")


def _write_result(
    path: Path, applied: Applied | None, seen: ui.Reporter, failed: BaseException | None
) -> None:
    """Write what is known of every outcome, also when the run died of an error. No share links: CI keeps it."""
    body = _result_json(applied, seen.results, links=False)
    body["left"] = [
        {
            "address": str(left.address) if left.address else None,
            "vault_id": left.vault_id,
            "failure": left.failure,
            "next": left.hint,
        }
        for left in seen.left
    ]
    if isinstance(failed, ReconcilerError):
        body["error"] = {"summary": failed.summary, "detail": failed.detail, "next": failed.hint}
    elif failed:
        body["error"] = {
            "summary": "a mistake in this program",
            "detail": unforeseen.describe(failed),
            "next": "run the same command again: it goes on from here",
        }
    try:
        durable.replace(path, ui.json_text(body).encode() + b"\n")
    except ReconcilerError as error:  # what was done counts, and how it ended: neither may be hidden by this
        ui.warn(f"--result: {error.detail}; what was done is in the state all the same")


async def _apply(it: Options, terms: Terms) -> Applied:
    manifest = session.load(it)
    async with session.sign_in(it, manifest) as at:
        with signals.stopping(terms.stop):
            return await apply(at.stack, at.client, at.uploader, terms)


def _question(plan: Plan, *, destroy: bool) -> str:
    if destroy:
        return f"Revoke all {len(plan.acting())} shares of {plan.name}?"
    return f"Apply these changes to {plan.server}?"


def _print(it: Options, applied: Applied, *, links: bool) -> None:
    if it.json:
        body = _result_json(applied, applied.results, links=links)
        click.echo(ui.json_text(body))
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
    linked = sorted((clean(str(r.address)), clean(r.share_url)) for r in results if r.share_url)
    if linked:
        click.echo("\nShare links:")
        wide = max(len(address) for address, _ in linked)
        for address, url in linked:
            click.echo(f"  {address:<{wide}}  {url}")


def _result_json(applied: Applied | None, results: Sequence[Result], *, links: bool) -> dict[str, object]:
    return {
        "format_version": "1.0",
        "name": applied.plan.name if applied else None,
        "declined": applied.declined if applied else False,
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
            for result in results
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
