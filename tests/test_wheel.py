"""What is installed is what was tested: the wheel, in an environment of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import venv
import zipfile
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import pytest

from tests.support.commandline import REPOSITORY

pytestmark = [pytest.mark.wheel, pytest.mark.slow]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel from a copy, so that no run leaves anything in the source tree."""
    source, target = tmp_path_factory.mktemp("source") / "it", tmp_path_factory.mktemp("wheel")
    ignored = shutil.ignore_patterns(".*", "tests", "__pycache__", "*.state.json*", "build", "dist")
    shutil.copytree(REPOSITORY, source, ignore=ignored)
    _run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(target), str(source))
    (built,) = target.glob("c1_reconciler-*.whl")
    return built


def _run(
    *command: str, cwd: Path | None = None, code: int = 0, env: Mapping[str, str] = MappingProxyType({})
) -> str:
    """Run a program without this repository on its path; return what it printed."""
    inherited = {
        name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")
    }
    done = subprocess.run(
        command, cwd=cwd, env=inherited | dict(env), capture_output=True, text=True, check=False
    )
    assert code == done.returncode, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_it_holds_the_package_and_what_the_package_reads(wheel: Path) -> None:
    """Schema, API description and the typing marker are inside; tests, examples and CI are not."""
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {
        "reconciler/schemas/manifest.schema.json",
        "reconciler/sandbox/c1-secrets-openapi.yaml",
        "reconciler/py.typed",
    } <= names
    assert {"reconciler"} == {name.partition("/")[0] for name in names if ".dist-info/" not in name}
    modules = {str(p.relative_to(REPOSITORY)) for p in (REPOSITORY / "reconciler").rglob("*.py")}
    assert modules == {name for name in names if name.endswith(".py")}


def test_the_quickstart_runs_from_it(wheel: Path, tmp_path: Path) -> None:
    """In a clean environment, first without the extra, which is then named."""
    venv.create(tmp_path / "venv", with_pip=True)
    bin_ = tmp_path / "venv" / "bin"
    pip = (str(bin_ / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
    program = str(bin_ / "reconciler")
    work = tmp_path / "work"
    shutil.copytree(
        REPOSITORY / "examples" / "quickstart", work, ignore=shutil.ignore_patterns(".reconciler")
    )

    _run(*pip, str(wheel))
    assert "valid" in _run(program, "validate", cwd=work)
    assert '"$schema"' in _run(program, "schema", cwd=work)
    assert "c1-reconciler[sandbox]" in _run(program, "--sandbox", "plan", cwd=work, code=64)

    _run(*pip, f"{wheel}[sandbox]")
    where = _run(str(bin_ / "python"), "-c", "import reconciler; print(reconciler.__file__)", cwd=work)
    assert where.startswith(str(tmp_path))
    password = {"DB_PASSWORD": "correct horse battery staple"}
    assert "3 to create" in _run(
        program, "--sandbox", "plan", "--detailed-exitcode", cwd=work, code=2, env=password
    )
    assert "Applied: 3 created." in _run(
        program, "--sandbox", "apply", "--auto-approve", cwd=work, env=password
    )
    assert "No changes." in _run(program, "--sandbox", "plan", "--detailed-exitcode", cwd=work, env=password)
    assert password["DB_PASSWORD"] in _run(program, "sandbox", "view", "db-password", cwd=work)
    assert "Applied: 3 revoked." in _run(
        program, "--sandbox", "destroy", "--auto-approve", cwd=work, env=password
    )
