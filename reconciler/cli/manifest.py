"""`validate` and `schema`: what needs no tenant, no state and no key."""

from __future__ import annotations

from pathlib import Path

import click

from reconciler import display
from reconciler.cli import session, terminal
from reconciler.cli.help import Command
from reconciler.cli.options import current_options, shared
from reconciler.errors import ExitCode, ManifestError, Problem
from reconciler.manifest import schema


@click.command(
    "validate",
    cls=Command,
    examples=("reconciler validate", "reconciler validate prod.yaml staging.yaml"),
)
@shared
@click.argument("files", nargs=-1, type=click.Path())
def validate_command(files: tuple[str, ...]) -> int:
    """Check whether manifests are valid. Reads no source and contacts no tenant."""
    options = current_options()
    problems: list[Problem] = []
    names = files or (options.file,)
    for name in names:
        try:
            session.read_allowed(options, Path(name))
        except ManifestError as error:
            problems += error.problems
    if options.json:
        found = [_problem_json(problem) for problem in problems]
        click.echo(terminal.json_text({"valid": not problems, "problems": found}))
        return ExitCode.INVALID_MANIFEST if problems else ExitCode.OK
    if problems:
        raise ManifestError(problems)
    click.echo(display.line(f"{', '.join(names)}: valid"))
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


@click.command(
    "schema",
    cls=Command,
    examples=("reconciler schema", "reconciler schema > manifest.schema.json"),
)
@shared
def schema_command() -> None:
    """Print the manifest's JSON Schema, for editors."""
    click.echo(schema.schema_text(), nl=False)
