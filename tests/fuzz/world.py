"""A tenant and a stack in this process: what runs do to them, and what the tenant's own record says of it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import shutil
import tempfile
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, Final, TypeVar

import httpx

from reconciler.auth.server import Server
from reconciler.c1.client import Client
from reconciler.c1.upload import Uploader
from reconciler.errors import ReconcilerError
from reconciler.fingerprint import Key
from reconciler.http.session import Session
from reconciler.manifest.load import load_manifest
from reconciler.model.envvars import FINGERPRINT_KEY
from reconciler.model.events import Event
from reconciler.model.manifest import Manifest
from reconciler.model.plan import Limits
from reconciler.model.state import State
from reconciler.operations.apply import Applied, FrontEnd, apply
from reconciler.operations.execute import Stop
from reconciler.operations.options import ApplyOptions, PlanOptions, SavedPlan
from reconciler.operations.plan import Look, look
from reconciler.operations.stack import Stack
from reconciler.sandbox import app, blobs, directory, identities, reader, vaults
from reconciler.sandbox.settings import Settings
from reconciler.sandbox.store import Store
from reconciler.sandbox.vault import Stored, is_ready, stored
from reconciler.sensitive import Sensitive
from reconciler.sources import KINDS, Confinement, SourceReader
from reconciler.state import journal, statefile, tags
from reconciler.storage.keys import Keys
from reconciler.storage.state_file import StateFile
from tests.fuzz.faults import Fate, Fault, Killed, MortalStore, MortalWorkdir, Wire
from tests.support.certificates import Authority

T = TypeVar("T")

NAME: Final = "model"
_API, _UPLOADS = 1, 2
_AUTHORITY: Final = Authority(Path(tempfile.mkdtemp(prefix="model-"))).file
_LIMITS: Final = Limits(max_revoke=10_000, max_replace=10_000)


class Token:
    """A token that can always be had again."""

    expires = None

    def __init__(self, text: str) -> None:
        self._token = Sensitive.of(text)

    async def token(self) -> Sensitive:
        return self._token

    async def renew(self, refused: Sensitive) -> None:
        pass


@dataclass(frozen=True)
class Outcome:
    """How a run ended: killed, refused with an error, or done (perhaps with failures)."""

    fate: Fate
    applied: Applied | None = None
    error: ReconcilerError | None = None

    @property
    def killed(self) -> bool:
        return self.applied is None and self.error is None

    @property
    def clean(self) -> bool:
        return self.applied is not None and not self.applied.failures

    def __str__(self) -> str:
        told = self.error.detail if self.error else ""
        failures = [f.detail for f in self.applied.failures] if self.applied else []
        results = [f"{r.address} {r.outcome}" for r in self.applied.results] if self.applied else []
        return f"met {self.fate.fired}; {told} {failures} {results}"


class World:
    """One stack at one tenant, both fresh. `close` it in the end."""

    def __init__(self) -> None:
        self.home = Path(tempfile.mkdtemp(prefix="model-"))
        self.store = Store(self.home / "tenant", Settings())
        directory.ensure_people(self.store, [])
        self._token = identities.prepare(self.store)["owner"]["token"]
        self.store.upload_origin = f"http://127.0.0.1:{_UPLOADS}"
        self._apps = {_API: app.application(self.store), _UPLOADS: blobs.application(self.store)}
        self.keys = [random_key()]
        """The stack's keys, the one in use last; `has_key` tells whether it is here."""
        self.has_key = True
        self.by_hand: set[str] = set()
        """Vaults that bear no mark of the stack, and were imported into it."""
        self.values: dict[str, str] = {}
        self.late: list[httpx.Request] = []
        self.waits: list[float] = []
        self.told: list[Event] = []
        self._log = (self.home / "tenant" / "events.jsonl").open("rb")
        self._manifest: Manifest | None = None

    def close(self) -> None:
        self._log.close()
        self.store.close()
        shutil.rmtree(self.home)

    # --- what lies on this machine ------------------------------------------------------------------------

    @property
    def manifest_path(self) -> Path:
        return self.home / "m.yaml"

    @property
    def state_path(self) -> Path:
        return self.home / "m.state.json"

    @property
    def workdir(self) -> Path:
        return self.home / ".reconciler"

    def declare(self, manifest: dict[str, Any], values: dict[str, str], files: dict[str, bytes]) -> None:
        """Write the manifest, and what its sources hold."""
        self.manifest_path.write_text(json.dumps(manifest, indent=1))
        self.values = values
        for name, content in files.items():
            (self.home / name).write_bytes(content)
        self._manifest = load_manifest(self.manifest_path, KINDS)

    def state(self) -> State | None:
        """Return the state; one that does not parse raises."""
        if not self.state_path.exists():
            return None
        return statefile.decode(self.state_path.read_bytes(), file="state")

    def journal(self) -> journal.Journal | None:
        path = self.workdir / "m.journal"
        return journal.parse(path.read_bytes(), file="journal") if path.exists() else None

    # --- runs ---------------------------------------------------------------------------------------------

    def apply(
        self,
        *faults: Fault,
        parallelism: int = 1,
        saved: SavedPlan | None = None,
        asked: PlanOptions | None = None,
    ) -> Outcome:
        """Apply once, meeting faults. What was imported by hand may be revoked, unless `asked` says otherwise."""
        fate = Fate(faults=faults)
        plan = asked or PlanOptions(revoke_imported=bool(self.by_hand))
        options = ApplyOptions(plan=replace(plan, limits=_LIMITS), saved=saved, parallelism=parallelism)
        front = FrontEnd(confirm=lambda _plan: True, report=self.told.append, stop=Stop())
        try:
            done = self.run(
                fate, lambda stack, client, uploader: apply(stack, client, uploader, options, front)
            )
        except Killed:
            return Outcome(fate=fate)
        except ReconcilerError as error:
            return Outcome(fate=fate, error=error)
        return Outcome(fate=fate, applied=done)

    def look(self, asked: PlanOptions | None = None) -> Look:
        """Plan once."""
        options = replace(asked or PlanOptions(), limits=_LIMITS)
        return self.run(Fate(), lambda stack, client, _: look(stack, client, options, stack.load_with_key()))

    def run(self, fate: Fate, work: Callable[[Stack, Client, Uploader], Coroutine[Any, Any, T]]) -> T:
        """Do something with a stack and a client of its own, as a process would."""

        async def main() -> T:
            wire = Wire(self._apps, fate, self.late)
            server = Server(url=f"http://127.0.0.1:{_API}", host="127.0.0.1", where="the test")
            # one authority: reading all the usual ones would take longer than everything else
            session, uploads = (Session(transport=wire, ca_file=_AUTHORITY) for _ in range(2))
            client = Client(session, server, Token(self._token), sleep=self._at_once, random=lambda: 0.5)
            uploader = Uploader(uploads)
            try:
                return await work(self.stack(fate), client, uploader)
            finally:
                await client.aclose()
                await uploader.aclose()

        return asyncio.run(main())

    def stack(self, fate: Fate) -> Stack:
        assert self._manifest is not None
        workdir = MortalWorkdir(self.workdir, "m", fate)
        environ = {FINGERPRINT_KEY: self.keys[-1].to_text()} if self.has_key else {}
        return Stack(
            manifest=self._manifest,
            store=MortalStore(StateFile(self.state_path), fate),
            workdir=workdir,
            keys=Keys(file=workdir.key_file, environ=environ, may_make=True),
            reader=SourceReader(Confinement(root=self.home, base=self.home), self.values),
            server="tenant",
            job=None,
        )

    async def _at_once(self, seconds: float) -> None:
        self.waits.append(seconds)
        await asyncio.sleep(0)

    def land(self) -> None:
        """Let a request arrive whose client gave up long ago."""
        request = self.late.pop(0)
        asyncio.run(Wire(self._apps, Fate(), []).deliver(request))

    # --- the tenant ---------------------------------------------------------------------------------------

    def vaults(self) -> dict[str, Stored]:
        """Return every vault of the stack, whatever became of it."""
        found = (stored(row) for row in self.store.rows("SELECT * FROM vaults ORDER BY n"))
        return {v.vault_id: v for v in found if self._ours(v)}

    def live(self) -> dict[str, Stored]:
        """Return the stack's vaults that are active, with or without content."""
        return {i: v for i, v in reader.live(self.store).items() if self._ours(v)}

    def _ours(self, vault: Stored) -> bool:
        tag = tags.find(vault.display_name)
        return vault.vault_id in self.by_hand or (tag is not None and tag.stack == tags.stack_part(NAME))

    def ready(self, vault: Stored) -> bool:
        return is_ready(vault, self.store.now())

    def peek(self, vault_id: str) -> bytes:
        return b"".join(reader.peek(self.store, vault_id))

    def view(self, vault_id: str) -> bytes:
        return b"".join(reader.read(self.store, vault_id))

    def revoke(self, vault_id: str) -> None:
        """Let an administrator revoke a vault."""
        vaults.revoke(self.store, identities.caller("admin"), vault_id, as_admin=True)

    def advance(self, span: timedelta) -> None:
        self.store.advance(span)

    def events(self) -> list[dict[str, Any]]:
        """Return what happened at the tenant since the last call."""
        return [json.loads(line) for line in self._log]


def tag_of(vault: Stored) -> tags.Tag:
    """Return a vault's tag; what was made by hand has none, and is an address of its own."""
    made_by_hand = tags.Tag(stack="", address=vault.vault_id, generation=0, desired="")
    return tags.find(vault.display_name) or made_by_hand


def random_key() -> Key:
    return Key.from_text(random.randbytes(32).hex())


@contextlib.contextmanager
def same_randomness() -> Iterator[None]:
    """Let `secrets` follow `random`, which hypothesis seeds: identifiers, and so orders, repeat with a failure."""
    real = random._urandom  # type: ignore[attr-defined]
    random._urandom = random.randbytes  # type: ignore[attr-defined]
    try:
        yield
    finally:
        random._urandom = real  # type: ignore[attr-defined]
