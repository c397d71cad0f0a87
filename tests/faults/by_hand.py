"""What a person does to a state by hand, killed at every system call that writes: the old state stands, or the new."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from reconciler.model.address import Address
from reconciler.model.state import State
from reconciler.state import statefile
from tests.faults import judge
from tests.faults import proxy as on
from tests.faults.client import Inject
from tests.faults.crashes import killed_at
from tests.faults.matrix import add, scenario
from tests.faults.scene import Bench, Scene

_CALLS = ("write", "pwrite64", "ftruncate", "fsync", "rename", "link", "unlink", "mkdir")
_ONE, _UNO = Address("one"), Address("uno")


@dataclass(frozen=True)
class _Deed:
    """A command. `prepare` returns its arguments; `done` tells the new state from the old one."""

    prepare: Callable[[Scene], tuple[str, ...]]
    done: Callable[[State | None, State | None], bool]
    settles: bool = True
    """Whether the manifest still asks for what the state then has."""
    checked: bool = True
    """Whether each value can be compared afterwards."""


def _applied(scene: Scene) -> State:
    scene.text("one")
    scene.text("two")
    state = scene.applied().state()
    assert state is not None
    return state


def _rm(scene: Scene) -> tuple[str, ...]:
    _applied(scene)
    return "rm", "one"


def _mv(scene: Scene) -> tuple[str, ...]:
    _applied(scene)
    return "mv", "one", "uno"


def _import(scene: Scene) -> tuple[str, ...]:
    current = _applied(scene).instances[_ONE].current
    assert current is not None
    assert 0 == scene.run("state", "rm", "one").code
    return "import", "one", current.vault_id


def _first_import(scene: Scene) -> tuple[str, ...]:
    """Into no state, where no key is: the key is made first, and the next run uses it."""
    *command, vault_id = _import(scene)
    for name in ("m.state.json", "m.state.json.backup"):
        (scene.directory / name).unlink()
    scene.remove_workdir()
    scene.environ.pop("RECONCILER_FINGERPRINT_KEY")
    return *command, vault_id


def _recover(scene: Scene) -> tuple[str, ...]:
    """The state is lost, and beside it lies the journal of a run that was killed."""
    _applied(scene)
    scene.change("one")
    killed_at(scene, on.content, when="done")
    scene.rules()
    scene.state_path.unlink()
    return ("recover",)


def _rekey(scene: Scene) -> tuple[str, ...]:
    """The key lies in its file, as on a laptop."""
    scene.environ.pop("RECONCILER_FINGERPRINT_KEY")
    _applied(scene)
    scene.key = (scene.workdir / "fingerprint.key").read_text().strip()
    return ("rekey",)


def _keyed_anew(before: State | None, after: State | None) -> bool:
    return before is not None and after is not None and before.key_id != after.key_id


_DEEDS = {
    "rm": _Deed(_rm, lambda _, now: now is not None and _ONE not in now.instances, settles=False),
    "mv": _Deed(_mv, lambda _, now: now is not None and _UNO in now.instances, settles=False),
    "import": _Deed(_import, lambda _, now: now is not None and _ONE in now.instances, checked=False),
    "first-import": _Deed(_first_import, lambda _, now: now is not None, settles=False, checked=False),
    "recover": _Deed(_recover, lambda _, now: now is not None),
    "rekey": _Deed(_rekey, _keyed_anew),
}


def _killed(bench: Bench, deed: str, name: str, most: int = 10_000) -> int:
    """Kill at the n-th call of this name, for every n until none fires; after each the same command makes it good."""
    scene, it = bench.scene(), _DEEDS[deed]
    command = ("state", *it.prepare(scene))
    before, kept = scene.state(), bench.directory / f"{scene.directory.name}-kept"
    shutil.copytree(scene.directory, kept)
    for n in range(1, most + 1):
        shutil.rmtree(scene.directory)
        shutil.copytree(kept, scene.directory)
        scene.serials.clear()
        ran = scene.run(*command, inject=Inject(name, n, "signal=KILL"))
        if not ran.killed:
            assert 0 == ran.code, ran.text
            break
        _stands(scene, it, before)
        if not it.done(before, scene.state()):
            again = scene.run(*command)
            assert 0 == again.code, f"the same command does not go on\n{again.text}"
            assert it.done(before, scene.state())
            assert not list(scene.directory.rglob("*.tmp")), "half a file is left for good"
        _goes_on(scene, it)
    if it.settles:
        judge.settles(scene)
    return n - 1


def _stands(scene: Scene, it: _Deed, before: State | None) -> None:
    """After the kill: the old state or the new one, each whole; a plan works, or names the command."""
    judge.state_sound(scene)
    now = scene.state()
    assert now == before or it.done(before, now), "I5: the state is neither the old one nor the new"
    for path in scene.directory.glob("*.backup"):
        statefile.decode(path.read_bytes(), file=path.name)
    if now is not None:
        _goes_on(scene, it)
        return
    plan = scene.plan()
    judge.failed(plan, 1)
    assert "state recover" in plan.err, plan.text


def _goes_on(scene: Scene, it: _Deed) -> None:
    plan = scene.plan()
    assert plan.code in (0, 2), f"I8: the next command does not work\n{plan.text}"
    judge.no_leak(scene, plan)
    if it.checked:
        assert "not checked" not in plan.out, f"a key is lost\n{plan.text}"


for _deed in _DEEDS:
    for _name in _CALLS:
        if (_name in ("ftruncate", "pwrite64") and _deed != "rm") or (
            _name == "mkdir" and _deed != "first-import"
        ):
            continue  # they belong to the lock, and to a new directory
        add("C7", f"{_deed}-by-hand-every-{_name}", partial(_killed, deed=_deed, name=_name), strace=True)


@scenario("C7", sample=True, strace=True)
def _by_hand_sample(bench: Bench) -> int:
    return _killed(bench, "rekey", "rename")


@scenario("C7", sample=True, strace=True)
def _plan_saved_after_a_killed_rekey(bench: Bench) -> int:
    """Whichever key stands in the file by then: what was planned and reviewed is what is applied."""
    for n in range(1, 10_000):
        scene = bench.scene()
        command = ("state", *_rekey(scene))
        if not scene.run(*command, inject=Inject("rename", n, "signal=KILL")).killed:
            break
        scene.change("one")
        plan = scene.directory / "reviewed.plan"
        for ran in (scene.run("plan", "-o", str(plan)), scene.run("apply", str(plan))):
            assert 0 == ran.code, f"I8: after a kill at rename {n}\n{ran.text}"
        judge.settles(scene)
    return n - 1
