"""A job that a pull request started does not change the tenant, by whatever name the event came."""

from __future__ import annotations

import pytest

from tests.support.commandline import Desk, text_secret

STARTED = (
    {"GITHUB_EVENT_NAME": "pull_request"},
    {"GITHUB_EVENT_NAME": "pull_request_target"},
    {"GITHUB_EVENT_NAME": "issue_comment", "GITHUB_REF": "refs/heads/main"},
    {"GITHUB_EVENT_NAME": "workflow_run", "GITHUB_REF": "refs/heads/main"},
    {"GITHUB_EVENT_NAME": "push", "GITHUB_REF": "refs/pull/7/merge"},
    {"CI_PIPELINE_SOURCE": "merge_request_event"},
    {"CI_PIPELINE_SOURCE": "parent_pipeline", "CI_MERGE_REQUEST_IID": "7"},
)


@pytest.mark.parametrize("started", STARTED, ids=str)
@pytest.mark.parametrize("command", ["apply", "destroy"])
def test_a_pull_request_changes_nothing(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, started: dict[str, str], command: str
) -> None:
    """Neither apply nor destroy, before anything is read; with the flag it goes on (and finds no credential)."""
    for name, value in started.items():
        monkeypatch.setenv(name, value)
    desk.options = ()
    desk.manifest(text_secret("a"))
    ran = desk.run(command, "--auto-approve")
    assert 7 == ran.code, ran.said
    assert "--allow-pull-request" in ran.err
    assert 4 == desk.run(command, "--auto-approve", "--allow-pull-request").code
