"""What is installed is what was tested: the wheel, in an environment of its own."""

from __future__ import annotations

import shutil
import venv
import zipfile
from pathlib import Path

import pytest

from tests.support.commandline import REPOSITORY
from tests.support.wheels import build, run

pytestmark = [pytest.mark.wheel, pytest.mark.slow]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the wheel of this checkout."""
    return build(tmp_path_factory.mktemp("built"))


def test_it_holds_the_package_and_what_the_package_reads(wheel: Path) -> None:
    """Schema, API description, pipelines, locks and the typing marker are inside; tests, examples and CI are not."""
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {
        "reconciler/schemas/manifest.schema.json",
        "reconciler/sandbox/c1-secrets-openapi.yaml",
        "reconciler/py.typed",
    } <= names
    templates = REPOSITORY / "reconciler/cli/templates"
    data = {
        f"reconciler/cli/templates/{p.name}" for p in templates.iterdir() if p.suffix in (".yml", ".lock")
    }
    assert len(data) > 5
    assert data <= names
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

    run(*pip, str(wheel))
    assert "valid" in run(program, "validate", cwd=work)
    assert '"$schema"' in run(program, "schema", cwd=work)
    assert "extra `sandbox`" in run(program, "--sandbox", "plan", cwd=work, code=64)

    run(*pip, f"{wheel}[sandbox]")
    where = run(str(bin_ / "python"), "-c", "import reconciler; print(reconciler.__file__)", cwd=work)
    assert where.startswith(str(tmp_path))
    password = {"DB_PASSWORD": "correct horse battery staple"}
    assert "3 to create" in run(
        program, "--sandbox", "plan", "--detailed-exitcode", cwd=work, code=2, env=password
    )
    assert "Applied: 3 created." in run(
        program, "--sandbox", "apply", "--auto-approve", cwd=work, env=password
    )
    assert "No changes." in run(program, "--sandbox", "plan", "--detailed-exitcode", cwd=work, env=password)
    assert password["DB_PASSWORD"] in run(program, "sandbox", "view", "db-password", cwd=work)
    assert "Applied: 3 revoked." in run(
        program, "--sandbox", "destroy", "--auto-approve", cwd=work, env=password
    )
