"""The state on a branch: whoever was beaten looks again, and no write is lost."""

from __future__ import annotations

import os
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from reconciler.errors import StateError, UsageError
from reconciler.storage import state_branch
from reconciler.storage.state_branch import Branch, Conflict, hashes
from tests.support.repositories import git

ENVIRON = {"PATH": os.environ["PATH"], "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull}
NAME = "reconciler-state"


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    path = tmp_path / "origin.git"
    subprocess.run(["git", "init", "-q", "--bare", "-b", "main", path], check=True)
    return path


def clone(bare: Path, name: str) -> Branch:
    """Return the branch as a job of its own sees it."""
    path = bare.parent / name
    subprocess.run(["git", "init", "-q", path], check=True)
    git(path, "remote", "add", "origin", f"file://{bare}")
    return Branch(path, remote="origin", name=NAME, environ=ENVIRON)


def write(at: Branch, path: str, data: bytes | None, base: bytes | None) -> Conflict | None:
    return at.write({path: data}, base=hashes({path: base}), message="Keep")


def test_what_was_written_is_read(bare: Path) -> None:
    """Byte for byte; a file that is not there is None, and so is everything where there is no branch."""
    one = clone(bare, "one")
    assert {"a": None} == one.read(("a",))
    data = bytes(range(256)) + b"\r\n"
    assert write(one, "deep/a.state.json", data, None) is None
    two = clone(bare, "two")
    assert {"deep/a.state.json": data, "b": None} == two.read(("deep/a.state.json", "b"))


def test_it_can_be_changed_and_removed_from_a_subdirectory(bare: Path) -> None:
    """Paths count from the repository's top wherever the manifest lies."""
    top = clone(bare, "one").top
    (top / "sub").mkdir()
    one = Branch(top / "sub", remote="origin", name=NAME, environ=ENVIRON)
    write(one, "sub/a", b"1", None)
    write(one, "sub/a", b"2", b"1")
    assert {"sub/a": b"2"} == one.read(("sub/a",))
    write(one, "sub/a", None, b"2")
    assert {"sub/a": None} == one.read(("sub/a",))
    assert "3" == git(bare, "rev-list", "--count", NAME)


def test_the_work_tree_and_the_hooks_are_left_alone(bare: Path) -> None:
    """No file appears, HEAD and index stay, and a hook of the repository is not run."""
    one = clone(bare, "one")
    marker = bare.parent / "hooked"
    for hook in ("pre-push", "reference-transaction", "post-index-change"):
        path = one.top / ".git/hooks" / hook
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/sh\ntouch {marker}\n")
        path.chmod(0o755)
    write(one, "a", b"1", None)
    assert not marker.exists()
    assert [".git"] == [path.name for path in one.top.iterdir()]
    assert "" == git(one.top, "status", "--porcelain")


def test_another_stacks_write_is_no_conflict(bare: Path) -> None:
    """Both began with an empty branch; the second push meets the first one's and is made again on it."""
    one, two = clone(bare, "one"), clone(bare, "two")
    one.read(("a",))
    two.read(("b",))
    assert write(one, "a", b"1", None) is None
    assert write(two, "b", b"2", None) is None
    assert {"a": b"1", "b": b"2"} == one.read(("a", "b"))


def test_a_conflict_is_told_and_kept_beside(bare: Path) -> None:
    """The first one's version stays on the branch; the second one's is on a branch of its own."""
    one, two = clone(bare, "one"), clone(bare, "two")
    write(one, "a", b"0", None)
    assert write(one, "a", b"1", b"0") is None
    conflict = write(two, "a", b"2", b"0")
    assert conflict is not None
    assert {"a": b"1"} == two.read(("a",))
    assert b"2" == Branch(one.top, remote="origin", name=conflict.kept_on, environ=ENVIRON).read(("a",))["a"]


def test_the_same_write_twice_is_one(bare: Path) -> None:
    """A step that is repeated finds its work done."""
    one = clone(bare, "one")
    assert write(one, "a", b"1", None) is None
    assert write(one, "a", b"1", None) is None
    assert "1" == git(bare, "rev-list", "--count", NAME)


def test_many_at_once_lose_nothing(bare: Path) -> None:
    """Six jobs push at the same moment, each its own file: all six are there. Pushes are never forced."""
    jobs = [clone(bare, f"job-{number}") for number in range(6)]
    with ThreadPoolExecutor(6) as pool:
        done = list(pool.map(lambda n: write(jobs[n], f"{n}", b"%d" % n, None), range(6)))
    assert [None] * 6 == done
    assert {f"{n}": b"%d" % n for n in range(6)} == jobs[0].read(tuple("012345"))
    assert "6" == git(bare, "rev-list", "--count", NAME)


def test_many_at_once_on_one_file_keep_every_version(bare: Path) -> None:
    """One wins; what each other one wrote is on a branch that its error names."""
    jobs = [clone(bare, f"job-{number}") for number in range(4)]
    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(lambda n: write(jobs[n], "a", b"%d" % n, None), range(4)))
    assert 1 == done.count(None)
    names = [NAME, *(c.kept_on for c in done if c)]
    kept = {git(bare, "show", f"{name}:a") for name in names}
    assert {"0", "1", "2", "3"} == kept


def test_a_branch_that_refuses_is_told(bare: Path) -> None:
    """A protected branch: no endless tries, and nothing of what git says, which can hold a password."""
    one = clone(bare, "one")
    hook = bare / "hooks" / "pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\necho protected >&2\nexit 1\n")
    hook.chmod(0o755)
    with pytest.raises(StateError, match="cannot be pushed") as refused:
        write(one, "a", b"1", None)
    assert "contents: write" in str(refused.value.hint)
    assert "protected" not in refused.value.detail


def test_a_remote_that_is_not_there_is_not_a_first_run(bare: Path) -> None:
    """That the branch cannot be asked for must not read as that it is empty."""
    one = clone(bare, "one")
    git(one.top, "remote", "set-url", "origin", f"file://{bare.parent}/nowhere.git")
    with pytest.raises(StateError, match="cannot be read"):
        one.read(("a",))


@pytest.mark.parametrize("name", ["--force", "a..b", "", "a b"])
def test_a_branch_has_a_branchs_name(bare: Path, name: str) -> None:
    top = clone(bare, "one").top
    with pytest.raises(UsageError):
        Branch(top, remote="origin", name=name, environ=ENVIRON)


def test_the_token_is_in_no_argument(bare: Path) -> None:
    """It goes to git in variables, for the job's own server and no other."""
    given = {"GITHUB_TOKEN": "ghs_secret", "GITHUB_SERVER_URL": "https://github.com", "GIT_CONFIG_COUNT": "1"}
    found = state_branch._settings(given)
    count = int(found["GIT_CONFIG_COUNT"])
    values = {found[f"GIT_CONFIG_KEY_{n}"]: found[f"GIT_CONFIG_VALUE_{n}"] for n in range(1, count)}
    assert "GIT_CONFIG_KEY_0" not in found, "what the job had set stays"
    headers = [
        found[f"GIT_CONFIG_VALUE_{n}"]
        for n in range(1, count)
        if "extraHeader" in found[f"GIT_CONFIG_KEY_{n}"]
    ]
    assert "" == headers[0], "actions/checkout leaves a header in the clone, and a server refuses two"
    assert values["http.https://github.com/.extraHeader"].startswith("AUTHORIZATION: basic ")
    assert not any(name.startswith("http.") for name in state_branch._settings({}).values())
