"""`auth status`: which credential, whose, at which tenant, and what it may do."""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass
from datetime import datetime

import click

from reconciler import auth
from reconciler.auth.interface import HINT, ChosenCredential
from reconciler.auth.server import Server
from reconciler.c1.calls import sharing_off
from reconciler.c1.client import Client
from reconciler.cli import session, terminal
from reconciler.cli.help import Group
from reconciler.cli.options import Options, current_options, shared
from reconciler.display import clean, line
from reconciler.errors import ExitCode, ReconcilerError, SignInError, UsageError
from reconciler.model.canonical import time_text
from reconciler.model.manifest import DAY, HOUR
from reconciler.model.state import State
from reconciler.model.vault import Identity, User


@click.group("auth", cls=Group, examples=("reconciler auth status", "reconciler auth status --json"))
@shared
def auth_command() -> None:
    """Check which credential is used."""


@auth_command.command("status", examples=("reconciler auth status", "reconciler auth status --json"))
@shared
def status() -> int:
    """Show which credential is used, whose it is and what it may do. Exits 4 if it does not suffice."""
    options = current_options()
    if options.sandbox:
        raise UsageError(
            "the sandbox asks for no credential", hint="leave out --sandbox to see what a tenant would get"
        )
    report = asyncio.run(_ask(options))
    if options.json:
        click.echo(terminal.json_text(report.as_json()))
    else:
        click.echo("\n".join(map(line, report.lines())))
    return ExitCode.SIGN_IN if report.failures else ExitCode.OK


@dataclass(slots=True, kw_only=True)
class _Report:
    looked: tuple[auth.Looked, ...]
    found: ChosenCredential | None = None
    server: Server | None = None
    identity: Identity | None = None
    user: User | None = None
    """The identity in the tenant's directory, where it may be looked up."""
    ends: datetime | None = None
    now: datetime | None = None
    """The tenant's clock when the identity was told."""
    state: State | None = None
    failures: list[ReconcilerError]

    def as_json(self) -> dict[str, object]:
        identity = self.identity
        return {
            "looked_for": [
                {"way": at.way.value, "where": at.where, "found": at.found, "missing": list(at.missing)}
                for at in self.looked
            ],
            "credential": {"way": self.found.way.value, "where": self.found.where} if self.found else None,
            "server": self.server.url if self.server else None,
            "user_id": identity.user_id if identity else None,
            "email": self.email(),
            "tenant_id": identity.tenant_id if identity else None,
            "roles": list(identity.roles) if identity else [],
            "permissions": list(identity.permissions) if identity else [],
            "token_ends": time_text(self.ends) if self.ends else None,
            "token_seconds_left": self.seconds_left(),
            "secret_sharing": identity.sharing_enabled if identity else None,
            "made_this_stack": self.is_creator(),
            "problems": [
                {"detail": f.detail, "expected": f.expected, "next": _next(f)} for f in self.failures
            ],
        }

    def email(self) -> str | None:
        """Return the identity's address: a person reads that, not an ID."""
        return clean(self.user.email) if self.user and self.user.email else None

    def is_creator(self) -> bool | None:
        """Whether this identity made the stack's shares; None if there is no state for this tenant."""
        if not (self.identity and self.state and self.is_its_tenant()):
            return None
        return self.identity.user_id == self.state.creator

    def is_its_tenant(self) -> bool:
        """Whether the state, if there is one, was made at this tenant."""
        return not (self.state and self.server) or self.state.server == self.server.name

    def seconds_left(self) -> int | None:
        """Return how long the token in hand is good by the tenant's clock, where its end is known."""
        return max(0, round((self.ends - self.now).total_seconds())) if self.ends and self.now else None

    def lines(self) -> list[str]:
        lines = ["Looked for:"]
        for looked in self.looked:
            missing = f" (not set: {', '.join(looked.missing)})" if looked.missing else ""
            lines.append(
                f"  {'found ' if looked.found else '  -   '} {looked.way.value}: {looked.where}{missing}"
            )
        if self.found:
            lines.append(f"Using:          {self.found.way.value}, from {self.found.where}")
        if self.server:
            lines.append(f"Tenant:         {self.server.name} (from {self.server.where})")
        if self.identity:
            lines += self._identity_lines(self.identity)
        for failure in self.failures:
            lines.append(f"Problem:        {clean(failure.detail)}")
            lines += [f"  Expected: {failure.expected}"] if failure.expected else []
            hint = _next(failure)
            lines += [f"  Next: {hint}"] if hint else []
        return lines

    def _identity_lines(self, identity: Identity) -> list[str]:
        email = self.email()
        who = f"{email}, user {identity.user_id}" if email else f"user {identity.user_id}"
        lines = [f"Identity:       {who} of tenant {identity.tenant_id}"]
        lines.append(f"Roles:          {', '.join(identity.roles) or 'none'}")
        lines.append(f"Permissions:    {', '.join(identity.permissions) or 'none'}")
        left = self.seconds_left()
        if self.ends and left is not None:
            again = "" if self.found and self.found.way is auth.Way.ACCESS_TOKEN else ", renewed before that"
            lines.append(f"Token ends:     {time_text(self.ends)} (in {_about(left)}{again})")
        else:
            lines.append("Token ends:     not known")
        lines.append(f"Secret sharing: {'on' if identity.sharing_enabled else 'switched off'}")
        made = self.is_creator()
        if made is not None:
            lines.append(f"This stack:     {'made by this identity' if made else 'made by another identity'}")
        return lines


async def _ask(options: Options) -> _Report:
    home = session.home()
    report = _Report(looked=auth.looked_for(os.environ, home=home), failures=[])
    try:
        report.found = auth.find_credential(os.environ, home=home)
        report.server = auth.resolve_server(
            flag=options.server, env=os.environ, client_id=report.found.client_id
        )
        async with session.connect(options, report.server, report.found) as link:
            report.identity = await link.client.introspect()
            report.ends, report.now = link.credentials.expires, link.client.now
            report.user = await _user(link.client, report.identity.user_id)
    except ReconcilerError as error:
        report.failures.append(error)
    report.state = _state(options)
    report.failures += _problems(options, report)
    return report


def _problems(options: Options, report: _Report) -> list[ReconcilerError]:
    """Return what is wrong though the sign-in itself went well, or beside what is wrong with that."""
    problems: list[ReconcilerError] = []
    if report.server:
        problems += _other_tenant(options, report.server)
    if report.identity and not report.identity.sharing_enabled:
        problems.append(sharing_off(report.server.name if report.server else ""))
    if report.user and not report.user.enabled:
        problems.append(
            SignInError(
                "this identity's user is disabled in the tenant",
                hint="have it enabled, or sign in as another",
            )
        )
    if report.state and not report.is_its_tenant():
        problems.append(
            SignInError(
                f"this stack's state belongs to the tenant {report.state.server}",
                hint="use that tenant's credential, or another --state",
            )
        )
    if report.is_creator() is False and report.state:
        problems.append(
            SignInError(
                f"this stack's vaults were made by another identity (user {report.state.creator}), "
                "and are not visible to you",
                hint="sign in as that identity",
            )
        )
    return problems


def _other_tenant(options: Options, server: Server) -> list[ReconcilerError]:
    """Return the error of a manifest that is for another tenant, if it can be read."""
    try:
        manifest = session.read_manifest(options)
    except ReconcilerError:
        return []  # `validate` tells about manifests
    try:
        auth.assert_tenant(server, manifest.tenant, manifest.tenant_mark)
    except SignInError as error:
        return [error]
    return []


async def _user(client: Client, user_id: str) -> User | None:
    """Return the identity's user. Not every identity may look it up, and nothing depends on it."""
    try:
        return next(iter(await client.users_by_id([user_id])), None)
    except ReconcilerError:
        return None


def _state(options: Options) -> State | None:
    """Return the state of the stack that the options name, if it has a manifest and a state."""
    try:
        return session.current_state(options)
    except ReconcilerError:
        return None


def _next(error: ReconcilerError) -> str | None:
    """Return an error's hint without the one that leads here."""
    return (error.hint or "").removesuffix(HINT).removesuffix("; ") or None


def _about(seconds: int) -> str:
    """Return a time span of one unit, rounded down: `59m`."""
    for size, unit in ((DAY, "d"), (HOUR, "h"), (60, "m")):
        if seconds >= 2 * size:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"
