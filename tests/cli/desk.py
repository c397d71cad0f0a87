"""A desk: a directory with a manifest, and the shipped command line run in it as a person or a pipeline would."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
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

HEAD: Final = "version: 1\nname: desk\nsecrets:\n"


@dataclass(frozen=True)
class Ran:
    """How a command ended and what it said. `raw` is standard output byte for byte."""

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

    def manifest(self, text: str) -> None:
        """Write the manifest; without a head it gets the usual one."""
        self.write(f"{self.stem}.yaml", text if "\nversion:" in f"\n{text}" else HEAD + text)

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
