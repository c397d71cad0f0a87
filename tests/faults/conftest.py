"""The bench of this package's tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.faults.scene import Bench, bench


@pytest.fixture(scope="package")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """A bench for all tests of one worker."""
    with bench(tmp_path_factory.mktemp("faults")) as made:
        yield made
