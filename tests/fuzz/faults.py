"""What can go wrong at one call of a run, and an end that is as sudden as `kill -9` without a process of its own.

From the moment of death every seam (each request, each record, each save) refuses to do anything more, so that
whatever the dead run's code still does has no effect: nothing but disk and tenant is left, as after a kill.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

import httpx

from reconciler.errors import StateError
from reconciler.model.state import State
from reconciler.state import journal
from reconciler.state.journal import Entry, Header
from reconciler.storage import durable
from reconciler.storage.interface import StateStore
from reconciler.storage.workdir import JournalWriter, Workdir


class Killed(BaseException):
    """The process is gone."""


class Kind(StrEnum):
    """What happens at a call. `after`: the tenant, or the disk, has done what it was asked."""

    KILL_BEFORE = "kill before"
    KILL_AFTER = "kill after"
    REFUSED = "connection refused"
    LOST_BEFORE = "connection lost before"
    LOST_AFTER = "connection lost after"
    CUT = "answer cut short"
    HTML = "HTML with status 200"
    EMPTY = "an empty object with status 200"
    E500_BEFORE = "500 before"
    E503_AFTER = "503 after"
    E429 = "429"
    E401 = "401"
    E403 = "403"
    LATE = "lands later"
    FAIL = "disk full"
    TORN = "kill in the middle of the line"


NETWORK: Final = (
    *(Kind.KILL_BEFORE, Kind.KILL_AFTER, Kind.REFUSED, Kind.LOST_BEFORE, Kind.LOST_AFTER, Kind.CUT),
    *(Kind.HTML, Kind.EMPTY, Kind.E500_BEFORE, Kind.E503_AFTER, Kind.E429, Kind.E401),
)
DISK: Final = (Kind.KILL_BEFORE, Kind.KILL_AFTER, Kind.FAIL)

CALLS: Final[dict[str, tuple[Kind, ...]]] = {
    "create": (*NETWORK, Kind.LATE),
    "content": (*NETWORK, Kind.LATE),
    "upload": (*NETWORK, Kind.LATE),
    "revoke": (*NETWORK, Kind.LATE),
    "get": NETWORK,
    "search": NETWORK,
    "users": NETWORK,
    "introspect": NETWORK,
    "journal": (*DISK, Kind.TORN),
    "save": DISK,
    "drop": (Kind.KILL_BEFORE, Kind.KILL_AFTER),
}
"""Every seam of a run, and what can happen there; those where most can go wrong come first."""


@dataclass(frozen=True)
class Fault:
    """Do this at the n-th call of a name, and at the `times - 1` after it."""

    call: str
    nth: int
    kind: Kind
    times: int = 1


@dataclass
class Fate:
    """What one run will meet."""

    faults: tuple[Fault, ...] = ()
    dead: bool = False
    seen: Counter[str] = field(default_factory=Counter)
    fired: list[Fault] = field(default_factory=list)

    def meet(self, call: str) -> Kind | None:
        """Count a call, and say what happens at it."""
        if self.dead:
            raise Killed
        self.seen[call] += 1
        for fault in self.faults:
            if fault.call == call and 0 <= self.seen[call] - fault.nth < fault.times:
                self.fired.append(fault)
                return fault.kind
        return None

    def die(self) -> None:
        self.dead = True
        raise Killed


def call_of(request: httpx.Request) -> str:
    path = request.url.path
    if request.method == "PUT":
        return "upload"
    if request.method == "DELETE":
        return "revoke"
    if request.method == "GET":
        return "introspect" if path.endswith("/introspect") else "get"
    if path.endswith("/content"):
        return "content"
    if path.endswith("/users"):
        return "users"
    return "search" if "/search/" in path else "create"


class Wire(httpx.AsyncBaseTransport):
    """The network: leads to applications in this process, and fails where fate says so."""

    def __init__(self, apps: dict[int, Any], fate: Fate, late: list[httpx.Request]) -> None:
        self._to = {port: httpx.ASGITransport(app=app) for port, app in apps.items()}
        self._fate = fate
        self._late = late

    async def deliver(self, request: httpx.Request) -> httpx.Response:
        answer = await self._to[request.url.port or 0].handle_async_request(request)
        await answer.aread()
        return httpx.Response(answer.status_code, headers=answer.headers, content=answer.content)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        kind = self._fate.meet(call_of(request))
        trace = request.extensions["trace"]
        await trace("connection.connect_tcp.started", {})
        if kind is Kind.REFUSED:
            raise httpx.ConnectError("") from ConnectionRefusedError()
        await trace("http11.send_request_headers.started", {})
        if kind is Kind.KILL_BEFORE:
            self._fate.die()
        if kind in (Kind.LOST_BEFORE, Kind.LATE):
            if kind is Kind.LATE:
                await request.aread()
                self._late.append(request)
            raise httpx.ReadTimeout("")
        if kind in _ANSWERED:
            return _answer(*_ANSWERED[kind])
        await request.aread()
        answer = await self.deliver(request)
        return self._after(kind, answer)

    def _after(self, kind: Kind | None, answer: httpx.Response) -> httpx.Response:
        match kind:
            case Kind.KILL_AFTER:
                self._fate.die()
            case Kind.LOST_AFTER:
                raise httpx.RemoteProtocolError("")
            case Kind.E503_AFTER:
                return _answer(503, {})
            case Kind.CUT:
                body = answer.content[: len(answer.content) // 2]
                return httpx.Response(200, headers={"content-type": "application/json"}, content=body)
            case Kind.HTML:
                return httpx.Response(200, html="<p>hello")
            case Kind.EMPTY:
                return httpx.Response(200, json={})
        return answer


_ANSWERED: Final[dict[Kind | None, tuple[int, dict[str, str]]]] = {
    Kind.E500_BEFORE: (500, {}),
    Kind.E429: (429, {"retry-after": "1"}),
    Kind.E401: (401, {}),
    Kind.E403: (403, {}),
}


def _answer(status: int, headers: dict[str, str]) -> httpx.Response:
    return httpx.Response(status, headers=headers, json={"code": 1, "message": "on purpose"})


def _disk_full() -> StateError:
    return StateError("cannot be written: no space left on device")


class MortalStore(StateStore):
    """Any store, whose saves can fail or be the last thing that a run does."""

    def __init__(self, store: StateStore, fate: Fate) -> None:
        self._store = store
        self._fate = fate

    @property
    def where(self) -> str:
        return self._store.where

    @property
    def own_files(self) -> tuple[Path, ...]:
        return self._store.own_files

    def load(self) -> State | None:
        return self._store.load()

    def check_writable(self) -> None:
        self._store.check_writable()

    def save(self, state: State) -> None:
        match self._fate.meet("save"):
            case Kind.KILL_BEFORE:
                self._fate.die()
            case Kind.FAIL:
                raise _disk_full()
            case Kind.KILL_AFTER:
                self._store.save(state)
                self._fate.die()
            case _:
                self._store.save(state)


class MortalWorkdir(Workdir):
    """A workdir whose journal can fail or be cut."""

    def __init__(self, path: Path, stem: str, fate: Fate) -> None:
        super().__init__(path, stem)
        self._fate = fate

    def new_journal(self, header: Header, entries: Sequence[Entry] = ()) -> JournalWriter:
        match self._fate.meet("journal"):
            case Kind.KILL_BEFORE | Kind.TORN:
                self._fate.die()
            case Kind.FAIL:
                raise _disk_full()
            case Kind.KILL_AFTER:
                super().new_journal(header, entries)
                self._fate.die()
        super().new_journal(header, entries).close()
        return MortalJournal(self.journal_path, self._fate, count=len(entries))

    def drop_journal(self) -> None:
        match self._fate.meet("drop"):
            case Kind.KILL_BEFORE:
                self._fate.die()
            case Kind.KILL_AFTER:
                super().drop_journal()
                self._fate.die()
            case _:
                super().drop_journal()


class MortalJournal(JournalWriter):
    """A journal on a disk that can fill up, written by a process that can die at any byte."""

    def __init__(self, path: Path, fate: Fate, *, count: int) -> None:
        super().__init__(path, count=count)
        self._fate = fate

    def write(self, entry: Entry) -> None:
        kind = self._fate.meet("journal")
        if kind is Kind.TORN:
            line = journal.entry_line(self._count + 1, entry)
            durable.write_all(self._descriptor, line[: len(line) // 2])
            self._fate.die()
        if kind is Kind.KILL_BEFORE:
            self._fate.die()
        self._failed = self._failed or kind is Kind.FAIL
        super().write(entry)
        if kind is Kind.KILL_AFTER:
            self._fate.die()
