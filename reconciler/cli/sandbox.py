"""`sandbox serve|reset|view`: the embedded tenant by itself. No place for real secrets."""

from __future__ import annotations

import contextlib
import os
import shlex
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from reconciler.cli import session, terminal
from reconciler.cli.completion import secret_names
from reconciler.cli.help import Group
from reconciler.cli.options import current_options, shared
from reconciler.cli.told import tell_what_was_done
from reconciler.errors import StateError, UsageError
from reconciler.model.address import Address
from reconciler.model.envvars import ACCESS_TOKEN, CLIENT_ID, CLIENT_SECRET, OIDC_TOKEN, SERVER_URL
from reconciler.model.state import Share
from reconciler.storage.lock import Holder
from reconciler.storage.workdir import Workdir

if TYPE_CHECKING:  # the sandbox is an extra, and takes a while to import
    from reconciler.sandbox.serve import Endpoints
    from reconciler.sandbox.settings import Settings


@click.group(
    "sandbox", cls=Group, examples=("reconciler sandbox view db-password", "reconciler sandbox reset")
)
@shared
def sandbox_command() -> None:
    """Use the embedded sandbox tenant. Not for real secrets."""
    # Every command here means the sandbox's own state, with the flag or without.
    current_options().sandbox = True


@sandbox_command.command(
    "serve",
    examples=("reconciler sandbox serve", "reconciler sandbox serve --port 8080 --set search_lag=30s"),
)
@shared
@click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="The sandbox's data (default: in .reconciler).",
)
@click.option("--host", default="127.0.0.1", show_default=True, metavar="HOST", help="A loopback address.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=0, metavar="PORT", help="The port (default: a free one)."
)
@click.option("--tls", is_flag=True, help="Serve over TLS, with a certificate authority of its own.")
@click.option("--person", multiple=True, metavar="EMAIL", help="Add a person to its directory.")
@click.option(
    "--set", "changes", multiple=True, metavar="NAME=VALUE", help="Change a setting; see docs/sandbox.md."
)
def serve(
    *, data: Path | None, host: str, port: int, tls: bool, person: tuple[str, ...], changes: tuple[str, ...]
) -> None:
    """Serve the sandbox to pipelines and other clients."""
    from reconciler.sandbox import NOTICE

    session.require_sandbox()
    from reconciler.sandbox.serve import run

    terminal.warn(NOTICE)
    run(
        data or session.places_of(current_options(), None).sandbox_data,
        host_port=(host, port),
        settings=_settings(changes),
        people=person,
        secure=tls,
        on_ready=_announce,
    )


def _announce(endpoints: Endpoints) -> None:
    """Print what another shell needs, for each way of signing in. All of it opens nothing but the sandbox."""
    owner = endpoints.credentials["owner"]
    client = f"export {CLIENT_ID}={owner.client_id}"
    if endpoints.authority:
        click.echo(f"export SSL_CERT_FILE={shlex.quote(str(endpoints.authority.absolute()))}")
        click.echo("# (or pass that file to --ca-file)")
    click.echo(f"export {SERVER_URL}={endpoints.url}")
    click.echo(f"export {ACCESS_TOKEN}={endpoints.tokens['owner'].reveal_text()}")
    click.echo("# or, as another identity:")
    click.echo(f"#   export {ACCESS_TOKEN}={endpoints.tokens['second'].reveal_text()}")
    click.echo(f"# or, after `unset {ACCESS_TOKEN}`, with client credentials:")
    click.echo(f"#   {client} {CLIENT_SECRET}={owner.client_secret.reveal_text()}")
    click.echo("# or, likewise, with the OIDC token of a job (good for five minutes):")
    click.echo(f"#   {client} {OIDC_TOKEN}={endpoints.job_token.reveal_text()}")


def _settings(changes: tuple[str, ...]) -> Settings:
    from reconciler.sandbox.settings import from_environment

    pairs = [change.partition("=") for change in changes]
    if not all(separator for _, separator, _ in pairs):
        raise UsageError("--set takes NAME=VALUE")
    return from_environment(os.environ).with_texts({name: value for name, _, value in pairs})


_OURS: Final = (
    "*.state.json",
    "*.state.json.backup",
    "*.journal",
    "*.journal.old",
    "fingerprint.key",
    "fingerprint.key.*.old",
    ".gitignore",
)
"""What stacks leave in the sandbox's directory, all manifests' beside it; a lock stays, for it is never replaced."""


@sandbox_command.command(
    "reset", examples=("reconciler sandbox reset", "reconciler -f prod.yaml sandbox reset")
)
@shared
def reset() -> None:
    """Delete the sandbox's data, its key and its states."""
    from reconciler.sandbox import serve as program

    where = session.places_of(current_options(), None)
    home = where.sandbox_data.parent
    ours = [path for pattern in _OURS for path in sorted(home.glob(pattern))]
    existed = bool(ours) or where.sandbox_data.exists()
    with contextlib.ExitStack() as held:
        for stem in sorted({path.stem for path in home.glob("*.lock")}):
            held.enter_context(Workdir(home, stem).lock.held(Holder.here(datetime.now(UTC), job=None)))
        program.reset(where.sandbox_data)
        for path in ours:
            path.unlink(missing_ok=True)
    text = "The sandbox is empty." if existed else "The sandbox was empty."
    tell_what_was_done(current_options(), {"emptied": existed}, text)


@sandbox_command.command(
    "view",
    examples=(
        "reconciler sandbox view db-password",
        "reconciler sandbox view db-password --as bo@example.com",
    ),
)
@shared
@click.argument("name", shell_complete=secret_names)
@click.option("--as", "who", metavar="EMAIL", help="The recipient (default: the first).")
@click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="The data of a served sandbox (default: in .reconciler).",
)
def view(*, name: str, who: str | None, data: Path | None) -> None:
    """Open a share as a recipient and print its content. Counts as a view.

    NAME is a secret of the sandbox's state (or of --state), or the share's ID, code or link.
    """
    from reconciler.sandbox import reader
    from reconciler.sandbox.store import Store, require_data

    share = _named(name, served=data is not None)
    directory = data or session.places_of(current_options(), None).sandbox_data
    require_data(directory)
    with contextlib.closing(Store(directory, _settings(()))) as store:
        vault_id = share.vault_id if share else reader.referred(store, name)
        first = share.attributes.recipients[0].as_written if share else None
        person = who or first or reader.recipient(store, vault_id, None)
        pieces = reader.read(store, vault_id, who=person)
        terminal.warn(f"opened as {person}")
        for piece in pieces:
            sys.stdout.buffer.write(piece)
    sys.stdout.buffer.flush()


def _named(name: str, *, served: bool) -> Share | None:
    """Return the share of a secret that the state knows; None for another name that can be a share's own."""
    from reconciler.sandbox import reader

    try:
        return _live(name)
    except (UsageError, StateError) as error:
        if reader.is_reference(name):
            return None
        if not served or current_options().state:
            raise
        hint = "for a name of a served sandbox's stack: --state FILE"
        raise type(error)(error.detail, hint=hint) from None


def _live(name: str) -> Share:
    """Return the share whose content a recipient would ask for: live, or the last one.

    Raises UsageError for a name that the state does not know, StateError where there is no state.
    """
    options = current_options()
    state = session.current_state(replace(options, sandbox=False) if options.state else options)
    try:
        instance = state.instances.get(Address.parse(name))
    except ValueError:
        instance = None
    share = instance.last() if instance else None
    if share is None:
        listed = f"--state {shlex.quote(options.state)}" if options.state else "--sandbox"
        raise UsageError(
            f"{name} has no share in the sandbox",
            hint=f"`reconciler {listed} state list` shows what is there",
        )
    return share
