"""The scenarios of the whole matrix, by row. A scenario returns how many cases it ran."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

from tests.faults.scene import Bench

Outcome: TypeAlias = "int | dict[str, int] | None"
"""Cases run: one, so many, or so many a row (a sweep over all system calls touches several rows)."""

ROWS: Final = (
    *(f"C{n}" for n in range(1, 13)),
    *(f"H{n}" for n in range(1, 11)),
    *(f"D{n}" for n in range(1, 9)),
    "T1",
    *(f"S{n}" for n in range(1, 5)),
)


@dataclass(frozen=True)
class Scenario:
    """`sample`: also run by `make test`. `strace`: needs it."""

    row: str
    name: str
    run: Callable[[Bench], Outcome]
    sample: bool
    strace: bool

    @property
    def id(self) -> str:
        return f"{self.row}-{self.name}"


SCENARIOS: Final[list[Scenario]] = []


def scenario(
    row: str, name: str = "", *, sample: bool = False, strace: bool = False
) -> Callable[[Callable[[Bench], Outcome]], Callable[[Bench], Outcome]]:
    """Register a scenario."""
    assert row in ROWS

    def register(run: Callable[[Bench], Outcome]) -> Callable[[Bench], Outcome]:
        label = name or run.__name__.strip("_").replace("_", "-")
        SCENARIOS.append(Scenario(row=row, name=label, run=run, sample=sample, strace=strace))
        return run

    return register


def add(
    row: str, name: str, run: Callable[[Bench], Outcome], *, sample: bool = False, strace: bool = False
) -> None:
    """Register one of a family of scenarios."""
    scenario(row, name, sample=sample, strace=strace)(run)


def all_scenarios() -> list[Scenario]:
    """Return every scenario, in the order of the rows."""
    from tests.faults import (  # noqa: F401 - each registers its own
        by_hand,
        copies,
        crashes,
        disks,
        first_key,
        given_up,
        hints,
        network,
        sources,
    )

    return sorted(SCENARIOS, key=lambda s: ROWS.index(s.row))
