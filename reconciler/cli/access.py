"""`access EMAIL`: what a person can open in this stack."""

from __future__ import annotations

import json

import click

from reconciler.addresses import fold
from reconciler.cli import session
from reconciler.cli.options import options, shared
from reconciler.records import time_text
from reconciler.state import Object


@click.command("access")
@shared
@click.argument("person", metavar="EMAIL")
def access_command(person: str) -> None:
    """List what a person can open in this stack, by e-mail or C1 user ID, as the state knows it."""
    it = options()
    instances = sorted(session.current_state(it).instances.items())
    wanted = fold(person)
    found = {str(a): i.current for a, i in instances if i.current and _opens(i.current, wanted)}
    if it.json:
        click.echo(json.dumps({a: _facts(thing) for a, thing in found.items()}, indent=2, ensure_ascii=False))
        return
    if not found:
        click.echo(f"{person} can open nothing in this stack.")
    wide = max(map(len, found), default=0)
    for address, thing in found.items():
        click.echo(f"{address:<{wide}}  until {time_text(thing.expires)}  {thing.share_url}")


def _opens(thing: Object, wanted: str) -> bool:
    return any(wanted in (fold(r.as_written), r.id) for r in thing.attributes.recipients)


def _facts(thing: Object) -> dict[str, object]:
    return {
        "expires": time_text(thing.expires),
        "share_url": thing.share_url,
        "external": thing.attributes.sharing.value == "external",
    }
