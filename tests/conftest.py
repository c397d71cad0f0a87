"""What every test starts from: one hypothesis profile, no credential or CI setting of the machine, and the desk."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.support.commandline import Desk, own_directory

# Two busy cores are no reason to fail, and a failing example is printed so that it can be kept.
settings.register_profile(
    "suite", deadline=None, print_blob=True, suppress_health_check=(HealthCheck.too_slow,), max_examples=40
)
settings.load_profile("suite")

_MEANS_SOMETHING = ("CONDUCTORONE_", "RECONCILER_", "ACTIONS_", "GITHUB_", "GITLAB_", "CI_")

# A test says itself what is set; what it starts inherits the same.
for _name in list(os.environ):
    if _name.startswith(_MEANS_SOMETHING) or _name in ("CI", "NO_COLOR"):
        del os.environ[_name]


@pytest.fixture
def desk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> Iterator[Desk]:
    """An empty directory to work in. A test that leaves it has written somewhere it should not."""
    home, work = own_directory(tmp_path, monkeypatch)
    yield Desk(path=work, captured=capfdbinary)
    assert work == Path.cwd(), "a test must not leave its desk"
    assert not list(home.iterdir()), "nothing belongs into the home directory"


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """The program runs on asyncio alone, so its tests do."""
    return "asyncio"


@pytest.fixture(autouse=True)
def wide(monkeypatch: pytest.MonkeyPatch) -> None:
    """Judge what a command says by its sentences; the tests of the layout set a width of their own."""
    monkeypatch.setenv("COLUMNS", "1000")
