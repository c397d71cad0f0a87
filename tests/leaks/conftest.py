"""One tenant with its proxy for all tests of a worker."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.faults.scene import Bench, Scene, bench


@pytest.fixture(scope="package")
def leaks_bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """Return a tenant, a proxy before it that records what it is asked, and the client ready to be started."""
    with bench(tmp_path_factory.mktemp("leaks")) as made:
        yield made


@pytest.fixture
def scene(leaks_bench: Bench) -> Scene:
    """Return an empty stack."""
    return leaks_bench.scene()
