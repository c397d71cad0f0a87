"""The GitLab pipeline: what a merge request shows, and what the default branch does."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from reconciler.cli.templates import slugs, variables

_PIPELINE: Final = """\
# Written by `reconciler init --ci gitlab`.
#
# A merge request: validate and diff, with no secret, state or token, so that forks are served too. Where the
# variable RECONCILER_PLAN_IN_MERGE_REQUESTS is true, also a plan, shown in the merge request's widget. Mind what
# that means: whoever may push a branch here can then use the variables that its jobs see.
# The default branch: plan; a person starts `apply`, which does exactly that plan.
# A pipeline schedule with RECONCILER_RENEW=true: renew what ends soon, and nothing that awaits review.
#
# The state lives on the branch `reconciler-state`. Settings > CI/CD > Job token permissions: allow Git push
# requests to the repository. Who may start `apply`: protect the environment `reconciler`.
@@NEEDS@@

.@@SLUG@@:
  image: python:3.13
  variables:
    RECONCILER_MANIFEST: @@MANIFEST@@
    RECONCILER_STATE: .reconciler/state/@@SLUG@@.state.json  # a copy: it lives on a branch
    GIT_DEPTH: "0"
  before_script:
    - python -I -m pip install --quiet --disable-pip-version-check "c1-reconciler==@@VERSION@@"

.@@SLUG@@ signed in:
  extends: .@@SLUG@@
@@TOKENS@@

.@@SLUG@@ plan:
  extends: .@@SLUG@@ signed in
  script:
    - reconciler -f "$RECONCILER_MANIFEST" --state "$RECONCILER_STATE" ci fetch-state
    - reconciler -f "$RECONCILER_MANIFEST" --state "$RECONCILER_STATE" plan -o plan.json
    - reconciler show plan.json --format gitlab > plan-widget.json
    - reconciler show plan.json --format html > plan.html
    - reconciler ci outputs plan.json > plan.env
  artifacts:
    expire_in: 1 week
    paths: [plan.json, plan.html]
    reports:
      terraform: plan-widget.json
      dotenv: plan.env

@@SLUG@@ validate:
  extends: .@@SLUG@@
  rules:
    - if: $CI_PIPELINE_SOURCE == "merge_request_event"
    - if: $CI_PIPELINE_SOURCE == "push" && $CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH
  script:
    - reconciler -f "$RECONCILER_MANIFEST" validate

@@SLUG@@ diff:
  extends: .@@SLUG@@
  rules:
    - if: $CI_PIPELINE_SOURCE == "merge_request_event"
  script:
    - reconciler -f "$RECONCILER_MANIFEST" diff --base "$CI_MERGE_REQUEST_DIFF_BASE_SHA"
    - >-
      reconciler -f "$RECONCILER_MANIFEST" diff --base "$CI_MERGE_REQUEST_DIFF_BASE_SHA"
      --format html > diff.html
    - >-
      reconciler -f "$RECONCILER_MANIFEST" diff --base "$CI_MERGE_REQUEST_DIFF_BASE_SHA"
      --format gitlab > diff-widget.json
  artifacts:
    expire_in: 1 week
    paths: [diff.html]
    reports:
      terraform: diff-widget.json

@@SLUG@@ plan merge request:
  extends: .@@SLUG@@ plan
  rules:
    - if: >-
        $CI_PIPELINE_SOURCE == "merge_request_event" && $RECONCILER_PLAN_IN_MERGE_REQUESTS == "true" &&
        $CI_MERGE_REQUEST_SOURCE_PROJECT_ID == $CI_PROJECT_ID

@@SLUG@@ plan:
  extends: .@@SLUG@@ plan
  rules:
    - if: $CI_PIPELINE_SOURCE == "push" && $CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH
    - if: $CI_PIPELINE_SOURCE == "web" && $CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH

# GitLab does not look at how `after_script` ends, so the state is kept here; the job ends as apply did.
@@SLUG@@ apply:
  extends: .@@SLUG@@ signed in
  rules:
    - if: $CI_PIPELINE_SOURCE == "push" && $CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH
      when: manual
    - if: $CI_PIPELINE_SOURCE == "web" && $CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH
      when: manual
  needs: ["@@SLUG@@ plan"]
  environment: reconciler
  resource_group: @@SLUG@@-state
  interruptible: false
  script:
    - reconciler -f "$RECONCILER_MANIFEST" --state "$RECONCILER_STATE" ci fetch-state
    - ended=0
    - >-
      reconciler -f "$RECONCILER_MANIFEST" --state "$RECONCILER_STATE" apply plan.json
      --expect-digest "$PLAN_DIGEST" || ended=$?
    - reconciler -f "$RECONCILER_MANIFEST" --state "$RECONCILER_STATE" ci push-state
    - exit "$ended"

@@SLUG@@ renew:
  extends: .@@SLUG@@ signed in
  rules:
    - if: >-
        $CI_PIPELINE_SOURCE == "schedule" && $RECONCILER_RENEW == "true" &&
        $CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH
  environment: reconciler
  resource_group: @@SLUG@@-state
  interruptible: false
  script:
    - reconciler -f "$RECONCILER_MANIFEST" --state "$RECONCILER_STATE" ci fetch-state
    - ended=0
    - >-
      reconciler -f "$RECONCILER_MANIFEST" --state "$RECONCILER_STATE" apply --only renewals
      --auto-approve || ended=$?
    - reconciler -f "$RECONCILER_MANIFEST" --state "$RECONCILER_STATE" ci push-state
    - exit "$ended"
"""

_START: Final = """\
include:
  - local: @@PATH@@

# One pipeline for a merge request, not a second one for its branch.
workflow:
  rules:
    - if: $CI_PIPELINE_SOURCE == "merge_request_event"
    - if: $CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH
"""

START: Final = ".gitlab-ci.yml"


def pipeline(*, manifest: str, version: str, needed: Mapping[str, Iterable[str]]) -> Mapping[str, str]:
    """Return the pipeline by its path in the repository, and a start file that includes it."""
    slug = slugs.slug(manifest)
    comments, _, tokens = variables.gitlab(needed).partition("id_tokens:")
    parts = {
        "NEEDS": comments.rstrip("\n"),
        "TOKENS": variables.indented(f"id_tokens:{tokens}", 2),
        "MANIFEST": manifest,
        "SLUG": slug,
        "VERSION": version,
    }
    text = _PIPELINE
    for name, part in parts.items():
        text = text.replace(f"@@{name}@@", part)
    path = f".gitlab/{slug}.gitlab-ci.yml"
    return {path: text, START: _START.replace("@@PATH@@", f"/{path}")}
