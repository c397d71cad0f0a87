"""`python -m tests.bench [SECRETS]` prints the ratios (default: 10,000 secrets; `--rounds`, `--skip-age`)."""

from __future__ import annotations

import argparse
import os
import platform
from collections.abc import Callable, Iterator

from tests.age.bench import report, throughputs
from tests.bench.measures import Bench, Measured, applying, journalling, reading, starting
from tests.bench.workload import stack

_OURS = ("CONDUCTORONE_", "RECONCILER_", "GITHUB_", "CI")


def main() -> None:
    """Measure everything once and print it as it comes."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description="Ratios within one run.")
    parser.add_argument("secrets", nargs="?", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3, help="runs of what is short; the cheapest counts")
    parser.add_argument("--skip-age", action="store_true")
    asked = parser.parse_args()
    env = {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}
    print(f"{asked.secrets:,} secrets; Python {platform.python_version()}, {os.cpu_count()} cores, ", end="")
    print(f"load {os.getloadavg()[0]:.1f} at the start")
    with stack(asked.secrets) as directory:
        bench = Bench(directory=directory, secrets=asked.secrets, rounds=asked.rounds, env=env)
        for title, measure in _SECTIONS.items():
            _print(title, measure(bench))
    if not asked.skip_age:
        print("\nage")
        print(report(throughputs(64)), end="")


_SECTIONS: dict[str, Callable[[Bench], Iterator[Measured]]] = {
    "starting": starting,
    "reading": reading,
    "the tenant in another process": applying,
    "journal": journalling,
}


def _print(title: str, found: Iterator[Measured]) -> None:
    print(f"\n{title}")
    for one in found:
        cost = f"{one.cost.cpu:7.2f} CPU s {one.cost.wall:7.2f} s"
        print(f"  {one.what:<34}{cost}  {one.ratio:6.2f} x {one.beside}", flush=True)
        if one.note:
            print(f"  {'':<34}{one.note}", flush=True)


if __name__ == "__main__":
    main()
