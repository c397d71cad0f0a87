"""`.reconciler/`: the lock between processes, the journal's writer, the key."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import stat
import subprocess
import threading
import traceback
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from reconciler.errors import LockedError, StateError
from reconciler.model.address import Address
from reconciler.model.envvars import FINGERPRINT_KEY
from reconciler.state import journal
from reconciler.state.journal import Forgotten, Header
from reconciler.storage import keyfile
from reconciler.storage.lock import Holder
from reconciler.storage.workdir import Workdir
from tests.support import syscalls

_NOW = datetime(2026, 11, 23, 7, tzinfo=UTC)
_HEADER = Header(lineage="l", base_serial=3, tool="t")
_KEY = "0123456789abcdef" * 4


@pytest.fixture
def at(tmp_path: Path) -> Workdir:
    return Workdir(tmp_path / ".reconciler", "prod")


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


_HOLD = """
from datetime import UTC, datetime
from pathlib import Path
from reconciler.errors import LockedError
from reconciler.storage.lock import Holder
from reconciler.storage.workdir import Workdir
try:
    lock = Workdir(Path(sys.argv[1]), "prod").lock
    with lock.held(Holder.here(datetime(2026, 11, 23, 7, tzinfo=UTC), job=sys.argv[2] or None)):
        print("held", flush=True)
        sys.stdin.readline()
except LockedError as error:
    print(error.detail, flush=True)
"""


@pytest.fixture
def holder(at: Workdir) -> Iterator[tuple[int, str]]:
    """Another process that holds the lock: its id, and what it is called in messages."""
    process = syscalls.python(_HOLD, at.path, "https://ci.example/jobs/7")
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    yield process.pid, f"process {process.pid} on "
    process.kill()
    process.communicate()


def test_a_held_lock_names_its_holder(at: Workdir, holder: tuple[int, str]) -> None:
    """Host, process, since when, and the CI job."""
    with pytest.raises(LockedError) as caught, at.lock.held(Holder.here(_NOW, job=None)):
        pytest.fail("two runs hold one stack")
    for words in (holder[1], os.uname().nodename, "since 2026-11-23T07:00:00Z", "https://ci.example/jobs/7"):
        assert words in caught.value.detail
    assert caught.value.hint
    assert holder[1] in (at.lock.held_by() or "")


def test_a_lock_of_a_killed_process_is_free(at: Workdir, holder: tuple[int, str]) -> None:
    """The kernel lets go, however the process dies; its record is no lock."""
    os.kill(holder[0], 9)
    os.waitid(os.P_PID, holder[0], os.WEXITED | os.WNOWAIT)
    assert at.lock.held_by() is None
    with at.lock.held(Holder.here(_NOW, job=None)):
        held = json.loads(at.lock.path.read_bytes())
        assert held["pid"] == os.getpid()


def test_of_eight_runs_at_once_one_runs(at: Workdir) -> None:
    """The others name it."""
    runs = [syscalls.python(_HOLD, at.path, "") for _ in range(8)]
    try:
        said = [run.stdout.readline() for run in runs if run.stdout]
        assert said.count("held\n") == 1
        winner = runs[said.index("held\n")]
        for words in said:
            assert words == "held\n" or f"process {winner.pid} on " in words
    finally:
        for run in runs:
            run.communicate("\n")


def test_the_lock_is_private_and_leaves_no_name_behind(at: Workdir) -> None:
    """0700 and 0600 whatever the umask; freed after the run, also after one that failed."""
    old = os.umask(0)
    try:
        with pytest.raises(ZeroDivisionError), at.lock.held(Holder.here(_NOW, job=None)):
            raise ZeroDivisionError if at.lock.held_by() else AssertionError
    finally:
        os.umask(old)
    assert _mode(at.path) == 0o700
    assert _mode(at.lock.path) == 0o600
    assert at.lock.held_by() is None
    with at.lock.held(Holder.here(_NOW, job=None)):
        pass
    assert at.lock.path.read_bytes() == b""


def test_closing_the_file_elsewhere_does_not_free_the_lock(at: Workdir) -> None:
    """As `fcntl.lockf` would: somebody only reads who holds it."""
    with at.lock.held(Holder.here(_NOW, job=None)):
        at.lock.path.read_bytes()
        assert at.lock.held_by() is not None
        with pytest.raises(LockedError), at.lock.held(Holder.here(_NOW, job=None)):
            pytest.fail("two runs hold one stack")


def test_a_plan_that_looks_at_the_lock_stops_no_apply(at: Workdir) -> None:
    """To look means to hold it for a moment: the apply waits for that moment."""
    at.path.mkdir()
    descriptor = os.open(at.lock.path, os.O_RDWR | os.O_CREAT)
    fcntl.flock(descriptor, fcntl.LOCK_SH)
    letting_go = threading.Timer(0.03, os.close, (descriptor,))
    letting_go.start()
    with at.lock.held(Holder.here(_NOW, job=None)):
        letting_go.join()
        assert at.lock.held_by() is not None


@pytest.mark.parametrize(
    "record",
    [b"", b"{", b"null", b"[]", b"7", b'{"pid": 1}', b"[" * 4096, b"\xff\xfe", b'"x"'],
    ids=lambda record: repr(record[:8]),
)
def test_a_holder_without_a_readable_name_is_a_holder(at: Workdir, record: bytes) -> None:
    """The record is for the message only."""
    at.path.mkdir()
    descriptor = os.open(at.lock.path, os.O_RDWR | os.O_CREAT)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        os.write(descriptor, record)
        assert at.lock.held_by() == "a process that left no name"
        with pytest.raises(LockedError, match="left no name"), at.lock.held(Holder.here(_NOW, job=None)):
            pytest.fail("two runs hold one stack")
    finally:
        os.close(descriptor)


def test_a_holders_name_is_fit_for_a_terminal(at: Workdir) -> None:
    """A job's URL comes from the environment."""
    with at.lock.held(Holder.here(_NOW, job="x\x1b[31m\r\n")):
        assert (at.lock.held_by() or "").isprintable()


@pytest.mark.parametrize("kind", ["link", "directory"])
def test_a_lock_file_that_is_something_else_is_refused(at: Workdir, tmp_path: Path, kind: str) -> None:
    """A link is not followed: its target would be emptied."""
    at.path.mkdir()
    (tmp_path / "real").write_bytes(b"keep")
    if kind == "link":
        at.lock.path.symlink_to(tmp_path / "real")
    else:
        at.lock.path.mkdir()
    with pytest.raises(StateError, match="cannot be opened"), at.lock.held(Holder.here(_NOW, job=None)):
        pytest.fail("locked something else")
    assert at.lock.held_by() is None
    assert (tmp_path / "real").read_bytes() == b"keep"


def test_looking_at_a_fifo_does_not_wait(at: Workdir) -> None:
    """Nobody would ever open its other end."""
    at.path.mkdir()
    os.mkfifo(at.lock.path)
    assert at.lock.held_by() is None


@syscalls.needs_strace
def test_a_file_system_without_locks_is_told(at: Workdir) -> None:
    """Refused before anything is sent, with a next step."""
    code = _HOLD.replace("LockedError", "StateError")
    done = syscalls.run(code, at.path, "", fault="flock:error=EOPNOTSUPP")
    assert f"cannot be locked: {os.strerror(errno.EOPNOTSUPP)}" in done.stdout
    assert "Traceback" not in done.stderr


def test_a_workdir_that_cannot_be_made_is_told(at: Workdir) -> None:
    """A file lies there."""
    at.path.write_bytes(b"")
    with pytest.raises(StateError, match="cannot be made"), at.lock.held(Holder.here(_NOW, job=None)):
        pytest.fail("locked nothing")


# --- the journal


def _forgotten(n: int) -> Forgotten:
    return Forgotten(address=Address(f"a{n}"))


def test_what_was_written_is_read_back(at: Workdir) -> None:
    """Each entry is in the file when `write` returns; the file is private."""
    at.path.mkdir()
    assert at.read_journal() is None
    writer = at.new_journal(_HEADER)
    for n in range(3):
        writer.write(_forgotten(n))
        found = at.read_journal()
        assert found is not None
        assert (_HEADER, tuple(map(_forgotten, range(n + 1)))) == (found.header, found.entries)
    writer.close()
    assert _mode(at.journal_path) == 0o600
    at.drop_journal()
    at.drop_journal()
    assert at.read_journal() is None


def test_a_new_journal_takes_the_place_of_an_older_one(at: Workdir) -> None:
    """It never goes on behind a torn line."""
    at.path.mkdir()
    at.journal_path.write_bytes(journal.header_line(_HEADER) + b'{"torn')
    writer = at.new_journal(Header(lineage="l", base_serial=4, tool="t"))
    writer.write(_forgotten(1))
    writer.close()
    found = at.read_journal()
    assert found is not None
    assert (4, (_forgotten(1),)) == (found.header.base_serial, found.entries)


def test_a_damaged_journal_names_its_file(at: Workdir) -> None:
    """Refused, for a person to look at."""
    at.path.mkdir()
    at.journal_path.write_bytes(b"rubbish\nrubbish\n")
    with pytest.raises(StateError) as caught:
        at.read_journal()
    assert str(at.journal_path) in caught.value.detail


def test_a_journal_that_is_a_link_is_refused(at: Workdir, tmp_path: Path) -> None:
    """Neither read nor written through."""
    at.path.mkdir()
    (tmp_path / "real").write_bytes(b"keep")
    at.journal_path.symlink_to(tmp_path / "real")
    with pytest.raises(StateError, match="symbolic link"):
        at.read_journal()
    with pytest.raises(StateError, match="symbolic link"):
        at.new_journal(_HEADER)
    assert (tmp_path / "real").read_bytes() == b"keep"


_WRITE = """
import resource
from pathlib import Path
from reconciler.model.address import Address
from reconciler.errors import StateError
from reconciler.state.journal import Forgotten, Header
from reconciler.storage.workdir import Workdir
if len(sys.argv) > 2:
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), int(sys.argv[2])))
said = []
try:
    writer = Workdir(Path(sys.argv[1]), "prod").new_journal(Header(lineage="l", base_serial=3, tool="t"))
    for n in range(4):
        try:
            writer.write(Forgotten(address=Address(f"a{n}")))
            said.append("written")
        except StateError as error:
            said.append(error.detail)
except StateError as error:
    said.append("none: " + error.detail)
print("\\n".join(said))
"""


def _fails_closed(at: Workdir, said: list[str], why: str) -> int:
    """Check that nothing was called written after the first failure; return how many were before it."""
    count = said.index(next(words for words in said if words != "written"))
    assert said[count] == f"{at.journal_path} cannot be written: {why}"
    for words in said[count + 1 :]:
        assert words == f"{at.journal_path} cannot be written: an earlier record could not be written"
    found = at.read_journal()
    assert found is not None
    known = tuple(map(_forgotten, range(4)))
    assert found.entries in (known[:count], known[: count + 1])
    return count


@syscalls.needs_strace
@pytest.mark.parametrize(("call", "error"), [("write", "ENOSPC"), ("write", "EIO"), ("fdatasync", "EIO")])
def test_a_journal_that_fails_once_fails_for_good(at: Workdir, call: str, error: str) -> None:
    """The step that the record announces must not be taken, nor any after it: its line must stay the last."""
    first = 1 if call == "fdatasync" else 2  # the first write is the header's
    for n in range(3):
        at.path.mkdir(exist_ok=True)
        done = syscalls.run(_WRITE, at.path, fault=f"{call}:error={error}:when={first + n}")
        count = _fails_closed(at, done.stdout.splitlines(), os.strerror(getattr(errno, error)))
        assert n == count


def test_a_half_written_record_stays_the_last(at: Workdir) -> None:
    """The disk fills up in the middle of a line: what was written before is read, the torn line is ignored."""
    at.path.mkdir()
    size = len(journal.header_line(_HEADER)) + len(journal.entry_line(1, _forgotten(0)))
    for more in range(1, len(journal.entry_line(2, _forgotten(1)))):
        if more % 12 != 1:
            continue
        done = syscalls.run(_WRITE, at.path, str(size + more))
        assert _fails_closed(at, done.stdout.splitlines(), os.strerror(errno.EFBIG)) == 1
        assert at.read_journal() is not None


@syscalls.needs_strace
@pytest.mark.parametrize("fault", ["write:error=ENOSPC:when=1", "fsync:error=EIO:when=1", "rename:error=EIO"])
def test_a_journal_that_cannot_be_begun_is_told(at: Workdir, fault: str) -> None:
    """Nothing is begun on top of it."""
    at.path.mkdir()
    done = syscalls.run(_WRITE, at.path, fault=fault)
    assert done.stdout.startswith(f"none: {at.journal_path} cannot be written: ")
    assert "Traceback" not in done.stderr


@syscalls.needs_strace
def test_a_record_is_on_the_disk_before_the_next_step(at: Workdir, tmp_path: Path) -> None:
    """The header is synced and put in place with its directory; then one write and one sync a record."""
    at.path.mkdir()
    log = syscalls.traced(_WRITE, at.path, within=at.path, log=tmp_path / "log")
    calls = [line.partition("(")[0] for line in log if "prod.journal>" in line or line.startswith("fsync(")]
    assert calls[-8:] == ["write", "fdatasync"] * 4
    begun = log.index(next(line for line in log if "O_APPEND" in line))
    assert any(line.startswith("fsync(") and f"<{at.path}>" in line for line in log[:begun])


@syscalls.needs_strace
def test_a_journal_is_out_of_the_way_for_good(at: Workdir, tmp_path: Path) -> None:
    """Renamed, and the directory synced: it would be of another state than the one that is saved next."""
    at.path.mkdir()
    at.journal_path.write_bytes(b"x")
    code = (
        "from pathlib import Path; from reconciler.storage.workdir import Workdir;"
        "Workdir(Path(sys.argv[1]), 'prod').keep_journal_aside()"
    )
    log = syscalls.traced(code, at.path, within=at.path, log=tmp_path / "log")
    moved = log.index(next(line for line in log if line.startswith("rename")))
    assert any(line.startswith("fsync(") and f"<{at.path}>" in line for line in log[moved:])
    assert b"x" == at.journal_path.with_name("prod.journal.old").read_bytes()


def test_a_journal_that_cannot_be_put_aside_is_in_no_state(at: Workdir) -> None:
    """What it recorded is nowhere else: the message does not say otherwise."""
    at.path.mkdir()
    at.journal_path.write_bytes(b"x")
    at.journal_path.with_name("prod.journal.old").mkdir()
    with pytest.raises(StateError, match="put aside") as caught:
        at.keep_journal_aside()
    assert "nothing was written" in (caught.value.hint or "")
    assert b"x" == at.journal_path.read_bytes()


# --- the key


def test_a_key_comes_from_the_variable_or_the_file(at: Workdir) -> None:
    """The variable first; empty is as good as not set."""
    assert at.key_file.find({}) is None
    assert at.key_file.find({FINGERPRINT_KEY: ""}) is None
    kept = keyfile.new_key()
    at.key_file.keep(kept)
    assert _mode(at.key_file.path) == 0o600
    assert _mode(at.path) == 0o700
    for environ in ({}, {FINGERPRINT_KEY: ""}):
        found = at.key_file.find(environ)
        assert found is not None
        assert kept.to_text() == found.to_text()
    found = at.key_file.find({FINGERPRINT_KEY: _KEY})
    assert found is not None
    assert found.to_text() == _KEY


def test_git_passes_by_the_key(at: Workdir, tmp_path: Path) -> None:
    """Whoever writes a manifest by hand, without `init`, and adds all there is must not publish the key."""
    git = ["git", "-C", str(tmp_path)]
    subprocess.run([*git, "init", "-q"], check=True)
    at.key_file.keep(keyfile.new_key())
    subprocess.run([*git, "add", "--all"], check=True)
    listed = subprocess.run([*git, "ls-files"], check=True, capture_output=True, text=True).stdout
    assert at.key_file.path.exists()
    assert "" == listed


def test_a_key_that_was_replaced_is_found_by_its_id(at: Workdir) -> None:
    """A state may still be of it. An ID is no path, and a file that holds another key is not it."""
    first, second = keyfile.new_key(), keyfile.new_key()
    at.key_file.keep(first)
    at.key_file.keep(second)
    found = at.key_file.kept(first.id)
    assert found is not None
    assert first.to_text() == found.to_text()
    assert at.key_file.kept(second.id) is None
    for name in ("abcd1234", "x"):
        at.key_file.path.with_name(f"fingerprint.key.{name}.old").write_text(first.to_text())
        at.key_file.path.with_name(f"fingerprint.key.{name}.old").chmod(0o600)
    for key_id in ("abcd1234", "*", "../x", f"x/../{first.id}"):
        assert at.key_file.kept(key_id) is None


def test_new_keys_differ() -> None:
    """32 random bytes."""
    assert len({keyfile.new_key().to_text() for _ in range(20)}) == 20


_WRONG = [
    "x",
    _KEY[:-1],
    _KEY + "0",
    _KEY.upper(),
    _KEY[:-1] + "g",
    f"{_KEY}\n",
    f" {_KEY}",
    "hunter2-canary",
]


@pytest.mark.parametrize("value", _WRONG)
def test_a_wrong_variable_is_named_and_not_shown(at: Workdir, value: str) -> None:
    """Half a key in a CI log is half a key too many."""
    at.key_file.keep(keyfile.new_key())
    with pytest.raises(StateError) as caught:
        at.key_file.find({FINGERPRINT_KEY: value})
    _shows_nothing(caught.value, value, FINGERPRINT_KEY)


@pytest.mark.parametrize(
    "value", [b"", b"\n", b"\xff" * 64, *(v.encode() for v in _WRONG if v.strip() != _KEY)]
)
def test_a_wrong_key_file_is_named_and_not_shown(at: Workdir, value: bytes) -> None:
    """A file that is there and holds no key is never taken for no key."""
    at.path.mkdir()
    at.key_file.path.write_bytes(value)
    with pytest.raises(StateError) as caught:
        at.key_file.find({})
    _shows_nothing(caught.value, value.decode("latin-1"), str(at.key_file.path))


def _shows_nothing(error: StateError, value: str, where: str) -> None:
    shown = f"{error.detail} {error.expected} {error.hint} " + "".join(traceback.format_exception_only(error))
    assert where in error.detail
    assert error.__suppress_context__
    assert len(value.strip()) < 2 or value.strip() not in shown


@pytest.mark.parametrize("kind", ["link", "directory", "fifo"])
def test_a_key_file_that_is_something_else_is_refused(at: Workdir, tmp_path: Path, kind: str) -> None:
    """Neither followed nor waited for."""
    at.path.mkdir()
    (tmp_path / "real").write_text(_KEY)
    match kind:
        case "link":
            at.key_file.path.symlink_to(tmp_path / "real")
        case "directory":
            at.key_file.path.mkdir()
        case "fifo":
            os.mkfifo(at.key_file.path)
    with pytest.raises(StateError, match=r"fingerprint\.key (is|cannot be read)"):
        at.key_file.find({})
