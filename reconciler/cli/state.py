"""`output` and `state`: what is known, from the state alone."""

from __future__ import annotations

import json

import click

from reconciler.addresses import Address
from reconciler.cli import session
from reconciler.cli.options import Options, options, shared
from reconciler.errors import UsageError
from reconciler.records import instance_record, time_text
from reconciler.state import Instance, Object


@click.command("output")
@shared
@click.argument("name", required=False)
def output_command(name: str | None) -> None:
    """Print the share links of what is live; with NAME, that link alone."""
    it = options()
    live = {a: i.current for a, i in sorted(session.current_state(it).instances.items()) if i.current}
    if name is not None:
        thing = live.get(_address(name))
        if thing is None:
            raise UsageError(f"{name} has no live share", hint="`reconciler state list` shows what there is")
        click.echo(thing.share_url)
    elif it.json:
        click.echo(json.dumps({str(a): _link(o) for a, o in live.items()}, indent=2, ensure_ascii=False))
    else:
        wide = max((len(str(address)) for address in live), default=0)
        for address, thing in live.items():
            click.echo(f"{address!s:<{wide}}  {thing.share_url}")


def _link(thing: Object) -> dict[str, object]:
    return {
        "share_url": thing.share_url,
        "share_code": thing.share_code,
        "expires": time_text(thing.expires),
        "recipients": [r.as_written for r in thing.attributes.recipients],
    }


@click.group("state")
@shared
def state_command() -> None:
    """Look at the state."""


@state_command.command("list")
@shared
def list_() -> None:
    """List every address with its condition."""
    print_state(options())


def print_state(it: Options) -> None:
    """Print every address with its condition on standard output."""
    instances = sorted(session.current_state(it).instances.items())
    if it.json:
        click.echo(json.dumps({str(a): _condition(i) for a, i in instances}, indent=2, ensure_ascii=False))
        return
    wide = max((len(str(address)) for address, _ in instances), default=0)
    for address, instance in instances:
        click.echo(f"{address!s:<{wide}}  {_condition(instance)}")


def _condition(instance: Instance) -> str:
    if instance.current:
        words = f"live until {time_text(instance.current.expires)}"
    elif instance.ended:
        words = f"{instance.ended.how.value}, seen {time_text(instance.ended.seen)}"
    else:
        words = "no live copy"
    old = len(instance.deposed)
    return words + (f", {old} old {'copy' if old == 1 else 'copies'} to revoke" if old else "")


@state_command.command("show")
@shared
@click.argument("name")
def show(name: str) -> None:
    """Show everything known of one address. Never a value: none is kept."""
    it = options()
    instance = session.current_state(it).instances.get(_address(name))
    if instance is None:
        raise UsageError(f"{name} is not in the state", hint="`reconciler state list` shows what is")
    click.echo(json.dumps(instance_record(instance), indent=2, ensure_ascii=False))


def _address(name: str) -> Address:
    try:
        return Address.parse(name)
    except ValueError:
        raise UsageError(f"{name!r} is not the name of a secret") from None
