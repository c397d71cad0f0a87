"""What a pipeline gets beside the log: annotations on lines, a step summary, outputs for later steps."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from pathlib import Path

import click

from reconciler.cli import started, terminal
from reconciler.cli.options import Options
from reconciler.errors import ManifestError, ReconcilerError, RefusedError, SourceError, UsageError
from reconciler.files import reason
from reconciler.model.events import Left, Result
from reconciler.model.plan import Plan


class Ci(StrEnum):
    """The pipelines whose conventions are known."""

    GITHUB = "github"
    GITLAB = "gitlab"
    NONE = "none"


def which(options: Options) -> Ci:
    """Return where this runs: what --ci says, else what the environment shows; none in the sandbox."""
    if options.ci != "auto":
        return Ci(options.ci)
    if options.sandbox:
        return Ci.NONE
    if os.environ.get("GITHUB_ACTIONS"):
        return Ci.GITHUB
    return Ci.GITLAB if os.environ.get("GITLAB_CI") else Ci.NONE


def tell_error(options: Options, error: ReconcilerError) -> None:
    """Annotate the lines that an error is about."""
    if which(options) is not Ci.GITHUB:
        return
    from reconciler.render import annotations

    if isinstance(error, ManifestError | SourceError):
        found = annotations.of_problems(error.problems)
    else:
        text = "; ".join(part for part in (error.summary, error.detail, error.expected, error.hint) if part)
        found = [annotations.Annotation(level=annotations.Level.ERROR, text=text)]
    # Standard output is the result, and often goes to a file; GitHub reads commands from both.
    click.echo(annotations.render(found, below=_below()), nl=False, err=True)


def _below() -> str:
    """Return the working directory from the top of the checkout; "" at the top, or outside of it."""
    top, here = os.environ.get("GITHUB_WORKSPACE"), Path.cwd()
    if not top or not here.is_relative_to(Path(top).resolve()):
        return ""
    return str(here.relative_to(Path(top).resolve()))


def tell_plan(options: Options, plan: Plan, saved: Path | None) -> None:
    """Write the step summary and the outputs, and annotate what needs attention."""
    if which(options) is not Ci.GITHUB:
        return
    from reconciler.render import annotations, markdown, view

    seen = view.make_view(plan)
    click.echo(annotations.render(annotations.of_view(seen), below=_below()), nl=False, err=True)
    _summarize(lambda budget: markdown.render(seen, budget=budget))
    if outputs := os.environ.get("GITHUB_OUTPUT"):
        text = "".join(_output(name, value) for name, value in outputs_of(plan, saved).items())
        try:
            _append(Path(outputs), text)
        except OSError as error:  # without them, later steps would go on as if there was nothing to do
            raise UsageError(
                f"the step's outputs cannot be written: {reason(error)}",
                hint="GITHUB_OUTPUT names the file that the runner reads: fix its permissions, or plan with --ci none",
            ) from None


def tell_applied(
    options: Options, plan: Plan, results: Sequence[Result], left: Sequence[Left], *, ended: bool, links: bool
) -> None:
    """Write what became of each address into the step summary, and annotate what failed.

    A run that did not get to its end tells only what it did.
    """
    if which(options) is not Ci.GITHUB or not (ended or results or left):
        return
    from reconciler.render import annotations, outcome

    marks = {change.address: change.mark for change in plan.changes if change.mark}
    found = annotations.of_results(results, left, marks)
    click.echo(annotations.render(found, below=_below()), nl=False, err=True)
    _summarize(lambda budget: outcome.render(plan.name, results, left, links=links, budget=budget))


def outputs_of(plan: Plan, saved: Path | None) -> Mapping[str, str]:
    """Return what later steps decide by."""
    summary = plan.summary()
    return {
        "has-changes": "true" if plan.acting() else "false",
        "create": str(summary.create),
        "replace": str(summary.replace),
        "revoke": str(summary.revoke),
        "plan-digest": plan.digest(),
        "plan-path": str(saved) if saved else "",
    }


def _output(name: str, value: str) -> str:
    """Return one output; the delimiter is random, so that no value can end it early."""
    end = f"reconciler-{secrets.token_hex(8)}"
    return f"{name}<<{end}\n{value}\n{end}\n"


def _summarize(render: Callable[[int], str]) -> None:
    """Add to the step summary what takes so many bytes at most. One that cannot be written fails nothing."""
    from reconciler.render import markdown

    if not (named := os.environ.get("GITHUB_STEP_SUMMARY")):
        return
    path = Path(named)
    try:
        used = path.stat().st_size if path.exists() else 0
        _append(path, render(max(0, markdown.SUMMARY_BYTES - used)))
    except OSError:
        terminal.warn("the step summary cannot be written")


def _append(path: Path, text: str) -> None:
    with path.open("a", encoding="utf-8") as file:
        file.write(text)


def refuse_pull_request(options: Options, *, allowed: bool) -> None:
    """Stop an apply that a pull request started: what it would send has not been merged. Raises RefusedError."""
    if options.sandbox or allowed or not (variable := started.unmerged(os.environ)):
        return
    raise RefusedError(
        f"this job was started by a pull request, a merge queue, or an event that may belong to one ({variable} says "
        "so): nobody has merged its manifest",
        hint="apply on the main branch; --allow-pull-request says that this one may",
    )
