"""A tenant on loopback, and a person's machine beside it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.sandbox.serve import Embedded
from tests.signin.machine import Machine
from tests.support.commandline import own_directory


@pytest.fixture
def tenant(tmp_path: Path) -> Iterator[Embedded]:
    """A tenant that a test turns with `tenant.store.change`."""
    with Embedded(tmp_path / "tenant") as running:
        yield running


@pytest.fixture
def machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> Machine:
    """A home and a working directory of its own, no proxy, no certificate file, nobody signed in."""
    home, work = own_directory(tmp_path, monkeypatch)
    return Machine(home=home, path=work, captured=capfdbinary, environment=monkeypatch)
