"""A pull request can commit any file: none of them makes git run a program or answer from another repository."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from reconciler.errors import UsageError
from reconciler.storage.git import Repository
from reconciler.storage.state_branch import Branch
from tests.support.commandline import Desk, text_secret
from tests.support.repositories import git


def _commit_all(desk: Desk) -> None:
    git(desk.path, "add", "--all")
    git(desk.path, "commit", "--quiet", "-m", "Commit")


@pytest.fixture
def trapped(desk: Desk) -> Path:
    """A work tree with a directory that looks like a repository, and whose remote is a program."""
    trap = desk.path / "stacks" / "prod"
    desk.write("stacks/prod/HEAD", "ref: refs/heads/main\n")
    desk.write("stacks/prod/objects/keep", "")
    desk.write("stacks/prod/refs/keep", "")
    desk.write(
        "stacks/prod/config",
        f'[core]\n\tbare = false\n\tworktree = {trap}\n[remote "origin"]\n\turl = ext::touch {desk.path}/executed\n'
        '[protocol "ext"]\n\tallow = always\n',
    )
    desk.write("stacks/prod/reconciler.yaml", "version: 1\nname: desk\nsecrets:\n" + text_secret("a"))
    git(desk.path, "init", "--quiet", "--initial-branch=main")
    git(desk.path, "add", "--all")
    git(desk.path, "commit", "--quiet", "-m", "Trap")
    return trap


def test_a_committed_repository_is_not_asked(desk: Desk, trapped: Path) -> None:
    """`ci fetch-state` talks to the clone's own remotes; the trap's, which is a program, is not started."""
    desk.options = ("-f", str(trapped / "reconciler.yaml"), "--state", str(desk.path / "it.state.json"))
    ran = desk.run("ci", "fetch-state")
    assert 1 == ran.code, ran.said
    assert not (desk.path / "executed").exists()


def test_a_comparison_is_with_the_repository_around(desk: Desk, trapped: Path) -> None:
    """`diff --base` finds the real history, so that a trap cannot hide what a pull request changes."""
    desk.options = ("-f", str(trapped / "reconciler.yaml"))
    desk.write("stacks/prod/reconciler.yaml", "version: 1\nname: desk\nsecrets:\n" + text_secret("b"))
    ran = desk.done("diff", "--base", "HEAD")
    assert "1 to create, 0 to replace, 1 to revoke" in ran.out


def test_a_trap_without_a_repository_around_is_refused(trapped: Path, tmp_path: Path) -> None:
    """Where there is nothing but the trap there is no repository."""
    with pytest.raises(UsageError, match="in no git repository"):
        Repository(trapped, "HEAD")
    with pytest.raises(UsageError, match=r"name of a branch|in no git repository"):
        Branch(trapped, remote="origin", name="state", environ=os.environ)


@pytest.fixture
def forged(desk: Desk) -> Path:
    """A checkout that brings a record of a fetch which never was: from a repository of its own, with a hook."""
    desk.options = ("--state", "it.state.json")
    desk.manifest(text_secret("a"))
    subprocess.run(["git", "init", "--quiet", "--bare", desk.path / "evil"], check=True)
    hook = desk.write("evil/hooks/pre-receive", f"#!/bin/sh\ntouch {desk.path}/executed\n")
    hook.chmod(0o755)
    record = {"branch": "reconciler-state", "remote": "./evil", "files": {}}
    record["files"] = {"reconciler.state.json": None, "reconciler.journal": None}
    subprocess.run(["git", "init", "--quiet", "--bare", desk.path.parent / "origin.git"], check=True)
    git(desk.path, "init", "--quiet")
    git(desk.path, "remote", "add", "origin", f"file://{desk.path.parent}/origin.git")
    desk.write("it.state.json", "{}")
    return desk.write("it.state.json.fetched", json.dumps(record))


def test_a_record_that_is_committed_is_none(desk: Desk, forged: Path) -> None:
    """Even one that names the right remote: its hashes would decide whose write is lost."""
    forged.write_text(forged.read_text().replace("./evil", "origin"))
    _commit_all(desk)
    ran = desk.run("ci", "push-state")
    assert 64 == ran.code, ran.said
    assert "is committed" in ran.err


@pytest.mark.parametrize("options", [(), ("--remote", "origin"), ("--branch", "other", "--remote", "./evil")])
def test_the_state_goes_where_the_command_says(desk: Desk, forged: Path, options: tuple[str, ...]) -> None:
    """A record of another branch or remote is refused; no hook of the checkout is run."""
    ran = desk.run("ci", "push-state", *options)
    assert 64 == ran.code, ran.said
    assert "was not brought from" in ran.err
    assert forged.exists()
    assert not (desk.path / "executed").exists()


def test_a_fetch_that_fails_leaves_no_record(desk: Desk, forged: Path) -> None:
    """So that no later step takes an older one for its own."""
    assert 1 == desk.run("ci", "fetch-state", "--remote", "./nowhere").code
    assert not forged.exists()
    assert 64 == desk.run("ci", "push-state").code


def test_what_was_fetched_is_put_back(desk: Desk, forged: Path) -> None:
    """From and to the branch that both commands name."""
    where = ("--branch", "kept", "--remote", f"file://{desk.path.parent}/origin.git")
    desk.done("ci", "fetch-state", *where)
    desk.write("it.state.json", "{}")
    assert 64 == desk.run("ci", "push-state").code
    desk.done("ci", "push-state", *where)
    assert "{}" == git(desk.path.parent / "origin.git", "show", "kept:reconciler.state.json")
    assert forged.exists()


@pytest.mark.parametrize("revision", ["HEAD^1", "main", "SHA"])
def test_a_file_named_like_a_revision_is_not_the_base(desk: Desk, revision: str) -> None:
    """A pull request cannot hide its change behind a copy of its manifest that bears the base's name."""
    desk.options = ()
    desk.manifest(text_secret("a"))
    git(desk.path, "init", "--quiet", "--initial-branch=main")
    _commit_all(desk)
    base = git(desk.path, "rev-parse", "HEAD").strip() if revision == "SHA" else revision
    git(desk.path, "checkout", "--quiet", "-b", "change")
    desk.manifest(text_secret("a") + text_secret("b"))
    desk.write(base, (desk.path / "reconciler.yaml").read_bytes())
    _commit_all(desk)
    assert "1 to create, 0 to replace, 0 to revoke" in desk.done("diff", "--base", base).out


@pytest.mark.parametrize("revision", ["HEAD^1", "origin/main", "0" * 40])
def test_a_file_does_not_stand_in_for_what_was_not_fetched(desk: Desk, revision: str) -> None:
    """In a checkout without its history the comparison fails, as without such a file."""
    desk.options = ()
    desk.manifest(text_secret("a"))
    desk.write(revision, (desk.path / "reconciler.yaml").read_bytes())
    git(desk.path, "init", "--quiet")
    _commit_all(desk)
    ran = desk.run("diff", "--base", revision)
    assert 64 == ran.code, ran.said
    assert "--base names no commit here" in ran.err


@pytest.mark.parametrize("include", ["/etc/hostname", "../../up.yaml", '"a\\0b"'])
def test_the_base_includes_nothing_from_elsewhere(desk: Desk, include: str) -> None:
    """What an earlier version of the manifest included is laid out beneath one directory, or refused."""
    entry = text_secret("a")
    desk.manifest(f"version: 1\nname: desk\ninclude: [{include}]\nsecrets:\n{entry}")
    git(desk.path, "init", "--quiet")
    git(desk.path, "add", "--all")
    git(desk.path, "commit", "--quiet", "-m", "Reach out")
    desk.manifest(entry)
    desk.options = ()
    assert 65 == desk.run("diff", "--base", "HEAD").code
