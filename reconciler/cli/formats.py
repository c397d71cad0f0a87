"""Print a plan in the form that was asked for. A renderer is imported when it is used."""

from __future__ import annotations

import importlib
import json
from typing import Final

import click

from reconciler import planjson, ui, view
from reconciler.cli.options import Options
from reconciler.plan import Plan
from reconciler.render import text

FORMATS: Final = ("text", "json", "markdown", "html", "gitlab")


def print_plan(it: Options, plan: Plan, form: str | None = None) -> None:
    """Print a plan on standard output."""
    click.echo(rendered(it, plan, form or ("json" if it.json else "text")), nl=False, color=True)


def rendered(it: Options, plan: Plan, form: str) -> str:
    """Return a plan as text in one of `FORMATS`, with a newline at its end."""
    if form == "json":
        return json.dumps(planjson.to_json(plan), indent=2, ensure_ascii=False) + "\n"
    seen = view.make(plan)
    if form == "text":
        return text.render(seen, colour=ui.colour(it.color), width=ui.width(), verbose=bool(it.verbose))
    shown = importlib.import_module(f"reconciler.render.{form}").render(seen)
    assert isinstance(shown, str)
    return shown
