"""`init`: a manifest to start from, and the pipeline that belongs to it."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import click

from reconciler.cli import pipeline_files, session, templates
from reconciler.cli.help import Command
from reconciler.cli.options import Options, current_options, shared
from reconciler.cli.templates import github, gitlab, variables
from reconciler.cli.templates.origin import Origin
from reconciler.errors import UsageError
from reconciler.files import LinkedError, NotRegularError, Place, directory_at, place, write_at
from reconciler.manifest.load import work_tree
from reconciler.storage.git import default_branch

_PLAIN: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*(?:/[A-Za-z0-9_][A-Za-z0-9._-]*)*\Z")
"""A path that means only itself in YAML, in a shell and in an expression."""

_GITHUB_NEXT: Final = """\
Next, in the repository's settings:
  1. Environments: `reconciler` (deployment branches: {branch}) with the secrets that the workflow names, and the
     variable CONDUCTORONE_CLIENT_ID; `reconciler-approval` with required reviewers. Without the latter plans
     are applied without approval.
  2. The secret RECONCILER_FINGERPRINT_KEY: `reconciler key new` prints one.
  3. In C1: let that client trust this repository's environment `reconciler`.
docs/ci.md says more."""

_GITLAB_NEXT: Final = """\
Next, in the project's settings:
  1. CI/CD > Variables: those that the pipeline names.
  2. CI/CD > Job token permissions: allow Git push requests to the repository.
  3. A protected environment `reconciler`, and a pipeline schedule with RECONCILER_RENEW=true.
docs/ci.md says more."""


@click.command("init", cls=Command, examples=("reconciler init", "reconciler init -f prod.yaml"))
@shared
@click.option("--force", is_flag=True, help="Overwrite the pipeline's files.")
@click.option(
    "--install-from",
    metavar="SOURCE",
    help="Where the pipeline installs reconciler from: URL@COMMIT, WHEEL, IMAGE@DIGEST or PACKAGE==VERSION.",
)
def init_command(*, force: bool, install_from: str | None) -> None:
    """Write a commented manifest and its .gitignore lines.

    With --ci github or --ci gitlab also write a pipeline for the manifest, which needs --install-from.
    """
    options = current_options()
    pipeline = options.ci if options.ci in ("github", "gitlab") else None
    options.ci = "none"  # it names the pipeline to write; this is no job
    path = options.manifest_path
    # Before anything is written: a manifest without its pipeline would be half of what was asked for.
    source = pipeline_files.origin(install_from, work_tree(path)) if pipeline else None
    if install_from and not pipeline:
        raise UsageError("--install-from is about a pipeline", hint="add --ci github or --ci gitlab")
    there = os.path.lexists(path)
    if there and not pipeline:
        raise UsageError(f"{path} exists already", hint="name another file with -f, or edit that one")
    if not there:
        _write_manifest(path)
        click.echo(f"Next: edit it, then `reconciler --sandbox -f {path} plan` shows what it would do.")
    if pipeline and source:
        _write_pipeline(options, pipeline, source, force=force)


def _write_manifest(path: Path) -> None:
    ignored = path.parent / ".gitignore"
    lines = _ignoring(ignored)
    _write_all(path.parent, {path.name: templates.MANIFEST} | ({ignored.name: lines} if lines else {}))
    click.echo(f"Wrote {path}{f' and {ignored}' if lines else ''}.")


def _ignoring(path: Path) -> str | None:
    """Return a .gitignore with our lines, None where it has them; the file's own lines stay."""
    try:
        present = path.read_text() if path.is_file() else ""
    except OSError:
        raise UsageError(f"{path} cannot be read") from None
    lines = present.splitlines()
    missing = [line for line in templates.GITIGNORE.splitlines() if line and line not in lines]
    if not missing:
        return None
    start = present if not present or present.endswith("\n") else present + "\n"
    return start + "\n".join(missing) + "\n"


def _write_all(directory: Path, files: Mapping[str, str]) -> None:
    """Write files beneath a directory, through no link; none where one of them is, or lies behind, a repository's."""
    try:
        top = directory_at(directory)
        for name in files:
            place(top / name)
        for name, text in files.items():
            write_at(Place(top=top, parts=tuple(name.split("/"))), text.encode())
    except LinkedError as error:
        raise UsageError(
            f"{error}: nothing is written through it", hint="look who put it there, and remove it"
        ) from None
    except (OSError, NotRegularError):
        raise UsageError(f"{', '.join(files)} cannot be written in {directory}") from None


def _write_pipeline(options: Options, pipeline: str, source: Origin, *, force: bool) -> None:
    top = work_tree(options.manifest_path)
    manifest = "/".join(place(options.manifest_path).parts)
    if not _PLAIN.match(manifest):
        raise UsageError(f"{manifest} has characters that mean something in a pipeline", hint="rename it")
    needed = variables.needed_variables(session.read_manifest(options))
    packaged = pipeline_files.packaged()
    if pipeline == "gitlab":
        files = gitlab.pipeline(manifest=manifest, origin=source, needed=needed, packaged=packaged)
        _lay(top, files, force=force)
        click.echo(_GITLAB_NEXT)
        return
    branch = default_branch(top)
    if not _PLAIN.match(branch):
        raise UsageError(
            "the default branch's name has characters that mean something in a pipeline",
            hint="rename it, or say which one it is: git remote set-head origin NAME",
        )
    files = github.workflows(
        manifest=manifest, branch=branch, origin=source, needed=needed, packaged=packaged
    )
    _lay(top, files, force=force)
    click.echo(_GITHUB_NEXT.format(branch=branch))


def _lay(top: Path, files: Mapping[str, str], *, force: bool) -> None:
    """Write the files; a start file that is there already stays, and is told what to include."""
    ours = {name: text for name, text in files.items() if name != gitlab.START}
    present = [name for name in ours if os.path.lexists(top / name)]
    if present and not force:
        raise UsageError(f"{present[0]} exists already", hint="--force overwrites it")
    start = files.get(gitlab.START)
    if start and os.path.lexists(top / gitlab.START):
        click.echo(f"Add to {gitlab.START}:\n\n{start.partition(chr(10) * 2)[0]}\n")
    elif start:
        ours[gitlab.START] = start
    _write_all(top, ours)
    click.echo(f"Wrote {', '.join(ours)}.")
