"""D: disks, files, locks, identities and keys."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from reconciler.errors import StateError
from reconciler.state import statefile
from tests.faults import judge
from tests.faults import proxy as on
from tests.faults.client import Inject, Syscall
from tests.faults.crashes import PREPARED, killed_at
from tests.faults.matrix import add, scenario
from tests.faults.proxy import Rule
from tests.faults.scene import APPLY, Bench, Scene

# --- D1 ----------------------------------------------------------------------------------------------------

_ERRORS = {
    "write": ("ENOSPC", "EIO"),
    "fsync": ("ENOSPC", "EIO"),
    "fdatasync": ("ENOSPC", "EIO"),
    "rename": ("ENOSPC", "EIO"),
    "openat": ("ENOSPC", "EIO", "EMFILE"),
    "link": ("ENOSPC",),
    "unlink": ("EIO",),
    "mkdir": ("ENOSPC",),
    "ftruncate": ("EIO",),
    "pwrite64": ("ENOSPC",),
    "read": ("EIO",),
}
_TRACED = tuple(_ERRORS)


def _calls_on_disk(bench: Bench, prepare: str, name: str) -> tuple[list[Syscall], int]:
    """Return the calls of this name that touch the stack's files, and how many come before the first create."""
    scene = bench.scene()
    PREPARED[prepare](scene)
    ran = scene.apply(trace=_TRACED)
    assert 0 == ran.code, ran.text
    ours = [
        call for call in ran.trace if call.touches(scene.directory) and scene.manifest.name not in call.text
    ]
    announced = next((i for i, call in enumerate(ours) if call.name == "fdatasync"), len(ours))
    before = sum(call.name == name for call in ours[: announced + 1])
    return [call for call in ours if call.name == name and call.thread == ours[0].thread], before


def _every_failure(bench: Bench, prepare: str, name: str, error: str, most: int = 10_000) -> int:
    calls, before = _calls_on_disk(bench, prepare, name)
    hit = 0
    for index, call in enumerate(calls[:most]):
        scene = bench.scene()
        PREPARED[prepare](scene)
        already = len(scene.tenant.events("created"))
        ran = scene.apply(inject=Inject(name, call.n, f"error={error}"))
        if not any(str(scene.directory) in line for line in ran.injected):
            continue
        hit += 1
        if ran.code:
            judge.failed(ran, 1, 3, 64, 65)
        judge.after_run(scene, ran)
        if ran.code and index < before and name not in ("ftruncate", "pwrite64", "read"):
            made = len(scene.tenant.events("created")) - already
            assert not made, f"D1: a create was sent after {name} {call.n} had failed\n{ran.text}"
        judge.settles(scene, never_without=prepare.startswith("replace"))
    assert hit or not calls, "nothing was hit"
    return hit


for _name, _all in _ERRORS.items():
    for _error in _all:
        for _what in ("text", "file", "replace-text", "remove"):
            if _what in ("file", "remove") and _name not in ("fdatasync", "read"):
                continue
            if _name == "mkdir" and _what != "text":
                continue
            add(
                "D1",
                f"{_what}-every-{_name}-{_error}",
                partial(_every_failure, prepare=_what, name=_name, error=_error),
                strace=True,
            )


@scenario("D1", sample=True, strace=True)
def _full_disk_sample(bench: Bench) -> int:
    return _every_failure(bench, "text", "fdatasync", "ENOSPC", most=2)


# --- D2 ----------------------------------------------------------------------------------------------------


def _unwritable(bench: Bench, which: str) -> None:
    scene = bench.scene()
    scene.text()
    if which != "new":
        scene.applied().change("text")
    path = {"new": scene.directory, "directory": scene.directory, "workdir": scene.workdir}[which]
    scene.proxy.requests = []
    path.chmod(0o555)
    try:
        ran = scene.apply(obeys=True)
    finally:
        path.chmod(0o755)
    judge.failed(ran, 1)
    assert not scene.proxy.requests, f"D2: {len(scene.proxy.requests)} requests were sent"
    judge.after_run(scene, ran)
    judge.settles(scene)


for _which in ("new", "directory", "workdir"):
    add("D2", f"read-only-{_which}", partial(_unwritable, which=_which), sample=_which == "new")


# --- D3 ----------------------------------------------------------------------------------------------------

Damage = Callable[[bytes], bytes]


def _refused(bench: Bench, damage: Damage, says: str, *, exit_code: int = 1) -> None:
    scene = bench.scene()
    scene.text()
    scene.applied().change("text")
    good = scene.state_path.read_bytes()
    scene.state_path.write_bytes(damage(good))
    for run in (scene.plan, scene.apply):
        scene.proxy.requests = []
        ran = run()
        assert exit_code == ran.code, ran.text
        judge.failed(ran, exit_code)
        assert says in ran.err, f"D3: {says!r} is not said\n{ran.text}"
        assert not scene.proxy.requests, f"D3: {len(scene.proxy.requests)} requests were sent"
        judge.no_leak(scene, ran)
    scene.state_path.write_bytes(good)
    judge.settles(scene, never_without=True)


def _with(**fields: Any) -> Damage:
    """Change fields of the envelope, and make the checksum fit."""

    def damage(good: bytes) -> bytes:
        body = json.loads(good) | fields
        body["checksum"] = statefile._checksum(body)
        return json.dumps(body).encode()

    return damage


_DAMAGES: dict[str, tuple[Damage, str]] = {
    "empty": (lambda _: b"", "is empty"),
    "blank": (lambda _: b"\n\n", "is empty"),
    "cut-to-one": (lambda good: good[:1], "cut short"),
    "cut-in-half": (lambda good: good[: len(good) // 2], "cut short"),
    "cut-at-last": (lambda good: good[:-3], "cut short"),
    "not-json": (lambda _: b"<html>", "not a state file"),
    "a-list": (lambda _: b"[]", "not a state file"),
    "deep": (lambda _: b"[" * 100_000, "not a state file"),
    "conflict": (lambda good: b"<<<<<<< ours\n" + good, "not a state file"),
    "flipped": (lambda good: good.replace(b'"serial": 2', b'"serial": 3'), "checksum"),
    "newer": (_with(format_version=99), "format 99"),
    "older": (_with(format_version=0), "not a state file of this program"),
    "other-name": (_with(name="another"), "another"),
    "other-shape": (_with(instances=[]), "does not follow the format"),
}
for _name, (_damage, _says) in _DAMAGES.items():
    add("D3", _name, partial(_refused, damage=_damage, says=_says), sample=_name == "cut-in-half")


def _decodes(data: bytes) -> bool:
    try:
        statefile.decode(data, file="state")
    except StateError:
        return False
    return True


@scenario("D3")
def _cut_at_every_byte(bench: Bench) -> int:
    """No prefix of a state is a state."""
    scene = bench.scene()
    PREPARED["several"](scene)
    good = scene.applied().state_path.read_bytes()
    whole = good.rstrip()
    for end in range(len(whole)):
        assert not _decodes(good[:end]), f"D3: {end} bytes of {len(good)} were taken for a state"
    return len(whole)


@scenario("D3")
def _every_bit_flipped(bench: Bench) -> int:
    """No state with one other bit is believed, unless it says the same."""
    scene = bench.scene()
    scene.text()
    good = scene.applied().state_path.read_bytes()
    same = statefile.decode(good, file="state")
    for place in range(len(good)):
        for bit in range(8):
            bad = good[:place] + bytes([good[place] ^ (1 << bit)]) + good[place + 1 :]
            if _decodes(bad):
                assert same == statefile.decode(bad, file="state"), f"D3: bit {bit} of byte {place}"
    return len(good) * 8


def _journal(bench: Bench, damage: Callable[[Scene], None], says: str) -> None:
    """A dead run left a journal, and the state beside it is not its own."""
    scene = bench.scene()
    scene.text()
    scene.applied().change("text")
    killed_at(scene, on.content, when="done")
    keep = scene.bench.directory / "kept"
    shutil.copytree(scene.directory, keep, dirs_exist_ok=True)
    damage(scene)
    scene.rules()
    for run in (scene.plan, scene.apply):
        scene.proxy.requests = []
        ran = run()
        judge.failed(ran, 1)
        assert says in ran.err, f"D3: {says!r} is not said\n{ran.text}"
        assert not scene.proxy.requests, "D3: requests were sent"
    for name in ("m.state.json", ".reconciler/m.journal"):
        shutil.copy(keep / name, scene.directory / name)
    shutil.rmtree(keep)
    judge.settles(scene, never_without=True)


def _older_state(scene: Scene) -> None:
    backup = scene.state_path.with_name("m.state.json.backup")
    shutil.copy(backup, scene.state_path)


def _other_lineage(scene: Scene) -> None:
    scene.state_path.write_bytes(_with(lineage="0" * 32)(scene.state_path.read_bytes()))


def _no_state(scene: Scene) -> None:
    scene.state_path.unlink()


def _flip_journal(scene: Scene) -> None:
    data = bytearray(scene.journal_path.read_bytes())
    data[len(data) // 2] ^= 4
    scene.journal_path.write_bytes(bytes(data))


def _flip_last_record(scene: Scene) -> None:
    data = bytearray(scene.journal_path.read_bytes())
    data[-20] ^= 4
    scene.journal_path.write_bytes(bytes(data))


add("D3", "state-older-than-journal", partial(_journal, damage=_older_state, says="older"), sample=True)
add("D3", "state-of-other-lineage", partial(_journal, damage=_other_lineage, says="another state"))
add("D3", "journal-without-state", partial(_journal, damage=_no_state, says="the state is missing"))
add("D3", "journal-flipped", partial(_journal, damage=_flip_journal, says="damaged"))
add("D3", "journal-last-record-flipped", partial(_journal, damage=_flip_last_record, says="damaged"))


@scenario("D3")
def _journal_cut_at_every_byte(bench: Bench) -> int:
    """A journal that ends anywhere is what a crash leaves: the next run goes on."""
    scene = bench.scene()
    scene.text()
    killed_at(scene, on.content, when="done")
    whole = scene.journal_path.read_bytes()
    ends = sorted({*range(0, len(whole), max(1, len(whole) // 12)), len(whole) - 1})
    for end in ends:
        scene = bench.scene()
        scene.text()
        killed_at(scene, on.content, when="done")
        scene.journal_path.write_bytes(scene.journal_path.read_bytes()[:end])
        scene.rules()
        judge.settles(scene)
    return len(ends)


@scenario("D3")
def _journal_with_a_block_missing(bench: Bench) -> None:
    """The machine lost its power while the last record was written: the file has its length, and zeros in it."""
    scene = bench.scene()
    scene.text()
    killed_at(scene, on.content, when="done")
    lines = scene.journal_path.read_bytes().splitlines(keepends=True)
    half = len(lines[-1]) // 2
    scene.journal_path.write_bytes(b"".join(lines[:-1]) + bytes(half) + lines[-1][half:])
    scene.rules()
    judge.settles(scene)


# --- D4 ----------------------------------------------------------------------------------------------------


def _lost_state(bench: Bench, what: str) -> None:
    """The state is gone and the vaults are not: nothing is made again; `state recover` brings it back."""
    scene = bench.scene()
    PREPARED["several"](scene)
    scene.applied()
    made = len(scene.tenant.events("created"))
    scene.state_path.unlink()
    if what == "everything":
        scene.remove_workdir()
        scene.state_path.with_name("m.state.json.backup").unlink()
    for run in (scene.plan, scene.apply):
        ran = run()
        judge.failed(ran, 1)
        assert "state recover" in ran.err, ran.text
        assert not scene.state_path.exists(), "D4: a state was made"
    ran = scene.run("state", "recover")
    assert 0 == ran.code, ran.text
    judge.no_leak(scene, ran)
    scene.serials.clear()
    judge.settles(scene)
    assert made == len(scene.tenant.events("created")), "D4: a vault was made again"


for _what in ("state", "everything"):
    add("D4", f"lost-{_what}", partial(_lost_state, what=_what), sample=_what == "everything")

# --- D5 ----------------------------------------------------------------------------------------------------


@scenario("D5", sample=True)
def _eight_at_once(bench: Bench) -> int:
    """One runs; seven are told who. The lock is freed by the kernel when its holder is killed."""
    scene = bench.scene()
    scene.text()
    held, go_on = threading.Event(), threading.Event()

    def hold() -> None:
        held.set()
        go_on.wait(60)

    scene.rules(Rule(on.create, on.calls(before=hold)))
    runs = [scene.start_apply() for _ in range(8)]
    assert held.wait(60)
    losers = 0
    while losers < 7:
        losers = sum(run._process.event.wait(0.05) for run in runs)
    go_on.set()
    ended = [run.wait() for run in runs]
    assert sorted([0] + [5] * 7) == sorted(ran.code for ran in ended), [ran.text for ran in ended]
    winner = next(run.pid for run, ran in zip(runs, ended, strict=True) if ran.code == 0)
    for ran in ended:
        if ran.code:
            assert f"process {winner}" in ran.err, f"D5: the holder is not named\n{ran.text}"
            judge.failed(ran, 5)
    assert 1 == len(scene.tenant.events("created")), "D5: more than one ran"
    judge.settles(scene)
    return 8


@scenario("D5")
def _freed_by_the_kernel(bench: Bench) -> None:
    scene = bench.scene()
    scene.text()
    ran = killed_at(scene, on.create, when="heard")
    judge.after_run(scene, ran)
    judge.settles(scene)


# --- D6 ----------------------------------------------------------------------------------------------------


def _two_copies(bench: Bench, when: str) -> None:
    """Two machines use one state file, each with its own lock: the later save of the two is refused."""
    scene = bench.scene()
    scene.text()
    scene.applied().change("text")
    other = bench.directory / f"other-{bench.made}"
    shutil.copytree(scene.directory, other)
    there = ("-f", str(other / "m.yaml"), "--state", str(scene.state_path), *APPLY)
    second: list[int] = []

    def meanwhile() -> None:
        second.append(scene.start(*there).wait().code)

    rule = Rule(on.CALLS[when], on.calls(before=meanwhile))
    scene.rules(rule)
    ran = scene.apply("--state", str(scene.state_path))
    assert [0] == second, f"the other machine's run ended with {second}"
    judge.failed(ran, 1)
    assert "was changed by another run while this one went on" in ran.err, ran.text
    judge.state_sound(scene)
    shutil.rmtree(other)
    judge.settles(scene, stale_search=True)


for _when in ("users", "create", "content", "revoke"):
    add("D6", f"while-{_when}", partial(_two_copies, when=_when), sample=_when == "users")

# --- D7 ----------------------------------------------------------------------------------------------------


def _other_identity(bench: Bench, hidden: str) -> None:
    scene = bench.scene()
    PREPARED["several"](scene)
    scene.applied().change("one")
    scene.tenant.set(hidden=hidden)
    mine, scene.token = scene.token, scene.tenant.tokens["second"]
    before = scene.state_path.read_bytes()
    plan = scene.plan()
    assert 0 == plan.code, f"D7: something is planned\n{plan.text}"
    assert "not visible to you" in plan.out, plan.text
    ran = scene.apply()
    judge.failed(ran, 4)
    assert "not visible to you" in ran.err, ran.text
    assert before == scene.state_path.read_bytes(), "D7: the state was changed"
    scene.token = mine
    judge.settles(scene)


for _hidden in ("404", "403"):
    add("D7", f"answers-{_hidden}", partial(_other_identity, hidden=_hidden), sample=_hidden == "404")

# --- D8 ----------------------------------------------------------------------------------------------------


def _key(bench: Bench, how: str) -> None:
    """Without the stack's key no value is called changed, and nothing is replaced."""
    scene = bench.scene()
    PREPARED["several"](scene)
    scene.applied()
    made = len(scene.tenant.events("created"))
    right = scene.environ["RECONCILER_FINGERPRINT_KEY"]
    scene.environ["RECONCILER_FINGERPRINT_KEY"] = "" if how == "missing" else "ab" * 32
    scene.remove_workdir()
    for run in (scene.plan, scene.apply):
        ran = run()
        assert 0 == ran.code, ran.text
        assert "not checked" in ran.out, f"D8: it is not said that nothing was checked\n{ran.text}"
    assert made == len(scene.tenant.events("created")), "D8: something was made again"
    assert not (scene.workdir / "fingerprint.key").exists(), "D8: a key was made for a stack that has one"
    scene.environ["RECONCILER_FINGERPRINT_KEY"] = right
    judge.settles(scene)


for _how in ("missing", "different"):
    add("D8", f"key-{_how}", partial(_key, how=_how), sample=_how == "missing")


def _dead_and_no_key(bench: Bench, when: str) -> None:
    """A run died and the next has no key: nothing complete is touched; with the key all is well again."""
    scene = bench.scene()
    scene.text()
    scene.applied().change("text")
    killed_at(scene, on.content, when=when)
    scene.rules()
    right = scene.environ.pop("RECONCILER_FINGERPRINT_KEY")
    scene.remove_workdir()
    revoked = len(scene.tenant.events("revoked"))
    ran = scene.apply()
    assert "Traceback" not in ran.err
    if when == "done":
        assert revoked == len(scene.tenant.events("revoked")), "D8: a vault was revoked without the key"
    scene.environ["RECONCILER_FINGERPRINT_KEY"] = right
    judge.settles(scene)


for _when in ("heard", "done"):
    add("D8", f"dead-run-then-no-key-{_when}", partial(_dead_and_no_key, when=_when))


@scenario("D8", sample=True)
def _first_run_in_ci(bench: Bench) -> None:
    """In CI a new stack without the variable is refused: its key would be gone with the runner."""
    scene = bench.scene()
    scene.text()
    right = scene.environ.pop("RECONCILER_FINGERPRINT_KEY")
    scene.environ["CI"] = "true"
    ran = scene.apply()
    judge.failed(ran, 1)
    assert "RECONCILER_FINGERPRINT_KEY" in ran.err, ran.text
    judge.nothing_made(scene)
    assert not (scene.workdir / "fingerprint.key").exists()
    scene.environ["RECONCILER_FINGERPRINT_KEY"] = right
    judge.settles(scene)


def key_file(scene: Scene) -> Path:
    """Return where a key that was made here lies."""
    return scene.workdir / "fingerprint.key"


@scenario("D8")
def _key_made_here(bench: Bench) -> None:
    """A stack's first run on a laptop makes its key; killed at once, the next run uses that key."""
    scene = bench.scene()
    scene.text()
    scene.environ.pop("RECONCILER_FINGERPRINT_KEY")
    ran = killed_at(scene, on.content, when="done")
    scene.key = key_file(scene).read_text().strip()
    judge.after_run(scene, ran)
    judge.settles(scene)
    assert scene.key == key_file(scene).read_text().strip()
