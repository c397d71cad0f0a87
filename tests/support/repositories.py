"""git, run by a test as somebody, whatever this machine's own settings say."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Final

_ANA: Final = {
    f"GIT_{role}_{part}": value
    for role in ("AUTHOR", "COMMITTER")
    for part, value in (("NAME", "Ana"), ("EMAIL", "ana@example.com"))
}
ENVIRONMENT: Final = {**_ANA, "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull}


def git(directory: Path, *arguments: str) -> str:
    """Run git and return what it said."""
    command = ["git", "-C", str(directory), *arguments]
    env = {**os.environ, **ENVIRONMENT}
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, (arguments, done.stderr)
    return done.stdout.strip()
