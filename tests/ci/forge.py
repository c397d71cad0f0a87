"""A forge on this machine: a bare repository, a tenant, the API's stub, and a runner of workflows.

The runner does what GitHub's does with our files: it resolves the expressions, gives each job a fresh machine
(an empty directory), runs every script with bash, and hands outputs and artifacts on. `uses:` of the four
actions is played by a few lines each; any other one is refused.
"""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import sys
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from reconciler.sandbox.serve import Embedded
from tests.ci.expressions import filled, truth
from tests.ci.github import GitHub
from tests.support.repositories import git

REPOSITORY = "acme/secrets"
FROM = f"https://git.invalid/acme/reconciler@{'c0ffee00' * 5}"


@dataclass(kw_only=True)
class Event:
    """What starts a run."""

    name: str
    sha: str
    ref: str = "refs/heads/main"
    payload: dict[str, Any] = field(default_factory=dict)


@dataclass(kw_only=True)
class Step:
    """How a step ended."""

    name: str
    outcome: str
    code: int | None = None
    log: str = ""
    outputs: dict[str, str] = field(default_factory=dict)


@dataclass(kw_only=True)
class Job:
    """How a job ended, and its steps."""

    result: str
    steps: list[Step] = field(default_factory=list)
    outputs: dict[str, str] = field(default_factory=dict)
    summary: str = ""

    @property
    def log(self) -> str:
        return "\n".join(f"== {step.name} [{step.outcome}]\n{step.log}" for step in self.steps)

    def step(self, name: str) -> Step:
        return next(step for step in self.steps if step.name == name)


@dataclass(kw_only=True)
class Forge:
    """One repository with its settings."""

    home: Path
    tenant: Embedded
    github: GitHub
    secrets: dict[str, str] = field(default_factory=dict)
    variables: dict[str, str] = field(default_factory=dict)
    artifacts: dict[tuple[int, str], Path] = field(default_factory=dict)
    """By run and name: a run finds its own alone, whatever another one called the same."""
    runs: int = 0
    install_from: str = FROM
    """Where the workflows take the program from."""
    installs: bool = False
    """Whether the step `Install` is run: else the program of this environment is there already."""
    programs: Path = Path(sys.executable).parent
    """Where a job finds `python`, and what it installs."""
    watch: Callable[[str, subprocess.Popen[str]], None] | None = None
    """Called with each script while it runs: to do something to it."""

    @property
    def bare(self) -> Path:
        return self.home / "origin.git"

    @property
    def work(self) -> Path:
        """The clone of the person who changes things."""
        return self.home / "work"

    def begin(self) -> None:
        subprocess.run(["git", "init", "-q", "--bare", "-b", "main", self.bare], check=True)
        git(self.bare, "config", "uploadpack.allowAnySHA1InWant", "true")
        subprocess.run(["git", "init", "-q", "-b", "main", self.work], check=True)
        git(self.work, "remote", "add", "origin", f"file://{self.bare}")

    def commit(self, message: str, branch: str = "main") -> str:
        """Commit everything in the person's clone, push it, and return the commit."""
        git(self.work, "add", "-A")
        git(self.work, "commit", "-q", "--allow-empty", "-m", message)
        git(self.work, "push", "-q", "origin", f"HEAD:refs/heads/{branch}")
        return git(self.work, "rev-parse", "HEAD")

    def push(self, message: str) -> Event:
        return Event(name="push", sha=self.commit(message))

    def by_hand(self, **inputs: str) -> Event:
        """Start the workflow as a person does, with inputs; one that is left out is empty."""
        given = {
            "max-revoke": "",
            "max-replace": "",
            **{name.replace("_", "-"): v for name, v in inputs.items()},
        }
        sha = git(self.bare, "rev-parse", "main")
        return Event(name="workflow_dispatch", sha=sha, payload={"inputs": given})

    def schedule(self) -> Event:
        return Event(name="schedule", sha=git(self.bare, "rev-parse", "main"))

    def pull_request(self, head: str, *, fork: bool = False) -> Event:
        """Propose a commit: GitHub checks out its merge into main."""
        base = git(self.bare, "rev-parse", "main")
        tree = git(self.bare, "merge-tree", "--write-tree", base, head)
        sha = git(self.bare, "commit-tree", tree, "-p", base, "-p", head, "-m", "merge")
        repository = "stranger/secrets" if fork else REPOSITORY
        about = {"number": 7, "head": {"repo": {"full_name": repository}}}
        return Event(name="pull_request", sha=sha, ref="refs/pull/7/merge", payload={"pull_request": about})

    def on_branch(self, path: str, branch: str = "reconciler-state") -> bytes:
        command = ["git", "-C", str(self.bare), "cat-file", "blob", f"{branch}:{path}"]
        return subprocess.run(command, check=True, capture_output=True).stdout

    def branches(self) -> set[str]:
        return set(git(self.bare, "for-each-ref", "--format=%(refname:short)", "refs/heads").splitlines())

    def run(self, workflow: str, event: Event, *, only: set[str] | None = None) -> dict[str, Job]:
        """Run a workflow's jobs one after the other, those that an earlier one lets run."""
        done: dict[str, Job] = {}
        for name, stepping in self.jobs(workflow, event, done, only=only):
            for _ in stepping:
                pass
            assert name in done
        return done

    def jobs(
        self, workflow: str, event: Event, done: dict[str, Job], *, only: set[str] | None = None
    ) -> Iterator[tuple[str, Generator[str, None, None]]]:
        """Yield each job as something that runs a step at a time; it is in `done` when it has ended."""
        self.runs = run = self.runs + 1
        text = git(self.bare, "show", f"{event.sha}:.github/workflows/{workflow}")
        whole = yaml.safe_load(text)
        assert event.name in whole[True], "`on:` reads as a boolean in YAML 1.1"
        for name, job in whole["jobs"].items():
            needs = job.get("needs", [])
            needs = [needs] if isinstance(needs, str) else needs
            context = self.context(event, {need: done[need] for need in needs}, run=run)
            all_desired = only is None or name in only
            ready = all(done[need].result == "success" for need in needs)
            if all_desired and ready and truth(job.get("if", "always()"), context):
                yield name, Machine(self, whole, job, event, context).steps(done, name)
            else:
                done[name] = Job(result="skipped")

    def context(self, event: Event, needs: Mapping[str, Job], *, run: int = 0) -> dict[str, Any]:
        return {
            "github": {
                "event_name": event.name,
                "event": event.payload,
                "repository": REPOSITORY,
                "ref": event.ref,
                "run_id": run,
                "actor": "ana",
            },
            "secrets": {} if self.is_fork(event) else self.secrets,
            "vars": self.variables,
            "inputs": event.payload.get("inputs", {}),
            "needs": {name: {"outputs": job.outputs, "result": job.result} for name, job in needs.items()},
            "always()": True,
        }

    def is_fork(self, event: Event) -> bool:
        pull_request = event.payload.get("pull_request")
        return pull_request is not None and pull_request["head"]["repo"]["full_name"] != REPOSITORY


class Machine:
    """One job on a machine of its own."""

    def __init__(
        self, forge: Forge, whole: dict[str, Any], job: dict[str, Any], event: Event, context: dict[str, Any]
    ) -> None:
        self.forge, self.whole, self.job, self.event, self.context = forge, whole, job, event, context
        self.run: int = context["github"]["run_id"]
        self.machine = forge.home / f"machine-{secrets.token_hex(4)}"
        self.workspace, self.temp = self.machine / "workspace", self.machine / "temp"
        for path in (self.workspace, self.temp, self.machine / "home"):
            path.mkdir(parents=True)
        self.token = f"ghs_{secrets.token_hex(8)}"
        permissions = job.get("permissions", whole["permissions"])
        if permissions.get("pull-requests") == "write" and not forge.is_fork(event):
            forge.github.may_comment.add(self.token)
        self.environment = self._environment(permissions)
        context["github"]["token"] = self.token
        context["runner"] = {"temp": str(self.temp)}

    def _environment(self, permissions: Mapping[str, str]) -> dict[str, str]:
        forge, event = self.forge, self.event
        found = {
            "PATH": f"{forge.programs}:{os.environ['PATH']}",
            "HOME": str(self.machine / "home"),
            "GIT_CONFIG_NOSYSTEM": "1",
            "CI": "true",
            "GITHUB_ACTIONS": "true",
            "GITHUB_API_URL": forge.github.url,
            "GITHUB_EVENT_NAME": event.name,
            "GITHUB_REF": event.ref,
            "GITHUB_REPOSITORY": REPOSITORY,
            "GITHUB_RUN_ID": str(self.run),
            "GITHUB_SERVER_URL": "https://github.invalid",
            "GITHUB_SHA": event.sha,
            "RUNNER_TEMP": str(self.temp),
            # The one thing that a real job would not need: its client ID names the tenant, with https.
            "CONDUCTORONE_SERVER_URL": forge.tenant.url,
        }
        if permissions.get("id-token") == "write" and not forge.is_fork(event):
            token = f"oidc-{secrets.token_hex(8)}"
            forge.github.oidc_tokens.add(token)
            found["ACTIONS_ID_TOKEN_REQUEST_URL"] = f"{forge.github.url}/oidc?v=1"
            found["ACTIONS_ID_TOKEN_REQUEST_TOKEN"] = token
        return found

    def steps(self, done: dict[str, Job], name: str) -> Generator[str, None, None]:
        """Run the steps; each is named before it runs."""
        job = Job(result="success")
        self.context["steps"] = {}
        for number, about in enumerate(self.job["steps"]):
            step = Step(name=about.get("name") or about.get("uses", "").partition("@")[0], outcome="skipped")
            job.steps.append(step)
            self.context["success()"] = job.result == "success"
            condition = about.get("if", "success()")
            if "()" not in condition:
                condition = f"success() && ({condition})"
            if truth(condition, self.context):
                yield step.name
                self._step(about, step, job, number)
            if about.get("id"):
                self.context["steps"][about["id"]] = {"outputs": step.outputs, "outcome": step.outcome}
            if step.outcome == "failure":
                job.result = "failure"
        outputs = self.job.get("outputs", {})
        job.outputs = {key: filled(value, self.context) for key, value in outputs.items()}
        done[name] = job

    def _step(self, about: dict[str, Any], step: Step, job: Job, number: int) -> None:
        if "uses" in about:
            given = {key: filled(_plain(value), self.context) for key, value in about.get("with", {}).items()}
            self._use(about["uses"].partition("@")[0], given)
            step.outcome = "success"
            return
        assert "${{" not in about["run"], "a script must get its inputs through `env`"
        script = self.temp / f"step-{number}.sh"
        script.write_text(about["run"])
        files = {key: self.temp / f"{key}-{number}" for key in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")}
        for path in files.values():
            path.touch()
        given = {**self.whole.get("env", {}), **self.job.get("env", {}), **about.get("env", {})}
        if step.name == "Install" and not self.forge.installs:
            step.outcome = "success"
            return
        with subprocess.Popen(
            ["bash", "--noprofile", "--norc", "-e", script],
            cwd=self.workspace,
            env={
                **self.environment,
                **{key: filled(str(value), self.context) for key, value in given.items()},
                **{key: str(path) for key, path in files.items()},
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        ) as running:
            if self.forge.watch:
                self.forge.watch(step.name, running)
            step.log, _ = running.communicate(timeout=120)
        step.code = running.returncode
        step.outcome = "success" if running.returncode == 0 else "failure"
        step.outputs = dict(_outputs(files["GITHUB_OUTPUT"].read_text()))
        job.summary += files["GITHUB_STEP_SUMMARY"].read_text()

    def _use(self, action: str, given: Mapping[str, str]) -> None:
        match action:
            case "actions/checkout":
                assert given["persist-credentials"] == "false"
                depth = given.get("fetch-depth", "1")
                subprocess.run(["git", "init", "-q", self.workspace], check=True)
                git(self.workspace, "remote", "add", "origin", f"file://{self.forge.bare}")
                git(self.workspace, "fetch", "-q", f"--depth={depth}", "origin", self.event.sha)
                git(self.workspace, "checkout", "-q", "--detach", self.event.sha)
            case "actions/setup-python":
                pass
            case "actions/upload-artifact":
                kept = self.forge.home / f"artifact-{secrets.token_hex(4)}"
                path = Path(given["path"])
                if path.is_dir():
                    shutil.copytree(path, kept)
                else:
                    kept.mkdir()
                    shutil.copy(path, kept)
                assert (self.run, given["name"]) not in self.forge.artifacts, "an artifact is made once"
                self.forge.artifacts[self.run, given["name"]] = kept
            case "actions/download-artifact":
                shutil.copytree(self.forge.artifacts[self.run, given["name"]], given["path"])
            case _:
                raise AssertionError(f"{action} is not known here")


def _plain(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _outputs(text: str) -> Iterator[tuple[str, str]]:
    """Read `name<<END` blocks."""
    lines = iter(text.splitlines())
    for line in lines:
        name, _, end = line.partition("<<")
        value = []
        for following in lines:
            if following == end:
                break
            value.append(following)
        yield name, "\n".join(value)
