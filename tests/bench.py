"""How fast it is, on this machine: `make bench` (or `python -m tests.bench`) prints it."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tests.age import bench as age
from tests.cli import large
from tests.cli.desk import HEAD, environment, text_secret

ENTRIES: Final = 10_000
SECRETS: Final = 200
GIB: Final = 2**30


def main() -> None:
    """Run everything; each part stands by itself."""
    for part in (start, validation, secrets, gibibyte, encryption):
        part()


def start() -> None:
    """How long a person waits for what needs no tenant, beside an interpreter that imports click."""
    _line("python -c 'import click'", _best(lambda: _python("-c", "import click")))
    _line("reconciler --version", _best(lambda: _reconciler("--version")))
    _line("reconciler --help", _best(lambda: _reconciler("--help")))
    with _directory() as directory:
        (directory / "reconciler.yaml").write_text(HEAD + text_secret("a", "VALUE"))
        _line("reconciler validate, one secret", _best(lambda: _reconciler("validate")))


def validation() -> None:
    """A manifest as large as they come."""
    with _directory() as directory:
        entries = "".join(text_secret(f"s{n}", "VALUE") for n in range(ENTRIES))
        (directory / "reconciler.yaml").write_text(HEAD + entries)
        _line(f"reconciler validate, {ENTRIES} secrets", _best(lambda: _reconciler("validate"), rounds=1))


def secrets() -> None:
    """The whole write protocol, with its fsyncs, at a tenant that is another process."""
    with _directory() as directory, large.tenant(directory.parent / "tenant") as running:
        entries = "".join(text_secret(f"s{n}", "VALUE") for n in range(SECRETS))
        (directory / "reconciler.yaml").write_text(HEAD + entries)
        signed_in = {"VALUE": "1", "CONDUCTORONE_ACCESS_TOKEN": running["tokens"]["owner"]}
        for command in ("plan", "apply --auto-approve", "plan", "destroy --auto-approve"):
            arguments = ("--server", running["url"], *command.split())
            seconds = _best(lambda: _reconciler(*arguments, **signed_in), rounds=1)  # noqa: B023 - used at once
            _line(f"reconciler {command}, {SECRETS} secrets", seconds)


def gibibyte() -> None:
    """The largest file there may be: read twice, encrypted, uploaded, and checked by the tenant."""
    with _directory() as directory, large.tenant(directory.parent / "tenant") as running:
        large.manifest_for(directory, GIB)
        begun = time.perf_counter()
        applied = large.apply(directory, running)
        assert 0 == applied.code, applied.said
        _line("reconciler apply, a file of 1 GiB", time.perf_counter() - begun)
        print(f"{'  its peak of resident memory':<44}{applied.peak / 2**20:8.0f} MiB")


def encryption() -> None:
    """age alone."""
    print(age.report(age.throughputs()), end="")


@contextmanager
def _directory() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as parent:
        directory, before = Path(parent) / "work", Path.cwd()
        directory.mkdir()
        os.chdir(directory)
        try:
            yield directory
        finally:
            os.chdir(before)


def _reconciler(*arguments: str, **changes: str) -> None:
    _python("-m", "reconciler", *arguments, **changes)


def _python(*arguments: str, **changes: str) -> None:
    subprocess.run([sys.executable, *arguments], env=environment(**changes), check=True, capture_output=True)


def _best(run: Callable[[], None], rounds: int = 5) -> float:
    seconds = []
    for _ in range(rounds):
        begun = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - begun)
    return min(seconds)


def _line(what: str, seconds: float) -> None:
    print(f"{what:<44}{seconds:8.2f} s", flush=True)


if __name__ == "__main__":
    main()
