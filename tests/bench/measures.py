"""Each measurement: what was done, and its ratio to something else that was done in the same run."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import yaml

from reconciler.auth import sign_in
from reconciler.auth.interface import AccessToken, ChosenCredential, Way
from reconciler.auth.server import parse
from reconciler.c1.client import Client
from reconciler.http.session import Session
from reconciler.model.address import Address
from reconciler.operations.concurrency import each
from reconciler.sensitive import Sensitive
from reconciler.state import journal
from reconciler.state.journal import Header, Intent
from reconciler.storage import durable
from reconciler.storage.state_file import StateFile
from reconciler.storage.workdir import Workdir
from tests.bench.processes import Cost, Tenant, best, python, reconciler, tenant, timed
from tests.bench.workload import manifest


@dataclass(frozen=True, kw_only=True)
class Measured:
    """One line of the report. `ratio` compares with `beside`, measured in the same run."""

    what: str
    cost: Cost
    ratio: float
    beside: str
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class Bench:
    """Where it is measured, and how large."""

    directory: Path
    secrets: int
    rounds: int
    env: dict[str, str]

    def run(self, *arguments: str, env: dict[str, str] | None = None) -> Cost:
        """Run the command line once in the stack's directory."""
        return reconciler(*arguments, cwd=self.directory, env=env or self.env)


def starting(bench: Bench) -> Iterator[Measured]:
    """What a person waits for before anything happens: beside an interpreter that imports click."""
    small = bench.directory / "small"
    small.mkdir()
    (small / "reconciler.yaml").write_text(manifest(1))
    click = best(lambda: python("-c", "import click", cwd=small, env=bench.env), 2 * bench.rounds)
    yield Measured(what="python -c 'import click'", cost=click, ratio=1.0, beside="itself")
    for arguments in (("--version",), ("--help",), ("validate",), ("plan", "--offline")):
        run = best(lambda a=arguments: reconciler(*a, cwd=small, env=bench.env), 2 * bench.rounds)  # type: ignore[misc]
        what = " ".join(arguments) + ("" if arguments[0].startswith("-") else ", one secret")
        yield Measured(what=what, cost=run, ratio=run.cpu / click.cpu, beside="import click")


def reading(bench: Bench) -> Iterator[Measured]:
    """The whole manifest, read and planned offline: beside PyYAML's C loader on the same file."""
    script = "import yaml; yaml.load(open('reconciler.yaml').read(), yaml.CSafeLoader)"
    loader = best(lambda: python("-c", script, cwd=bench.directory, env=bench.env), bench.rounds)
    assert yaml.__with_libyaml__
    yield Measured(what="yaml.load(…, CSafeLoader)", cost=loader, ratio=1.0, beside="itself")
    for arguments in (("validate",), ("plan", "--offline"), ("--json", "plan", "--offline")):
        run = best(lambda a=arguments: bench.run(*a), bench.rounds)  # type: ignore[misc]
        yield Measured(what=" ".join(arguments), cost=run, ratio=run.cpu / loader.cpu, beside="CSafeLoader")


def applying(bench: Bench) -> Iterator[Measured]:
    """The life of a stack against a tenant in another process, and both ways of reading the tenant."""
    with tenant(bench.directory / "tenant") as there:
        env = there.environment(bench.env)
        yield from _against(bench, there, "plan, nothing there yet", "plan", env=env)
        yield from _against(bench, there, "apply, all created", "apply", "--auto-approve", env=env)
        yield from _against(bench, there, "plan, nothing changed", "plan", "--detailed-exitcode", env=env)
        yield from _against(bench, there, "apply, nothing changed", "apply", "--auto-approve", env=env)
        yield from _refreshing(bench, there)
    yield from _state(bench)


def _against(
    bench: Bench, there: Tenant, what: str, *arguments: str, env: dict[str, str]
) -> Iterator[Measured]:
    before = there.cpu()
    run = bench.run(*arguments, env=env)
    served = there.cpu() - before
    rate = f"{bench.secrets / run.wall:,.0f} secrets/s; tenant {served:.1f} CPU s"
    yield Measured(
        what=what, cost=run, ratio=run.cpu / max(served, 0.01), beside="the tenant's CPU", note=rate
    )


def _refreshing(bench: Bench, there: Tenant) -> Iterator[Measured]:
    """Search pages, as `plan` reads, and a GET for each secret, as Terraform's refresh reads."""
    ids: list[str] = []

    async def pages() -> None:
        async with _client(there) as client:
            ids[:] = [vault.vault_id async for vault in client.mine()]

    async def gets() -> None:
        async with _client(there) as client:

            async def get(vault_id: str) -> None:
                await client.get(vault_id)

            await each(ids, get, at_once=10)

    by_page = _with_tenant(there, lambda: asyncio.run(pages()))
    assert len(ids) == bench.secrets
    one_by_one = _with_tenant(there, lambda: asyncio.run(gets()))
    requests = -(-bench.secrets // 100)
    yield replace(by_page, what=f"refresh by search, {requests:,} requests")
    yield Measured(
        what=f"refresh by GET, {bench.secrets:,} requests",
        cost=one_by_one.cost,
        ratio=one_by_one.cost.wall / by_page.cost.wall,
        beside="the search, by the clock",
        note=f"{one_by_one.note}; {one_by_one.cost.cpu / by_page.cost.cpu:.1f} x its CPU here",
    )


def _with_tenant(there: Tenant, work: Callable[[], object]) -> Measured:
    before = there.cpu()
    cost = timed(work, times=1)
    served = there.cpu() - before
    return Measured(
        what="",
        cost=cost,
        ratio=cost.cpu / max(served, 0.01),
        beside="the tenant's CPU",
        note=f"tenant {served:.1f} CPU s",
    )


@asynccontextmanager
async def _client(there: Tenant) -> AsyncIterator[Client]:
    session, server = Session(), parse(there.url, where="the bench")
    token = AccessToken(value=Sensitive.of(there.token))
    found = ChosenCredential(way=Way.ACCESS_TOKEN, where="the bench", credential=token)
    client = Client(session, server, sign_in(found, session, server))
    try:
        yield client
    finally:
        await client.aclose()


def _state(bench: Bench) -> Iterator[Measured]:
    """The state that apply left: beside `json` alone on the same bytes."""
    backend = StateFile(bench.directory / "reconciler.state.json")
    data = backend.path.read_bytes()
    loads = timed(lambda: json.loads(data))
    document = json.loads(data)
    dumps = timed(lambda: json.dumps(document, sort_keys=True))
    load = timed(backend.load)
    state = backend.load()
    assert state is not None
    save = timed(lambda: backend.save(replace(state, serial=state.serial + 1)), times=1)
    size = f"{len(data) / 2**20:.1f} MiB"
    yield Measured(
        what="load the state", cost=load, ratio=load.cpu / loads.cpu, beside="json.loads", note=size
    )
    yield Measured(
        what="save the state", cost=save, ratio=save.cpu / dumps.cpu, beside="json.dumps", note=size
    )


def journalling(bench: Bench) -> Iterator[Measured]:
    """A thousand records, each on the disk before the next; beside the same lines without the waiting."""
    records = [_intent(number) for number in range(1000)]
    header = Header(lineage="0" * 32, base_serial=1, tool="bench")
    workdir = Workdir(bench.directory, "bench")
    writer = workdir.new_journal(header)

    def durably() -> None:
        for record in records:
            writer.write(record)

    synced = timed(durably, times=1)
    writer.close()
    descriptor = os.open(bench.directory / "plain", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def plain() -> None:
        for number, record in enumerate(records):
            durable.write_all(descriptor, journal.entry_line(number + 1, record))

    unsynced = timed(plain, times=1)
    os.close(descriptor)
    yield Measured(
        what="1,000 journal records",
        cost=synced,
        ratio=synced.wall / unsynced.wall,
        beside="without fdatasync, by the clock",
        note=f"{synced.wall - unsynced.wall:.2f} ms of waiting a record",
    )


def _intent(number: int) -> Intent:
    return Intent(
        op=f"{number:016x}",
        address=Address(f"secret-{number:05}"),
        uid=f"{number:032x}",
        generation=1,
        tag="AAAAAA.AAAAAA.1.AAAAAAAA",
        at=datetime(2026, 11, 23, tzinfo=UTC),
    )
