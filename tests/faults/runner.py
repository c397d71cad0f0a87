"""Sharing the scenarios out between worker processes, and the table at the end."""

from __future__ import annotations

import argparse
import json
import multiprocessing
import queue
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from multiprocessing.queues import Queue
from pathlib import Path

from tests.faults import kills, matrix
from tests.faults.matrix import ROWS, Scenario
from tests.faults.scene import bench

_STOP = None


@dataclass(frozen=True)
class Report:
    """One scenario's end."""

    index: int
    cases: dict[str, int]
    seconds: float
    violation: str | None


@dataclass(frozen=True)
class Which:
    """Which scenarios there are: the matrix, or so many random kills of each kind."""

    kills: int = 0
    seed: int = 0

    def scenarios(self) -> list[Scenario]:
        return kills.scenarios(self.kills, self.seed) if self.kills else matrix.all_scenarios()


def worker(which: Which, todo: Queue[int | None], done: Queue[Report]) -> None:
    """Run scenarios until there are none left, or nobody is left to report to."""
    scenarios, parent = which.scenarios(), multiprocessing.parent_process()
    assert parent is not None
    with tempfile.TemporaryDirectory(prefix="faults-") as directory, bench(Path(directory)) as own:
        while (index := todo.get()) is not _STOP and parent.is_alive():
            one, began, violation = scenarios[index], time.monotonic(), None
            cases: dict[str, int] = {}
            try:
                outcome = one.run(own)
                cases = outcome if isinstance(outcome, dict) else {one.row: 1 if outcome is None else outcome}
            except Exception:  # noqa: BLE001 - every failure of a scenario is a finding
                violation, cases = traceback.format_exc(), {one.row: 1}
            done.put(Report(index, cases, time.monotonic() - began, violation))


def main() -> int:
    """Run, print the table, and return 1 where anything was violated."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults")
    parser.add_argument("--row", default="", help="only these rows, with commas")
    parser.add_argument("--only", default="", help="only scenarios whose name holds this")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("-v", "--verbose", action="store_true", help="name each scenario as it ends")
    parser.add_argument("--sample", action="store_true", help="only what `make test` runs")
    parser.add_argument("--write", type=Path, help="write the figures there: as JSON, or into a page's table")
    parser.add_argument(
        "--kills", type=int, default=0, metavar="N", help="N random kills of each kind instead"
    )
    parser.add_argument("--seed", type=int, default=20_260_101, help="of the random moments")
    asked = parser.parse_args()
    which = Which(kills=asked.kills, seed=asked.seed)
    scenarios = which.scenarios()
    rows = set(asked.row.split(",")) if asked.row else {s.row for s in scenarios}
    chosen = [
        n
        for n, s in enumerate(scenarios)
        if s.row in rows and asked.only in s.id and (s.sample or not asked.sample)
    ]
    began = time.monotonic()
    reports = run(chosen, which, asked.workers, verbose=asked.verbose)
    print(table(reports, scenarios, time.monotonic() - began))
    if asked.write:
        write(asked.write, figures(reports, scenarios))
    return int(any(report.violation for report in reports))


def run(chosen: list[int], which: Which, workers: int, *, verbose: bool) -> list[Report]:
    """Share the scenarios out, the sweeps (the longest) first."""
    scenarios = which.scenarios()
    spawn = multiprocessing.get_context("spawn")
    todo: Queue[int | None] = spawn.Queue()
    done: Queue[Report] = spawn.Queue()
    for index in sorted(chosen, key=lambda n: not scenarios[n].strace):
        todo.put(index)
    processes = [spawn.Process(target=worker, args=(which, todo, done)) for _ in range(workers)]
    for process in processes:
        todo.put(_STOP)
        process.start()
    reports = []
    for _ in chosen:
        report = _next(done, processes)
        reports.append(report)
        if report.violation:
            print(f"VIOLATION {scenarios[report.index].id}\n{report.violation}", flush=True)
        elif verbose:
            print(f"{report.seconds:6.1f} s  {scenarios[report.index].id}", file=sys.stderr, flush=True)
    for process in processes:
        process.join()
    return reports


def _next(done: Queue[Report], processes: Sequence[BaseProcess]) -> Report:
    while True:
        try:
            return done.get(timeout=5)
        except queue.Empty:
            if not any(process.is_alive() for process in processes):
                raise RuntimeError("the workers died") from None


def figures(reports: list[Report], scenarios: list[Scenario]) -> dict[str, dict[str, int]]:
    """Return, by row, how many scenarios were run and how many broke a promise."""
    run_: Counter[str] = Counter()
    broken: Counter[str] = Counter()
    for report in reports:
        run_.update(report.cases)
        broken[scenarios[report.index].row] += report.violation is not None
    return {row: {"run": run_[row], "violations": broken[row]} for row in (*ROWS, *kills.LOSSES) if run_[row]}


def write(path: Path, found: dict[str, dict[str, int]]) -> None:
    """Write the figures as JSON, or into the table of a page between its two marks."""
    if path.suffix != ".md":
        path.write_text(json.dumps(found, indent=2) + "\n")
        return
    kind = "kills" if set(found) <= set(kills.LOSSES) else "faults"
    lines = ["| row | cases run | violations |", "|---|---|---|"]
    lines += [f"| {row} | {it['run']:,} | {it['violations']} |" for row, it in found.items()]
    sums = [sum(it[what] for it in found.values()) for what in ("run", "violations")]
    lines.append(f"| all | {sums[0]:,} | {sums[1]} |")
    before, mark, rest = path.read_text().partition(f"<!-- {kind} -->\n")
    _, end, after = rest.partition(f"<!-- /{kind} -->")
    assert mark, f"{path} has no place for the figures of {kind}"
    assert end, f"{path} has no end of the figures of {kind}"
    path.write_text(before + mark + "\n".join(lines) + "\n" + end + after)


def table(reports: list[Report], scenarios: list[Scenario], seconds: float) -> str:
    """Return the figures for a person."""
    found = figures(reports, scenarios)
    lines = ["", "row        run  violations"]
    lines += [f"{row:<8} {it['run']:>5}  {it['violations']:>10}" for row, it in found.items()]
    total = sum(it["run"] for it in found.values())
    bad = sum(it["violations"] for it in found.values())
    lines.append(f"all      {total:>5}  {bad:>10}   in {seconds:.0f} s")
    slow = sorted(reports, key=lambda r: -r.seconds)[:5]
    lines += ["", "slowest:"] + [f"  {r.seconds:6.1f} s  {scenarios[r.index].id}" for r in slow]
    return "\n".join(lines)
