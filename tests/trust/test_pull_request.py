"""A job that a pull request started does not change the tenant, by whatever name the event came."""

from __future__ import annotations

from typing import Final

import pytest

from reconciler.cli.started import EVENTS, SIGNS, unmerged
from tests.support.commandline import Desk, text_secret

STARTED = (
    {"GITHUB_EVENT_NAME": "pull_request"},
    {"GITHUB_EVENT_NAME": "pull_request_target"},
    {"GITHUB_EVENT_NAME": "issue_comment", "GITHUB_REF": "refs/heads/main"},
    {"GITHUB_EVENT_NAME": "workflow_run", "GITHUB_REF": "refs/heads/main"},
    {"GITHUB_EVENT_NAME": "push", "GITHUB_REF": "refs/pull/7/merge"},
    {"CI_PIPELINE_SOURCE": "merge_request_event"},
    {"CI_PIPELINE_SOURCE": "parent_pipeline", "CI_MERGE_REQUEST_IID": "7"},
    {"CI_PIPELINE_SOURCE": "external_pull_request_event"},
    {"TRAVIS_PULL_REQUEST": "7"},
)

_JOBS: Final = {
    "GITHUB_EVENT_NAME": (
        *("pull_request", "pull_request_target", "pull_request_review", "pull_request_review_comment"),
        *("merge_group", "issue_comment", "issues", "discussion", "discussion_comment", "workflow_run"),
        *("check_run", "check_suite", "status", "deployment_status", "fork", "watch", "an_event_to_come"),
    ),
    "GITHUB_REF": ("refs/pull/7/merge", "refs/heads/gh-readonly-queue/main/pr-7-abc"),
    "GITHUB_HEAD_REF": ("feature",),
    "CI_PIPELINE_SOURCE": ("merge_request_event", "external_pull_request_event", "an_event_to_come"),
    "CI_MERGE_REQUEST_IID": ("7",),
    "CI_EXTERNAL_PULL_REQUEST_IID": ("7",),
    "CI_COMMIT_REF_NAME": ("refs/merge-requests/7/head",),
    "CI_PIPELINE_EVENT": ("pull_request", "pull_request_closed"),
    "CI_COMMIT_PULL_REQUEST": ("7",),
    "DRONE_BUILD_EVENT": ("pull_request",),
    "DRONE_PULL_REQUEST": ("7",),
    "DRONE_PULL_REQUEST_TITLE": ("a title\nof two lines",),
    "TRAVIS_EVENT_TYPE": ("pull_request",),
    "TRAVIS_PULL_REQUEST": ("7",),
    "BUILD_REASON": ("PullRequest", "ValidateShelveset", "CheckInShelveset"),
    "SYSTEM_PULLREQUEST_PULLREQUESTID": ("7",),
    "BUILD_SOURCEBRANCH": ("refs/pull/7/merge", "refs/heads/gh-readonly-queue/main/pr-7-abc"),
    "VELA_BUILD_EVENT": ("pull_request", "comment"),
    "VELA_PULL_REQUEST": ("7",),
    "CF_PULL_REQUEST_ACTION": ("opened",),
    "CF_PULL_REQUEST_NUMBER": ("7",),
    "CIRCLE_PULL_REQUEST": ("https://github.com/a/b/pull/7",),
    "CIRCLE_PULL_REQUESTS": ("https://github.com/a/b/pull/7,https://github.com/a/b/pull/8",),
    "CIRCLE_PR_NUMBER": ("7",),
    "CIRCLE_BRANCH": ("pull/7", "gh-readonly-queue/main/pr-7-abc"),
    "BUILDKITE_PULL_REQUEST": ("7",),
    "BUILDKITE_BRANCH": ("refs/pull/7/head", "gh-readonly-queue/main/pr-7-abc"),
    "BITBUCKET_PR_ID": ("7",),
    "CHANGE_ID": ("7",),
    "ghprbPullId": ("7",),
    "gitlabMergeRequestIid": ("7",),
    "APPVEYOR_PULL_REQUEST_NUMBER": ("7",),
    "CIRRUS_PR": ("7",),
    "SEMAPHORE_GIT_PR_NUMBER": ("7",),
    "SEMAPHORE_GIT_REF_TYPE": ("pull-request",),
    "CODEBUILD_WEBHOOK_TRIGGER": ("pr/7",),
    "CODEBUILD_WEBHOOK_EVENT": ("PULL_REQUEST_CREATED", "PULL_REQUEST_UPDATED"),
    "TEAMCITY_PULLREQUEST_NUMBER": ("7",),
    "BITRISE_PULL_REQUEST": ("7",),
    "BUDDY_EXECUTION_PULL_REQUEST_NO": ("7",),
    "BUDDY_EXECUTION_PULL_REQUEST_ID": ("7",),
    "CM_PULL_REQUEST": ("true",),
    "_PR_NUMBER": ("7",),
    "SD_PULL_REQUEST": ("7",),
    "PULL_NUMBER": ("7",),
    "PULL_REQUEST": ("true",),
    "ZUUL_CHANGE": ("7",),
}
"""Each variable of the tables, and what it holds in a job of a pull request or of a merge queue."""

_MERGED: Final[tuple[dict[str, str], ...]] = (
    {},
    {
        "GITHUB_EVENT_NAME": "push",
        "GITHUB_REF": "refs/heads/main",
        "GITHUB_HEAD_REF": "",
        "GITHUB_BASE_REF": "",
    },
    {"GITHUB_EVENT_NAME": "schedule", "GITHUB_REF": "refs/heads/main"},
    {"GITHUB_EVENT_NAME": "workflow_dispatch", "GITHUB_REF": "refs/heads/main"},
    {"CI_PIPELINE_SOURCE": "push", "CI_COMMIT_REF_NAME": "main"},
    {"CI_PIPELINE_SOURCE": "schedule", "CI_COMMIT_REF_NAME": "main"},
    {"TRAVIS_EVENT_TYPE": "push", "TRAVIS_PULL_REQUEST": "false"},
    {"BUILDKITE_PULL_REQUEST": "false", "BUILDKITE_BRANCH": "main"},
    {"BUILD_REASON": "IndividualCI", "BUILD_SOURCEBRANCH": "refs/heads/main"},
    {"DRONE_BUILD_EVENT": "push", "DRONE_PULL_REQUEST": ""},
    {"CI_PIPELINE_EVENT": "cron", "CI_COMMIT_PULL_REQUEST": ""},
    {"CIRCLE_BRANCH": "main", "CIRCLE_PULL_REQUEST": ""},
    {"CODEBUILD_WEBHOOK_TRIGGER": "branch/main", "CODEBUILD_WEBHOOK_EVENT": "PULL_REQUEST_MERGED"},
    {"PULL_REQUEST": "false"},
)


@pytest.mark.parametrize(("variable", "value"), [(name, value) for name in _JOBS for value in _JOBS[name]])
def test_every_row_of_the_tables_tells_a_pull_request(variable: str, value: str) -> None:
    """By itself: a job need not have the others."""
    assert variable == unmerged({variable: value})


def test_no_row_is_without_a_job() -> None:
    """A row that nobody tried may match nothing."""
    assert set(_JOBS) == {row.variable for row in (*EVENTS, *SIGNS)}


@pytest.mark.parametrize("env", _MERGED, ids=str)
def test_what_was_merged_goes_on(env: dict[str, str]) -> None:
    """Each system's job of the main branch."""
    assert unmerged(env) is None


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
