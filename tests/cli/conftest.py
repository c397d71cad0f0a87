"""What stands beside the desk: a tenant, and the examples."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator

import pytest

from reconciler.sandbox.serve import Embedded
from tests.conftest import desk
from tests.support.commandline import REPOSITORY, Desk

__all__ = ["desk"]  # for folders that still import it from here


@pytest.fixture
def tenant(desk: Desk) -> Iterator[Embedded]:
    """A tenant that runs beside the command line, as the real one does."""
    with Embedded(desk.path.parent / "tenant") as running:
        yield running


@pytest.fixture
def example(desk: Desk) -> Callable[[str], Desk]:
    """Copy an example to the desk."""

    def copy(name: str) -> Desk:
        source = REPOSITORY / "examples" / name
        shutil.copytree(
            source,
            desk.path,
            dirs_exist_ok=True,
            ignore=shutil.ignore_patterns(".reconciler", "*.state.json*"),
        )
        return desk

    return copy
