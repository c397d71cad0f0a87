"""`auth status`: which credential, whose, at which tenant, and what it may do."""

from __future__ import annotations

import asyncio
import json
import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import click

from reconciler import auth
from reconciler.auth.interface import Found
from reconciler.auth.server import Server
from reconciler.cli import session
from reconciler.cli.options import Options, options, shared
from reconciler.errors import ExitCode, ReconcilerError, SignInError
from reconciler.records import time_text
from reconciler.remote import Identity


@click.group("auth")
@shared
def auth_command() -> None:
    """Look at the credential."""


@auth_command.command("status")
@shared
def status() -> int:
    """Say which credential was found where, whose it is, and what it may do; exit 4 where it will not do."""
    it = options()
    report = asyncio.run(_ask(it))
    if it.json:
        click.echo(json.dumps(report.as_json(), indent=2, ensure_ascii=False))
    else:
        click.echo("\n".join(report.lines()))
    return ExitCode.SIGN_IN if report.failures else ExitCode.OK


@dataclass(slots=True, kw_only=True)
class _Report:
    looked: tuple[auth.Looked, ...]
    found: Found | None = None
    server: Server | None = None
    identity: Identity | None = None
    ends: datetime | None = None
    creator: str | None = None
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
            "tenant_id": identity.tenant_id if identity else None,
            "roles": list(identity.roles) if identity else [],
            "permissions": list(identity.permissions) if identity else [],
            "token_ends": time_text(self.ends) if self.ends else None,
            "secret_sharing": identity.sharing_enabled if identity else None,
            "made_this_stack": self.is_creator(),
            "problems": [{"detail": f.detail, "next": f.hint} for f in self.failures],
        }

    def is_creator(self) -> bool | None:
        """Tell whether this identity made the stack's vaults; None where there is no state or no identity."""
        return self.identity.user_id == self.creator if self.identity and self.creator else None

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
            lines.append(f"Tenant:         {self.server.host} (said by {self.server.where})")
        if self.identity:
            lines += self._identity_lines(self.identity)
        for failure in self.failures:
            lines.append(f"Problem:        {failure.detail}")
            lines += [f"  Next: {failure.hint}"] if failure.hint else []
        return lines

    def _identity_lines(self, identity: Identity) -> list[str]:
        lines = [f"Identity:       user {identity.user_id} of tenant {identity.tenant_id}"]
        lines.append(f"Roles:          {', '.join(identity.roles) or 'none'}")
        lines.append(f"Permissions:    {', '.join(identity.permissions) or 'none'}")
        if self.ends:
            lines.append(f"Token ends:     {time_text(self.ends)}")
        lines.append(f"Secret sharing: {'on' if identity.sharing_enabled else 'switched off'}")
        made = self.is_creator()
        if made is not None:
            lines.append(f"This stack:     {'made by this identity' if made else 'made by another identity'}")
        return lines


async def _ask(it: Options) -> _Report:
    report = _Report(looked=auth.looked_for(os.environ, home=Path.home()), failures=[])
    try:
        report.found = auth.find(os.environ, home=Path.home())
        report.server = auth.resolve(flag=it.server, env=os.environ, client_id=report.found.client_id)
        async with session.connect(it, report.server, report.found) as link:
            report.identity = await link.client.introspect()
            report.ends = link.credentials.expires
    except ReconcilerError as error:
        report.failures.append(error)
        return report
    if not report.identity.sharing_enabled:
        report.failures.append(
            SignInError(
                "secret sharing is switched off for this tenant", hint="an administrator switches it on"
            )
        )
    report.creator = _creator(it)
    if report.is_creator() is False:
        report.failures.append(
            SignInError("this stack's vaults were made by another identity, and are not visible to you")
        )
    return report


def _creator(it: Options) -> str | None:
    """Return who made the stack that the options mean, where there is a manifest and a state at all."""
    try:
        return session.current_state(it).creator
    except ReconcilerError:
        return None
