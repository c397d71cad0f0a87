"""`python -m tests.fuzz [--seconds N] [--seed N]`: lives of stacks, a seed after the other, until the time is over."""

from __future__ import annotations

import argparse
import secrets
import sys
import time

from hypothesis import seed, settings
from hypothesis.stateful import run_state_machine_as_test

import tests.conftest  # noqa: F401 - nothing of this machine's settings
from tests.fuzz.by_hand import Life
from tests.fuzz.machine import COUNTS
from tests.fuzz.test_model import SETTINGS


def main() -> int:
    """Return 1 when a life went wrong; its seed is printed before it begins."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz")
    parser.add_argument("--seconds", type=float, default=300.0, help="begin new seeds for so long")
    parser.add_argument("--seed", type=int, help="this one alone")
    asked = parser.parse_args()
    longer = settings(SETTINGS, max_examples=50, stateful_step_count=60)
    until = time.monotonic() + asked.seconds
    while True:
        number = secrets.randbelow(10**9) if asked.seed is None else asked.seed
        print(f"seed {number}", flush=True)
        run_state_machine_as_test(
            seed(number)(Life), settings=longer if asked.seed is None or number > 9 else SETTINGS
        )
        if asked.seed is not None or time.monotonic() > until:
            break
    for what, count in sorted(COUNTS.items()):
        print(f"{count:8}  {what}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
