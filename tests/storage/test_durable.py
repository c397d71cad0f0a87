"""Files that survive a crash: the order of the system calls, and a fault or a kill at each of them."""

from __future__ import annotations

import errno
import os
import re
import socket
import stat
from pathlib import Path

import pytest

from reconciler.errors import StateError
from reconciler.storage import durable
from tests.support import syscalls

_OLD, _NEW = b"old " * 5000, b"new " * 6000
_REPLACE = """
from pathlib import Path
from reconciler.storage import durable
from reconciler.errors import StateError
path = Path(sys.argv[1])
try:
    durable.replace(path, b"new " * 6000, backup=path.with_name("state.backup"))
except StateError as error:
    print(error.detail)
    print(error.hint)
    sys.exit(3)
"""
_CALLS = ("write", "fsync", "link", "linkat", "rename", "unlink")
"""What a replace does to the disk; Python's start does none of these."""


@pytest.fixture
def target(tmp_path: Path) -> Path:
    home = tmp_path / "home"
    home.mkdir()
    path = home / "state"
    path.write_bytes(_OLD)
    (home / "state.backup").write_bytes(b"older")
    return path


def _names(target: Path) -> list[str]:
    return sorted(path.name for path in target.parent.iterdir())


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_file_is_replaced_and_the_old_one_kept(target: Path) -> None:
    """New bytes, private, the old ones whole in the backup, nothing else left behind."""
    target.chmod(0o644)
    backup = target.with_name("state.backup")
    durable.replace(target, _NEW, backup=backup)
    assert target.read_bytes() == _NEW
    assert backup.read_bytes() == _OLD
    assert _mode(target) == 0o600
    assert _names(target) == ["state", "state.backup"]


def test_the_backup_is_no_second_name_of_the_new_file(target: Path) -> None:
    """What is written to one later never shows in the other."""
    backup = target.with_name("state.backup")
    durable.replace(target, _NEW, backup=backup)
    durable.replace(target, b"third", backup=backup)
    assert (target.read_bytes(), backup.read_bytes()) == (b"third", _NEW)
    assert target.stat().st_ino != backup.stat().st_ino


def test_a_new_file_is_private_from_the_start(tmp_path: Path) -> None:
    """Whatever the umask; the directory too. Without an old file there is no backup."""
    old = os.umask(0)
    try:
        durable.make_private_directory(tmp_path / "a")
        durable.replace(tmp_path / "a" / "f", b"x", backup=tmp_path / "a" / "b")
    finally:
        os.umask(old)
    assert _mode(tmp_path / "a") == 0o700
    assert _mode(tmp_path / "a" / "f") == 0o600
    assert not (tmp_path / "a" / "b").exists()


@syscalls.needs_strace
def test_the_data_is_on_the_disk_before_the_name(target: Path, tmp_path: Path) -> None:
    """Written and synced aside with O_EXCL and 0600, the old one kept, renamed, the directory synced."""
    log = syscalls.traced(_REPLACE, target, within=target.parent, log=tmp_path / "log")
    opened = next(line for line in log if "O_EXCL" in line)
    assert "O_NOFOLLOW" in opened
    assert "0600" in opened
    aside = re.search(r'"([^"]*\.tmp)"', opened)
    assert aside is not None
    steps = [
        lambda line: line.startswith("write(") and aside[1] in line,
        lambda line: line.startswith("fsync(") and aside[1] in line,
        lambda line: line.startswith("rename(") and line.split('"')[3].endswith("/state.backup"),
        lambda line: line.startswith("rename(") and aside[1] in line and line.split('"')[3] == str(target),
        lambda line: line.startswith("fsync(") and f"<{target.parent}>" in line,
    ]
    places = [next(i for i, line in enumerate(log) if step(line)) for step in steps]
    assert places == sorted(places)


def _number_of_calls(target: Path, log: Path) -> list[tuple[str, int]]:
    lines = syscalls.traced(_REPLACE, target, within=target.parent, log=log)
    names = [line.partition("(")[0] for line in lines]
    return [(name, n) for name in _CALLS for n in range(1, names.count(name) + 1)]


def _restore(target: Path) -> None:
    for path in target.parent.iterdir():
        path.unlink()
    target.write_bytes(_OLD)
    target.with_name("state.backup").write_bytes(b"older")


def _assert_whole(target: Path) -> None:
    assert target.read_bytes() in (_OLD, _NEW)
    assert target.with_name("state.backup").read_bytes() in (b"older", _OLD)


@syscalls.needs_strace
def test_a_kill_at_any_system_call_leaves_old_or_new(target: Path, tmp_path: Path) -> None:
    """Never a mix, never nothing, and the backup whole too; the next replace clears up what is left aside."""
    calls = _number_of_calls(target, tmp_path / "log")
    assert len(calls) >= 6
    for name, n in calls:
        _restore(target)
        done = syscalls.run(_REPLACE, target, fault=f"{name}:signal=KILL:when={n}")
        assert done.returncode in (-9, 137), (name, n)
        _assert_whole(target)
        other = target.with_name(".state.journal.tmp")
        other.touch()
        durable.replace(target, b"again", backup=target.with_name("state.backup"))
        assert target.read_bytes() == b"again"
        assert _names(target) == [other.name, "state", "state.backup"]


@syscalls.needs_strace
@pytest.mark.parametrize("error", ["ENOSPC", "EIO"])
def test_an_error_at_any_system_call_leaves_old_or_new(target: Path, tmp_path: Path, error: str) -> None:
    """It is told with the file's name and the system's words, nothing lies around; or it was done all the same."""
    for name, n in _number_of_calls(target, tmp_path / "log"):
        _restore(target)
        done = syscalls.run(_REPLACE, target, fault=f"{name}:error={error}:when={n}")
        assert "Traceback" not in done.stderr, (name, n)
        _assert_whole(target)
        if done.returncode == 0:
            assert target.read_bytes() == _NEW
            continue
        assert done.returncode == 3
        assert f"{target} cannot be written: {os.strerror(getattr(errno, error))}" in done.stdout
        if name != "unlink":
            assert _names(target) == ["state", "state.backup"]


@syscalls.needs_strace
@pytest.mark.parametrize("error", ["EPERM", "EOPNOTSUPP", "EMLINK"])
def test_a_file_system_without_second_names_keeps_a_copy(target: Path, error: str) -> None:
    """Some network shares and FAT have no hard links, and Linux refuses them for other people's files."""
    done = syscalls.run(_REPLACE, target, fault=f"link,linkat:error={error}")
    assert done.returncode == 0, done.stdout + done.stderr
    assert target.read_bytes() == _NEW
    assert target.with_name("state.backup").read_bytes() == _OLD


_LIMITED = (
    """
import resource
resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
"""
    + _REPLACE
)


def test_a_disk_that_fills_up_half_way_leaves_the_old_file(target: Path) -> None:
    """Part of the new bytes was written: aside, and it is removed."""
    done = syscalls.run(_LIMITED, target)
    assert done.returncode == 3
    assert "cannot be written: File too large" in done.stdout
    assert target.read_bytes() == _OLD
    assert target.with_name("state.backup").read_bytes() == b"older"
    assert _names(target) == ["state", "state.backup"]


def test_what_is_not_there_reads_as_none(tmp_path: Path) -> None:
    """A missing file and a missing directory alike."""
    assert durable.read_file(tmp_path / "f") is None
    assert durable.read_file(tmp_path / "d" / "f") is None


@pytest.mark.parametrize(
    "kind", ["link", "dangling", "directory", "fifo", "socket", "device", "behind a file"]
)
def test_what_is_no_regular_file_is_refused(tmp_path: Path, kind: str) -> None:
    """At once, without following, waiting or a traceback."""
    path = tmp_path / "f"
    (tmp_path / "real").write_bytes(b"hunter2-canary")
    match kind:
        case "link":
            path.symlink_to(tmp_path / "real")
        case "dangling":
            path.symlink_to(tmp_path / "absent")
        case "directory":
            path.mkdir()
        case "fifo":
            os.mkfifo(path)
        case "socket":
            with socket.socket(socket.AF_UNIX) as it:
                os.chdir(tmp_path)
                it.bind("f")
        case "device":
            path = Path("/dev/zero")
        case "behind a file":
            path = tmp_path / "real" / "f"
    with pytest.raises(StateError) as caught:
        durable.read_file(path)
    assert str(path) in caught.value.detail
    assert "hunter2-canary" not in caught.value.detail
    if kind in ("link", "dangling"):
        assert "is a symbolic link" in caught.value.detail


def test_a_fifo_with_a_writer_is_refused_too(tmp_path: Path) -> None:
    """It would answer None instead of bytes."""
    os.mkfifo(tmp_path / "f")
    descriptor = os.open(tmp_path / "f", os.O_RDWR | os.O_NONBLOCK)
    try:
        with pytest.raises(StateError, match="not a regular file"):
            durable.read_file(tmp_path / "f")
    finally:
        os.close(descriptor)


def test_no_descriptor_is_left_open(tmp_path: Path) -> None:
    """Refusals close what they opened."""
    (tmp_path / "d").mkdir()
    os.mkfifo(tmp_path / "f")
    before = len(list(Path("/proc/self/fd").iterdir()))
    for name in ("d", "f"):
        with pytest.raises(StateError):
            durable.read_file(tmp_path / name)
    assert before == len(list(Path("/proc/self/fd").iterdir()))


def test_a_huge_file_is_not_read_into_memory(tmp_path: Path) -> None:
    """A sparse terabyte under a state's name."""
    with (tmp_path / "f").open("wb") as file:
        file.truncate(2**40)
    with pytest.raises(StateError, match="larger than any file of this program"):
        durable.read_file(tmp_path / "f")


def test_a_link_in_the_place_of_a_file_is_not_written_through(tmp_path: Path) -> None:
    """Somebody planted it: its target stays as it is."""
    (tmp_path / "real").write_bytes(b"keep")
    (tmp_path / "f").symlink_to(tmp_path / "real")
    with pytest.raises(StateError, match="is a symbolic link"):
        durable.replace(tmp_path / "f", b"new", backup=tmp_path / "b")
    assert (tmp_path / "real").read_bytes() == b"keep"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["f", "real"]


def test_a_link_in_the_place_of_the_backup_is_replaced(target: Path, tmp_path: Path) -> None:
    """Its target stays as it is."""
    (tmp_path / "real").write_bytes(b"keep")
    backup = target.with_name("state.backup")
    backup.unlink()
    backup.symlink_to(tmp_path / "real")
    durable.replace(target, _NEW, backup=backup)
    assert (tmp_path / "real").read_bytes() == b"keep"
    assert not backup.is_symlink()
    assert backup.read_bytes() == _OLD


@pytest.mark.parametrize("make", ["directory in its place", "no directory", "file for a directory"])
def test_what_cannot_be_written_is_told(tmp_path: Path, make: str) -> None:
    """With the path, the system's words and a next step."""
    path = tmp_path / "d" / "f"
    match make:
        case "directory in its place":
            path.mkdir(parents=True)
        case "file for a directory":
            (tmp_path / "d").write_bytes(b"")
    with pytest.raises(StateError) as caught:
        durable.replace(path, b"new")
    assert caught.value.detail.startswith(f"{path} cannot be written: ")
    assert caught.value.hint


def test_a_directory_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    """A file lies where the directory should be."""
    (tmp_path / "f").write_bytes(b"")
    with pytest.raises(StateError, match="cannot be made"):
        durable.make_private_directory(tmp_path / "f" / "d")
    with pytest.raises(StateError, match="cannot be made"):
        durable.make_private_directory(tmp_path / "f")
