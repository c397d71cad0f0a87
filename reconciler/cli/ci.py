"""`ci`: steps of a pipeline that are not plan or apply: the comment, the outputs, the state's branch."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from reconciler import display
from reconciler.cli import ci_report, session
from reconciler.cli.help import Group
from reconciler.cli.options import Options, current_options, shared
from reconciler.cli.plan import read_plan
from reconciler.cli.templates import variables
from reconciler.cli.told import tell_what_was_done
from reconciler.errors import StateError, UsageError
from reconciler.files import LinkedError, NotRegularError, place
from reconciler.manifest.load import work_tree
from reconciler.sensitive import Sensitive
from reconciler.storage import durable, git

if TYPE_CHECKING:
    from reconciler.cli.github_comment import PullRequest
    from reconciler.model.manifest import Manifest
    from reconciler.storage.state_branch import Branch

F = TypeVar("F", bound=Callable[..., Any])

_OURS: Final = ("RECONCILER_", "CONDUCTORONE_")
"""How the variables begin that hold our key and credentials."""

_BOT: Final = "github-actions[bot]"
"""Whose comments a job's own token makes."""


@click.group(
    "ci",
    cls=Group,
    examples=("reconciler ci fetch-state", "reconciler ci comment plan.md"),
)
@shared
def ci_command() -> None:
    """Run a pipeline's steps around plan and apply. `init --ci` writes a pipeline that uses them."""


@ci_command.command(
    "comment",
    examples=("reconciler ci comment plan.md", "reconciler ci comment plan.md --pull-request 12"),
)
@shared
@click.argument("body_file", metavar="FILE", type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--pull-request", type=click.IntRange(min=1), metavar="N", help="The pull request (default: this job's)."
)
@click.option(
    "--author", default=_BOT, show_default=True, metavar="LOGIN", help="Whose comments may be updated."
)
def put_comment(*, body_file: Path, pull_request: int | None, author: str) -> None:
    """Show a plan in the pull request, as one comment that is updated in place.

    FILE is what `plan --format markdown` printed. GitHub only: reads GITHUB_TOKEN, GITHUB_REPOSITORY and
    GITHUB_API_URL.
    """
    from reconciler.cli.github_comment import PullRequest

    try:
        with open(place(body_file).open(), encoding="utf-8") as file:  # noqa: PTH123 - a descriptor
            body = file.read()
    except LinkedError as error:
        raise UsageError(
            f"{body_file} leads through a symbolic link ({error.path})", hint="name the file itself"
        ) from None
    except (OSError, NotRegularError, UnicodeDecodeError):
        raise UsageError(f"{body_file} cannot be read as text") from None
    at = PullRequest(
        api=os.environ.get("GITHUB_API_URL") or "https://api.github.com",
        repository=os.environ.get("GITHUB_REPOSITORY", ""),
        number=pull_request or _pull_request(),
        author=author,
    )
    token = os.environ.get("GITHUB_TOKEN", "")
    if not token or not token.isascii() or not token.isprintable():
        raise UsageError(
            "GITHUB_TOKEN is not set", hint="give this step `env: {GITHUB_TOKEN: ${{ github.token }}}`"
        )
    new = asyncio.run(_put(current_options(), at, Sensitive.of(token), body))
    facts = {"pull_request": at.number, "made": new}
    tell_what_was_done(
        current_options(),
        facts,
        f"The comment of pull request {at.number} is {'made' if new else 'up to date'}.",
    )


async def _put(options: Options, at: PullRequest, token: Sensitive, body: str) -> bool:
    from reconciler.cli import github_comment
    from reconciler.http.session import Session

    connection = Session(ca_file=session.ca_file(options))
    try:
        return await github_comment.put(connection, at, token, body)
    finally:
        await connection.aclose()


def _pull_request() -> int:
    """Return the number in `refs/pull/N/merge`, which is what a pull request's job works on."""
    parts = os.environ.get("GITHUB_REF", "").split("/")
    if parts[:2] == ["refs", "pull"] and len(parts) > 2 and parts[2].isdecimal():
        return int(parts[2])
    raise UsageError("this job belongs to no pull request", hint="--pull-request N names one")


@ci_command.command(
    "outputs", examples=("reconciler ci outputs plan.json", "reconciler ci outputs plan.json > plan.env")
)
@shared
@click.argument("plan_file", metavar="PLAN", type=click.Path(path_type=Path))
def outputs(plan_file: Path) -> None:
    """Print a saved plan's outputs as NAME=VALUE lines, for GitLab's `artifacts:reports:dotenv`."""
    if not str(plan_file).isprintable():
        raise UsageError("PLAN is a path that cannot stand on a line of its own")
    found = ci_report.outputs_of(read_plan(plan_file, None), plan_file)
    if current_options().json:
        tell_what_was_done(current_options(), found)
        return
    for name, value in found.items():
        click.echo(f"{name.upper().replace('-', '_')}={value}")


def _where(function: F) -> F:
    """Add the options that name the branch: the job names it when it fetches and when it pushes."""
    for decorate in (
        click.option(
            "--remote",
            default="origin",
            show_default=True,
            metavar="REMOTE",
            help="A remote of this clone, or its URL.",
        ),
        click.option(
            "--branch",
            "name",
            default="reconciler-state",
            show_default=True,
            metavar="BRANCH",
            help="The branch that holds the state.",
        ),
    ):
        function = decorate(function)
    return function


@ci_command.command(
    "fetch-state", examples=("reconciler ci fetch-state", "reconciler ci fetch-state --branch prod-state")
)
@shared
@_where
def fetch_state(*, name: str, remote: str) -> None:
    """Fetch the state from its branch. Run `ci push-state` after apply.

    On the branch the state's file is named after the manifest's path in the repository. The branch wins: a local
    copy that differs is kept as `.backup`.
    """
    options = current_options()
    manifest = session.read_manifest(options)
    where = session.places_of(options, manifest)
    _fetched(where.state).unlink(missing_ok=True)  # should this fail, nothing older may pass for its record
    branch = _branch(options, manifest, remote=remote, name=name)
    paths = _paths(options, branch)
    found = branch.read(paths)
    for path, local in zip(paths, (where.state, where.workdir.journal_path), strict=True):
        _lay(local, found[path])
    _record_base(where.state, {"branch": name, "remote": remote}, found)
    known = found[paths[0]] is not None
    text = f"{where.state} is the state of {name}." if known else f"There is no state on {name} yet."
    tell_what_was_done(options, {"state": str(where.state), "branch": name, "known": known}, text)


@ci_command.command(
    "check-tip", examples=("reconciler ci check-tip", "reconciler ci check-tip --branch production")
)
@shared
@click.option(
    "--remote",
    default="origin",
    show_default=True,
    metavar="REMOTE",
    help="A remote of this clone, or its URL.",
)
@click.option("--branch", "name", metavar="BRANCH", help="The branch that is applied (default: this job's).")
def check_tip(*, remote: str, name: str | None) -> None:
    """Refuse a run that its branch has overtaken (exit 8). Run it before `apply PLAN`.

    A plan may wait for days. The commit checked out is the branch's tip, or the manifest, what it includes and the
    files that it reads are the same there.
    """
    from reconciler.cli import tip

    options = current_options()
    manifest = session.read_manifest(options)
    name = tip.branch_of_job(os.environ) if name is None else name
    branch = _branch(options, manifest, remote=remote, name=name)
    tip.refuse_overtaken(options.manifest_path, manifest, branch, name)
    click.echo(display.line(f"{name} still has what this run read."))


def _lay(local: Path, data: bytes | None) -> None:
    """Replace a local file by the branch's, and keep a backup."""
    present = durable.read_file(local)
    if present == data:
        return
    durable.make_private_directory(local.parent)
    backup = local.with_name(local.name + ".backup")
    if data is None:
        local.replace(backup)
    else:
        durable.replace(local, data, backup=backup)


def _record_base(state: Path, about: dict[str, str], found: Mapping[str, bytes | None]) -> None:
    from reconciler.storage.state_branch import hashes

    durable.make_private_directory(state.parent)
    record = {**about, "files": hashes(found)}
    durable.replace(_fetched(state), json.dumps(record, indent=1).encode() + b"\n")


@ci_command.command(
    "push-state", examples=("reconciler ci push-state", "reconciler ci push-state --branch prod-state")
)
@shared
@_where
def push_state(*, name: str, remote: str) -> None:
    """Push the state to the branch that `ci fetch-state` got it from. Never overwrites another run's write.

    If another run was faster, this run's state is saved on a separate branch, which the error names.
    """
    options = current_options()
    manifest = session.read_manifest(options)
    where = session.places_of(options, manifest)
    branch = _branch(options, manifest, remote=remote, name=name)
    base = _base(where.state, branch, {"branch": name, "remote": remote})
    paths = _paths(options, branch)
    here = dict(zip(paths, map(durable.read_file, (where.state, where.workdir.journal_path)), strict=True))
    conflict = branch.write(
        here, base=base, message=f"Keep the state of {paths[0].removesuffix('.state.json')}"
    )
    if conflict:
        raise StateError(
            f"another run wrote this state to {name} meanwhile; what this run knew is on {conflict.kept_on}",
            hint="the next run takes over from the tenant what this one made; then delete that branch, and let "
            "one job at a time write the state (`concurrency`)",
        )
    _record_base(where.state, {"branch": name, "remote": remote}, here)
    from reconciler.storage.state_branch import hashes

    pushed = hashes(here) != dict(base)
    parts = [path for path in paths if here[path] is not None]
    facts = {"branch": name, "remote": remote, "pushed": pushed, "files": parts}
    held = " and ".join(parts) or "no state"
    text = (
        f"Pushed to {name}: it holds {held} now."
        if pushed
        else f"Nothing to push: {name} holds {held} already."
    )
    tell_what_was_done(options, facts, text)


def _base(state: Path, branch: Branch, about: dict[str, str]) -> Mapping[str, str | None]:
    """Return the hashes of what was fetched. The record is a file that a repository could bring as well."""
    path = _fetched(state)
    if branch.tracks(path):
        raise UsageError(
            f"{path} is committed, so no `ci fetch-state` wrote it", hint=f"git rm --cached {path}"
        )
    try:
        record = json.loads(durable.read_file(path) or b"")
        found, base = {name: record[name] for name in about}, dict(record["files"])
    except (ValueError, KeyError, TypeError):
        raise UsageError(
            f"{state} was not brought from a branch", hint="`ci fetch-state` comes before"
        ) from None
    if found != about:
        raise UsageError(
            f"{state} was not brought from {about['branch']} at this remote",
            hint="give --branch and --remote here as to `ci fetch-state`",
        )
    return base


def _branch(options: Options, manifest: Manifest, *, remote: str, name: str) -> Branch:
    from reconciler.storage.state_branch import Branch

    # What git signs in with, and what it starts, may be anything of this job's; no value is, and nothing of ours.
    # But a manifest that names it as a source takes nothing away from git that it needs.
    values = variables.needed_variables(manifest)
    environ = {
        name: value
        for name, value in os.environ.items()
        if git.NEEDED.fullmatch(name) or not (name in values or name.startswith(_OURS))
    }
    return Branch(work_tree(options.manifest_path), remote=remote, name=name, environ=environ)


def _paths(options: Options, branch: Branch) -> tuple[str, str]:
    """Return what state and journal are called on the branch: after the manifest's place in the repository."""
    manifest = place(options.manifest_path).path.relative_to(branch.top.resolve())
    stem = manifest.with_suffix("").as_posix()
    return f"{stem}.state.json", f"{stem}.journal"


def _fetched(state: Path) -> Path:
    return state.with_name(state.name + ".fetched")
