"""The workflows of `init --ci github`, run step by step against a repository and a tenant on this machine."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import yaml

from reconciler.sandbox import reader
from tests.ci.conftest import CY, MANIFEST, state, write_workflows
from tests.ci.forge import Forge, Job
from tests.support.repositories import git

pytestmark = pytest.mark.slow

MAIN, PULL_REQUEST = "reconciler.yml", "reconciler-pull-request.yml"
SECRETS = ("correct horse", "battery staple")


def live(forge: Forge) -> dict[str, str]:
    """Return the tenant's live vaults of this stack: vault ID -> label."""
    found = reader.live(forge.tenant.store).values()
    return {vault.vault_id: vault.display_name.partition(" [rc:")[0] for vault in found}


def vaults(forge: Forge) -> int:
    """Return how many vaults there are, ready or not."""
    return len(forge.tenant.store.rows("SELECT n FROM vaults"))


def known(forge: Forge) -> set[str]:
    """Return the vaults that the state's branch knows."""
    instances = state(forge)["instances"].values()
    return {i["current"]["vault_id"] for i in instances if i["current"]}


def propose(forge: Forge, manifest: str, *, fork: bool = False) -> Any:
    """Push a change to a branch and open a pull request for it."""
    git(forge.work, "checkout", "-q", "-b", "change")
    (forge.work / "reconciler.yaml").write_text(manifest)
    head = forge.commit("Propose", "change")
    git(forge.work, "checkout", "-q", "main")
    return forge.pull_request(head, fork=fork)


def ended(jobs: dict[str, Job]) -> dict[str, str]:
    return {name: job.result for name, job in jobs.items()}


def add_secret(forge: Forge) -> None:
    """Declare another secret, and bring the workflows up to date as a person would."""
    (forge.work / "reconciler.yaml").write_text(MANIFEST + CY)
    write_workflows(forge)


def test_merge_plans_waits_and_applies_that_plan(forge: Forge) -> None:
    """One run: plan, approval, apply; the state is on its branch, and nothing else was pushed."""
    jobs = forge.run(MAIN, forge.push("Begin"))
    assert {"plan": "success", "approve": "success", "apply": "success", "renew": "skipped"} == ended(jobs), (
        "\n".join(job.log for job in jobs.values())
    )
    assert ["db-password"] == list(live(forge).values())
    assert set(live(forge)) == known(forge)
    assert {"main", "reconciler-state"} == forge.branches()
    assert ["reconciler.state.json"] == git(forge.bare, "ls-tree", "--name-only", "reconciler-state").split()
    assert jobs["plan"].outputs["digest"] in jobs["plan"].summary

    again = forge.run(MAIN, forge.push("Change nothing"))
    assert {"plan": "success", "approve": "skipped", "apply": "skipped", "renew": "skipped"} == ended(again)


def test_without_approval_nothing_is_sent(forge: Forge) -> None:
    """What waits for a person has planned, and no more."""
    jobs = forge.run(MAIN, forge.push("Begin"), only={"plan"})
    assert "true" == jobs["plan"].outputs["has-changes"]
    assert {} == live(forge)
    assert {"main"} == forge.branches()


def test_no_job_prints_or_keeps_a_value(forge: Forge) -> None:
    """Logs, summaries, artifacts and branches hold no plaintext, no key and no token."""
    jobs = forge.run(MAIN, forge.push("Begin"))
    texts = [job.log + job.summary for job in jobs.values()]
    texts += [p.read_text() for kept in forge.artifacts.values() for p in kept.iterdir()]
    texts.append(forge.on_branch("reconciler.state.json").decode())
    hidden = {*SECRETS, forge.secrets["RECONCILER_FINGERPRINT_KEY"], *forge.github.tokens}
    assert [] == [value for value in hidden for text in texts if value in text]
    assert not any("share_url" in text or forge.tenant.url + "/" in text for text in texts[:-1])


def test_a_fork_gets_validate_and_diff_without_secrets(forge: Forge) -> None:
    """Read-only token, no OIDC, no secrets: the summary is what it can show, and it is enough to decide by."""
    forge.push("Begin")
    jobs = forge.run(PULL_REQUEST, propose(forge, MANIFEST + CY, fork=True))
    assert {"review": "success", "plan": "skipped"} == ended(jobs), jobs["review"].log
    assert "cy@partner.example" in jobs["review"].summary
    assert "EXTERNAL" in jobs["review"].summary
    assert [] == forge.github.comments
    assert "skipped" == jobs["review"].step("Comment").outcome


def test_a_pull_request_has_one_comment_that_is_updated(forge: Forge) -> None:
    """From the same repository the comparison is a comment; a second push updates it in place."""
    forge.push("Begin")
    event = propose(forge, MANIFEST + CY)
    jobs = forge.run(PULL_REQUEST, event)
    assert {"review": "success", "plan": "skipped"} == ended(jobs), jobs["review"].log
    forge.run(PULL_REQUEST, event)
    [comment] = forge.github.comments
    assert "1 to create" in comment["body"]
    assert "cy@partner.example" in comment["body"]
    assert "skipped" == jobs["plan"].result


def test_a_pull_request_plans_where_that_is_allowed(forge: Forge) -> None:
    """With the repository's variable set, the plan with the tenant and the values takes the comment's place."""
    forge.run(MAIN, forge.push("Begin"))
    forge.variables["RECONCILER_PLAN_IN_PULL_REQUESTS"] = "true"
    jobs = forge.run(PULL_REQUEST, propose(forge, MANIFEST.replace("ana@", "bo@")))
    assert {"review": "success", "plan": "success"} == ended(jobs), jobs["plan"].log
    [comment] = forge.github.comments
    assert "bo@example.com" in comment["body"]
    assert "1 to replace" in comment["body"]
    assert ["db-password"] == list(live(forge).values())
    assert (forge.artifacts[forge.runs, "reconciler-report"] / "plan.html").read_text().startswith("<!")


def test_an_invalid_manifest_fails_with_its_lines(forge: Forge) -> None:
    """The check is red, and the annotation names file and line."""
    forge.push("Begin")
    jobs = forge.run(PULL_REQUEST, propose(forge, MANIFEST.replace("source:", "sauce:")))
    assert "failure" == jobs["review"].result
    assert "::error file=reconciler.yaml,line=6," in jobs["review"].step("Validate").log


def test_nightly_renews_and_touches_nothing_that_awaits_review(forge: Forge) -> None:
    """A merged, unapproved change stays undone; what ends soon is made again."""
    forge.run(MAIN, forge.push("Begin"))
    before = live(forge)
    add_secret(forge)
    forge.push("Add a secret that nobody approves")
    forge.tenant.store.advance(timedelta(hours=30))
    jobs = forge.run(MAIN, forge.schedule())
    assert {"plan": "skipped", "approve": "skipped", "apply": "skipped", "renew": "success"} == ended(jobs), (
        jobs["renew"].log
    )
    assert ["db-password"] == list(live(forge).values())
    assert not set(live(forge)) & set(before)
    assert set(live(forge)) == known(forge)


def test_the_state_is_kept_when_apply_dies(forge: Forge) -> None:
    """Killed in the middle: state and journal go to the branch all the same, and the next run goes on from there."""
    add_secret(forge)
    forge.tenant.store.change(latency=timedelta(milliseconds=200))

    def kill(step: str, running: subprocess.Popen[str]) -> None:
        while step == "Apply" and running.poll() is None and not vaults(forge):
            with contextlib.suppress(subprocess.TimeoutExpired):
                running.wait(0.02)
        if step == "Apply":
            os.killpg(running.pid, signal.SIGKILL)

    forge.watch = kill
    event = forge.push("Begin")
    jobs = forge.run(MAIN, event)
    assert ("failure", "success") == (jobs["apply"].result, jobs["apply"].step("Keep the state").outcome)
    assert b'"is":"intent"' in forge.on_branch("reconciler.journal")

    forge.watch = None
    forge.tenant.store.change(latency=timedelta())
    again = forge.run(MAIN, event)
    assert "success" == again["apply"].result, again["apply"].log
    assert {"api-key", "db-password"} == set(live(forge).values())
    assert set(live(forge)) == known(forge)
    assert ["reconciler.state.json"] == git(forge.bare, "ls-tree", "--name-only", "reconciler-state").split()


def planned(forge: Forge, message: str) -> tuple[dict[str, Job], Callable[[], None]]:
    """Return a run that has planned and waits for its approval, and what approves it."""
    waiting: dict[str, Job] = {}
    jobs = forge.jobs(MAIN, forge.push(message), waiting)
    for _ in next(jobs)[1]:
        pass

    def approve() -> None:
        for _, stepping in jobs:
            for _ in stepping:
                pass

    return waiting, approve


def test_a_run_that_main_has_overtaken_applies_nothing(forge: Forge) -> None:
    """Main took it back, without anything to apply, while the run waited: what main says by now counts."""
    forge.run(MAIN, forge.push("Begin"))
    add_secret(forge)
    waiting, approve = planned(forge, "Give Cy a key")
    git(forge.work, "revert", "--no-edit", "HEAD")
    taken_back = forge.run(MAIN, forge.push("No"))
    assert "skipped" == taken_back["apply"].result
    before = live(forge)
    approve()
    compared = waiting["apply"].step("Compare with the branch")
    assert ("failure", 8) == (waiting["apply"].result, compared.code), compared.log
    assert "reconciler.yaml is another on main by now" in compared.log
    assert "skipped" == waiting["apply"].step("Apply").outcome
    assert before == live(forge)


def test_what_main_says_elsewhere_keeps_no_run_waiting(forge: Forge) -> None:
    """Another team's commit is no reason to plan again."""
    waiting, approve = planned(forge, "Begin")
    (forge.work / "README").write_text("other")
    forge.push("Say something else")
    approve()
    assert "success" == waiting["apply"].result, waiting["apply"].log


def test_an_approval_without_its_digest_applies_nothing(forge: Forge) -> None:
    """An output that did not arrive is an empty text, which lifts no check."""
    waiting, approve = planned(forge, "Begin")
    waiting["plan"].outputs["digest"] = ""
    approve()
    assert ("failure", 64) == (waiting["apply"].result, waiting["apply"].step("Apply").code)
    assert {} == live(forge)


def test_a_guard_is_met_and_lifted_by_hand(forge: Forge) -> None:
    """Everything is removed: apply refuses the plan as approved, until a person starts a run with the limit."""
    add_secret(forge)
    forge.run(MAIN, forge.push("Begin"))
    (forge.work / "reconciler.yaml").write_text("version: 1\nname: payments\nsecrets: {}\n")
    refused = forge.run(MAIN, forge.push("Remove all"))
    assert 7 == refused["apply"].step("Apply").code, refused["apply"].log
    assert "would revoke 2 of 2 live secrets" in refused["plan"].summary
    assert "`--max-revoke` 2" in refused["plan"].summary
    assert 2 == len(live(forge))
    meant = forge.run(MAIN, forge.by_hand(max_revoke="2"))
    assert "success" == meant["apply"].result, meant["apply"].log
    assert "`--max-revoke` 2" in meant["plan"].summary
    assert {} == live(forge)


def test_a_limit_is_a_number_and_no_script(forge: Forge) -> None:
    forge.push("Begin")
    for wrong in ("$(touch pwned)", "2 --auto-approve", "-1"):
        assert 64 == forge.run(MAIN, forge.by_hand(max_revoke=wrong))["plan"].step("Plan").code
    assert not list(forge.home.rglob("pwned"))


def test_a_plan_that_went_stale_is_refused_and_nothing_is_sent(forge: Forge) -> None:
    """While a plan waited, another one was applied: exit 8 with what is not in it; the branch stays as it is."""
    forge.run(MAIN, forge.push("Begin"))
    forge.secrets["DB_PASSWORD"] = "planned"
    waiting, approve = planned(forge, "Change the value")
    stale = forge.artifacts[forge.runs, "reconciler-plan"] / "plan.json"
    forge.secrets["DB_PASSWORD"] = "another"
    forge.run(MAIN, forge.push("Change it once more"))
    before, tip = live(forge), git(forge.bare, "rev-parse", "reconciler-state")
    approve()
    applied = waiting["apply"].step("Apply")
    assert ("failure", 8) == (waiting["apply"].result, applied.code), applied.log
    assert waiting["plan"].outputs["digest"] == json.loads(stale.read_text())["digest"]
    assert "digest" not in applied.log, "it was this run's own plan, with the digest that was approved"
    assert "db-password" in applied.log
    assert before == live(forge)
    assert set(before) == known(forge)
    assert tip == git(forge.bare, "rev-parse", "reconciler-state")
    assert {"main", "reconciler-state"} == forge.branches()


def test_two_at_once_lose_nothing_even_without_the_group(forge: Forge) -> None:
    """Two runs that both began with the same state: the second push is refused and told; all is known in the end.

    The workflow's concurrency group prevents this; here nothing does.
    """
    forge.run(MAIN, forge.push("Begin"))
    forge.tenant.store.advance(timedelta(hours=30))
    first: dict[str, Job] = {}
    second: dict[str, Job] = {}
    [(_, one)] = forge.jobs(MAIN, forge.schedule(), first)
    for step in one:
        if step == "Renew":
            [(_, other)] = forge.jobs(MAIN, forge.schedule(), second)
            for step_of_other in other:
                if step_of_other == "Renew":
                    break
            break
    for _ in one:
        pass
    for _ in other:
        pass
    assert "success" == first["renew"].result, first["renew"].log
    written = git(forge.bare, "rev-parse", "reconciler-state")
    assert "failure" == second["renew"].result
    assert "another run wrote this state" in second["renew"].step("Keep the state").log
    [beside] = forge.branches() - {"main", "reconciler-state"}
    assert beside in second["renew"].log
    both = known(forge) | {
        i["current"]["vault_id"] for i in state(forge, beside)["instances"].values() if i["current"]
    }
    assert set(live(forge)) <= both

    third = forge.run(MAIN, forge.schedule())
    assert "success" == third["renew"].result, third["renew"].log
    git(forge.bare, "merge-base", "--is-ancestor", written, "reconciler-state")
    assert set(live(forge)) == known(forge)
    assert ["db-password"] == list(live(forge).values())


def test_the_group_keeps_runs_apart(forge: Forge) -> None:
    """Both jobs that write are in one group, which queues and cancels nobody; no other job may write."""
    forge.push("Begin")
    whole = yaml.safe_load((forge.work / ".github/workflows" / MAIN).read_text())
    writing = {name for name, job in whole["jobs"].items() if "ci push-state" in json.dumps(job)}
    assert {"apply", "renew"} == writing
    groups = [whole["jobs"][name]["concurrency"] for name in sorted(writing)]
    assert [{"group": "reconciler-state", "queue": "max"}] * 2 == groups
    assert writing == {
        name for name, job in whole["jobs"].items() if job["permissions"].get("contents") == "write"
    }


@pytest.mark.parametrize("name", [MAIN, PULL_REQUEST])
def test_permissions_are_minimal(forge: Forge, name: str) -> None:
    """Nothing by default; each job says what it needs, and every action is pinned by its commit."""
    text = (forge.work / ".github/workflows" / name).read_text()
    whole = yaml.safe_load(text)
    assert {} == whole["permissions"]
    assert all("permissions" in job and "timeout-minutes" in job for job in whole["jobs"].values())
    uses = re.findall(r"uses: (\S+)", text)
    assert all(re.fullmatch(r"actions/[a-z-]+@[0-9a-f]{40}", use) for use in uses), uses
