"""The key file is every stack's of its directory, and `plan -o` takes no lock: two runs may each make the first one."""

from __future__ import annotations

import threading
import time
from dataclasses import replace

from tests.faults import judge
from tests.faults import proxy as on
from tests.faults.client import ClientRan, Running
from tests.faults.matrix import scenario
from tests.faults.proxy import Rule
from tests.faults.scene import KEY, Bench, Scene


def _done(ran: ClientRan) -> None:
    assert 0 == ran.code, ran.text


def _too_late(ran: ClientRan) -> None:
    assert 1 == ran.code, ran.text
    for words in ("at the same moment", "run the same command again"):
        assert words in ran.err, f"I8: {words!r} is not said\n{ran.text}"


def _checked(scene: Scene) -> None:
    """The next secret is made, and each value compares: the key is the state's."""
    scene.text("another")
    for ran in (scene.apply(), scene.plan()):
        _done(ran)
        assert "not checked" not in ran.out, f"D8: a key is lost\n{ran.text}"


@scenario("D8", sample=True)
def _first_key_of_two_stacks_at_once(bench: Bench) -> None:
    """Two manifests of one directory share the key file: the second to make one starts anew with the first's."""
    here = bench.scene()
    here.text("one")
    there = replace(here, stem="other", extra={"name": "other"}, secrets={}, values={}, runs=[], serials=[])
    there.text("two")
    del here.environ[KEY]  # theirs is the same
    here.rules(Rule(on.search, on.calls(before=lambda: _done(there.apply()))))
    _too_late(here.apply())
    assert 1 == len(here.tenant.events("created")), "D8: a vault was made with a key that is kept nowhere"
    for scene in (here, there):
        _checked(scene)


@scenario("D8", sample=True)
def _first_key_while_a_plan_is_saved(bench: Bench) -> None:
    """`plan -o` takes no lock, and makes a new stack's key as apply does: here its own comes too late."""
    scene = bench.scene()
    del scene.environ[KEY]
    scene.text()
    save = ("plan", "-o", str(scene.directory / "saved.plan"))
    scene.rules(Rule(on.search, on.calls(after=lambda: _done(scene.apply()))))
    _too_late(scene.run(*save))
    _checked(scene)
    _done(scene.run(*save))


@scenario("D8", sample=True)
def _first_key_while_applied(bench: Bench) -> None:
    """The same, and apply's key comes too late: a plan that began before it saved its own meanwhile."""
    scene = bench.scene()
    del scene.environ[KEY]
    scene.text()
    plan, looks = scene.directory / "saved.plan", threading.Semaphore(0)
    begun, ends = on.calls(before=looks.acquire), on.calls(before=lambda: _ends(planning, looks))
    scene.rules(Rule(on.search, begun), Rule(on.search, ends))
    planning = scene.start("plan", "-o", str(plan))
    while not scene.proxy.rules[0].fired:
        time.sleep(0.005)
    ran = scene.apply()
    _done(scene.ended(planning))
    _too_late(ran)
    judge.nothing_made(scene)
    _done(scene.run("apply", str(plan)))
    _checked(scene)


def _ends(planning: Running, looks: threading.Semaphore) -> None:
    looks.release()
    planning.gone()
