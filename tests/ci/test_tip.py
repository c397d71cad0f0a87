"""`ci check-tip`: a run that its branch has overtaken ends before it applies."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.repositories import git

MANIFEST = """\
version: 1
name: payments
include: [people.yaml]
secrets:
  app-config:
    source: {file: conf/app.json}
    share_with: {audiences: [team]}
"""
FILES = {
    "stack/reconciler.yaml": MANIFEST,
    "stack/people.yaml": "audiences:\n  team: {users: [ana@example.com]}\n",
    "stack/conf/app.json": "{}",
    "README": "1",
}


@pytest.fixture
def job(tmp_path: Path) -> Path:
    """A clone at the commit of a run, whose branch goes on in `work`."""
    bare, work, clone = (tmp_path / name for name in ("origin.git", "work", "clone"))
    subprocess.run(["git", "init", "-q", "--bare", "-b", "main", bare], check=True)
    subprocess.run(["git", "init", "-q", "-b", "main", work], check=True)
    git(work, "remote", "add", "origin", f"file://{bare}")
    for name, text in FILES.items():
        (work / name).parent.mkdir(parents=True, exist_ok=True)
        (work / name).write_text(text)
    push(work)
    subprocess.run(["git", "clone", "-q", "--depth=1", f"file://{bare}", clone], check=True)
    git(clone, "checkout", "-q", "--detach")
    return clone


def push(work: Path) -> None:
    git(work, "add", "-A")
    git(work, "commit", "-q", "--allow-empty", "-m", "Go on")
    git(work, "push", "-q", "--force", "origin", "HEAD:refs/heads/main")


def check(job: Path, *more: str, **environ: str) -> subprocess.CompletedProcess[str]:
    known = {"PATH": os.environ["PATH"], "HOME": str(job.parent), "GIT_CONFIG_NOSYSTEM": "1"}
    command = [
        str(Path(sys.executable).with_name("reconciler")),
        "-f",
        "stack/reconciler.yaml",
        "ci",
        "check-tip",
    ]
    job_of = environ or {"GITHUB_REF": "refs/heads/main"}
    return subprocess.run(
        [*command, *more], cwd=job, env={**known, **job_of}, capture_output=True, text=True, check=False
    )


def test_the_tip_itself_and_what_does_not_concern_the_stack_pass(job: Path) -> None:
    assert 0 == check(job).returncode
    work = job.parent / "work"
    (work / "README").write_text("2")
    (work / "stack" / "other.yaml").write_text("x")
    push(work)
    passed = check(job)
    assert 0 == passed.returncode, passed.stderr
    assert "main still has what this run read." in passed.stdout


@pytest.mark.parametrize("name", ["stack/reconciler.yaml", "stack/people.yaml", "stack/conf/app.json"])
@pytest.mark.parametrize("how", ["edited", "removed", "linked", "made a directory", "made executable"])
def test_what_the_run_read_and_the_branch_has_otherwise_is_refused(job: Path, name: str, how: str) -> None:
    """Exit 8 that names the file, whatever became of it."""
    path = job.parent / "work" / name
    match how:
        case "edited":
            path.write_text(path.read_text() + "\n")
        case "made executable":
            path.chmod(0o755)
        case _:
            path.unlink()
    if how == "linked":
        path.symlink_to("/etc/hostname")
    if how == "made a directory":
        path.mkdir()
        Path(os.fsdecode(os.fsencode(path / "x") + b"\xff")).write_text("x")
    push(job.parent / "work")
    refused = check(job)
    assert 8 == refused.returncode, refused.stderr
    assert f"{name} is another on main by now" in refused.stderr


@pytest.mark.parametrize(("place", "code"), [("stack", 64), ("stack/conf", 8), ("stack/people.yaml", 65)])
def test_what_lies_behind_a_link_is_not_the_same(job: Path, place: str, code: int) -> None:
    """A link to what is read is refused; behind a link beside it something else may lie by now."""
    work = job.parent / "work"
    git(work, "mv", place, "elsewhere")
    (work / place).symlink_to("elsewhere" if "/" not in place else "../elsewhere")
    push(work)
    git(job, "fetch", "-q", "origin", "main")
    git(job, "checkout", "-q", "--detach", "FETCH_HEAD")
    (work / "README").write_text("2")
    push(work)
    assert code == check(job).returncode


@pytest.mark.parametrize("name", ["people.yaml", "conf/app.json"])
def test_a_path_that_goes_forward_and_back_is_not_shortened(job: Path, name: str) -> None:
    """Through a link the step back leads elsewhere: git's shorter path is another file."""
    work = job.parent / "work"
    path = work / "stack" / "reconciler.yaml"
    path.write_text(MANIFEST.replace(name, f"conf/../{name}"))
    push(work)
    git(job, "fetch", "-q", "origin", "main")
    git(job, "checkout", "-q", "--detach", "FETCH_HEAD")
    assert 0 == check(job).returncode, "the tip itself"
    (work / "README").write_text("2")
    push(work)
    assert 8 == check(job).returncode


def test_a_branch_that_is_gone_or_not_named_is_no_pass(job: Path) -> None:
    """No answer is a refusal."""
    git(job.parent / "origin.git", "branch", "-m", "main", "other")
    assert 8 == check(job).returncode
    assert 64 == check(job, GITHUB_REF="refs/tags/main").returncode
    assert 64 == check(job, "--branch", "").returncode
    assert 0 == check(job, CI_COMMIT_BRANCH="other").returncode
    git(job, "remote", "set-url", "origin", "file:///nowhere")
    assert 1 == check(job, CI_COMMIT_BRANCH="other").returncode


def test_a_tag_of_the_branchs_name_is_not_the_branch(job: Path) -> None:
    """Refs by their full names: the tag stays where the branch was."""
    work = job.parent / "work"
    git(work, "push", "-q", "origin", "HEAD:refs/tags/main", "HEAD:refs/tags/heads/main")
    (work / "stack" / "people.yaml").write_text("audiences:\n  team: {users: [bo@example.com]}\n")
    push(work)
    assert 8 == check(job).returncode
