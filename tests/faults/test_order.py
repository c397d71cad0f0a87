"""What must be on the disk before what; the page cache survives a SIGKILL, so only the calls can tell."""

from __future__ import annotations

import pytest

from tests.faults import order
from tests.faults.client import has_strace
from tests.faults.crashes import PREPARED
from tests.faults.scene import Bench

pytestmark = pytest.mark.skipif(not has_strace(), reason="strace is not installed")


@pytest.mark.parametrize("prepared", ["text", "file", "replace-text"])
def test_order_of_system_calls(own: Bench, prepared: str) -> None:
    """A record is synced before the request that it announces; a file before its rename, the directory after."""
    scene = own.scene()
    PREPARED[prepared](scene)
    ran = scene.apply("--parallelism", "1", trace=order.TRACED)
    assert 0 == ran.code, ran.text
    met = order.check(ran.trace)
    assert met["renamed"] == met["directory"] >= 3, met
    assert met["sent"] >= 2, met
    assert 1 == met["dropped"], met
