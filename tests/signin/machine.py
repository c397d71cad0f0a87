"""The machine of a person or a job: its variables, its files, and the command line run on it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from reconciler.cli import main
from reconciler.sandbox import clock
from reconciler.sandbox.serve import Embedded

ACCESS: Final = "CONDUCTORONE_ACCESS_TOKEN"
OIDC: Final = "CONDUCTORONE_OIDC_TOKEN"
ID: Final = "CONDUCTORONE_CLIENT_ID"
SECRET: Final = "CONDUCTORONE_CLIENT_SECRET"
GITHUB_URL: Final = "ACTIONS_ID_TOKEN_REQUEST_URL"
GITHUB_TOKEN: Final = "ACTIONS_ID_TOKEN_REQUEST_TOKEN"
SERVER: Final = "CONDUCTORONE_SERVER_URL"
DOMAIN: Final = "CONDUCTORONE_TENANT_DOMAIN"

ONE: Final = "  db:\n    source: {env: DB}\n    share_with: {users: [ana@example.com]}\n"


@dataclass(frozen=True)
class Ran:
    """How a command ended and what it said."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def said(self) -> str:
        return self.out + self.err


@dataclass
class Machine:
    """Commands run in `path`, in this process, as `python -m reconciler` would."""

    home: Path
    path: Path
    captured: pytest.CaptureFixture[bytes]
    environment: pytest.MonkeyPatch

    def set(self, **variables: str) -> None:
        for name, value in variables.items():
            self.environment.setenv(name, value)

    def sign_in_as(self, tenant: Embedded, who: str = "owner", *, url: str | None = None) -> None:
        """Set an access token that does not expire, and the tenant's address."""
        self.set(**{ACCESS: tenant.tokens[who].reveal_text(), SERVER: url or tenant.url})

    def manifest(self, secrets: str = ONE, head: str = "") -> None:
        (self.path / "reconciler.yaml").write_text(f"version: 1\nname: desk\n{head}secrets:\n{secrets}")
        self.set(DB="hunter2")

    def run(self, *arguments: str) -> Ran:
        self.captured.readouterr()
        try:
            main(list(arguments))
        except SystemExit as end:
            out, err = self.captured.readouterr()
            return Ran(int(end.code or 0), out.decode(), err.decode())
        raise AssertionError("the command line did not exit")

    def done(self, *arguments: str) -> Ran:
        """Run a command that must succeed."""
        ran = self.run(*arguments)
        assert 0 == ran.code, ran.said
        return ran

    def apply(self, *arguments: str) -> Ran:
        return self.done("apply", "--auto-approve", *arguments)

    @property
    def state(self) -> Any:
        return json.loads((self.path / "reconciler.state.json").read_bytes())

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
