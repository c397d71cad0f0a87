"""By what a CI job was started: which of it may be a change that nobody has merged yet.

Of the systems whose events are known those count that only somebody may cause who may push; any other, and any that
comes, is refused. Of the others it is the variables that their jobs have for a pull request.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, NamedTuple


class Events(NamedTuple):
    """The events of a CI system that are no pull request's: the variable, and the values that may go on."""

    system: str
    variable: str
    merged: str


class Sign(NamedTuple):
    """A variable that shows a change which is not merged: where its value matches the whole pattern."""

    system: str
    variable: str
    pattern: str


EVENTS: Final = (
    Events(
        "GitHub, Gitea, Forgejo",
        "GITHUB_EVENT_NAME",
        "push|schedule|workflow_dispatch|repository_dispatch|workflow_call|release|deployment",
    ),
    Events(
        "GitLab",
        "CI_PIPELINE_SOURCE",
        "push|schedule|web|api|trigger|pipeline|parent_pipeline|chat|webide|ondemand_dast_scan|ondemand_dast_validation",
    ),
    Events("Woodpecker", "CI_PIPELINE_EVENT", "push|tag|release|deployment|cron|manual"),
    Events("Drone", "DRONE_BUILD_EVENT", "push|tag|promote|rollback|cron|custom"),
    Events("Travis", "TRAVIS_EVENT_TYPE", "push|api|cron"),
    Events(
        "Azure",
        "BUILD_REASON",
        "Manual|IndividualCI|BatchedCI|Schedule|ScheduleForced|UserCreated|ResourceTrigger|BuildCompletion",
    ),
    Events("Vela", "VELA_BUILD_EVENT", "push|tag|deployment|schedule"),
)
"""Where a system names the event. An empty variable names none."""

_ANY: Final = r"(?s:.+)"
_NUMBER: Final = r"(?!false$)(?s:.+)"
"""A number or an address; `false`, which some systems write instead, is none."""

SIGNS: Final = (
    Sign("GitHub, Gitea, Forgejo", "GITHUB_REF", r"refs/pull/.*|refs/heads/gh-readonly-queue/.*"),
    Sign("GitHub, Gitea, Forgejo", "GITHUB_HEAD_REF", _ANY),
    Sign("GitLab", "CI_MERGE_REQUEST_IID", _ANY),
    Sign("GitLab", "CI_EXTERNAL_PULL_REQUEST_IID", _ANY),
    Sign("GitLab", "CI_COMMIT_REF_NAME", r"refs/merge-requests/.*"),
    Sign("Travis", "TRAVIS_PULL_REQUEST", _NUMBER),
    Sign("CircleCI", "CIRCLE_PULL_REQUEST", _NUMBER),
    Sign("CircleCI", "CIRCLE_PULL_REQUESTS", _NUMBER),
    Sign("CircleCI", "CIRCLE_PR_NUMBER", _NUMBER),
    Sign("CircleCI", "CIRCLE_BRANCH", r"pull/.*|gh-readonly-queue/.*"),
    Sign("Buildkite", "BUILDKITE_PULL_REQUEST", _NUMBER),
    Sign("Buildkite", "BUILDKITE_BRANCH", r"refs/pull/.*|gh-readonly-queue/.*"),
    Sign("Azure", "SYSTEM_PULLREQUEST_PULLREQUESTID", _NUMBER),
    Sign("Azure", "BUILD_SOURCEBRANCH", r"refs/pull/.*|refs/heads/gh-readonly-queue/.*"),
    Sign("Bitbucket", "BITBUCKET_PR_ID", _ANY),
    Sign("Jenkins", "CHANGE_ID", _ANY),
    Sign("Jenkins", "ghprbPullId", _ANY),
    Sign("Jenkins", "gitlabMergeRequestIid", _ANY),
    Sign("Drone", "DRONE_PULL_REQUEST", _NUMBER),
    Sign("Woodpecker", "CI_COMMIT_PULL_REQUEST", _NUMBER),
    Sign("AppVeyor", "APPVEYOR_PULL_REQUEST_NUMBER", _ANY),
    Sign("Cirrus", "CIRRUS_PR", _NUMBER),
    Sign("Semaphore", "SEMAPHORE_GIT_PR_NUMBER", _ANY),
    Sign("Semaphore", "SEMAPHORE_GIT_REF_TYPE", r"pull-request"),
    Sign("AWS CodeBuild", "CODEBUILD_WEBHOOK_TRIGGER", r"pr/.*"),
    Sign("AWS CodeBuild", "CODEBUILD_WEBHOOK_EVENT", r"PULL_REQUEST_(?!MERGED$).*"),
    Sign("TeamCity", "TEAMCITY_PULLREQUEST_NUMBER", _ANY),
    Sign("Bitrise", "BITRISE_PULL_REQUEST", _NUMBER),
    Sign("Codefresh", "CF_PULL_REQUEST_ACTION", _ANY),
    Sign("Codefresh", "CF_PULL_REQUEST_NUMBER", _ANY),
    Sign("Buddy", "BUDDY_EXECUTION_PULL_REQUEST_NO", _ANY),
    Sign("Buddy", "BUDDY_EXECUTION_PULL_REQUEST_ID", _ANY),
    Sign("Codemagic", "CM_PULL_REQUEST", r"true"),
    Sign("Google Cloud Build", "_PR_NUMBER", _ANY),
    Sign("Harness", "DRONE_PULL_REQUEST_TITLE", _ANY),
    Sign("Vela", "VELA_PULL_REQUEST", _NUMBER),
    Sign("Screwdriver", "SD_PULL_REQUEST", _ANY),
    Sign("Prow", "PULL_NUMBER", _ANY),
    Sign("Netlify", "PULL_REQUEST", r"true"),
    Sign("Zuul", "ZUUL_CHANGE", _ANY),
)
"""What shows it beside the event: a later workflow, a child pipeline or a queue has an event of its own."""


def unmerged(env: Mapping[str, str]) -> str | None:
    """Return the variable by which a job may be of a change that nobody has merged, None where none says so."""
    for events in EVENTS:
        event = env.get(events.variable)
        if event and not re.fullmatch(events.merged, event):
            return events.variable
    return next(
        (sign.variable for sign in SIGNS if re.fullmatch(sign.pattern, env.get(sign.variable, ""))), None
    )
