"""One large FILE secret, applied by a measured process at a tenant that is another process."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.cli.desk import HEAD, environment, file_secret

MIB: Final = 2**20
SMALL_FILES: Final = 16 * MIB
"""What a file of the client may grow to: state and journal, never a copy."""


@dataclass(frozen=True)
class Applied:
    """How it went. `peak` is the client's largest resident memory in bytes."""

    code: int
    said: str
    peak: int


@contextmanager
def tenant(data: Path, *settings: str) -> Iterator[dict[str, Any]]:
    """Run the sandbox as a process of its own; its first line says where it is."""
    changes = [part for setting in settings for part in ("--set", setting)]
    with subprocess.Popen(
        [sys.executable, "-m", "reconciler.sandbox", "--data", str(data), *changes],
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        try:
            yield json.loads(process.stdout.readline())
        finally:
            process.terminate()


def manifest_for(directory: Path, size: int) -> None:
    """Write a manifest with one FILE secret whose source has `size` bytes: a sparse file, with an end of its own."""
    (directory / "reconciler.yaml").write_text(HEAD + file_secret("large", "large.bin"))
    with (directory / "large.bin").open("wb") as file:
        file.truncate(size - 3)
        file.seek(0, 2)
        file.write(b"end")


def apply(directory: Path, running: dict[str, Any]) -> Applied:
    """Apply the manifest in a directory at a running tenant."""
    report = directory.parent / "peak"
    command = ["--server", running["url"], "apply", "--auto-approve"]
    done = subprocess.run(
        [sys.executable, "-m", "tests.cli.measured", str(report), str(SMALL_FILES), *command],
        cwd=directory,
        env=environment(CONDUCTORONE_ACCESS_TOKEN=running["tokens"]["owner"]),
        capture_output=True,
        text=True,
        check=False,
    )
    return Applied(done.returncode, done.stdout + done.stderr, int(report.read_text()) * 1024)
