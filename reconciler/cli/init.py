"""`init`: a manifest to start from, and the pipeline that belongs to it."""

from __future__ import annotations

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
    if path.exists() and not pipeline:
        raise UsageError(f"{path} exists already", hint="name another file with -f, or edit that one")
    if not path.exists():
        _write_manifest(path)
        click.echo(f"Next: edit it, then `reconciler --sandbox -f {path} plan` shows what it would do.")
    if pipeline and source:
        _write_pipeline(options, pipeline, source, force=force)


def _write_manifest(path: Path) -> None:
    try:
        path.write_text(templates.MANIFEST)
        ignored = _ignore(path.parent / ".gitignore")
    except OSError:
        raise UsageError(f"{path.parent} cannot be written to") from None
    click.echo(f"Wrote {path}{' and ' + str(ignored) if ignored else ''}.")


def _ignore(path: Path) -> Path | None:
    """Add our lines to a .gitignore, once; the file's own lines stay."""
    present = path.read_text() if path.exists() else ""
    lines = present.splitlines()
    missing = [line for line in templates.GITIGNORE.splitlines() if line and line not in lines]
    if not missing:
        return None
    start = present if not present or present.endswith("\n") else present + "\n"
    path.write_text(start + "\n".join(missing) + "\n")
    return path


def _write_pipeline(options: Options, pipeline: str, source: Origin, *, force: bool) -> None:
    top = work_tree(options.manifest_path)
    manifest = options.manifest_path.resolve().relative_to(top).as_posix()
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
    present = [name for name in ours if (top / name).exists()]
    if present and not force:
        raise UsageError(f"{present[0]} exists already", hint="--force overwrites it")
    start = files.get(gitlab.START)
    if start and (top / gitlab.START).exists():
        click.echo(f"Add to {gitlab.START}:\n\n{start.partition(chr(10) * 2)[0]}\n")
    elif start:
        ours[gitlab.START] = start
    try:
        for name, text in ours.items():
            (top / name).parent.mkdir(parents=True, exist_ok=True)
            (top / name).write_text(text)
    except OSError:
        raise UsageError(f"{top} cannot be written to") from None
    click.echo(f"Wrote {', '.join(ours)}.")
