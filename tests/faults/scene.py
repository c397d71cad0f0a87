"""One stack on disk: its manifest and sources, the runs against it, and what everybody should read."""

from __future__ import annotations

import json
import secrets
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from reconciler.errors import StateError
from reconciler.model.state import State
from reconciler.state import journal, statefile
from tests.faults import proxy as proxies
from tests.faults import tenant as tenants
from tests.faults.child import Call
from tests.faults.client import ClientRan, Inject, Quirks, Running
from tests.faults.proxy import Proxy, Rule
from tests.faults.tenant import Tenant
from tests.faults.zygote import Zygote

KEY = "RECONCILER_FINGERPRINT_KEY"

PENDING = timedelta(minutes=16)
"""A little more than a create without an answer may still take to land."""


@dataclass
class Bench:
    """What every scene of one worker uses: a tenant, and a proxy before it."""

    directory: Path
    tenant: Tenant
    proxy: Proxy
    zygote: Zygote
    made: int = 0

    def scene(self) -> Scene:
        """Clear the bench and return an empty stack."""
        self.made += 1
        self.proxy.clear()
        self.tenant.reset()
        directory = self.directory / f"scene-{self.made}"
        directory.mkdir()
        return Scene(bench=self, directory=directory)


@contextmanager
def bench(directory: Path, *, root: Path | None = None) -> Iterator[Bench]:
    """Set up a bench until the block ends. `root` holds another copy of the package that clients run."""
    with ExitStack() as stack:
        tenant = stack.enter_context(tenants.running(directory / "tenant"))
        proxy = stack.enter_context(proxies.between(tenant.url, tenant.upload_url))
        zygote = Zygote(root)
        stack.callback(zygote.stop)
        yield Bench(directory=directory, tenant=tenant, proxy=proxy, zygote=zygote)


@dataclass
class Scene:
    """A stack. `values` maps an address to the bytes that its recipients must read."""

    bench: Bench
    directory: Path
    secrets: dict[str, dict[str, Any]] = field(default_factory=dict)
    extra: dict[str, Any] = field(default_factory=dict)
    values: dict[str, bytes] = field(default_factory=dict)
    environ: dict[str, str] = field(default_factory=dict)
    runs: list[ClientRan] = field(default_factory=list)
    quirks: Quirks = field(default_factory=Quirks)
    token: str = ""
    clean: bool = True
    """Whether the judge still may expect everything: no file was taken away by the scenario."""
    serials: list[int] = field(default_factory=list)
    key: str = field(default_factory=lambda: secrets.token_hex(32))
    server: str = ""
    stem: str = "m"
    """What the manifest is called; stacks of one directory differ in it."""
    started: int = 0

    def __post_init__(self) -> None:
        self.tenant = self.bench.tenant
        self.proxy = self.bench.proxy
        self.token = self.token or self.tenant.token
        self.server = self.server or self.proxy.url
        self.environ[KEY] = self.key

    # --- what is declared ---------------------------------------------------------------------------------

    def text(self, name: str = "text", value: bytes | None = None, **entry: Any) -> None:
        """Declare a text, from a variable."""
        value = value or f"canary-{secrets.token_hex(12)}".encode()
        variable = f"VALUE_{name.upper().replace('-', '_')}"
        self.environ[variable] = value.decode("utf-8", "surrogateescape")
        self._declare(name, value, {"source": {"env": variable}} | entry)

    def text_file(self, name: str, value: bytes, **entry: Any) -> Path:
        """Declare a text, from a file."""
        path = self.directory / f"{name}.txt"
        path.write_bytes(value)
        self._declare(name, value, {"source": {"file": path.name}} | entry)
        return path

    def file(self, name: str = "file", size: int = 200_000, value: bytes | None = None, **entry: Any) -> Path:
        """Declare a file."""
        if value is None:
            value = (f"canary-{secrets.token_hex(12)}".encode() + secrets.token_bytes(size))[:size]
        path = self.directory / f"{name}.bin"
        path.write_bytes(value)
        self._declare(name, value, {"kind": "file", "source": {"file": path.name}} | entry)
        return path

    def drop(self, name: str) -> None:
        """Take a secret out of the manifest."""
        del self.secrets[name], self.values[name]
        self._write()

    def change(self, name: str) -> None:
        """Give a secret another value."""
        entry = self.secrets[name]
        if "env" in entry["source"]:
            self.text(name, **{k: v for k, v in entry.items() if k != "source"})
        else:
            rest = {k: v for k, v in entry.items() if k not in ("source", "kind")}
            self.file(name, size=len(self.values[name]), **rest)

    def _declare(self, name: str, value: bytes, entry: dict[str, Any]) -> None:
        self.secrets[name] = {"share_with": {"users": ["ana@example.com"]}} | entry
        self.values[name] = value
        self._write()

    def _write(self) -> None:
        manifest = {"version": 1, "name": "stack", "secrets": self.secrets} | self.extra
        self.manifest.write_text(json.dumps(manifest, indent=1))

    # --- where things are ---------------------------------------------------------------------------------

    @property
    def manifest(self) -> Path:
        return self.directory / f"{self.stem}.yaml"

    @property
    def state_path(self) -> Path:
        return self.directory / f"{self.stem}.state.json"

    @property
    def workdir(self) -> Path:
        return self.directory / ".reconciler"

    @property
    def journal_path(self) -> Path:
        return self.workdir / f"{self.stem}.journal"

    def state(self) -> State | None:
        """Return the state as it lies there. Raises AssertionError for one that does not parse."""
        if not self.state_path.exists():
            return None
        try:
            return statefile.decode(self.state_path.read_bytes(), file="state")
        except StateError as error:
            raise AssertionError(f"I5: {error.detail}") from None

    def journal(self) -> journal.Journal | None:
        """Return the journal as it lies there."""
        if not self.journal_path.exists():
            return None
        return journal.parse(self.journal_path.read_bytes(), file="journal")

    # --- runs ---------------------------------------------------------------------------------------------

    def start(
        self, *arguments: str, inject: Inject | None = None, trace: tuple[str, ...] = (), **quirks: Any
    ) -> Running:
        """Begin a run of the command line."""
        self.started += 1
        logs = self.bench.directory / "logs"
        logs.mkdir(exist_ok=True)
        stem = logs / f"{self.directory.name}-{self.stem}-{self.started}"
        environ = {
            "PATH": "/usr/bin:/bin",
            "HOME": str(self.bench.directory / "home"),
            "PYTHONDONTWRITEBYTECODE": "1",
            "COLUMNS": "1000",  # no sentence that a scenario looks for is wrapped
            "CONDUCTORONE_ACCESS_TOKEN": self.token,
            **self.environ,
        }
        server = () if "--sandbox" in arguments else ("--server", self.server)
        call = Call(
            arguments=("-f", str(self.manifest), *server, *arguments),
            environ={name: text for name, text in environ.items() if text},
            directory=str(self.bench.directory),
            out=f"{stem}.out",
            err=f"{stem}.err",
            quirks=replace(self.quirks, **quirks),
        )
        return Running(self.bench.zygote, call, inject=inject, trace=trace)

    def run(self, *arguments: str, **how: Any) -> ClientRan:
        return self.ended(self.start(*arguments, **how))

    def ended(self, running: Running, seconds: float = 120) -> ClientRan:
        ran = running.wait(seconds)
        self.runs.append(ran)
        return ran

    def apply(self, *arguments: str, **how: Any) -> ClientRan:
        return self.run(*APPLY, *arguments, **how)

    def start_apply(self, *arguments: str, **how: Any) -> Running:
        return self.start(*APPLY, *arguments, **how)

    def plan(self, *arguments: str, **how: Any) -> ClientRan:
        return self.run("plan", "--detailed-exitcode", *arguments, **how)

    def rules(self, *rules: Rule) -> None:
        self.proxy.plan(*rules)

    def applied(self) -> Scene:
        """Apply what is declared, undisturbed."""
        ran = self.apply()
        assert 0 == ran.code, ran.text
        return self

    def remove_journal(self) -> None:
        self.journal_path.unlink(missing_ok=True)

    def remove_workdir(self) -> None:
        shutil.rmtree(self.workdir, ignore_errors=True)


APPLY = ("apply", "--auto-approve", "--parallelism", "4", "--max-replace", "1000", "--max-revoke", "1000")
