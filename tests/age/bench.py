"""How fast both suites encrypt a file, beside pyrage alone. `python -m tests.age.bench [MiB]` prints it."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

import pyrage

from reconciler.age import encrypt_file
from tests.age.streams import IDENTITIES, SUITES, Zeros, recipient_of

ROUNDS = 3


@dataclass(frozen=True)
class Throughput:
    """MiB of plaintext a second: the best of a few rounds, taken in turn so that noise meets all alike."""

    name: str
    rate: float
    ratio: float
    """Against `pyrage.encrypt_io` writing to nothing, in the same run."""


class _Nowhere:
    def write(self, data: bytes) -> int:
        return len(data)

    def flush(self) -> None: ...


def throughputs(mebibytes: int = 256, rounds: int = ROUNDS) -> list[Throughput]:
    """Measure pyrage alone, then both suites through `encrypt_file`."""
    size = mebibytes * 2**20
    runs: dict[str, Callable[[], None]] = {"pyrage alone": lambda: _pyrage(size)}
    for suite in SUITES:
        runs[suite] = lambda suite=suite: asyncio.run(_drain(suite, size))  # type: ignore[misc]
    best = dict.fromkeys(runs, float("inf"))
    for _ in range(rounds):
        for name, run in runs.items():
            start = time.perf_counter()
            run()
            best[name] = min(best[name], time.perf_counter() - start)
    return [
        Throughput(name, mebibytes / seconds, best["pyrage alone"] / seconds)
        for name, seconds in best.items()
    ]


def report(results: list[Throughput]) -> str:
    """Return the lines to print."""
    return "".join(f"{one.name:<16}{one.rate:>7.0f} MiB/s  {one.ratio:.2f} x pyrage\n" for one in results)


def _pyrage(size: int) -> None:
    recipient = pyrage.x25519.Recipient.from_str(IDENTITIES["x25519"].recipient)
    pyrage.encrypt_io(Zeros(size), _Nowhere(), [recipient])


async def _drain(suite: str, size: int) -> None:
    async with encrypt_file(recipient_of(suite), Zeros(size), size) as out:
        async for _ in out:
            pass


if __name__ == "__main__":
    print(report(throughputs(*map(int, sys.argv[1:]))), end="")
