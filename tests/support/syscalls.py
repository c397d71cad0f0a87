"""Run a few lines of Python under `strace`: to see the order of system calls, and to make one of them fail."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import pytest

import reconciler

_ROOT = str(Path(reconciler.__file__).parent.parent)
_PREAMBLE = f"import sys; sys.path.insert(0, {_ROOT!r})\n"


@cache
def _works() -> bool:
    found = shutil.which("strace")
    return (
        found is not None and subprocess.run([found, "-o", "/dev/null", "true"], check=False).returncode == 0
    )


needs_strace = pytest.mark.skipif(not _works(), reason="strace is missing or may not trace here")
"""For tests that need a fault exactly at one system call."""


def python(code: str, *arguments: str | Path) -> subprocess.Popen[str]:
    """Start Python with these lines and nothing of this process; `sys.argv[1:]` are the arguments."""
    return subprocess.Popen(
        _command(code, arguments),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(code: str, *arguments: str | Path, fault: str = "") -> subprocess.CompletedProcess[str]:
    """Run the lines to their end, with `fault` as strace's `inject=` wants it."""
    before = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", f"inject={fault}"] if fault else []
    return subprocess.run(
        [*before, *_command(code, arguments)], capture_output=True, text=True, check=False, timeout=60
    )


def traced(code: str, *arguments: str | Path, within: Path, log: Path) -> list[str]:
    """Return the system calls of the lines that touch files in `within`, in order, as strace writes them."""
    subprocess.run(
        [
            "strace",
            "-f",
            "-y",
            "-qq",
            "-s",
            "4096",
            "-e",
            "trace=file,desc",
            "-o",
            log,
            *_command(code, arguments),
        ],
        check=True,
        timeout=60,
    )
    lines = (line.partition(" ")[2].strip() for line in log.read_text().splitlines())
    return [line for line in lines if str(within) in line]


def _command(code: str, arguments: Sequence[str | Path]) -> list[str]:
    # -I -S: neither the user's site nor ours; the state's layers need the standard library only
    return [sys.executable, "-I", "-S", "-c", _PREAMBLE + code, *map(str, arguments)]
