"""At least one case of every row of the fault matrix; `make faults` runs them all."""

from __future__ import annotations

import pytest

from tests.faults import kills, matrix
from tests.faults.client import has_strace
from tests.faults.matrix import ROWS, Scenario
from tests.faults.scene import Bench

SAMPLE = [s for s in matrix.all_scenarios() if s.sample]
KILLS = [s for s in kills.scenarios(1, seed=4) if s.sample]


def test_every_row_has_a_sample() -> None:
    """No row of the matrix is left to the long run alone."""
    assert [] == [row for row in ROWS if row not in {s.row for s in SAMPLE}]


@pytest.mark.parametrize("it", SAMPLE, ids=lambda s: s.id)
def test_row(own: Bench, it: Scenario) -> None:
    """The invariants hold after the fault, after one re-run, and after the pending time."""
    if it.strace and not has_strace():
        pytest.skip("strace is not installed")
    it.run(own)


@pytest.mark.parametrize("it", KILLS, ids=lambda s: s.id)
def test_killed_at_a_random_moment(own: Bench, it: Scenario) -> None:
    """Fifty secrets, killed somewhere: one re-run makes all of it right."""
    it.run(own)
