"""T and S: clocks, and sources that change."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from pathlib import Path

from reconciler.sandbox import reader
from tests.faults import judge
from tests.faults import proxy as on
from tests.faults.client import Quirks
from tests.faults.crashes import PREPARED, killed_at
from tests.faults.matrix import add, scenario
from tests.faults.proxy import Rule
from tests.faults.scene import Bench, Scene

# --- T1 ----------------------------------------------------------------------------------------------------

_CLOCKS = {
    "hour-ahead": Quirks(clock=timedelta(hours=1)),
    "hour-behind": Quirks(clock=timedelta(hours=-1)),
    "year-ahead": Quirks(clock=timedelta(days=366)),
    "year-behind": Quirks(clock=timedelta(days=-366)),
    "backwards": Quirks(clock_step=timedelta(minutes=-30)),
    "epoch": Quirks(clock=timedelta(days=-20_000)),
}


def _clock(bench: Bench, quirks: Quirks, how: str) -> None:
    scene = bench.scene()
    scene.quirks = quirks
    match how:
        case "apply":
            PREPARED["several"](scene)
            scene.applied()
        case "lost":
            scene.text()
            scene.tenant.set(search_lag="60s")
            scene.rules(Rule(on.create, on.lose))
            ran = scene.apply()
            judge.after_run(scene, ran)
            state = scene.state()
            assert state is not None
            assert state.pending, "T1: the lost create is not remembered"
            scene.tenant.set(search_lag="0s")
        case _:
            PREPARED["replace-text"](scene)
            judge.after_run(scene, killed_at(scene, on.content, when="done"))
    judge.settles(scene)


for _name, _quirks in _CLOCKS.items():
    for _how in ("apply", "lost", "killed"):
        add(
            "T1",
            f"{_name}-{_how}",
            partial(_clock, quirks=_quirks, how=_how),
            sample=(_name, _how) == ("year-ahead", "lost"),
        )

# --- S1 ----------------------------------------------------------------------------------------------------


@scenario("S1")
def _saved_plan_of_another_value(bench: Bench) -> None:
    """A reviewed plan does not send a value that came later."""
    scene = bench.scene()
    scene.text()
    plan = scene.directory / "saved.plan"
    ran = scene.run("plan", "-o", str(plan))
    assert 0 == ran.code, ran.text
    scene.change("text")
    ran = scene.run("apply", str(plan), "--auto-approve")
    judge.failed(ran, 8)
    judge.nothing_made(scene)
    judge.after_run(scene, ran)
    judge.settles(scene)


def _changed(bench: Bench, kind: str, change: str, call: str, at_byte: int | None = None) -> None:
    """The source changes once the run has looked at it; what was made must never be called complete."""
    scene = bench.scene()
    path = (
        scene.text_file("s", b"canary-before-0123456789\n")
        if kind == "text"
        else scene.file("s", size=_LARGE)
    )
    do = partial(_CHANGES[change], scene, path)
    if at_byte is None:
        rule = Rule(on.CALLS[call], on.calls(before=do))
    else:
        rule = Rule(on.CALLS[call], on.meanwhile(do), at_byte=at_byte)
    scene.rules(rule)
    ran = scene.apply()
    assert rule.fired
    judge.failed(ran, 1, 3)
    assert "Traceback" not in ran.err, ran.text
    assert not scene.tenant.events("content_set"), "S: another value was sent whole"
    assert not scene.tenant.live(), "S: a vault is left"
    judge.after_run(scene, ran)
    _restore(scene, path)
    judge.settles(scene)


_LARGE = 16 * 2**20


def _rewrite(scene: Scene, path: Path) -> None:
    value = b"canary-after--0123456789\n" if path.suffix == ".txt" else os.urandom(_LARGE)
    assert len(value) == path.stat().st_size
    with path.open("r+b") as file:
        file.write(value)


def _rewrite_end(scene: Scene, path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(-8, os.SEEK_END)
        file.write(b"replaced")


def _cut(scene: Scene, path: Path) -> None:
    os.truncate(path, path.stat().st_size - 5)


def _empty(scene: Scene, path: Path) -> None:
    os.truncate(path, 0)


def _grow(scene: Scene, path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"more")


def _remove(scene: Scene, path: Path) -> None:
    path.unlink()


def _link(scene: Scene, path: Path) -> None:
    moved = path.with_name(f"real-{path.name}")
    path.rename(moved)
    path.symlink_to(moved)


def _fifo(scene: Scene, path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def _directory(scene: Scene, path: Path) -> None:
    path.unlink()
    path.mkdir()


def _restore(scene: Scene, path: Path) -> None:
    if path.is_dir():
        path.rmdir()
    else:
        path.unlink(missing_ok=True)
    path.write_bytes(scene.values["s"])


_CHANGES: dict[str, Callable[[Scene, Path], None]] = {
    "rewritten": _rewrite,
    "cut": _cut,
    "emptied": _empty,
    "grown": _grow,
    "removed": _remove,
    "link": _link,
    "fifo": _fifo,
    "directory": _directory,
    "end-rewritten": _rewrite_end,
}
for _change in ("rewritten", "cut", "emptied", "grown", "removed"):
    for _kind in ("text", "file"):
        add(
            "S1",
            f"{_kind}-{_change}-after-the-plan",
            partial(_changed, kind=_kind, change=_change, call="create"),
            sample=(_kind, _change) == ("text", "rewritten"),
        )
for _change in ("cut", "grown", "end-rewritten", "emptied"):
    for _byte in (1, 65_536):
        add(
            "S2",
            f"{_change}-during-upload-at-{_byte}",
            partial(_changed, kind="file", change=_change, call="upload", at_byte=_byte),
            sample=_change == "end-rewritten" and _byte == 1,
        )
for _change in ("link", "fifo", "directory"):
    for _kind in ("text", "file"):
        add(
            "S3",
            f"{_kind}-becomes-{_change}",
            partial(_changed, kind=_kind, change=_change, call="create"),
            sample=(_kind, _change) == ("file", "fifo"),
        )


def _not_readable(bench: Bench, change: str) -> None:
    """What is no regular file at the start is refused before any vault is made."""
    scene = bench.scene()
    path = scene.text_file("s", b"canary-before-0123456789\n")
    _CHANGES[change](scene, path)
    ran = scene.apply()
    judge.source_refused(ran)
    judge.nothing_made(scene)
    _restore(scene, path)
    judge.after_run(scene, ran)
    judge.settles(scene)


for _change in ("link", "fifo", "directory", "removed", "emptied"):
    add("S3", f"{_change}-from-the-start", partial(_not_readable, change=_change))

# --- S4 ----------------------------------------------------------------------------------------------------


def _size(bench: Bench, kind: str, size: int, value: bytes | None, *, taken: bool) -> None:
    scene = bench.scene()
    data = (b"s" * size) if value is None else value
    path = scene.text_file("s", data) if kind == "text" else scene.file("s", value=data)
    assert path.stat().st_size == len(data)
    ran = scene.apply()
    judge.after_run(scene, ran)
    if taken:
        assert 0 == ran.code, ran.text
        judge.settles(scene)
        return
    judge.source_refused(ran)
    judge.nothing_made(scene)
    assert scene.state() is None, "S4: a state was made"


for _kind, _size_, _taken in (
    *(("text", n, True) for n in (1, 16, 61_439, 61_440)),
    *(("text", n, False) for n in (0, 61_441, 65_535, 65_536, 65_537, 2**20)),
    *(("file", n, True) for n in (1, 65_519, 65_535, 65_536, 65_537, 131_072, 1_000_003)),
    ("file", 0, False),
):
    add(
        "S4",
        f"{_kind}-{_size_}",
        partial(_size, kind=_kind, size=_size_, value=None, taken=_taken),
        sample=(_kind, _size_) in (("text", 61_440), ("text", 61_441), ("file", 65_537)),
    )
_BYTES = b"canary\xff\xfe\x00-not-utf-8"
add("S4", "text-not-utf-8", partial(_size, kind="text", size=0, value=_BYTES, taken=False))
add("S4", "file-not-utf-8", partial(_size, kind="file", size=0, value=_BYTES, taken=True))
add("S4", "text-of-newlines", partial(_size, kind="text", size=0, value=b"\r\n\n\n", taken=True))
add("S4", "text-with-nul", partial(_size, kind="text", size=0, value=b"a\x00b", taken=True))


@scenario("S4")
def _sparse_gibibyte(bench: Bench) -> None:
    """1 GiB, all of it a hole: sent whole, in little memory."""
    scene = bench.scene()
    path = scene.file("s", value=b"x")
    os.truncate(path, 2**30)
    ran = scene.apply(patient=True)
    assert 0 == ran.code, ran.text
    assert ran.peak < 200 * 1024, f"S4: {ran.peak} KiB of memory"
    state = scene.state()
    assert state is not None
    current = next(iter(state.instances.values())).current
    assert current is not None
    found = hashlib.sha256()
    for piece in reader.peek(scene.tenant.store, current.vault_id):
        found.update(piece)
    with path.open("rb") as file:
        assert hashlib.file_digest(file, "sha256").hexdigest() == found.hexdigest(), "I9: it reads wrong"
    path.unlink()


@scenario("S4")
def _more_than_a_gibibyte(bench: Bench) -> None:
    scene = bench.scene()
    path = scene.file("s", value=b"x")
    os.truncate(path, 2**30 + 1)
    ran = scene.apply()
    judge.source_refused(ran)
    judge.nothing_made(scene)
    path.unlink()
