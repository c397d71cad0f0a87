"""The command line, run by a test: in this process at a desk (a directory with a manifest), or as a process.

`desk` and `example` (tests/conftest.py) are the fixtures; `Machine` (tests/signin) is a desk with a home and
credentials; the fault scenes (tests/faults) run processes that can be killed, and return a `Ran` with a trace.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest

from reconciler.cli import main
from reconciler.sandbox import reader
from reconciler.sandbox.settings import Settings
from reconciler.sandbox.store import Store
from reconciler.sandbox.vault import Stored

REPOSITORY: Final = Path(__file__).resolve().parents[2]

_PROXIES: Final = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")
_OF_THIS_MACHINE: Final = (
    *("FORCE_COLOR", "CLICOLOR_FORCE"),
    *(*_PROXIES, *map(str.lower, _PROXIES)),
    *("SSL_CERT_FILE", "SSL_CERT_DIR"),
    *("CONE_PROFILE", "CONE_CLIENT_ID", "CONE_CLIENT_SECRET", "CONE_CONFIG_PATH"),
)

HEAD: Final = "version: 1\nname: desk\nsecrets:\n"


@dataclass(frozen=True)
class Ran:
    """How a command ended and what it said. `raw` is standard output byte for byte; a negative code is a signal."""

    code: int
    raw: bytes
    err: str

    @property
    def out(self) -> str:
        return self.raw.decode()

    @property
    def json(self) -> Any:
        return json.loads(self.raw)

    @property
    def said(self) -> str:
        return self.out + self.err

    @property
    def text(self) -> str:
        """Everything, for the message of an assertion."""
        return f"exit {self.code}\n{self.out}\n{self.err}"


def own_directory(tmp_path: Path, environment: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """Return a home and a working directory that are a test's own, without this machine's settings; go there."""
    home, work = tmp_path / "home", tmp_path / "work"
    home.mkdir()
    work.mkdir()
    environment.setenv("HOME", str(home))
    environment.chdir(work)
    for name in _OF_THIS_MACHINE:
        environment.delenv(name, raising=False)
    return home, work


@dataclass
class Desk:
    """Commands run in `path`; by default against the sandbox that lives beneath it."""

    path: Path
    captured: pytest.CaptureFixture[bytes]
    options: tuple[str, ...] = ("--sandbox",)
    stem: str = "reconciler"
    settings: Settings = field(default_factory=Settings)

    def run(self, *arguments: str) -> Ran:
        """Run a command in this process, as `python -m reconciler` would."""
        self.captured.readouterr()
        try:
            main([*self.options, *arguments])
        except SystemExit as end:
            out, err = self.captured.readouterr()
            return Ran(code=int(end.code or 0), raw=out, err=err.decode())
        raise AssertionError("the command line did not exit")

    def done(self, *arguments: str) -> Ran:
        """Run a command that must succeed."""
        ran = self.run(*arguments)
        assert 0 == ran.code, ran.said
        return ran

    def apply(self, *arguments: str) -> Ran:
        return self.done("apply", "--auto-approve", *arguments)

    def plan(self, *arguments: str) -> dict[str, tuple[list[str], str | None]]:
        """Return what would happen: address -> actions and reason, without what stays."""
        return acting(self.done("--json", "plan", *arguments).json)

    def start(
        self,
        *arguments: str,
        stdin: int = subprocess.DEVNULL,
        stdout: int = subprocess.PIPE,
        stderr: int = subprocess.PIPE,
        env: dict[str, str] | None = None,
        start_new_session: bool = False,
    ) -> subprocess.Popen[str]:
        """Start a command as a process of its own."""
        return subprocess.Popen(
            [sys.executable, "-m", "reconciler", *self.options, *arguments],
            cwd=self.path,
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            env=env,
            start_new_session=start_new_session,
            text=True,
        )

    def write(self, name: str, content: str | bytes) -> Path:
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def manifest(self, text: str, head: str = "") -> None:
        """Write the manifest; secrets alone get the usual head, and `head` after it."""
        whole = text if "\nversion:" in f"\n{text}" else HEAD.replace("secrets:", f"{head}secrets:") + text
        self.write(f"{self.stem}.yaml", whole)

    @property
    def workdir(self) -> Path:
        home = self.path / ".reconciler"
        return home / "sandbox" if "--sandbox" in self.options else home

    @property
    def state_path(self) -> Path:
        place = self.workdir if "--sandbox" in self.options else self.path
        return place / f"{self.stem}.state.json"

    @property
    def journal_path(self) -> Path:
        return self.workdir / f"{self.stem}.journal"

    @property
    def key_path(self) -> Path:
        return self.workdir / "fingerprint.key"

    @property
    def tenant_data(self) -> Path:
        return self.path / ".reconciler" / "sandbox" / "tenant"

    @property
    def state(self) -> Any:
        return json.loads(self.state_path.read_bytes())

    @contextlib.contextmanager
    def tenant(self) -> Iterator[Store]:
        """Open the tenant's own data."""
        with contextlib.closing(Store(self.tenant_data, self.settings)) as store:
            yield store

    def live(self) -> dict[str, Stored]:
        """Return every live vault by its label, as the tenant's own data has it."""
        with self.tenant() as store:
            return {v.display_name.partition(" [rc:")[0]: v for v in reader.live(store).values()}

    def reads(self, name: str) -> bytes:
        """Return what a recipient would read, from the tenant's own data; counts no view."""
        with self.tenant() as store:
            return b"".join(reader.peek(store, self.live()[name].vault_id))


def finished(*command: str, cwd: Path, env: Mapping[str, str] | None = None) -> Ran:
    """Run a process to its end, with nothing to read."""
    done = subprocess.run(
        command, cwd=cwd, env=env, stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=240
    )
    return Ran(code=done.returncode, raw=done.stdout, err=done.stderr.decode())


def text_secret(name: str, variable: str | None = None, *more: str, who: str = "ana@example.com") -> str:
    """Return a manifest entry: a text from a variable (by default named after it), for one person."""
    variable = variable or name.upper().replace("-", "_")
    lines = [f"source: {{env: {variable}}}", f"share_with: {{users: [{who}]}}", *more]
    return f"  {name}:\n" + "".join(f"    {line}\n" for line in lines)


def file_secret(name: str, path: str, *more: str, who: str = "ana@example.com") -> str:
    """Return a manifest entry: a file for one person."""
    lines = ["kind: file", f"source: {{file: {path}}}", f"share_with: {{users: [{who}]}}", *more]
    return f"  {name}:\n" + "".join(f"    {line}\n" for line in lines)


def acting(plan: Any) -> dict[str, tuple[list[str], str | None]]:
    """Return the changes of a JSON plan that do something: address -> actions and reason."""
    return {
        change["address"]: (change["change"]["actions"], change["action_reason"])
        for change in plan["resource_changes"]
        if change["change"]["actions"] != ["no-op"]
    }


def snapshot(directory: Path, *, without: Path | None = None) -> dict[str, tuple[int, int, bytes]]:
    """Return every path with its mode, time of change and hash; `without` is a part that is not looked at."""
    found = {}
    for path in sorted(directory.rglob("*")):
        if without is not None and path.is_relative_to(without):
            continue
        about = path.stat()
        small = path.is_file() and about.st_size < 2**20
        digest = hashlib.sha256(path.read_bytes()).digest() if small else b""
        found[str(path.relative_to(directory))] = (about.st_mode, about.st_mtime_ns, digest)
    return found


def all_bytes(directory: Path, *, without: Path | None = None) -> bytes:
    """Return the content of every file beneath a directory, one after the other."""
    paths = (p for p in sorted(directory.rglob("*")) if p.is_file())
    return b"\0".join(p.read_bytes() for p in paths if without is None or not p.is_relative_to(without))


def environment(**changes: str) -> dict[str, str]:
    """Return the environment for a process, changed."""
    return {**os.environ, **changes}
