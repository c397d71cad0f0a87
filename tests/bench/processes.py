"""What a process costs: CPU seconds (user and system) and seconds on the clock. Others on the machine disturb the
second far more than the first, so ratios are made of CPU seconds wherever the waiting is not the point.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.bench.workload import PEOPLE
from tests.support.processes import sandbox


@dataclass(frozen=True, kw_only=True)
class Cost:
    """CPU seconds and seconds on the clock."""

    cpu: float
    wall: float


def python(*arguments: str, cwd: Path, env: Mapping[str, str], codes: Sequence[int] = (0,)) -> Cost:
    """Run Python once, to its end."""
    command = [sys.executable, *arguments]
    start = time.perf_counter()
    process = subprocess.Popen(
        command,
        cwd=cwd,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    with process.stderr as stream:
        said = stream.read()
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode in codes, f"{command} ended with {process.returncode}: {said[-500:]}"
    return Cost(cpu=used.ru_utime + used.ru_stime, wall=time.perf_counter() - start)


def reconciler(*arguments: str, cwd: Path, env: Mapping[str, str]) -> Cost:
    """Run the command line once."""
    return python("-m", "reconciler", *arguments, cwd=cwd, env=env)


def best(run: Callable[[], Cost], times: int) -> Cost:
    """Return the cheapest of several runs: noise only adds."""
    return min((run() for _ in range(times)), key=lambda cost: cost.cpu)


def timed(work: Callable[[], object], times: int = 3) -> Cost:
    """Return what a call in this process costs, the cheapest of several."""
    found = []
    for _ in range(times):
        cpu, wall = time.process_time(), time.perf_counter()
        work()
        found.append(Cost(cpu=time.process_time() - cpu, wall=time.perf_counter() - wall))
    return min(found, key=lambda cost: cost.cpu)


@dataclass(frozen=True, kw_only=True)
class Tenant:
    """A sandbox in a process of its own."""

    url: str
    token: str
    pid: int

    def environment(self, base: Mapping[str, str]) -> dict[str, str]:
        """Return the environment in which the command line finds it."""
        return {**base, "CONDUCTORONE_SERVER_URL": self.url, "CONDUCTORONE_ACCESS_TOKEN": self.token}

    def cpu(self) -> float:
        """Return the CPU seconds that it has used so far (Linux)."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def tenant(data: Path) -> Iterator[Tenant]:
    """Run a sandbox that knows the workload's people."""
    people = [argument for person in PEOPLE for argument in ("--person", person)]
    with sandbox(data, *people) as (told, pid):
        yield Tenant(url=told["url"], token=told["tokens"]["owner"], pid=pid)
