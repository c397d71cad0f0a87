"""`make kills`: SIGKILL at random moments of an apply of 50 secrets, then one re-run, and one more later.

Three ways to die: with everything left in place; with the journal deleted; with all of `.reconciler/` gone.
"""

from __future__ import annotations

import random
from functools import partial
from typing import Final

from tests.faults import judge
from tests.faults.matrix import Scenario
from tests.faults.scene import Bench, Scene

SECRETS: Final = 50
LOSSES: Final = ("nothing", "journal", "workdir")


def scenarios(moments: int, seed: int) -> list[Scenario]:
    """Return a scenario for each moment (a share of an apply's time) and loss; the same seed, the same moments."""
    drawn = random.Random(seed)
    return [
        Scenario(
            row=loss,
            name=f"{n}-at-{moment:.3f}",
            run=partial(_killed, moment=moment, loss=loss),
            sample=n == 0,
            strace=False,
        )
        for loss in LOSSES
        for n, moment in enumerate(drawn.uniform(0, 1.05) for _ in range(moments))
    ]


_took: dict[int, float] = {}
"""Seconds of an undisturbed apply on this bench, by its id."""


def _declare(scene: Scene) -> None:
    for n in range(SECRETS):
        if n % 5 == 0:
            scene.file(f"file-{n}", size=5_000)
        elif n % 7 == 0:
            scene.text(f"text-{n}", share_with={"external": ["ops@partner.example"]})
        else:
            scene.text(f"text-{n}")


def _undisturbed(bench: Bench) -> float:
    if id(bench) not in _took:
        scene = bench.scene()
        _declare(scene)
        running = scene.start_apply()
        ran, seconds = running.timed()
        assert 0 == ran.code, ran.text
        _took[id(bench)] = seconds
    return _took[id(bench)]


def _killed(bench: Bench, moment: float, loss: str) -> None:
    seconds = _undisturbed(bench) * moment
    scene = bench.scene()
    _declare(scene)
    running = scene.start_apply()
    running.kill_after(seconds)
    ran = scene.ended(running)
    match loss:
        case "journal":
            scene.remove_journal()
        case "workdir":
            scene.remove_workdir()
        case _:
            pass
    judge.after_run(scene, ran, recorded=loss == "nothing")
    judge.settles(scene)
