"""`diff` and `plan --offline` where nothing is trusted: no variable, no network, and no source is opened.

Proved from outside: the system calls of the whole process tree, git's included.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass

import pytest

from tests.cli.desk import Desk, file_secret, snapshot, text_secret
from tests.support.repositories import git
from tests.support.syscalls import needs_strace

pytestmark = needs_strace

BEFORE = file_secret("certificate", "certs/bundle.bin") + text_secret("password")
AFTER = (
    file_secret("certificate", "certs/bundle.bin", who="bo@example.com")
    + text_secret("password")
    + file_secret("licence", "certs/licence.bin")
)


def _blocked() -> list[str]:
    """Return what takes the network away, where this machine lets us."""
    command = ["unshare", "--user", "--map-root-user", "--net"]
    works = shutil.which("unshare") and not subprocess.run([*command, "true"], check=False).returncode
    return command if works else []


@dataclass
class Traced:
    """How it ended, and what the process tree opened and connected to."""

    code: int
    out: str
    err: str
    calls: Sequence[str]

    def touching(self, *names: str) -> list[str]:
        return [call for call in self.calls if any(name in call for name in names)]


def traced(desk: Desk, *arguments: str, blocked: bool = True) -> Traced:
    """Run the command with nothing but PATH in its environment, every open and every socket on record."""
    log = desk.path.parent / "calls"
    watch = [
        "strace",
        "-f",
        "-qq",
        "-s",
        "512",
        "-e",
        "trace=open,openat,openat2,socket,connect",
        "-o",
        str(log),
    ]
    ran = subprocess.run(
        [*(_blocked() if blocked else ()), *watch, sys.executable, "-m", "reconciler", *arguments],
        cwd=desk.path,
        env={"PATH": os.environ["PATH"]},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    calls = [line.partition(" ")[2].strip() for line in log.read_text().splitlines()]
    return Traced(code=ran.returncode, out=ran.stdout, err=ran.stderr, calls=calls)


@pytest.fixture
def repository(desk: Desk) -> Desk:
    """A stack under git: the base is committed, and so is the change; sources lie beside the manifest."""
    subprocess.run(["git", "init", "-q", "-b", "main", desk.path], check=True)
    for name in ("certs/bundle.bin", "certs/licence.bin"):
        desk.write(name, f"the secret bytes of {name}")
    for message, text in (("Base", BEFORE), ("Change", AFTER)):
        desk.manifest(text)
        git(desk.path, "add", "-A")
        git(desk.path, "commit", "-q", "-m", message)
    return desk


def opened_sources(desk: Desk, traced: Traced) -> list[str]:
    """Return every open of a source: the file itself, or git's copy of its bytes."""
    names = ["certs/", "bundle.bin", "licence.bin"]
    for path in (desk.path / "certs").iterdir():
        blob = git(desk.path, "hash-object", str(path))
        names.append(f"objects/{blob[:2]}/{blob[2:]}")
    return traced.touching(*names)


def network(traced: Traced) -> list[str]:
    return traced.touching("AF_INET", "AF_INET6")


def test_diff_against_a_revision(repository: Desk) -> None:
    """It shows who gains and who loses, and that a file was changed, by git's blobs alone."""
    repository.write("certs/bundle.bin", "other bytes")
    git(repository.path, "commit", "-q", "-am", "Change a file too")
    before = snapshot(repository.path, without=repository.path / ".git")
    ran = traced(repository, "diff", "--base", "HEAD~2", "--format", "markdown")
    assert 0 == ran.code, ran.err
    assert "bo@example.com" in ran.out
    assert "licence" in ran.out
    assert [] == opened_sources(repository, ran)
    assert [] == network(ran)
    assert before == snapshot(repository.path, without=repository.path / ".git")
    assert ran.touching("reconciler.yaml"), "the trace would have shown it"


def test_diff_points_at_a_changed_file(repository: Desk) -> None:
    """A manifest that stays, a file that does not: told as a hint, because nobody read it."""
    repository.write("certs/licence.bin", "other bytes")
    git(repository.path, "commit", "-q", "-am", "Change a file")
    ran = traced(repository, "diff", "--base", "HEAD~1")
    assert 0 == ran.code, ran.err
    assert "certs/licence.bin changed" in ran.out
    assert [] == opened_sources(repository, ran)


def test_diff_against_a_file(repository: Desk) -> None:
    """Without git: two manifests."""
    repository.write("base.yaml", "version: 1\nname: desk\nsecrets:\n" + BEFORE)
    ran = traced(repository, "diff", "--base", "base.yaml")
    assert 0 == ran.code, ran.err
    assert "bo@example.com" in ran.out
    assert [] == opened_sources(repository, ran) + network(ran)


def test_plan_offline_without_a_state(repository: Desk) -> None:
    """A first run, and said to be unverified. Nothing is created."""
    before = snapshot(repository.path, without=repository.path / ".git")
    ran = traced(repository, "plan", "--offline")
    assert 0 == ran.code, ran.err
    assert "first run" in ran.out
    assert "unverified" in ran.out
    assert [] == opened_sources(repository, ran) + network(ran)
    assert before == snapshot(repository.path, without=repository.path / ".git")


def test_plan_offline_with_a_state(repository: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """From the state alone: neither key nor journal's tenant is needed; contents are compared at apply."""
    monkeypatch.setenv("PASSWORD", "x")
    repository.manifest(BEFORE)
    repository.apply()
    state = repository.path / "elsewhere.json"
    shutil.copy(repository.state_path, state)
    repository.manifest(AFTER)
    before = snapshot(repository.path, without=repository.path / ".git")
    ran = traced(repository, "--state", str(state), "plan", "--offline")
    assert 0 == ran.code, ran.err
    assert "bo@example.com" in ran.out
    assert "apply" in ran.out
    assert [] == opened_sources(repository, ran) + network(ran)
    assert before == snapshot(repository.path, without=repository.path / ".git")


def test_validate(repository: Desk) -> None:
    """Neither does checking a manifest open what it names."""
    ran = traced(repository, "validate")
    assert 0 == ran.code, ran.err
    assert [] == opened_sources(repository, ran) + network(ran)


def test_the_trace_sees_a_source_that_is_opened(repository: Desk) -> None:
    """A real plan opens them, and connects: the proofs above can fail."""
    ran = traced(repository, "--sandbox", "plan", blocked=False)
    assert opened_sources(repository, ran)
    assert network(ran)
