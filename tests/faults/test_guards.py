"""Each guard of the protocol, taken out of a copy of the package: the scenarios that it is for must fail."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults import matrix, order
from tests.faults.client import has_strace
from tests.faults.crashes import PREPARED
from tests.faults.guards import GUARDS, Guard
from tests.faults.scene import Bench, bench

SCENARIOS = {s.id: s for s in matrix.all_scenarios()}
CASES = [(guard, name) for guard in GUARDS for name in guard.fails]


@pytest.mark.parametrize(("guard", "name"), CASES, ids=lambda it: getattr(it, "name", it))
def test_its_scenarios_fail_without_it(tmp_path: Path, guard: Guard, name: str) -> None:
    """A guard is worth its lines: somebody notices when it is gone."""
    if not has_strace() and (name == "order" or SCENARIOS[name].strace):
        pytest.skip("strace is not installed")
    (tmp_path / "copy").mkdir()
    root = guard.removed(tmp_path / "copy")
    run = _order if name == "order" else SCENARIOS[name].run
    with bench(tmp_path, root=root) as own, pytest.raises(AssertionError):
        run(own)


def _order(own: Bench) -> None:
    scene = own.scene()
    PREPARED["text"](scene)
    met = order.check(scene.apply("--parallelism", "1", trace=order.TRACED).trace)
    assert met["renamed"] == met["directory"]
