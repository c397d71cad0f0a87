"""`diff --base`: what a comparison of two texts says, and what it does not."""

from __future__ import annotations

import subprocess

import pytest

from tests.cli.desk import HEAD, Desk, text_secret
from tests.support.repositories import git


@pytest.fixture
def repository(desk: Desk) -> Desk:
    """An empty repository."""
    subprocess.run(["git", "init", "-q", "-b", "main", desk.path], check=True)
    desk.options = ()
    return desk


def _commit(desk: Desk) -> None:
    git(desk.path, "add", "-A")
    git(desk.path, "commit", "-q", "-m", "Commit")


def test_a_manifest_that_is_new(repository: Desk) -> None:
    """Nobody looked for a state, so nothing is said of one."""
    repository.write("README", "")
    _commit(repository)
    repository.manifest(text_secret("a"))
    plan = repository.done("--json", "diff", "--base", "HEAD").json
    assert [] == plan["attention"]
    assert 1 == len(plan["resource_changes"])


def test_a_base_that_cannot_be_read_is_told_by_revision(repository: Desk) -> None:
    """An include that was no YAML then: the message names the revision, and no directory of this run."""
    repository.manifest("version: 1\nname: desk\ninclude: [people.yaml]\nsecrets:\n" + text_secret("a"))
    repository.write("people.yaml", "elsewhere.yaml")
    _commit(repository)
    repository.manifest(HEAD + text_secret("a"))
    ran = repository.run("diff", "--base", "HEAD")
    assert 65 == ran.code
    assert "HEAD:people.yaml:1:1" in ran.err
    assert "reconciler-" not in ran.err


def test_a_base_that_a_partial_clone_cannot_fetch_is_not_taken_for_none(repository: Desk) -> None:
    """Its text may lie behind a proxy or an agent that git is not told of; everything would seem to be new."""
    repository.manifest(text_secret("a"))
    _commit(repository)
    blob = git(repository.path, "rev-parse", "HEAD:reconciler.yaml")
    (repository.path / ".git" / "objects" / blob[:2] / blob[2:]).unlink()
    ran = repository.run("diff", "--base", "HEAD")
    assert (64, True) == (ran.code, "cannot be read" in ran.err), ran.said


@pytest.mark.parametrize("form", ["markdown", "html", "json"])
def test_a_description_reaches_reviewers(repository: Desk, form: str) -> None:
    """What the manifest says of a secret stands beside it."""
    repository.write("README", "")
    _commit(repository)
    repository.manifest(text_secret("a", "A", "description: primary database"))
    assert "primary database" in repository.done("diff", "--base", "HEAD", "--format", form).out
