"""Running the client: started, traced, killed at a moment, made to fail at its n-th system call."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tests.faults.child import Call, Quirks
from tests.faults.zygote import Zygote
from tests.support.commandline import Ran

FILE_CALLS: Final = (
    *("openat", "write", "pwrite64", "fsync", "fdatasync", "rename", "link", "unlink", "mkdir", "ftruncate"),
)
NETWORK_CALLS: Final = ("connect", "sendto", "recvfrom")

_LINE: Final = re.compile(r"(\d+) +(?:<\.\.\. )?(\w+)(?:\(| resumed)(.*)\Z")


@dataclass(frozen=True)
class Syscall:
    """One line of a trace. `n` counts the calls of this name in this thread, from 1."""

    thread: int
    name: str
    n: int
    text: str

    def touches(self, directory: Path) -> bool:
        return str(directory) in self.text


@dataclass(frozen=True)
class Inject:
    """Do this to the n-th call of a name: an error, or a kill before it happens."""

    name: str
    n: int
    how: str
    """`signal=KILL` or `error=ENOSPC`."""


@dataclass(frozen=True)
class ClientRan(Ran):
    """How a run of the client ended, and what strace saw of it."""

    trace: list[Syscall] = field(default_factory=list)
    injected: list[str] = field(default_factory=list)
    peak: int = 0
    """KiB of memory, at most."""

    @property
    def killed(self) -> bool:
        return self.code == -signal.SIGKILL

    @property
    def out(self) -> str:
        return self.raw.decode(errors="replace")  # a kill may cut a character in two


class Running:
    """A client that has begun."""

    def __init__(
        self, zygote: Zygote, call: Call, *, inject: Inject | None = None, trace: tuple[str, ...] = ()
    ) -> None:
        self._call = call
        self._process, go = zygote.start(call)
        self._log = Path(call.err).with_suffix(".trace")
        self._tracer: subprocess.Popen[bytes] | None = None
        try:
            if inject or trace:
                self._tracer = self._attach(inject, trace)
            os.write(go, b"!")
        finally:
            os.close(go)

    @property
    def pid(self) -> int:
        return self._process.pid

    def kill(self, number: int = signal.SIGKILL) -> None:
        """Send a signal; a process that is gone already is fine."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, number)

    def kill_after(self, seconds: float) -> None:
        """Let it run for a while, then kill it; one that has ended by then is left alone."""
        if not self._process.event.wait(seconds):
            self.kill()

    def timed(self) -> tuple[ClientRan, float]:
        """Wait, and tell how long it took."""
        began = time.monotonic()
        return self.wait(), time.monotonic() - began

    def gone(self, seconds: float = 20) -> None:
        """Wait until it is gone."""
        assert self._process.event.wait(seconds), "it does not end"

    def wait(self, seconds: float = 120) -> ClientRan:
        """Return how it ended; a run that takes longer is a failure of its own."""
        if not self._process.event.wait(seconds):
            self.kill()
            raise AssertionError(f"the client did not end within {seconds} s")
        assert self._process.code is not None
        trace: list[Syscall] = []
        injected: list[str] = []
        if self._tracer:
            self._tracer.wait(10)
            text = self._log.read_text(errors="replace")
            trace = parse(text)
            injected = [line for line in text.splitlines() if "(INJECTED)" in line]
        return ClientRan(
            code=self._process.code,
            raw=Path(self._call.out).read_bytes(),
            err=Path(self._call.err).read_text(errors="replace"),
            trace=trace,
            injected=injected,
            peak=self._process.peak,
        )

    def _attach(self, inject: Inject | None, trace: tuple[str, ...]) -> subprocess.Popen[bytes]:
        names = trace or (inject.name if inject else "",)
        command = ["strace", "-f", "-qq", "-y", "-s", "48", "-o", str(self._log), "-e", "signal=none"]
        command += ["-e", f"trace={','.join(names)}"]
        if inject:
            command += ["-e", f"inject={inject.name}:{inject.how}:when={inject.n}"]
        tracer = subprocess.Popen([*command, "-p", str(self.pid)], stderr=subprocess.DEVNULL)
        status = Path(f"/proc/{self.pid}/status")
        until = time.monotonic() + 20
        while "TracerPid:\t0" in status.read_text():
            if tracer.poll() is not None or time.monotonic() > until:
                self.kill()
                raise RuntimeError("strace could not attach: this needs ptrace")
            self._process.event.wait(0.002)
        return tracer


def parse(text: str) -> list[Syscall]:
    """Read a trace: the calls in order, each with its number within its thread."""
    counts: dict[tuple[int, str], int] = {}
    found = []
    for line in text.splitlines():
        match = _LINE.match(line)
        if match is None or "resumed" in line.split("(")[0]:
            continue
        thread, name = int(match[1]), match[2]
        counts[thread, name] = n = counts.get((thread, name), 0) + 1
        found.append(Syscall(thread=thread, name=name, n=n, text=match[3]))
    return found


def has_strace() -> bool:
    """Tell whether the disk and process rows can be run."""
    return shutil.which("strace") is not None


__all__ = ["FILE_CALLS", "NETWORK_CALLS", "Callable", "ClientRan", "Inject", "Quirks", "Running", "Syscall"]
