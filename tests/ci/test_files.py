"""The files that others copy or point at: checked against the published schemas, and tried."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from reconciler.cli import pipeline_files
from reconciler.cli.templates import github, gitlab, slugs
from tests.ci.forge import FROM
from tests.support.commandline import REPOSITORY, Desk, text_secret
from tests.support.repositories import git

MANIFESTS = {
    "plain": "version: 1\nname: a\nsecrets: {}\n",
    "variables": "version: 1\nname: a\nsecrets:\n"
    + text_secret("a", "DB_PASSWORD")
    + text_secret("b", "DB_PASSWORD")
    + text_secret("c", "lower_case"),
}


def check(schema: str, *paths: Path) -> None:
    """Hold files against a schema that the linter brings with it: nothing is fetched."""
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, *map(str, paths)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert 0 == ran.returncode, ran.stdout + ran.stderr


@pytest.mark.parametrize("text", MANIFESTS.values(), ids=MANIFESTS)
@pytest.mark.parametrize("path", ["reconciler.yaml", "stacks/prod.reconciler.yml"])
def test_what_init_writes_follows_the_published_schemas(desk: Desk, path: str, text: str) -> None:
    """GitHub's and GitLab's, for one stack and for one of several, with variables and without."""
    desk.options = ("-f", path)
    subprocess.run(["git", "init", "-q", desk.path], check=True)
    desk.write(path, text)
    desk.done("--ci", "github", "init", "--install-from", FROM)
    desk.done("--ci", "gitlab", "init", "--install-from", FROM)
    check("vendor.github-workflows", *(desk.path / ".github/workflows").iterdir())
    check("vendor.gitlab-ci", *(desk.path / ".gitlab").glob("*.yml"), desk.path / ".gitlab-ci.yml")
    written = [p for p in desk.path.rglob("*") if p.is_file() and p.suffix in (".yml",)]
    texts = "".join(p.read_text() for p in written if p != desk.path / path)
    assert [] == re.findall(r"__[A-Z]+__", texts)
    assert f'"git+{FROM}"' in texts


def test_the_action_and_the_hooks_follow_the_published_schemas(tmp_path: Path) -> None:
    check("vendor.github-actions", REPOSITORY / "action.yml")
    [hook] = yaml.safe_load((REPOSITORY / ".pre-commit-hooks.yaml").read_text())
    assert ("reconciler-validate", "reconciler validate", "python") == (
        hook["id"],
        hook["entry"],
        hook["language"],
    )
    assert hook["require_serial"]


@pytest.mark.parametrize(
    ("path", "taken"),
    [
        ("reconciler.yaml", True),
        ("reconciler.yml", True),
        ("stacks/prod.reconciler.yaml", True),
        ("my-reconciler.yaml", False),
        ("reconciler.yaml.txt", False),
        ("people.yaml", False),
    ],
)
def test_the_hook_takes_manifests(path: str, taken: bool) -> None:
    [hook] = yaml.safe_load((REPOSITORY / ".pre-commit-hooks.yaml").read_text())
    assert taken == bool(re.search(hook["files"], path))


def test_the_hook_runs_with_files_as_arguments(desk: Desk) -> None:
    """As pre-commit calls it: several files, from the top of the repository, all problems at once."""
    desk.options = ()
    good = desk.write("reconciler.yaml", MANIFESTS["plain"])
    bad = desk.write("b/reconciler.yaml", "version: 1\nname: b\nsecrets: {a: {sauce: 1}}\n")
    [hook] = yaml.safe_load((REPOSITORY / ".pre-commit-hooks.yaml").read_text())
    entry = hook["entry"].split()[1:]
    assert 0 == desk.run(*entry, good.name).code
    ran = desk.run(*entry, "reconciler.yaml", "b/reconciler.yaml")
    assert 65 == ran.code
    assert "b/reconciler.yaml:3:" in ran.err
    assert bad.exists()


def test_init_overwrites_nothing_unasked(desk: Desk) -> None:
    """A workflow that somebody changed stays; --force writes it anew; the manifest is never touched."""
    desk.options = ()
    desk.write("reconciler.yaml", MANIFESTS["plain"])
    desk.done("init", "--ci", "github", "--install-from", FROM)
    workflow = desk.path / ".github/workflows/reconciler.yml"
    written = workflow.read_text()
    workflow.write_text("# mine\n")
    ran = desk.run("init", "--ci", "github", "--install-from", FROM)
    assert (64, "# mine\n") == (ran.code, workflow.read_text())
    assert "--force" in ran.err
    desk.done("init", "--ci", "github", "--install-from", FROM, "--force")
    assert written == workflow.read_text()
    assert MANIFESTS["plain"] == (desk.path / "reconciler.yaml").read_text()


def test_init_adds_to_a_pipeline_that_is_there(desk: Desk) -> None:
    """GitLab has one start file: it is told what to include, not replaced."""
    desk.options = ()
    desk.write(".gitlab-ci.yml", "test: {script: [make]}\n")
    ran = desk.done("init", "--ci", "gitlab", "--install-from", FROM)
    assert "local: /.gitlab/reconciler.gitlab-ci.yml" in ran.out
    assert "test: {script: [make]}\n" == (desk.path / ".gitlab-ci.yml").read_text()


@pytest.mark.parametrize("path", ["with space.yaml", "a$b.yaml", "${{ x }}.yaml", "-x.yaml"])
def test_init_refuses_a_path_that_would_mean_something_else(desk: Desk, path: str) -> None:
    desk.options = (f"--file={path}",)
    desk.write(path, MANIFESTS["plain"])
    assert 64 == desk.run("init", "--ci", "github", "--install-from", FROM).code
    assert not (desk.path / ".github").exists()


def _triggers(desk: Desk) -> tuple[list[str], str]:
    """Return the branches of the workflow that `init` writes, and the condition of its plan."""
    ran = desk.done("init", "--ci", "github", "--install-from", FROM, "--force")
    whole = yaml.safe_load((desk.path / ".github/workflows/reconciler.yml").read_text())
    [branch] = whole[True]["push"]["branches"]
    assert f"(deployment branches: {branch})" in ran.out
    return [branch], whole["jobs"]["plan"]["if"]


def test_the_workflow_is_of_the_default_branch(desk: Desk) -> None:
    """What the remote says counts, then what is checked out; main where git has no answer."""
    desk.options = ()
    desk.write("reconciler.yaml", MANIFESTS["plain"])
    assert ["main"] == _triggers(desk)[0]
    subprocess.run(["git", "init", "-q", "-b", "trunk", desk.path], check=True)
    assert (["trunk"], "github.event_name != 'schedule' && github.ref == 'refs/heads/trunk'") == (
        _triggers(desk)
    )
    git(desk.path, "commit", "-q", "--allow-empty", "-m", "Begin")
    git(desk.path, "update-ref", "refs/remotes/origin/release/1", "HEAD")
    git(desk.path, "symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/release/1")
    assert ["release/1"] == _triggers(desk)[0]
    git(desk.path, "symbolic-ref", "--delete", "refs/remotes/origin/HEAD")
    git(desk.path, "checkout", "-q", "--detach")
    assert ["main"] == _triggers(desk)[0]


def test_a_branch_that_would_mean_something_else_is_refused(desk: Desk) -> None:
    """Its name would stand in an expression."""
    desk.options = ()
    desk.write("reconciler.yaml", MANIFESTS["plain"])
    subprocess.run(["git", "init", "-q", "-b", "x'||'x", desk.path], check=True)
    ran = desk.run("init", "--ci", "github", "--install-from", FROM)
    assert 64 == ran.code
    assert "set-head" in ran.err
    assert not (desk.path / ".github").exists()


ALIKE = (
    *("a-b.yaml", "a/b.yaml", "a-b.yml", "a/b.yml", "A-b.yaml", "A/b.yaml", "a-b"),
    *("a.yaml", "a-pull-request.yaml", "a/pull-request.yaml", "a.b.yaml", "a/b/c.yaml", "a/b-c.yaml"),
)


def test_no_two_manifests_share_a_name_in_a_pipeline() -> None:
    """Files, jobs, groups: all but the state's directory and what is the same for everybody."""
    found: dict[str, str] = {}
    common = {
        "origin": pipeline_files.origin(FROM, Path()),
        "packaged": pipeline_files.packaged(),
        "needed": {},
    }
    for path in ALIKE:
        about: Any = {"manifest": path, **common}
        pipeline = gitlab.pipeline(**about)
        texts = {**github.workflows(**about, branch="main"), **pipeline}
        del texts[gitlab.START]
        groups = re.findall(r"(?:group|resource_group): (\S+)", "".join(texts.values()))
        jobs = [name for name in yaml.safe_load(next(iter(pipeline.values()))) if name != "include"]
        for name in {*texts, *groups, *jobs}:
            assert path == found.setdefault(name.lower(), path), name


def test_a_manifest_at_the_top_is_called_what_it_is() -> None:
    """The usual case: nothing is added."""
    names = {"reconciler.yaml": "reconciler", "prod.reconciler.yaml": "prod.reconciler", "a-b.yaml": "a-b"}
    assert names == {path: slugs.slug(path) for path in names}
    assert slugs.slug("stacks/prod.yaml").startswith("stacks-prod-")


def test_env_names_every_variable_once(desk: Desk) -> None:
    """The block is YAML that a step can hold; no variable is read to make it."""
    desk.options = ()
    desk.write("reconciler.yaml", MANIFESTS["variables"])
    block: Any = yaml.safe_load(desk.done("env", "--github").out)
    assert {
        "DB_PASSWORD": "${{ secrets.DB_PASSWORD }}",
        "lower_case": "${{ secrets.lower_case }}",
        "RECONCILER_ALLOW_ENV": "DB_PASSWORD lower_case",
        "RECONCILER_FINGERPRINT_KEY": "${{ secrets.RECONCILER_FINGERPRINT_KEY }}",
        "CONDUCTORONE_CLIENT_ID": "${{ vars.CONDUCTORONE_CLIENT_ID }}",
    } == block["env"]
    shown = desk.done("env", "--gitlab").out
    assert {"id_tokens": {"CONDUCTORONE_OIDC_TOKEN": {"aud": "$CONDUCTORONE_TENANT_DOMAIN"}}} == (
        yaml.safe_load(shown)
    )
    assert all(name in shown for name in ("DB_PASSWORD", "lower_case", "RECONCILER_FINGERPRINT_KEY"))
    assert 64 == desk.run("env").code


@pytest.mark.parametrize(
    ("which", "allowed"), [("variables", "DB_PASSWORD lower_case"), ("plain", "-")], ids=["some", "none"]
)
def test_a_job_s_sources_are_those_that_it_was_made_for(desk: Desk, which: str, allowed: str) -> None:
    """Every step that has the stack's key says which variables a manifest may read, and only once."""
    desk.options = ()
    plain = "version: 1\nname: desk\nsecrets: {}\n"
    desk.write("reconciler.yaml", MANIFESTS[which] if which == "variables" else plain)
    desk.done("init", "--ci", "github", "--install-from", FROM)
    workflow = (desk.path / ".github/workflows/reconciler.yml").read_text()
    jobs: Any = yaml.safe_load(workflow)["jobs"].values()
    envs = [
        step["env"]
        for job in jobs
        for step in job["steps"]
        if "RECONCILER_FINGERPRINT_KEY" in step.get("env", {})
    ]
    assert envs
    assert {allowed} == {env["RECONCILER_ALLOW_ENV"] for env in envs}
    assert workflow.count("RECONCILER_ALLOW_ENV:") == workflow.count("RECONCILER_FINGERPRINT_KEY:")
    assert f"as {allowed}: no other" in desk.done("env", "--gitlab").out


HOSTILE = "open({!r}, 'w').close()\n"


def _written(desk: Desk) -> list[Path]:
    """Return what `init` writes for both forges."""
    desk.options = ()
    desk.write("reconciler.yaml", MANIFESTS["plain"])
    desk.done("init", "--ci", "github", "--install-from", FROM)
    desk.done("init", "--ci", "gitlab", "--install-from", FROM)
    return [*(desk.path / ".github/workflows").iterdir(), *(desk.path / ".gitlab").glob("*.yml")]


def test_every_python_in_a_job_is_isolated(desk: Desk) -> None:
    """Without -I, `-m` and `-c` look for modules in the checkout first."""
    for path in (REPOSITORY / "action.yml", *_written(desk)):
        calls = re.findall(r"""(?:(?<=[\s/'"])python3?|\$\w*PYTHON)["']? +(\S+)""", path.read_text())
        assert {"-I"} == set(calls), path


def test_no_module_of_the_checkout_is_run_to_install(desk: Desk, tmp_path: Path) -> None:
    """The install steps, run as they are where a pull request brought a `pip` and a `logging`."""
    action = yaml.safe_load((REPOSITORY / "action.yml").read_text())
    found = [str(action["runs"]["steps"][0]["run"])]
    for path in _written(desk):
        found += re.findall(r"python.* -m pip install [^'\n]*", path.read_text())
    pwned = tmp_path / "pwned"
    for name in ("logging.py", "venv.py", "pip/__init__.py", "pip/__main__.py", "sys.py"):
        desk.write(name, HOSTILE.format(str(pwned)))
    for script in dict.fromkeys(found):
        # Nothing is to be installed: there is no index, and no action's directory.
        env = {
            "RUNNER_TEMP": str(tmp_path),
            "GITHUB_ACTION_PATH": str(tmp_path / "none"),
            "PIP_NO_INDEX": "1",
        }
        env["PATH"] = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        env["RECONCILER_PYTHON"] = sys.executable
        ran = subprocess.run(
            ["bash", "-e", "-c", script], cwd=desk.path, env=env, capture_output=True, text=True, check=False
        )
        assert "error" in ran.stderr.lower() or ran.returncode == 0, (
            "pip looked for it, or it is here already"
        )
        assert not pwned.exists(), script


def test_an_annotation_is_found_from_the_top_of_the_checkout(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """GitHub counts paths from there, wherever the step works."""
    monkeypatch.setenv("GITHUB_WORKSPACE", str(desk.path.parent))
    desk.manifest("  a: {sauce: 1}\n")
    ran = desk.run("--ci", "github", "validate")
    assert f"file={desk.path.name}/reconciler.yaml,line=4" in ran.err, ran.err
