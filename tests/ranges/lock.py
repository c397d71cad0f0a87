"""Write the locks that ship in the package, from the ranges in pyproject.toml: `make lock`."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tests.cli.desk import REPOSITORY

LOCKS: Final = REPOSITORY / "reconciler/cli/templates"

_HEADER: Final = "# Made by `make lock` from pyproject.toml: {what}.\n"


def wanted() -> dict[str, tuple[str, list[str]]]:
    """Return what each lock is for, and the requirements that it resolves, by the name of its file."""
    table = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())
    return {
        "requirements.lock": ("what the program needs", table["project"]["dependencies"]),
        "build.lock": ("what builds its wheel", table["build-system"]["requires"]),
    }


def compiled(requirements: Sequence[str], constraint: Path | None, old: str) -> str:
    """Return a lock for every platform: pins and hashes, and no registry's address. An old pin stays if it can."""
    with tempfile.TemporaryDirectory() as directory:
        given, made = Path(directory, "requirements.in"), Path(directory, "lock")
        given.write_text("\n".join(requirements))
        made.write_text(old)
        command: list[str | Path] = [Path(sys.executable).parent / "uv", "pip", "compile", given, "-o", made]
        command += ["--quiet", "--universal", "--python-version", "3.11", "--generate-hashes"]
        command += ["--no-header", "--no-annotate", *(("-c", constraint) if constraint else ())]
        subprocess.run([*command, *sys.argv[1:]], check=True)
        return made.read_text()


def main() -> None:
    """Write both; `--upgrade` takes the newest releases."""
    runtime = LOCKS / "requirements.lock"
    for name, (what, requirements) in wanted().items():
        path = LOCKS / name
        constraint = None if path == runtime else runtime  # both are installed into one environment
        text = compiled(requirements, constraint, path.read_text() if path.exists() else "")
        path.write_text(_HEADER.format(what=what) + text)


if __name__ == "__main__":
    main()
