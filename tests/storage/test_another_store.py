"""A store that the package does not know: what every store promises, held against it and against the built-in ones.

`Versions` keeps numbered files in a directory; who makes the next number first has won. It is registered from here,
and the shipped command line plans, applies, lists, dies and resumes with it. A new built-in store touches

* `reconciler/storage/<name>.py`: the store, after the contract in `storage/interface.py`
* `reconciler/storage/stores.py`: its line in `STORES`
* this file: its line in `_OPENERS`
* `docs/formats.md`, where states may lie, and `CHANGELOG.md`
"""

from __future__ import annotations

import contextlib
import itertools
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import pytest

from reconciler.cli import main
from reconciler.errors import LockedError, StateError
from reconciler.model.state import State
from reconciler.sandbox import reader
from reconciler.sandbox.serve import Embedded
from reconciler.state import statefile
from reconciler.storage import durable
from reconciler.storage.interface import StateStore, changed_meanwhile
from reconciler.storage.lock import Holder, Lock
from reconciler.storage.state_file import StateFile
from reconciler.storage.stores import STORES, open_store

_REPOSITORY: Final = Path(__file__).resolve().parents[2]
_HOLDER: Final = Holder.here(datetime(2026, 11, 23, 7, tzinfo=UTC), job="https://ci.example/jobs/7")
_FIRST: Final = State(name="s", lineage="0" * 32, serial=1, server="t", creator="u", key_id=None)
_SECOND: Final = replace(_FIRST, serial=2)


class Versions(StateStore):
    """A directory of numbered states. A save makes the number after the one that was seen, or none."""

    def __init__(self, rest: str) -> None:
        self._directory = Path(rest)
        self._seen = 0
        self._lock = Lock(self._directory / "lock", "this state")

    @property
    def where(self) -> str:
        return f"versions://{self._directory}"

    @property
    def own_files(self) -> tuple[Path, ...]:
        return tuple(sorted(self._directory.glob("*.json")))

    def load(self) -> State | None:
        self._seen = max((int(path.stem) for path in self.own_files), default=0)
        data = durable.read_file(self._numbered(self._seen)) if self._seen else None
        return None if data is None else statefile.decode(data, file=self.where)

    def save(self, state: State) -> None:
        self._directory.mkdir(exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=self._directory) as aside:
            aside.write(statefile.encode(state))
            aside.flush()
            os.fsync(aside.fileno())
            try:
                os.link(aside.name, self._numbered(self._seen + 1))
            except FileExistsError:
                raise changed_meanwhile(self.where) from None
        self._seen += 1

    def check_writable(self) -> None:
        durable.check_writable(self._directory)

    @contextlib.contextmanager
    def held(self, holder: Holder) -> Iterator[None]:
        with self._lock.held(holder):
            yield

    def held_by(self) -> str | None:
        return self._lock.held_by()

    def _numbered(self, number: int) -> Path:
        return self._directory / f"{number}.json"


class Mortal(Versions):
    """Its process is killed at the second save, with nothing of it done: a run's first save is its claim."""

    saves = itertools.count(1)

    def save(self, state: State) -> None:
        if next(self.saves) == 2:
            os.kill(os.getpid(), signal.SIGKILL)
        super().save(state)


_OPENERS: Final[dict[str, Callable[[str], StateStore]]] = {**STORES, "versions": Versions}


@pytest.fixture(params=sorted(_OPENERS))
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], StateStore]:
    """Open the same place once more, as another process would."""
    return lambda: _OPENERS[request.param](str(tmp_path / "place"))


def test_what_was_saved_is_loaded(opened: Callable[[], StateStore]) -> None:
    """By any other who opens the place; before the first save there is certainly none."""
    store = opened()
    assert store.load() is None
    store.check_writable()
    store.save(_FIRST)
    assert _FIRST == opened().load()
    store.save(_SECOND)
    assert _SECOND == store.load() == opened().load()


@pytest.mark.parametrize("before", [None, _FIRST])
def test_the_second_writer_saves_nothing(opened: Callable[[], StateStore], before: State | None) -> None:
    """Save-if-unchanged: also where both saw that there is none yet. After a new look it may save."""
    if before:
        first = opened()
        first.load()
        first.save(before)
    winner, loser = opened(), opened()
    assert before == winner.load() == loser.load()
    winner.save(replace(_SECOND, serial=5))
    with pytest.raises(StateError, match="was changed by another run") as caught:
        loser.save(replace(_SECOND, serial=6))
    assert loser.where in caught.value.detail
    assert replace(_SECOND, serial=5) == loser.load()
    loser.save(replace(_SECOND, serial=6))
    assert replace(_SECOND, serial=6) == opened().load()


def test_a_save_needs_a_look_first(opened: Callable[[], StateStore]) -> None:
    """A store that has loaded nothing overwrites nothing."""
    store = opened()
    store.load()
    store.save(_FIRST)
    with pytest.raises(StateError, match="was changed by another run"):
        opened().save(_SECOND)


def test_its_own_files_are_all_that_it_keeps_here(opened: Callable[[], StateStore], tmp_path: Path) -> None:
    """No source may read one of them: whatever holds the state is among them."""
    store = opened()
    store.load()
    store.save(_FIRST)
    store.save(_SECOND)
    kept = {path for path in tmp_path.rglob("*") if path.is_file() and _FIRST.lineage in path.read_text()}
    assert kept == {path for path in store.own_files if path.exists()}


@dataclass(frozen=True)
class Stack:
    """A directory with a manifest, whose state is in a store that this test registered."""

    path: Path
    tenant: Embedded
    captured: pytest.CaptureFixture[str]

    @property
    def options(self) -> tuple[str, ...]:
        return ("--server", self.tenant.url, "--state", f"versions://{self.path / 'states'}")

    def run(self, *arguments: str) -> tuple[int, str]:
        self.captured.readouterr()
        with pytest.raises(SystemExit) as end:
            main([*self.options, *arguments])
        assert isinstance(end.value.code, int)
        return end.value.code, "".join(self.captured.readouterr())

    def killed(self, *arguments: str) -> None:
        """Run a command in a process of its own, with a store that it does not survive."""
        code = (
            "import sys; from tests.storage.test_another_store import Mortal, STORES, main; "
            "STORES['versions'] = Mortal; main(sys.argv[1:])"
        )
        done = subprocess.run(
            [sys.executable, "-c", code, *self.options, *arguments],
            env={**os.environ, "PYTHONPATH": str(_REPOSITORY)},
            capture_output=True,
            check=False,
        )
        assert -signal.SIGKILL == done.returncode, done.stderr.decode()

    def versions(self) -> list[int]:
        return sorted(int(path.stem) for path in (self.path / "states").glob("*.json"))

    def values(self) -> dict[str, bytes]:
        """Return what recipients would read, by label; two live shares of one label fail."""
        live = reader.live(self.tenant.store).values()
        labels = [vault.display_name.partition(" [rc:")[0] for vault in live]
        assert len(set(labels)) == len(labels), labels
        return {
            label: b"".join(reader.peek(self.tenant.store, v.vault_id))
            for label, v in zip(labels, live, strict=True)
        }


@pytest.fixture
def stack(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Stack]:
    """A stack of two secrets at a tenant of its own."""
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    monkeypatch.setitem(STORES, "versions", Versions)
    entry = "source: {{env: {0}}}, share_with: {{users: [ana@example.com]}}"
    secrets = "".join(f"  {name.lower()}: {{{entry.format(name)}}}\n" for name in ("ONE", "TWO"))
    (work / "reconciler.yaml").write_text(f"version: 1\nname: toy\nsecrets:\n{secrets}")
    monkeypatch.setenv("ONE", "first-value")
    monkeypatch.setenv("TWO", "second-value")
    with Embedded(tmp_path / "tenant", people=["ana@example.com"]) as tenant:
        monkeypatch.setenv("CONDUCTORONE_ACCESS_TOKEN", tenant.token.reveal_text())
        yield Stack(path=work, tenant=tenant, captured=capsys)


def test_a_stack_lives_in_it(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    """Plan writes nothing; apply, a run that is killed between its saves, and the next one all stand on it."""
    assert 0 == stack.run("plan")[0]
    assert [] == stack.versions()
    assert 0 == stack.run("apply", "--auto-approve")[0]
    assert [1, 2] == stack.versions()
    code, listed = stack.run("state", "list")
    assert 0 == code
    assert ["one", "two"] == [line.split()[0] for line in listed.splitlines()]

    monkeypatch.setenv("ONE", "another-value")
    stack.killed("apply", "--auto-approve")
    assert [1, 2, 3] == stack.versions()
    assert 0 == stack.run("apply", "--auto-approve")[0]
    assert {"one": b"another-value", "two": b"second-value"} == stack.values()
    code, planned = stack.run("plan", "--detailed-exitcode")
    assert 0 == code, planned
    assert not list(stack.path.glob("*.state.json*")), "the state lies in the store and nowhere else"


def test_its_lock_keeps_other_machines_out(stack: Stack) -> None:
    """And names their holder: to apply, to a command by hand, and to who only asks."""
    with Versions(str(stack.path / "states")).held(_HOLDER):
        for command in (("apply", "--auto-approve"), ("state", "rm", "one"), ("state", "unlock")):
            code, text = stack.run(*command)
            assert LockedError.exit_code == code, text
            assert "https://ci.example/jobs/7" in text
    assert 0 == stack.run("state", "unlock")[0]
    assert [] == stack.versions()
    assert {} == stack.values()


def test_only_a_flag_names_a_store(stack: Stack) -> None:
    """A manifest under review cannot send a state anywhere: its path is a file beneath its directory."""
    manifest = stack.path / "reconciler.yaml"
    manifest.write_text(f"state: {{path: 'versions://{stack.path / 'states'}'}}\n{manifest.read_text()}")
    with pytest.raises(SystemExit):
        main(["--server", stack.tenant.url, "apply", "--auto-approve"])
    assert [] == stack.versions()


def test_a_store_that_does_not_exist_is_named(stack: Stack) -> None:
    """As a mistake in the command line, with the ones that do; a path is never taken for one."""
    code, text = stack.run("--state", "s4://bucket/key", "plan")
    assert 64 == code
    assert "file://…, versions://…" in text
    store = open_store("prod:eu.state.json")
    assert isinstance(store, StateFile)
    assert "prod:eu.state.json" == store.where
