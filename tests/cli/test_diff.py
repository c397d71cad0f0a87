"""`diff --base`: what a comparison of two texts says, and what it does not."""

from __future__ import annotations

import subprocess

import pytest

from tests.ci.forge import git
from tests.cli.desk import Desk, text_secret


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
