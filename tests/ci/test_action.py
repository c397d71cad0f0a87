"""`action.yml`: its script, run as GitHub runs it, in each mode."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from reconciler.sandbox import reader
from tests.ci.conftest import CY, MANIFEST, state
from tests.ci.expressions import filled
from tests.ci.forge import Event, Forge, Job, Machine
from tests.support.commandline import REPOSITORY as ROOT
from tests.support.repositories import git

ACTION: Any = yaml.safe_load((ROOT / "action.yml").read_text())
INSTALL, RUN, KEEP = ACTION["runs"]["steps"]


def run(forge: Forge, event: Event, permissions: dict[str, str], **inputs: str) -> Job:
    """Use the action in a job with these permissions; the step's own `env` is what `reconciler env` prints."""
    context = forge.context(event, {})
    given = {name: about.get("default", "") for name, about in ACTION["inputs"].items()}
    given |= {name.replace("_", "-"): value for name, value in inputs.items()}
    checkout = {"uses": "actions/checkout@x", "with": {"fetch-depth": 2, "persist-credentials": False}}
    env = {name: f"${{{{ secrets.{name} }}}}" for name in ("DB_PASSWORD", "RECONCILER_FINGERPRINT_KEY")}
    env["CONDUCTORONE_CLIENT_ID"] = "${{ vars.CONDUCTORONE_CLIENT_ID }}"
    job = {"permissions": permissions, "env": env, "steps": [checkout, {**RUN}, {**KEEP}]}
    machine = Machine(forge, {"permissions": {}}, job, event, context)
    (machine.temp / "reconciler").mkdir()
    context["inputs"] = {name: filled(value, context) for name, value in given.items()}
    done: dict[str, Job] = {}
    for _ in machine.steps(done, "job"):
        pass
    return done["job"]


def propose(forge: Forge, *, fork: bool = False) -> Event:
    forge.push("Begin")
    (forge.work / "reconciler.yaml").write_text(MANIFEST + CY)
    git(forge.work, "checkout", "-q", "-b", "change")
    return forge.pull_request(forge.commit("Propose", "change"), fork=fork)


def test_validate_and_diff_in_a_pull_request(forge: Forge) -> None:
    """A comment where the token may, the summary everywhere."""
    event = propose(forge)
    assert "success" == run(forge, event, {"contents": "read"}, mode="validate").result
    job = run(forge, event, {"contents": "read", "pull-requests": "write"}, mode="diff")
    assert "success" == job.result, job.log
    [comment] = forge.github.comments
    assert "cy@partner.example" in comment["body"]
    assert "cy@partner.example" in job.summary
    assert {"true", "1"} == {job.steps[1].outputs["has-changes"], job.steps[1].outputs["create"]}


def test_a_fork_gets_no_comment_and_no_failure(forge: Forge) -> None:
    """Its token cannot comment, so it is not tried."""
    job = run(forge, propose(forge, fork=True), {"contents": "read"}, mode="diff")
    assert "success" == job.result, job.log
    assert "cy@partner.example" in job.summary
    assert [] == forge.github.comments


def test_plan_then_apply_with_the_state_on_its_branch(forge: Forge, tmp_path: Path) -> None:
    """What plan puts out is what apply takes; the state is on its branch afterwards."""
    event = forge.push("Begin")
    saved = str(tmp_path / "plan.json")
    read = {"contents": "read", "id-token": "write"}
    planned = run(forge, event, read, mode="plan", state_branch="reconciler-state", plan=saved)
    assert "success" == planned.result, planned.log
    outputs = planned.steps[1].outputs
    assert {"has-changes", "create", "replace", "revoke", "plan-digest", "plan-path"} == set(outputs)
    assert set(outputs) == set(ACTION["outputs"])
    assert saved == outputs["plan-path"]

    how = {"mode": "apply", "state_branch": "reconciler-state", "plan": saved}
    wrong = run(forge, event, read, **how, expect_digest="sha256:" + "0" * 64)
    assert "failure" == wrong.result
    unnamed = run(forge, event, read, **{**how, "plan": "-"}, expect_digest=outputs["plan-digest"])
    assert "failure" == unnamed.result, "a digest without its plan applied whatever there was"
    for empty in ("expect_digest", "plan", "only"):
        given = {**how, "expect_digest": outputs["plan-digest"], empty: ""}
        assert "failure" == run(forge, event, read, **given).result, f"{empty} is empty: nothing was checked"
    assert "failure" == run(forge, event, read, mode="apply", only="").result, "more than renewals"
    assert "failure" == run(forge, event, read, mode="plan", plan="").result
    assert {} == reader.live(forge.tenant.store)
    applied = run(forge, event, read, **how, expect_digest=outputs["plan-digest"])
    assert "success" == applied.result, applied.log
    assert 1 == len(reader.live(forge.tenant.store))
    assert {"db-password"} == set(state(forge)["instances"])
    nightly = run(forge, event, read, mode="apply", state_branch="reconciler-state", only="renewals")
    assert "success" == nightly.result, nightly.log


@pytest.mark.parametrize("mode", ["", "destroy", "$(touch pwned)", "validate; touch pwned"])
def test_a_mode_is_a_word_and_no_script(forge: Forge, mode: str) -> None:
    """Inputs are data."""
    job = run(forge, forge.push("Begin"), {"contents": "read"}, mode=mode)
    assert "failure" == job.result
    assert not list(forge.home.rglob("pwned"))


def test_inputs_reach_scripts_through_env_alone() -> None:
    """No expression in a script, every input in use, and nothing of anybody else's."""
    for step in ACTION["runs"]["steps"]:
        assert "${{" not in step["run"]
        assert not [v for v in step["env"] if not v.startswith("RECONCILER_") and v != "GITHUB_TOKEN"]
    used = {
        name for step in (INSTALL, RUN, KEEP) for name in re.findall(r"inputs\.([a-z-]+)", str(step["env"]))
    }
    assert set(ACTION["inputs"]) == used
    assert "GITHUB_ACTION_PATH" in INSTALL["run"]
