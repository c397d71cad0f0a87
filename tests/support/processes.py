"""Processes beside a test: a sandbox, and the command line with its memory measured."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.support.commandline import Ran, finished

MIB: Final = 2**20
SMALL_FILES: Final = 16 * MIB
"""What a file of the client may grow to: state and journal, never a copy."""


@contextmanager
def sandbox(data: Path, *arguments: str) -> Iterator[tuple[dict[str, Any], int]]:
    """Run a tenant until the block ends; yields its first line, which says where it is, and its process ID."""
    command = [sys.executable, "-m", "reconciler.sandbox", "--data", str(data), *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield json.loads(process.stdout.readline()), process.pid
        finally:
            process.terminate()


@dataclass(frozen=True)
class Measured(Ran):
    """How a command ended, and the bytes of memory that it took at most."""

    peak: int


def measured(*arguments: str, cwd: Path, env: Mapping[str, str]) -> Measured:
    """Run the command line to its end; no file that it writes may become large."""
    report = cwd.parent / "peak"
    command = (sys.executable, "-m", "tests.support.measured", str(report), str(SMALL_FILES), *arguments)
    ran = finished(*command, cwd=cwd, env=env)
    return Measured(code=ran.code, raw=ran.raw, err=ran.err, peak=int(report.read_text()) * 1024)
