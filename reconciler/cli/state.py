"""`output` and `state`: what is known, from the state alone."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence

import click

from reconciler.cli import session, signals, terminal
from reconciler.cli.completion import secret_names
from reconciler.cli.help import Command, Group
from reconciler.cli.options import Options, shared
from reconciler.cli.options import current_options as options
from reconciler.cli.told import tell_what_was_done
from reconciler.display import clean, counted, line
from reconciler.errors import ExitCode, LockedError, UsageError
from reconciler.layout import pairs
from reconciler.model.address import Address
from reconciler.model.canonical import time_text
from reconciler.model.envvars import FINGERPRINT_KEY, NEW_FINGERPRINT_KEY
from reconciler.model.state import Instance, Share
from reconciler.operations.stack import Stack, instance_of
from reconciler.render.links import ShareLink, link_lines
from reconciler.state.records import instance_record
from reconciler.storage.keyfile import new_key, read_key


@click.command("output", cls=Command, examples=("reconciler output", "reconciler output db-password"))
@shared
@click.argument("name", required=False, shell_complete=secret_names)
def output_command(name: str | None) -> None:
    """Show the share links of live secrets, or the one of NAME."""
    it = options()
    live = {a: i.current for a, i in sorted(session.current_state(it).instances.items()) if i.current}
    if name is not None:
        share = live.get(_address(name))
        if share is None:
            raise UsageError(f"{name} has no live share", hint="`reconciler state list` shows what there is")
        click.echo(line(share.share_url))
    elif it.json:
        click.echo(terminal.json_text({str(a): _link(o) for a, o in live.items()}))
    else:
        links = [_share_link(address, share) for address, share in live.items()]
        terminal.print_lines(link_lines(links, width=terminal.width()))


def _share_link(address: Address, share: Share) -> ShareLink:
    recipients = [recipient.as_written for recipient in share.attributes.recipients]
    return ShareLink(address=str(address), recipients=recipients, url=share.share_url)


def _link(share: Share) -> dict[str, object]:
    return {
        "share_url": share.share_url,
        "share_code": share.share_code,
        "expires": time_text(share.expires),
        "recipients": [r.as_written for r in share.attributes.recipients],
    }


@click.group("state", cls=Group, examples=("reconciler state list", "reconciler state show db-password"))
@shared
def state_command() -> None:
    """Inspect and repair the state."""


@state_command.command("list", examples=("reconciler state list", "reconciler state list --json"))
@shared
def state_list() -> None:
    """List the secrets in the state."""
    print_state(options())


def print_state(it: Options) -> None:
    """Print every address with its condition on standard output."""
    instances = sorted(session.current_state(it).instances.items())
    if it.json:
        click.echo(terminal.json_text({str(a): _facts(i) for a, i in instances}))
        return
    rows = ((clean(str(address)), _condition(instance)) for address, instance in instances)
    terminal.print_lines(pairs(rows, terminal.width()))


def _facts(instance: Instance) -> dict[str, object]:
    """Return the condition of an instance as data."""
    current, ended = instance.current, instance.ended
    return {
        "condition": "live" if current else ended.how.value if ended else "none",
        "vault_id": current.vault_id if current else None,
        "expires": time_text(current.expires) if current else None,
        "ended_seen": time_text(ended.seen) if ended and not current else None,
        "old_copies": len(instance.deposed),
    }


def _condition(instance: Instance) -> str:
    if instance.current:
        words = f"live until {time_text(instance.current.expires)}"
    elif instance.ended:
        words = f"{instance.ended.how.value}, seen {time_text(instance.ended.seen)}"
    else:
        words = "no live copy"
    old = len(instance.deposed)
    return words + (f", {old} old {'copy' if old == 1 else 'copies'} to revoke" if old else "")


@state_command.command(
    "show", examples=("reconciler state show db-password", "reconciler state show app-config")
)
@shared
@click.argument("name", shell_complete=secret_names)
def state_show(name: str) -> None:
    """Show a secret in the state. Values are never in it."""
    instance = instance_of(session.current_state(options()), _address(name))
    click.echo(terminal.json_text(instance_record(instance)))


@state_command.command("unlock", examples=("reconciler state unlock", "reconciler state unlock -f prod.yaml"))
@shared
def state_unlock() -> None:
    """Show which run holds the lock. Nothing needs unlocking: the lock ends with that run's process."""
    holder = _stack().held_by()
    if holder:
        raise LockedError(
            f"this stack is locked by another run: {holder}",
            hint="wait for it, or end that process: the lock goes with it",
        )
    tell_what_was_done(options(), {"locked": False}, "The stack is not locked.")


@state_command.command("rm", examples=("reconciler state rm db-password", "reconciler state rm legacy"))
@shared
@click.argument("name", shell_complete=secret_names)
def state_rm(name: str) -> None:
    """Remove a secret from the state without revoking its share. The share ends when it expires."""
    from reconciler.operations import state_commands

    state_commands.remove(_stack(), _address(name))
    tell_what_was_done(
        options(), {"removed": name}, f"{name} is removed from the state; its share was not revoked."
    )


@state_command.command(
    "mv", examples=("reconciler state mv db-pass db-password", "reconciler state mv legacy app-config")
)
@shared
@click.argument("old", shell_complete=secret_names)
@click.argument("new", shell_complete=secret_names)
def state_mv(old: str, new: str) -> None:
    """Rename a secret in the state. `moved:` in the manifest does the same, under review."""
    from reconciler.operations import state_commands

    state_commands.rename(_stack(), _address(old), _address(new))
    tell_what_was_done(options(), {"renamed": {"from": old, "to": new}}, f"{old} is {new} now.")


@state_command.command(
    "import",
    examples=(
        "reconciler state import db-password 2bQVmz0tkYcBHmlb9pTzW4xAJpZ",
        "reconciler state import app-config 2bQVn4cXkLrDtq8yWZ5sGh1uEoK",
    ),
)
@shared
@click.argument("name", shell_complete=secret_names)
@click.argument("vault_id", metavar="SHARE_ID")
def state_import(name: str, vault_id: str) -> None:
    """Import an existing share of this identity as a secret's current one. Its value is not checked."""
    from reconciler.operations import state_commands

    async def take() -> None:
        async with session.signed_in(options()) as at:
            await state_commands.import_share(at.stack, at.client, _address(name), vault_id)

    asyncio.run(take())
    facts = {"imported": name, "vault_id": vault_id}
    tell_what_was_done(options(), facts, f"{name} is in the state. `reconciler plan` shows what differs.")


@state_command.command(
    "recover",
    examples=(
        "reconciler state recover",
        "reconciler state recover --assign db-password=2bQVmz0tkYcBHmlb9pTzW4xAJpZ",
    ),
)
@shared
@click.option("--assign", multiple=True, metavar="NAME=SHARE_ID", help="Name the current share of a secret.")
def state_recover(assign: tuple[str, ...]) -> int:
    """Rebuild a lost state from the tagged shares on the tenant."""
    from reconciler.operations import state_commands

    pairs = [text.rpartition("=") for text in assign]
    assigned = {_address(name): vault_id for name, _, vault_id in pairs}

    async def make() -> state_commands.Recovered:
        async with session.signed_in(options()) as at:
            return await state_commands.rebuild(at.stack, at.client, assigned=assigned)

    recovered = asyncio.run(make())
    instances = sorted(recovered.state.instances.items())
    facts = {
        "recovered": {str(address): _facts(instance) for address, instance in instances},
        "unplaced": [vault.vault_id for vault in recovered.unplaced],
    }
    unplaced = (
        f"?  vault {vault.vault_id} ({clean(vault.display_name)}): nobody here knows which secret it is"
        for vault in recovered.unplaced
    )
    tell_what_was_done(
        options(), facts, *(f"{clean(str(a))}  {_condition(i)}" for a, i in instances), *unplaced
    )
    if recovered.unplaced:
        click.echo("Next: `state import NAME VAULT` takes one of them; or leave it to its end.", err=True)
    click.echo("The state is rebuilt. `reconciler plan` shows what differs.", err=True)
    return ExitCode.OK


@state_command.command("rekey", examples=("reconciler state rekey", "reconciler state rekey --trust-sources"))
@shared
@click.option(
    "--trust-sources",
    is_flag=True,
    help="Where no fingerprint or no old key tells: trust that the sources hold what was sent.",
)
@click.option(
    "--lose-fingerprints",
    is_flag=True,
    help="Do not ask before fingerprints that cannot be made again are lost.",
)
def state_rekey(*, trust_sources: bool, lose_fingerprints: bool) -> ExitCode:
    """Change the fingerprint key: to the one in RECONCILER_NEW_FINGERPRINT_KEY, or to a new one."""
    stack = _stack()
    given = os.environ.get(NEW_FINGERPRINT_KEY)
    hint = "`reconciler key new` prints one"
    new = read_key(given, where=NEW_FINGERPRINT_KEY, hint=hint) if given else new_key()
    if stack.keys.in_environment and not given:
        raise UsageError(
            f"this stack's key comes from {FINGERPRINT_KEY}, which only you can change",
            hint=f"make one with `reconciler key new`, pass it as {NEW_FINGERPRINT_KEY}, and then as {FINGERPRINT_KEY}",
        )

    from reconciler.operations import state_commands

    def confirm(rekeyed: state_commands.Rekeyed) -> bool:
        return lose_fingerprints or _lose(rekeyed.lost)

    done = state_commands.rekey(stack, new, trust_sources=trust_sources, confirm=confirm)
    if done is None:
        click.echo("Nothing was done.", err=True)
        return ExitCode.ERROR
    tell_what_was_done(
        options(),
        {"checked": done.checked, "unchecked": [str(address) for address in done.unchecked]},
        f"{counted(done.checked, 'value')} fingerprinted with the new key.",
        *(f"{a}: not checked from now on; `apply --replace {a}` sends it anew" for a in done.unchecked),
    )
    return ExitCode.OK


def _lose(lost: Sequence[Address]) -> bool:
    """Ask whether fingerprints may be lost: what their sources hold is then sent unseen, or not at all."""
    for address in lost:
        click.echo(line(f"{address}: its value cannot be compared with what was sent"), err=True)
    with signals.answering() as woken:
        return terminal.ask(
            f"Lose {counted(len(lost), 'fingerprint')}? (--trust-sources makes them from the sources instead.)",
            flag="--trust-sources if the sources hold what was sent, or --lose-fingerprints",
            woken=woken,
        )


def _stack() -> Stack:
    """Return the stack for what is done without the tenant."""
    it = options()
    return session.stack_of(it, session.read_manifest(it), server="")


def _address(name: str) -> Address:
    try:
        return Address.parse(name)
    except ValueError:
        raise UsageError(f"{name!r} is not the name of a secret") from None
