"""GitHub workflows: what a pull request shows, and what the default branch does."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from reconciler.cli.templates import slugs, variables

ACTIONS: Final = {
    "CHECKOUT": "actions/checkout@08c6903cd8c0fde910a37f88322edcfb5dd907a8 # v5.0.0",
    "PYTHON": "actions/setup-python@e797f83bcb11b83ae66e0230d6156d7c80228e7c # v6.0.0",
    "UPLOAD": "actions/upload-artifact@ea165f8d65b6e75b540449e92b4886f43607fa02 # v4.6.2",
    "DOWNLOAD": "actions/download-artifact@634f93cb2916e3fdff6788551b99b062d0335ce0 # v5.0.0",
}
"""Pinned by commit: a tag can be moved."""

_SETUP: Final = """\
      - uses: @@CHECKOUT@@
        with:
          persist-credentials: false@@DEPTH@@
      - uses: @@PYTHON@@
        with:
          python-version: "3.13"
      - name: Install
        run: python -I -m pip install --quiet --disable-pip-version-check "c1-reconciler==@@VERSION@@"
"""

_STATE: Final = """\
      - name: Get the state
        id: state
        env:
          GITHUB_TOKEN: ${{ github.token }}
        run: reconciler -f "$RECONCILER_MANIFEST" --state "$RECONCILER_STATE" ci fetch-state
"""

_KEEP: Final = """\
      # Also when the step above failed or was stopped: what it did must not be forgotten.
      - name: Keep the state
        if: always() && steps.state.outcome == 'success'
        env:
          GITHUB_TOKEN: ${{ github.token }}
        run: reconciler -f "$RECONCILER_MANIFEST" --state "$RECONCILER_STATE" ci push-state
"""

_HEAD: Final = """\
env:
  RECONCILER_MANIFEST: @@MANIFEST@@
  RECONCILER_STATE: .reconciler/state/@@SLUG@@.state.json  # a copy: it lives on a branch
"""

_PULL_REQUEST: Final = """\
# Written by `reconciler init --ci github`. What a pull request would change, before anybody merges it.
#
# `review` needs no secret, no state and no token, so it also serves forks. `plan` reads the tenant and the
# values; it runs only where an administrator set the repository variable RECONCILER_PLAN_IN_PULL_REQUESTS to
# true. Mind what that means: whoever may push a branch here can then use what the environment
# `reconciler-pull-request` holds.
name: @@SLUG@@ pull request

on:
  pull_request:

permissions: {}

concurrency:
  group: @@SLUG@@-pull-request-${{ github.event.pull_request.number }}
  cancel-in-progress: true

@@HEAD@@
jobs:
  review:
    name: Validate and compare
    runs-on: ubuntu-24.04
    timeout-minutes: 10
    permissions:
      contents: read
      pull-requests: write  # to comment; a fork's token can only read, whatever stands here
    steps:
@@SETUP_2@@
      - name: Validate
        run: reconciler -f "$RECONCILER_MANIFEST" validate
      # The first parent of what is checked out is the base branch.
      - name: Compare with the base
        run: reconciler -f "$RECONCILER_MANIFEST" diff --base "HEAD^1" --format markdown > "$RUNNER_TEMP/diff.md"
      - name: Comment
        if: >-
          vars.RECONCILER_PLAN_IN_PULL_REQUESTS != 'true' && github.actor != 'dependabot[bot]' &&
          github.event.pull_request.head.repo.full_name == github.repository
        env:
          GITHUB_TOKEN: ${{ github.token }}
        run: reconciler ci comment "$RUNNER_TEMP/diff.md"

  plan:
    name: Plan
    if: >-
      vars.RECONCILER_PLAN_IN_PULL_REQUESTS == 'true' && github.actor != 'dependabot[bot]' &&
      github.event.pull_request.head.repo.full_name == github.repository
    runs-on: ubuntu-24.04
    timeout-minutes: 20
    environment: reconciler-pull-request
    permissions:
      contents: read
      id-token: write  # signs in to C1
      pull-requests: write  # to comment
    steps:
@@SETUP@@
@@STATE@@
      - name: Plan
@@ENV@@
        run: reconciler -f "$RECONCILER_MANIFEST" --state "$RECONCILER_STATE" plan -o "$RUNNER_TEMP/plan.json"
      - name: Render
        run: |
          reconciler show "$RUNNER_TEMP/plan.json" --format markdown > "$RUNNER_TEMP/plan.md"
          reconciler show "$RUNNER_TEMP/plan.json" --format html > "$RUNNER_TEMP/plan.html"
      - name: Comment
        env:
          GITHUB_TOKEN: ${{ github.token }}
        run: reconciler ci comment "$RUNNER_TEMP/plan.md"
      - uses: @@UPLOAD@@
        with:
          name: @@SLUG@@-report
          path: ${{ runner.temp }}/plan.html
"""

_MAIN: Final = """\
# Written by `reconciler init --ci github`. What happens to what is merged.
#
# A push plans, waits for a person, and applies exactly that plan. Every night, shares that end soon are renewed;
# nothing that awaits review is touched then. Two environments, made under Settings > Environments:
#   reconciler            holds the secrets named below; its deployment branches: @@BRANCH@@, and nothing else.
#                         No reviewers: the nightly renewals must not wait for one.
#   reconciler-approval   holds nothing, and has required reviewers. GitHub makes an environment that is missing,
#                         WITHOUT reviewers: until you have made this one, plans are applied without approval.
name: @@SLUG@@

on:
  push:
    branches: ["@@BRANCH@@"]
  schedule:
    - cron: "@@MINUTE@@ 3 * * *"
  workflow_dispatch:

permissions: {}

@@HEAD@@
jobs:
  plan:
    name: Plan
    if: github.event_name != 'schedule' && github.ref == 'refs/heads/@@BRANCH@@'
    runs-on: ubuntu-24.04
    timeout-minutes: 20
    environment: reconciler
    permissions:
      contents: read
      id-token: write  # signs in to C1
    outputs:
      has-changes: ${{ steps.plan.outputs.has-changes }}
      digest: ${{ steps.plan.outputs.plan-digest }}
    steps:
@@SETUP@@
@@STATE@@
      - name: Plan
        id: plan
@@ENV@@
        run: |
          mkdir -p "$RUNNER_TEMP/plan"
          reconciler -f "$RECONCILER_MANIFEST" --state "$RECONCILER_STATE" plan -o "$RUNNER_TEMP/plan/plan.json"
      - name: Render
        run: reconciler show "$RUNNER_TEMP/plan/plan.json" --format html > "$RUNNER_TEMP/plan/plan.html"
      - uses: @@UPLOAD@@
        with:
          name: @@SLUG@@-plan
          path: ${{ runner.temp }}/plan

  # A job of its own: one that waits for a reviewer must not keep the nightly renewals waiting as well.
  approve:
    name: Wait for approval
    needs: plan
    if: needs.plan.outputs.has-changes == 'true'
    runs-on: ubuntu-24.04
    timeout-minutes: 5
    environment: reconciler-approval
    permissions: {}
    steps:
      - env:
          RECONCILER_DIGEST: ${{ needs.plan.outputs.digest }}
        run: echo "Approved is the plan $RECONCILER_DIGEST"

  apply:
    name: Apply
    needs: [plan, approve]
    runs-on: ubuntu-24.04
    timeout-minutes: 60
    environment: reconciler
@@CONCURRENCY@@
    permissions:
      contents: write  # the state's branch
      id-token: write  # signs in to C1
    steps:
@@SETUP@@
      - uses: @@DOWNLOAD@@
        with:
          name: @@SLUG@@-plan
          path: ${{ runner.temp }}/plan
@@STATE@@
      - name: Apply
        timeout-minutes: 45
@@ENV_DIGEST@@
        run: >-
          reconciler -f "$RECONCILER_MANIFEST" --state "$RECONCILER_STATE" apply "$RUNNER_TEMP/plan/plan.json"
          --expect-digest "$RECONCILER_DIGEST"
@@KEEP@@
  renew:
    name: Renew what ends soon
    if: github.event_name == 'schedule'
    runs-on: ubuntu-24.04
    timeout-minutes: 60
    environment: reconciler
@@CONCURRENCY@@
    permissions:
      contents: write  # the state's branch
      id-token: write  # signs in to C1
    steps:
@@SETUP@@
@@STATE@@
      - name: Renew
        timeout-minutes: 45
@@ENV@@
        run: reconciler -f "$RECONCILER_MANIFEST" --state "$RECONCILER_STATE" apply --only renewals --auto-approve
@@KEEP@@"""

_CONCURRENCY: Final = """\
    concurrency:  # one at a time writes the state; the others wait for their turn
      group: @@SLUG@@-state
      queue: max"""


def workflows(
    *, manifest: str, branch: str, version: str, needed: Mapping[str, Iterable[str]]
) -> Mapping[str, str]:
    """Return the workflows by their path in the repository. What is on `branch` is applied."""
    slug = slugs.slug(manifest)
    block = variables.github(needed)
    parts = {
        "HEAD": _HEAD,
        "SETUP_2": _SETUP.replace("@@DEPTH@@", "\n          fetch-depth: 2").rstrip("\n"),
        "SETUP": _SETUP.replace("@@DEPTH@@", "").rstrip("\n"),
        "STATE": _STATE.rstrip("\n"),
        "KEEP": _KEEP,
        "CONCURRENCY": _CONCURRENCY,
        "ENV": variables.indented(block, 8),
        "ENV_DIGEST": variables.indented(
            f"{block}  RECONCILER_DIGEST: ${{{{ needs.plan.outputs.digest }}}}\n", 8
        ),
        **ACTIONS,
        "MANIFEST": manifest,
        "SLUG": slug,
        "BRANCH": branch,
        "VERSION": version,
        # Not the full hour, when everybody's jobs start and some are dropped; a stack has its own minute.
        "MINUTE": str(sum(slug.encode()) % 50 + 5),
    }
    texts = {f"{slug}-pull-request.yml": _PULL_REQUEST, f"{slug}.yml": _MAIN}
    return {f".github/workflows/{name}": _filled(text, parts) for name, text in texts.items()}


def _filled(text: str, parts: Mapping[str, str]) -> str:
    for name, part in parts.items():
        text = text.replace(f"@@{name}@@", part)
    return text
