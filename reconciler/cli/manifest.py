"""`init`, `validate` and `schema`: what needs no tenant, no state and no key."""

from __future__ import annotations

import json
from pathlib import Path

import click

from reconciler import schema, templates
from reconciler.cli.options import options, shared
from reconciler.errors import ExitCode, ManifestError, Problem, UsageError
from reconciler.files import load_manifest


@click.command("init")
@shared
def init_command() -> None:
    """Write a commented manifest and the .gitignore lines that belong to it."""
    path = options().manifest_path
    if path.exists():
        raise UsageError(f"{path} exists already", hint="name another file with -f, or edit that one")
    try:
        path.write_text(templates.MANIFEST)
        ignored = _ignore(path.parent / ".gitignore")
    except OSError:
        raise UsageError(f"{path.parent} cannot be written to") from None
    click.echo(f"Wrote {path}{' and ' + str(ignored) if ignored else ''}.")
    click.echo(f"Next: edit it, then `reconciler --sandbox -f {path} plan` shows what it would do.")


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


@click.command("validate")
@shared
@click.argument("files", nargs=-1, type=click.Path())
def validate_command(files: tuple[str, ...]) -> int:
    """Check manifests: shape, names, people, limits. Opens no source and asks nobody."""
    it = options()
    root = Path(it.source_root).resolve() if it.source_root else None
    problems: list[Problem] = []
    names = files or (it.file,)
    for name in names:
        try:
            load_manifest(Path(name), source_root=root)
        except ManifestError as error:
            problems += error.problems
    if it.json:
        found = [_problem_json(problem) for problem in problems]
        click.echo(json.dumps({"valid": not problems, "problems": found}, indent=2, ensure_ascii=False))
        return ExitCode.INVALID_MANIFEST if problems else ExitCode.OK
    if problems:
        raise ManifestError(problems)
    click.echo(f"{', '.join(names)}: valid")
    return ExitCode.OK


def _problem_json(problem: Problem) -> dict[str, object]:
    mark = problem.mark
    return {
        "file": mark.file if mark else None,
        "line": mark.line if mark else None,
        "column": mark.column if mark else None,
        "what": problem.what,
        "expected": problem.expected,
        "hint": problem.hint,
    }


@click.command("schema")
@shared
def schema_command() -> None:
    """Print the manifest's JSON Schema, for editors."""
    click.echo(schema.schema_text(), nl=False)
