"""`access EMAIL`: what a person can open in this stack."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import click

from reconciler.cli import session, terminal
from reconciler.cli.help import Command
from reconciler.cli.options import current_options, shared
from reconciler.display import clean, counted
from reconciler.layout import pairs, wrap
from reconciler.model.address import fold
from reconciler.model.canonical import time_text
from reconciler.model.manifest import Sharing
from reconciler.model.state import Share, State


@dataclass(frozen=True, slots=True, kw_only=True)
class _Held:
    """One share that the person can open; `old` if a newer one has replaced it."""

    address: str
    share: Share
    old: bool


@click.command(
    "access",
    cls=Command,
    examples=("reconciler access ana@example.com", "reconciler access ana@example.com --json"),
)
@shared
@click.argument("person", metavar="EMAIL")
@click.option("--show-links", is_flag=True, help="Print share links in CI, too.")
def access_command(*, person: str, show_links: bool) -> None:
    """List what a person can open in this stack.

    EMAIL may also be a C1 user ID. The answer comes from the state; the tenant is not asked. Old copies that are
    still to be revoked count; expired shares do not.
    """
    options = current_options()
    state = session.current_state(options)
    wanted = fold(person)
    found = [held for held in _live(state, datetime.now(UTC)) if _opens(held.share, wanted)]
    links = show_links or not options.in_ci()
    if options.json:
        click.echo(terminal.json_text([_facts(held, links=links) for held in found]))
    else:
        _show(state, person, found, links=links)
    _warn_of_ids(state, wanted)
    if not any(_opens(share, wanted) for share in state.shares()):
        click.echo(f"{clean(person)} stands nowhere in this stack, neither as address nor as ID.", err=True)


def _show(state: State, person: str, found: list[_Held], *, links: bool) -> None:
    if not found:
        click.echo(f"{clean(person)} can open nothing in this stack.")
    width = terminal.width()
    rows = pairs(((clean(held.address), _end(held)) for held in found), width)
    if links:
        for held in found:
            terminal.print_lines(wrap(f"{clean(held.address)}  {_end(held)}", width, rest="  "))
            terminal.print_lines(wrap(clean(held.share.share_url), width, first="  "))
    else:
        terminal.print_lines(rows)
    made = max((share.created for share in state.shares()), default=None)
    newest = f", newest share of {time_text(made)}" if made else ""
    last = f"As the state knows it: serial {state.serial}{newest}. The tenant was not asked."
    terminal.print_lines(wrap(last, width))


def _end(held: _Held) -> str:
    return f"until {time_text(held.share.expires)}" + (" (old copy)" if held.old else "")


def _live(state: State, now: datetime) -> Iterator[_Held]:
    for address, instance in sorted(state.instances.items()):
        for share in instance.held():
            if share.ready and share.expires > now:
                yield _Held(address=str(address), share=share, old=share is not instance.current)


def _opens(share: Share, wanted: str) -> bool:
    return any(wanted in (fold(r.as_written), r.id) for r in share.attributes.recipients)


def _warn_of_ids(state: State, wanted: str) -> None:
    """Warn if an answer by address may be short: for people declared by ID the state has no address."""
    if "@" not in wanted:
        return
    ids = {
        recipient.as_written
        for held in _live(state, datetime.now(UTC))
        if held.share.attributes.sharing is Sharing.INTERNAL
        for recipient in held.share.attributes.recipients
        if "@" not in recipient.as_written
    }
    if ids:
        people = counted(len(ids), "person is", "people are")
        click.echo(f"{people} declared by ID here: ask with the ID as well.", err=True)


def _facts(held: _Held, *, links: bool) -> dict[str, object]:
    share = held.share
    return {
        "address": held.address,
        "expires": time_text(share.expires),
        "share_url": share.share_url if links else None,
        "external": share.attributes.sharing is Sharing.EXTERNAL,
        "old_copy": held.old,
        "max_views": share.attributes.max_views,
    }
