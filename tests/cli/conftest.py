"""The desk of a test: its own directory, its own home, and nothing of the machine's settings."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from reconciler.sandbox.serve import Embedded
from tests.cli.desk import REPOSITORY, Desk


@pytest.fixture
def desk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> Iterator[Desk]:
    """An empty directory to work in. A test that leaves it has written somewhere it should not."""
    home, work = tmp_path / "home", tmp_path / "work"
    home.mkdir()
    work.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.chdir(work)
    for name in ("FORCE_COLOR", "CLICOLOR_FORCE", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)
    yield Desk(path=work, captured=capfdbinary)
    assert work == Path.cwd(), "a test must not leave its desk"
    assert not list(home.iterdir()), "nothing belongs into the home directory"


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
