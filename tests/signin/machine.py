"""The machine of a person or a job: a desk, and the variables and files that sign in."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from reconciler.sandbox import clock
from reconciler.sandbox.serve import Embedded
from tests.support.commandline import Desk

ACCESS: Final = "CONDUCTORONE_ACCESS_TOKEN"
OIDC: Final = "CONDUCTORONE_OIDC_TOKEN"
ID: Final = "CONDUCTORONE_CLIENT_ID"
SECRET: Final = "CONDUCTORONE_CLIENT_SECRET"
GITHUB_URL: Final = "ACTIONS_ID_TOKEN_REQUEST_URL"
GITHUB_TOKEN: Final = "ACTIONS_ID_TOKEN_REQUEST_TOKEN"
SERVER: Final = "CONDUCTORONE_SERVER_URL"
DOMAIN: Final = "CONDUCTORONE_TENANT_DOMAIN"

ONE: Final = "  db:\n    source: {env: DB}\n    share_with: {users: [ana@example.com]}\n"


@dataclass(kw_only=True)
class Machine(Desk):
    """A desk with a home, where commands find the tenant by what is set here."""

    home: Path
    environment: pytest.MonkeyPatch
    options: tuple[str, ...] = ()

    def set(self, **variables: str) -> None:
        for name, value in variables.items():
            self.environment.setenv(name, value)

    def sign_in_as(self, tenant: Embedded, who: str = "owner", *, url: str | None = None) -> None:
        """Set an access token that does not expire, and the tenant's address."""
        self.set(**{ACCESS: tenant.tokens[who].reveal_text(), SERVER: url or tenant.url})

    def manifest(self, text: str = ONE, head: str = "") -> None:
        """Write the manifest, and set the variable of its usual secret."""
        super().manifest(text, head)
        self.set(DB="hunter2")

    def cone(self, client_id: str, secret: str, profile: str = "default") -> None:
        """Write what C1's command line keeps after `cone login`."""
        file = self.home / ".conductorone" / "config.yaml"
        file.parent.mkdir(exist_ok=True)
        file.write_text(
            f"version: v1\nprofiles:\n  {profile}:\n    client-id: {client_id}\n    client-secret: {secret}\n"
        )


def credential(tenant: Embedded, who: str = "owner", host: str | None = None) -> dict[str, str]:
    """Return the variables of a client credential; `host` is how the client sees the tenant."""
    made = tenant.endpoints.keys.credential(who, host or tenant.endpoints.host)
    return {ID: made.client_id, SECRET: made.client_secret.reveal_text()}


def seconds(tenant: Embedded) -> int:
    """Return the tenant's time."""
    return tenant.store.now() // clock.SECOND
