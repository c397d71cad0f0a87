"""The client in a process of its own, forked from one that has imported everything: fast to start.

It is the shipped command line. What is changed is time: how long it waits, and what its clock says.
"""

from __future__ import annotations

import asyncio
import ctypes
import importlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import reconciler.auth
import reconciler.c1.upload
import reconciler.cli.apply
import reconciler.cli.plan
import reconciler.cli.state
from reconciler import cli
from reconciler.c1 import upload
from reconciler.http import clock, session, waits
from reconciler.manifest import schema, yamltext
from reconciler.operations import content
from reconciler.sources import KINDS


@dataclass(frozen=True)
class Quirks:
    """What is different in this process. `deadline` in seconds; `clock` is added to the machine's."""

    patient: bool = False
    deadline: float | None = None
    clock: timedelta = timedelta()
    clock_step: timedelta = timedelta()
    """Added at every look at the machine's clock: it runs away, or backwards."""
    obeys: bool = False
    """Obey file permissions, which root need not."""


@dataclass(frozen=True)
class Call:
    """One run."""

    arguments: tuple[str, ...]
    environ: dict[str, str]
    directory: str
    out: str
    err: str
    quirks: Quirks


def run(call: Call, *, ready: int, go: int) -> None:
    """Close `ready` when all is set up, wait for the word from `go`, then be the command line.

    Who traces it from then on counts the calls of the command line, and none of ours.
    """
    for number, path in ((1, call.out), (2, call.err)):
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        os.dup2(descriptor, number)
        os.close(descriptor)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.environ.clear()
    os.environ.update(call.environ)
    os.chdir(call.directory)
    _apply(call.quirks)
    os.close(ready)
    os.read(go, 1)
    os.close(go)
    cli.main(list(call.arguments))


def _apply(quirks: Quirks) -> None:
    if not quirks.patient:
        _usually(waits.Patience.__init__, sleep=_quick)
        content._READY_WAITS = (0.0, 0.01, 0.02, 0.05, 0.1, 0.2)  # type: ignore[assignment, misc]
    if quirks.deadline is not None:
        _usually(session.Session.send, deadline=quirks.deadline)
        upload._PATIENCE = quirks.deadline  # type: ignore[misc]
    if quirks.clock or quirks.clock_step:
        looks = [0]

        def machine() -> datetime:
            looks[0] += 1
            return datetime.now(UTC) + quirks.clock + looks[0] * quirks.clock_step

        _usually(clock.ServerClock.__init__, machine=machine)
    if quirks.obeys and os.geteuid() == 0:
        _drop_privileges()


def _usually(function: Callable[..., object], **defaults: object) -> None:
    """Give arguments of a function other defaults."""
    assert function.__kwdefaults__ is not None
    function.__kwdefaults__.update(defaults)


def _drop_privileges() -> None:
    """Give up every capability (capset(2), version 3), so that root is a user like any other."""
    libc = ctypes.CDLL(None, use_errno=True)
    header, nothing = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()
    if libc.capset(header, nothing):
        raise OSError(ctypes.get_errno(), "capset")


async def _quick(_seconds: float) -> None:
    await asyncio.sleep(0)


def warm() -> None:
    """Import and build what a run does late, so that no run pays for it. Leaves no thread behind."""
    for name in ("anyio._backends._asyncio", "anyio.streams.tls", "importlib.resources.readers"):
        importlib.import_module(name)
    schema.problems(yamltext.parse(b'{"version": 1, "name": "stack", "secrets": {}}', "warm").node, KINDS)
    session.tls_context(None)


_LATE = (
    reconciler.auth,
    reconciler.cli.apply,
    reconciler.cli.plan,
    reconciler.cli.state,
    reconciler.c1.upload,
)
