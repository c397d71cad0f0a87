"""The sandbox as a process of its own: killing a client never loses the judge's record."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx

from reconciler.sandbox import reader
from reconciler.sandbox.settings import Settings
from reconciler.sandbox.store import Store
from reconciler.sandbox.vault import Stored, stored
from tests.support.processes import sandbox

Event = dict[str, Any]


@dataclass
class Tenant:
    """A running sandbox, and the judge's own look into its data."""

    url: str
    upload_url: str
    token: str
    tokens: dict[str, str]
    clients: dict[str, dict[str, str]]
    store: Store
    http: httpx.Client
    _read_to: int = 0

    def set(self, **texts: str) -> None:
        """Turn settings of the running sandbox, and of the judge's clock with it."""
        answer = self.http.patch("/sandbox/settings", json=texts)
        assert 200 == answer.status_code, answer.text
        self.store.settings = Settings().with_texts(answer.json())

    def advance(self, span: timedelta) -> None:
        """Let time pass at the tenant."""
        later = self.store.settings.clock_offset + span
        self.set(clock_offset=f"{int(later.total_seconds())}s")

    def reset(self) -> None:
        """Forget every vault and every setting; the event log goes on, read from here."""
        with self.store.transaction() as db:
            for table in ("vaults", "audit", "downloads", "nonces"):
                db.execute(f"DELETE FROM {table}")
            db.execute("UPDATE people SET status = 'ENABLED' WHERE email LIKE 'ana@%'")
            db.execute("UPDATE tokens SET revoked = 0")
        for content in (self.store.directory / "contents").iterdir():
            content.unlink()
        self.set(**(Settings().as_texts() | {"log_sync": "on"}))
        self._read_to = self._log.stat().st_size

    @property
    def _log(self) -> Path:
        return self.store.directory / "events.jsonl"

    def events(self, *kinds: str) -> list[Event]:
        """Return what happened since the last reset, in order."""
        with self._log.open("rb") as file:
            file.seek(self._read_to)
            found = [json.loads(line) for line in file.read().splitlines()]
        return [event for event in found if not kinds or event["is"] in kinds]

    def vaults(self) -> dict[str, Stored]:
        """Return every vault, whatever became of it."""
        return {row["vault_id"]: stored(row) for row in self.store.rows("SELECT * FROM vaults ORDER BY n")}

    def live(self) -> dict[str, Stored]:
        """Return every vault that is active, with or without content."""
        return reader.live(self.store)

    def peek(self, vault_id: str) -> bytes:
        """Return what a recipient would read, counting nothing."""
        return b"".join(reader.peek(self.store, vault_id))


@contextmanager
def running(directory: Path) -> Iterator[Tenant]:
    """Run a sandbox until the block ends."""
    with sandbox(directory, "--set", "log_sync=on") as (told, _):
        token = told["tokens"]["owner"]
        with (
            closing(Store(directory, Settings(log_sync=True))) as store,
            httpx.Client(base_url=told["url"], headers={"authorization": f"Bearer {token}"}) as http,
        ):
            yield Tenant(
                url=told["url"],
                upload_url=told["upload_url"],
                token=token,
                tokens=told["tokens"],
                clients=told["clients"],
                store=store,
                http=http,
            )
