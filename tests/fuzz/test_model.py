"""Random lives of a stack, judged after every step: no order of edits, faults, deaths and re-runs loses anything."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.fuzz.by_hand import Life

SETTINGS = settings(
    max_examples=20,
    stateful_step_count=30,
    deadline=None,
    database=None,
    print_blob=True,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.generate, Phase.shrink),
)


@pytest.mark.parametrize("number", [1, 2, 3, 4])
def test_a_stack_survives_everything_in_any_order(number: int) -> None:
    """The same examples every time: a failure here repeats with this number (`python -m tests.fuzz --seed`)."""
    run_state_machine_as_test(seed(number)(Life), settings=SETTINGS)
