"""Install the program at an end of its ranges, run the quickstart and the suite, and say which end failed."""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from tests.cli.desk import REPOSITORY
from tests.ranges.declared import BAD, allowed

SUITE: Final = (
    *("age", "auth", "c1", "http", "manifest", "model", "planfile", "planning", "render", "sources", "state"),
    *(
        "cli/test_help.py",
        "cli/test_lifecycle.py",
        "sandbox/test_vaults.py",
        "sandbox/test_uploads.py",
        "signin",
    ),
)
"""Every folder that a dependency can break; what only forks, waits or kills is left to `make test`."""

_TOOLS: Final = ("hypothesis", "markdown-it-py", "packaging", "pytest", "pytest-timeout")


def ends() -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield each end's name, with the arguments that make the installer choose it."""
    yield "lowest", ("--resolution", "lowest-direct")
    yield "highest", ()
    for name, versions in BAD.items():
        for version in versions:
            if allowed(name, version):
                yield f"{name} {version}", (f"{name}=={version}",)


def run(*command: str | Path, env: dict[str, str]) -> bool:
    """Whether a program succeeds; what it prints is shown."""
    return subprocess.run(command, cwd=REPOSITORY, env=env, check=False).returncode == 0


def holds(home: Path, arguments: Sequence[str]) -> bool:
    """Whether the program works with what the installer chooses."""
    bin_ = home / "bin"
    env = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
    env["PATH"] = f"{bin_}:{env['PATH']}"
    uv = Path(sys.executable).parent / "uv"
    install = (uv, "pip", "install", "--quiet", "--python", bin_ / "python")
    quickstart = home / "quickstart"
    shutil.copytree(
        REPOSITORY / "examples/quickstart", quickstart, ignore=shutil.ignore_patterns(".reconciler")
    )
    return (
        run(uv, "venv", "--quiet", "--allow-existing", "--python", sys.executable, home, env=env)
        and run(*install, "-e", ".[sandbox]", *arguments, env=env)
        and run(*install, *_TOOLS, env=env)
        and run(uv, "pip", "list", "--python", bin_ / "python", env=env)
        and run("sh", quickstart / "demo.sh", env=env)
        and run(
            *(bin_ / "python", "-m", "pytest", "-q", "-p", "no:cacheprovider"),
            *(f"tests/{path}" for path in SUITE),
            env=env,
        )
    )


def main() -> int:
    """Try the ends that are named, or all; return 1 where one fails."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="lowest, highest, or a bad release that is allowed")
    known = dict(ends())
    names = parser.parse_args().names or list(known)
    if not known.keys() >= set(names):
        parser.error(f"must be of: {', '.join(known)}")
    failed = []
    for name in names:
        began = time.monotonic()
        print(f"== {name}", flush=True)
        with tempfile.TemporaryDirectory() as home:
            if not holds(Path(home), known[name]):
                failed.append(name)
        print(f"== {name}: {time.monotonic() - began:.0f} s", flush=True)
    print(f"failed: {', '.join(failed)}" if failed else "Every end holds.")
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
