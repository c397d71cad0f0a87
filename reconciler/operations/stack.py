"""One stack as a run sees it: the manifest, and the places that belong to it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from reconciler.errors import StateError, UsageError
from reconciler.fingerprint import Key
from reconciler.model.address import Address
from reconciler.model.manifest import Manifest
from reconciler.model.state import Instance, State
from reconciler.sources import SourceReader
from reconciler.state.ledger import Open, replay
from reconciler.storage.interface import StateStore
from reconciler.storage.keys import Keys
from reconciler.storage.lock import Holder
from reconciler.storage.workdir import Workdir

SANDBOX_SERVER: Final = "sandbox"
"""What a sandbox state calls its tenant: its port changes with every run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """What is known before the tenant is asked: the state with what a dead run recorded, and its key if it is here."""

    state: State | None
    open_creates: tuple[Open, ...] = ()
    key: Key | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    """Everything about a stack but the tenant. `server` is the host, with the port when it is not 443.

    `job` is where a CI job can be looked at, for a run that finds the stack locked.
    """

    manifest: Manifest
    store: StateStore
    workdir: Workdir
    keys: Keys
    reader: SourceReader
    server: str
    job: str | None

    def load_state(self) -> Loaded:
        """Return the state after what a dead run recorded. Raises StateError for another stack's."""
        return load_state(self.store, self.workdir, name=self.manifest.name)

    def load_with_key(self, *, make: bool = False) -> Loaded:
        """Return the state and its key; with `make`, a new stack gets a key, which nobody has kept yet."""
        loaded = self.load_state()
        new = make and loaded.state is None
        return replace(loaded, key=self.keys.for_new_stack() if new else self.keys.for_state(loaded.state))

    @contextlib.contextmanager
    def held(self, now: datetime) -> Iterator[None]:
        """Hold the stack for this process. Raises LockedError that names the holder."""
        holder = Holder.here(now, job=self.job)
        with self.workdir.lock.held(holder), self.store.held(holder):
            yield

    def held_by(self) -> str | None:
        """Return who holds the stack now, in words, or None."""
        return self.workdir.lock.held_by() or self.store.held_by()


def load_state(store: StateStore, workdir: Workdir, *, name: str | None) -> Loaded:
    """Return the state after what a dead run recorded, without a key. Raises StateError.

    The journal is read first: a run may end meanwhile. `name` is the stack's, where a manifest says it.
    """
    journal = workdir.read_journal()
    state = store.load()
    if state is not None and name not in (None, state.name):
        raise StateError(
            f"{store.where} is the state of the stack {state.name}, not of {name}",
            hint="give each stack its own state (`state: {path: …}` or --state), or rename the stack back",
        )
    state, open_creates = replay(state, journal, file=str(workdir.journal_path))
    return Loaded(state=state, open_creates=open_creates)


def instance_of(state: State, address: Address) -> Instance:
    """Return what a state knows of an address. Raises UsageError where it knows nothing."""
    if address not in state.instances:
        raise UsageError(
            f"{address} is not in the state", hint="`reconciler state list` prints the addresses that are"
        )
    return state.instances[address]


def no_state(store: StateStore) -> StateError:
    """Return the error for what needs a state before the first apply."""
    return StateError(f"there is no state at {store.where} yet", hint="`reconciler apply` makes it")
