"""What a pipeline installs: from where, pinned how, and tried in an environment that has nothing."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import venv
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement

from reconciler.cli import pipeline_files
from reconciler.cli.templates import fill
from reconciler.errors import UsageError
from tests.ci import lint
from tests.ci.conftest import write_workflows
from tests.ci.forge import Forge
from tests.cli.desk import REPOSITORY, Desk
from tests.ranges import lock
from tests.ranges.declared import BAD, HOLES, requirements
from tests.support import wheels
from tests.support.repositories import git

PIN = re.compile(r"uses: (actions/[a-z-]+)@([0-9a-f]{40}) # (v\d+\.\d+\.\d+)")
LOCKS = ("requirements.lock", "build.lock")


@pytest.mark.parametrize("forge_name", ["github", "gitlab"])
def test_a_pipeline_has_no_default_source(desk: Desk, forge_name: str) -> None:
    """The choices are named, and nothing is written: a name in an index could be a stranger's."""
    desk.options = ()
    ran = desk.run("init", "--ci", forge_name)
    assert 64 == ran.code
    assert all(word in ran.err for word in ("--install-from", "@COMMIT", ".whl", "@sha256:", "PACKAGE=="))
    assert [] == [path for path in desk.path.iterdir() if path.suffix in (".yaml", ".yml") or path.is_dir()]


def test_a_source_without_a_pipeline_is_refused(desk: Desk) -> None:
    desk.options = ()
    assert 64 == desk.run("init", "--install-from", lint.SOURCES["git"]).code
    assert not (desk.path / "reconciler.yaml").exists()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "c1-reconciler",
        "c1-reconciler>=0.1",
        "c1-reconciler==0.1.*",
        "c1-reconciler==0.1.0 --index-url=https://evil.invalid",
        "https://git.invalid/acme/reconciler@main",
        "https://git.invalid/acme/reconciler@v0.1.0",
        "https://git.invalid/acme/reconciler@c0ffee0",
        f"http://git.invalid/acme/reconciler@{'0' * 40}",
        f"https://user:password@git.invalid/acme/reconciler@{'0' * 40}",
        f"https://git.invalid/$(touch pwned)@{'0' * 40}",
        f"https://git.invalid/a'b@{'0' * 40}",
        f'https://git.invalid/a"b@{"0" * 40}',
        f"https://git.invalid/a\n@{'0' * 40}",
        f"https://git.invalid/a@{'0' * 40}\n",
        "https://files.invalid/c1_reconciler-0.1.0-py3-none-any.whl",
        "https://files.invalid/c1_reconciler-0.1.0-py3-none-any.whl#sha256=00",
        "registry.invalid/acme/reconciler:latest",
        f"registry.invalid/acme/reconciler@sha256:{'0' * 63}",
        "missing.whl",
        "../outside.whl",
        "link.whl",
        "linked/inside.whl",
        "directory.whl",
    ],
)
def test_what_is_not_pinned_or_not_here_is_refused(tmp_path: Path, text: str) -> None:
    """Every moving name, every character that means something, every wheel that a checkout would not have."""
    top = tmp_path / "top"
    (top / "directory.whl").mkdir(parents=True)
    (tmp_path / "outside.whl").touch()
    (top / "link.whl").symlink_to(tmp_path / "outside.whl")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/inside.whl").touch()
    (top / "linked").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UsageError):
        pipeline_files.origin(text, top)


@pytest.mark.parametrize("kind", lint.SOURCES)
def test_every_install_is_pinned_by_content_or_by_the_name_that_was_given(tmp_path: Path, kind: str) -> None:
    """Our own name is looked up nowhere; what comes from an index has hashes, and pulls nothing along."""
    files = lint.generated(tmp_path, lint.SOURCES[kind])
    texts = [text for name, text in files.items() if name.endswith(".yml")]
    installs = {line.strip(" -'") for text in texts for line in text.splitlines() if " pip install " in line}
    for line in installs:
        assert "--no-deps" in line
        assert "--require-hashes" in line or "--no-index" in line or lint.SOURCES["package"] in line
    locks = [text for name, text in files.items() if name.endswith(".lock")]
    assert (kind == "image") == (not installs) == (not locks)
    assert ("0" * 64 in "".join(locks)) == (kind in ("url", "hashed"))
    if kind == "image":
        images = re.findall(r"(?:image|container): (\S+)", "".join(texts))
        assert {lint.SOURCES[kind]} == set(images)
        assert "setup-python" not in "".join(texts)
        assert "runner.temp" not in "".join(texts), "it is another directory inside of a container"


@pytest.mark.parametrize("kind", lint.SOURCES)
def test_every_line_of_a_script_is_a_string(tmp_path: Path, kind: str) -> None:
    """`:all: ` in a plain scalar would be a key, which GitLab refuses and the schema does not."""
    files = lint.generated(tmp_path, lint.SOURCES[kind])
    pipeline = yaml.safe_load(files[".gitlab/stacks-prod-fcdbf234.gitlab-ci.yml"])
    lines = [
        line
        for job in pipeline.values()
        for part in ("before_script", "script")
        for line in job.get(part, [])
    ]
    assert lines
    assert all(isinstance(line, str) for line in lines), lines


def test_a_template_is_filled_once() -> None:
    """What is filled in is not read again, a word that is None takes its line along, a block keeps its indent."""
    text = "a: __A__\nb: __B__\nc:\n  - __C__\n  __D__: x\n"
    words = {"A": "__B__ and __D__", "B": None}
    blocks = {"C": ("one", "two"), "D": ("x: __A__", "y: 2")}
    assert "a: __B__ and __D__\nc:\n  - one\n  - two\n  x: __A__\n  y: 2\n" == fill.filled(
        text, words=words, blocks=blocks
    )


def test_every_action_has_one_pin() -> None:
    """A commit with its version beside it, the same in every template: Dependabot moves both."""
    texts = [path.read_text() for path in lint.TEMPLATES.glob("*.yml")]
    pins = {match.groups() for text in texts for match in PIN.finditer(text)}
    assert len(pins) == len({action for action, _, _ in pins}) == 4
    assert sum(text.count("uses:") for text in texts) == sum(len(PIN.findall(text)) for text in texts)


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_names_what_the_ranges_allow(name: str) -> None:
    """Each requirement is there at an allowed release, with hashes, and nothing says from where; `make lock`."""
    text = (lint.TEMPLATES / name).read_text()
    assert "://" not in text
    pinned: dict[str, str] = {}
    for line in text.replace("\\\n", "").splitlines()[1:]:
        pin, *hashes = line.split(" --hash=sha256:")
        assert hashes, line
        found = re.match(r"([a-z0-9-]+)==([^ ;]+)", pin)
        assert found, line
        pinned[found[1]] = found[2]
    for requirement in map(Requirement, lock.wanted()[name][1]):
        assert requirement.specifier.contains(pinned[requirement.name.lower()]), requirement
    assert not [name for name, versions in BAD.items() if pinned.get(name) in versions]


@pytest.mark.parametrize(("name", "first"), HOLES.items())
def test_no_range_reaches_down_to_a_known_hole(name: str, first: str) -> None:
    """Whoever has an older release installed gets the newer one."""
    [requirement] = [r for r in requirements() if r.name.lower() == name]
    assert requirement.specifier.contains(first)
    floors = [part.version for part in requirement.specifier if part.operator == ">="]
    assert [] == [f for f in floors if not Requirement(f"{name}>={first}").specifier.contains(f)]
    assert floors


@pytest.mark.parametrize(("name", "version"), [(n, v) for n, vs in BAD.items() for v in vs])
def test_a_bad_release_is_left_out(name: str, version: str) -> None:
    """An installer that has it already would keep it."""
    [requirement] = [r for r in requirements() if r.name.lower() == name]
    assert not requirement.specifier.contains(version)


def environment(directory: Path) -> Path:
    """Return where the programs of a new environment are: with pip, and nothing else."""
    venv.create(directory, with_pip=True)
    # Python 3.11 brings setuptools along, which GitHub's and Docker's do not have.
    wheels.run(str(directory / "bin/python"), "-m", "pip", "uninstall", "-q", "-y", "setuptools")
    return directory / "bin"


@pytest.mark.slow
def test_the_wheel_and_its_lock_are_what_a_job_runs(forge: Forge, tmp_path: Path) -> None:
    """`Install` in an empty environment, then the whole job; a wheel that was exchanged is refused."""
    wheel = wheels.build(tmp_path / "built")
    (forge.work / "vendor").mkdir()
    shutil.copy(wheel, forge.work / "vendor")
    forge.install_from = f"vendor/{wheel.name}"
    forge.programs = environment(tmp_path / "empty")
    forge.installs = True
    write_workflows(forge)
    jobs = forge.run("reconciler.yml", forge.push("Begin"), only={"plan"})
    assert "success" == jobs["plan"].result, jobs["plan"].log
    assert (forge.programs / "reconciler").exists()

    with (forge.work / "vendor" / wheel.name).open("ab") as file:
        file.write(b"x")
    jobs = forge.run("reconciler.yml", forge.push("Exchange the wheel"), only={"plan"})
    assert "failure" == jobs["plan"].step("Install").outcome
    assert "DO NOT MATCH THE HASHES" in jobs["plan"].log
    assert "skipped" == jobs["plan"].step("Plan").outcome


@pytest.mark.slow
def test_a_commit_is_built_with_what_the_lock_names(tmp_path: Path) -> None:
    """No index is asked while it is built: what builds it came with hashes."""
    source = wheels.copy(tmp_path)
    subprocess.run(["git", "init", "-q", source], check=True)
    git(source, "add", "-A")
    git(source, "commit", "-q", "-m", "Begin")
    made = pipeline_files.origin(f"https://git.invalid/acme/it@{git(source, 'rev-parse', 'HEAD')}", tmp_path)
    text = made.lock(pipeline_files.packaged())
    assert text
    (tmp_path / "requirements.lock").write_text(text)
    bin_ = environment(tmp_path / "empty")
    env = {"PATH": f"{bin_}:/usr/local/bin:/usr/bin:/bin", "GIT_CONFIG_COUNT": "1"}
    env |= {"GIT_CONFIG_KEY_0": f"url.file://{source}.insteadOf"}
    env |= {"GIT_CONFIG_VALUE_0": "https://git.invalid/acme/it"}
    for command in made.commands("requirements.lock"):
        wheels.run("bash", "-e", "-c", command, cwd=tmp_path, env=env)
    assert "version" in wheels.run(str(bin_ / "reconciler"), "--version", cwd=tmp_path)


@pytest.mark.slow
def test_the_action_installs_itself_and_its_locks(tmp_path: Path) -> None:
    """Its first step as it is, from a copy of this repository."""
    action: Any = yaml.safe_load((REPOSITORY / "action.yml").read_text())
    (tmp_path / "copy").mkdir()
    env = {"GITHUB_ACTION_PATH": str(wheels.copy(tmp_path / "copy")), "RUNNER_TEMP": str(tmp_path)}
    script = action["runs"]["steps"][0]["run"]
    wheels.run("bash", "-e", "-c", script, cwd=tmp_path, env=env | {"RECONCILER_PYTHON": sys.executable})
    program = tmp_path / "reconciler/bin/reconciler"
    assert "version" in wheels.run(str(program), "--version", cwd=tmp_path)
