"""`diff --base`: two manifests against each other."""

from __future__ import annotations

import os
import tempfile
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import click

from reconciler.cli import ci_report, session
from reconciler.cli.help import Command
from reconciler.cli.options import current_options, shared
from reconciler.cli.output import FormatName, print_plan
from reconciler.errors import ExitCode, ManifestError, Problem, UsageError
from reconciler.files import place
from reconciler.manifest import reading, yamltext
from reconciler.manifest.load import load_manifest, work_tree
from reconciler.model.manifest import Manifest
from reconciler.planning import manifest_diff
from reconciler.sources import KINDS
from reconciler.storage.git import AmbiguousError, Repository

_MANIFESTS: Final = (".yaml", ".yml")
_PATHS: Final = ("/", "./", "../")
"""How no revision begins."""


@click.command(
    "diff",
    cls=Command,
    examples=("reconciler diff --base main", "reconciler diff --base ./old.yaml --format markdown"),
)
@shared
@click.option(
    "--base",
    required=True,
    metavar="REF|FILE",
    help="A git revision, or another manifest (./FILE or FILE.yaml).",
)
@click.option(
    "--format",
    "form",
    type=FormatName(),
    metavar="FORMAT",
    help="Output format: text (the default), json, markdown, html or gitlab.",
)
@click.option("--detailed-exitcode", is_flag=True, help="Exit 2 if there are changes.")
def diff_command(*, base: str, form: str | None, detailed_exitcode: bool) -> int:
    """Compare the manifest with another version of it. Needs no state, key or token; reads no source."""
    options = current_options()
    head = session.read_manifest(options)
    changed: frozenset[str] = frozenset()
    before: Manifest | None
    if (then := _committed(options.manifest_path, base)) is None:
        before = load_manifest(Path(base), KINDS, source_root=session.source_root(options))
    else:
        before = _at(then, options.manifest_path, base)
        changed = _changed_files(then, options.manifest_path, head)
    plan = manifest_diff.between(before, head, now=datetime.now(UTC), changed=changed)
    print_plan(options, plan, form)
    ci_report.tell_plan(options, plan, None)
    return ExitCode.CHANGES if detailed_exitcode and plan.acting() else ExitCode.OK


def _committed(manifest: Path, base: str) -> Repository | None:
    """Return the repository as of a revision, None if `base` is a file and no revision.

    A revision wins: a pull request can commit a file that bears a revision's name. Nor is such a file taken where
    the revision was not fetched, so a file is one by its ending, or by how its path begins.
    """
    top = work_tree(manifest)
    try:
        return Repository(top, base)
    except AmbiguousError:
        raise
    except UsageError:
        if not (base.endswith(_MANIFESTS) or base.startswith(_PATHS)):
            raise
        if Path(base).is_file():
            return None
        raise UsageError(
            f"--base {base} is no file here, and no revision", hint="name another manifest, or a git revision"
        ) from None


def _at(then: Repository, path: Path, base: str) -> Manifest | None:
    """Return the manifest as committed, with what it includes; None if that revision has none.

    The texts are laid out in a private directory for the one reader of manifests that there is.
    """
    name = place(path).path.relative_to(then.top).as_posix()
    text = then.content(name)
    if text is None:
        return None
    with tempfile.TemporaryDirectory(prefix="reconciler-") as directory:
        root = Path(directory)
        _lay(root, name, text)
        for include in reading.includes(yamltext.parse(text, name).node):
            beside = Path(os.path.normpath(Path(name).parent / str(include.value)))
            if beside.is_absolute() or ".." in beside.parts or not str(beside).isprintable():
                continue  # the reader of manifests says why it is refused
            if (included := then.content(str(beside))) is not None:
                _lay(root, str(beside), included)
        try:
            return load_manifest(root / name, KINDS, source_root=root)
        except ManifestError as error:
            raise ManifestError([_as_of(base, problem, root) for problem in error.problems]) from None


def _as_of(base: str, problem: Problem, root: Path) -> Problem:
    """Return a problem that names `HEAD:people.yaml`, as git does, not the private directory."""
    there, mark = f"{root}/", problem.mark
    return replace(
        problem,
        mark=mark._replace(file=mark.file.replace(there, f"{base}:")) if mark else None,
        what=problem.what.replace(there, f"{base}:"),
    )


def _lay(root: Path, name: str, text: bytes) -> None:
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_bytes(text)


def _changed_files(then: Repository, path: Path, head: Manifest) -> frozenset[str]:
    """Return the sources whose committed content differs between the base and HEAD. No file is opened."""
    now = Repository(work_tree(path), "HEAD")
    home = place(path).home.relative_to(then.top)
    found = set()
    for secret in head.secrets.values():
        names = [os.path.normpath(home / path) for path in secret.source.repository_files]
        if any(then.entry(name) != now.entry(name) for name in names):
            found.add(str(secret.source))
    return frozenset(found)
