"""The state as a file: what is saved is loaded, and nobody overwrites what somebody else saved."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from reconciler.errors import StateError
from reconciler.storage.state_file import StateFile
from tests.support.plans import instance, share, state

_FIRST = state({"a": instance(share("v1"))})
_SECOND = replace(_FIRST, serial=9)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "prod.state.json"


def _saved(path: Path) -> StateFile:
    backend = StateFile(path)
    assert backend.load() is None
    backend.save(_FIRST)
    return backend


def test_what_is_saved_is_loaded(path: Path) -> None:
    """Private, and the one before it stays as `.backup`, byte for byte."""
    backend = _saved(path)
    first = path.read_bytes()
    backup = path.with_name("prod.state.json.backup")
    assert not backup.exists()
    backend.save(_SECOND)
    assert StateFile(path).load() == _SECOND
    assert first == backup.read_bytes()
    assert [stat.S_IMODE(p.stat().st_mode) for p in (path, backup)] == [0o600, 0o600]
    assert sorted(p.name for p in path.parent.iterdir()) == [path.name, backup.name]


def test_a_state_in_a_new_directory_is_saved(tmp_path: Path) -> None:
    """`state: {path: states/prod.json}`."""
    backend = StateFile(tmp_path / "states" / "eu" / "prod.json")
    assert backend.load() is None
    backend.save(_FIRST)
    assert backend.load() == _FIRST


def _changed(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"\n")


def _replaced(path: Path) -> None:
    other = StateFile(path)
    other.load()
    other.save(_SECOND)


def _removed(path: Path) -> None:
    path.unlink()


def _linked(path: Path) -> None:
    path.rename(path.with_name("real"))
    path.symlink_to("real")


@pytest.mark.parametrize("meanwhile", [_changed, _replaced, _removed, _linked])
def test_a_state_that_changed_meanwhile_is_not_overwritten(
    path: Path, meanwhile: Callable[[Path], None]
) -> None:
    """Two copies of one state: the second commit is refused and leaves what it found."""
    _saved(path)
    backend = StateFile(path)
    backend.load()
    meanwhile(path)
    found = path.read_bytes() if path.exists() else None
    with pytest.raises(StateError) as caught:
        backend.save(replace(_FIRST, serial=99))
    assert str(path) in caught.value.detail
    assert caught.value.hint
    assert found == (path.read_bytes() if path.exists() else None)


def test_a_state_that_appeared_meanwhile_is_not_overwritten(path: Path) -> None:
    """Two first runs at once, on a file system whose locks do nothing."""
    late = StateFile(path)
    assert late.load() is None
    _saved(path)
    with pytest.raises(StateError, match="changed by another run"):
        late.save(_SECOND)
    assert StateFile(path).load() == _FIRST


def test_a_state_is_not_overwritten_unread(path: Path) -> None:
    """Whoever did not load it does not know what it holds."""
    _saved(path)
    with pytest.raises(StateError, match="changed by another run"):
        StateFile(path).save(_SECOND)


def test_one_run_saves_again_and_again(path: Path) -> None:
    """The claim, checkpoints, the end."""
    backend = _saved(path)
    for serial in range(9, 13):
        backend.save(replace(_FIRST, serial=serial))
    found = backend.load()
    assert found is not None
    assert found.serial == 12


def test_a_failed_save_can_be_tried_again(path: Path) -> None:
    """The old state is still the loaded one."""
    backend = _saved(path)
    backup = path.with_name("prod.state.json.backup")
    backup.mkdir()
    with pytest.raises(StateError, match="cannot be written"):
        backend.save(_SECOND)
    assert StateFile(path).load() == _FIRST
    backup.rmdir()
    backend.save(_SECOND)
    assert backend.load() == _SECOND


@pytest.mark.parametrize("kind", ["link", "directory", "fifo", "empty", "damaged"])
def test_what_is_no_state_is_refused_and_left_alone(path: Path, kind: str) -> None:
    """With the file's name; never taken for a first run."""
    match kind:
        case "link":
            path.symlink_to(path.with_name("absent"))
        case "directory":
            path.mkdir()
        case "fifo":
            os.mkfifo(path)
        case "empty":
            path.write_bytes(b"")
        case "damaged":
            path.write_bytes(b'{"format_version": 1')
    with pytest.raises(StateError) as caught:
        StateFile(path).load()
    assert str(path) in caught.value.detail
    assert os.path.lexists(path)
