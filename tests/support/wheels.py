"""The wheel of this checkout, and programs that run without the checkout on their path."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from tests.cli.desk import REPOSITORY


def copy(directory: Path) -> Path:
    """Return a copy of what the program is built from, so that no run leaves anything in the source tree."""
    ignored = shutil.ignore_patterns(".*", "tests", "__pycache__", "*.state.json*", "build", "dist")
    directory.mkdir(parents=True, exist_ok=True)
    shutil.copytree(REPOSITORY, directory / "source", ignore=ignored)
    return directory / "source"


def build(directory: Path) -> Path:
    """Return the wheel that is built into a directory."""
    source = copy(directory)
    command = (sys.executable, "-m", "build", "--wheel", "--no-isolation")
    run(*command, "--outdir", str(directory), str(source))
    (built,) = directory.glob("c1_reconciler-*.whl")
    return built


def run(
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
