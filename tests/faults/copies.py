"""Two machines, each with its own copy of manifest, state and key: what one does, the other finds on the tenant.

Nothing can refuse the second run, for no file is shared. It must find every share of the first, leave nobody
without one where they run one after the other, and say what to do where it does not go on by itself.
"""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterable
from dataclasses import replace
from functools import partial

from reconciler.sandbox.vault import is_ready
from tests.faults import judge
from tests.faults import proxy as on
from tests.faults.client import ClientRan
from tests.faults.matrix import add
from tests.faults.proxy import Rule
from tests.faults.scene import Bench, Scene

_NAME = "text"
_EDITS = ("same-edit", "other-edit", "no-edit")


def _two(bench: Bench, edit: str) -> tuple[Scene, Scene]:
    """Return two machines with what the first has applied; both edit it since."""
    here = bench.scene()
    here.text(_NAME)
    here.applied()
    elsewhere = here.directory.with_name(f"{here.directory.name}-elsewhere")
    shutil.copytree(here.directory, elsewhere)
    there = replace(
        here,
        directory=elsewhere,
        secrets=dict(here.secrets),
        values=dict(here.values),
        environ=dict(here.environ),
        runs=[],
        serials=[],
    )
    here.change(_NAME)
    if edit == "same-edit":
        there.text(_NAME, here.values[_NAME])
    elif edit == "other-edit":
        there.change(_NAME)
    return here, there


def _judged(here: Scene, there: Scene, rans: Iterable[ClientRan]) -> None:
    """What holds after any run of either: nothing is lost from both, nothing reads wrong, nothing leaks."""
    for scene in (here, there):
        judge.state_sound(scene)
        judge.no_stray_credentials(scene)
    for ran in rans:
        assert "Traceback" not in ran.err, f"I8: a traceback\n{ran.text}"
        judge.no_leak(here, ran)
        judge.no_leak(there, ran)
        if ran.code:
            judge.failed(ran, 1, 3)
    states = [state for scene in (here, there) if (state := scene.state())]
    recorded = frozenset().union(*(state.known() for state in states))
    live = _live(here)
    assert live <= recorded, "I3: a live share is in neither state"
    sent = {*here.values.values(), *there.values.values()}
    assert {here.tenant.peek(vault_id) for vault_id in live} <= sent, "I9: a share reads what nobody sent"


def _live(scene: Scene) -> set[str]:
    now = scene.tenant.store.now()
    return {i for i, v in scene.tenant.live().items() if is_ready(v, now)}


def _current(scene: Scene) -> str:
    state = scene.state()
    assert state is not None
    (instance,) = state.instances.values()
    return instance.current.vault_id if instance.current else ""


def _told(scene: Scene, ran: ClientRan) -> None:
    """A machine whose share was ended by the other is told so, and of the newer share, and what to do."""
    assert 0 == ran.code, ran.text
    assert "" == _current(scene)
    for words in (
        "revoked outside of reconciler",
        "is newer than the one in this state",
        f"--replace {_NAME}",
    ):
        assert words in ran.out, f"I8: {words!r} is not said\n{ran.text}"


def _goes_on(scene: Scene) -> None:
    """Take the place of the other machine's share, as its user was told: then all is one machine's again."""
    ran = scene.apply("--replace", _NAME)
    assert 0 == ran.code, ran.text
    judge.settles(scene, stale_search=True)


def _one_after_the_other(bench: Bench, edit: str) -> None:
    """The second takes over, takes the place of, or leaves alone what the first made: never a moment without."""
    here, there = _two(bench, edit)
    first = here.apply()
    made = _current(here)
    second = there.apply()
    _judged(here, there, (first, second))
    assert (0, 0) == (first.code, second.code), first.text + second.text
    judge.one_copy(here)
    match edit:
        case "same-edit":
            assert made == _current(there), "D6: an equal share is not taken over"
            loser = there
        case "other-edit":
            assert {_current(there)} == _live(there), "D6: the later apply does not count"
            loser = here
        case _:
            assert {made} == _live(there), "D6: a stale copy ended a newer share, or made another"
            loser = there
    for _ in range(2):
        again = loser.apply()
        _judged(here, there, [again])
        if edit != "same-edit":
            _told(loser, again)
    assert 1 == len(_live(here)), "D6: somebody is left without a share, or has two"
    _goes_on(loser)
    judge.always_one(here)


def _only_one_has_it(bench: Bench) -> None:
    """A secret that the other machine's manifest does not have: told there, and touched by nobody."""
    here, there = _two(bench, "no-edit")
    here.text("new")
    here.applied()
    live = _live(here)
    ran = there.apply()
    _judged(here, there, [ran])
    assert 0 == ran.code, ran.text
    assert "carries this stack's tag" in ran.out, ran.text
    assert live == _live(here), "D6: a share that this manifest does not name was ended"
    judge.settles(here)


def _cannot_take_its_place(bench: Bench) -> None:
    """The later apply's own share is refused: the one that is there stays, though it is not what this one wants."""
    here, there = _two(bench, "other-edit")
    here.applied()
    made = _current(here)
    refused = on.raw(409, b'{"code":6,"message":"not now","details":[]}')
    here.rules(Rule(on.create, on.says(refused, effect=False)))
    ran = there.apply()
    _judged(here, there, [ran])
    assert ran.code, ran.text
    assert {made} == _live(here), "D6: the only share was revoked"
    judge.settles(there)
    judge.always_one(here)


def _in_the_middle(bench: Bench, edit: str, when: str) -> None:
    """The other machine's whole run falls between two requests of this one's."""
    here, there = _two(bench, edit)
    rans: list[ClientRan] = []
    here.rules(Rule(on.CALLS[when], on.calls(before=lambda: rans.append(there.apply()))))
    rans.append(here.apply())
    assert 2 == len(rans), f"there was no {when}"
    _judged(here, there, rans)
    _calm(here, there)


def _at_once(bench: Bench, edit: str, when: str) -> None:
    """Both have been answered this request before either goes on."""
    here, there = _two(bench, edit)
    both = threading.Barrier(2, timeout=60)
    here.rules(Rule(on.CALLS[when], on.calls(after=both.wait), times=2))
    running = [scene.start_apply() for scene in (here, there)]
    rans = [scene.ended(it) for scene, it in zip((here, there), running, strict=True)]
    assert not both.broken, f"they did not meet at {when}"
    _judged(here, there, rans)
    _calm(here, there)


def _calm(here: Scene, there: Scene) -> None:
    """Run again one after the other: at most one share is left, each is told, and either can go on."""
    here.rules()
    for _ in range(2):
        for scene in (here, there):
            ran = scene.apply()
            _judged(here, there, [ran])
            assert 0 == ran.code, ran.text
            if _current(scene) not in _live(scene):
                assert f"--replace {_NAME}" in ran.out, f"I8: nobody says what to do\n{ran.text}"
    assert len(_live(here)) < 2, "D6: two shares are left"
    _goes_on(there)


add("D6", "copies-new-secret", _only_one_has_it)
add("D6", "copies-create-refused", _cannot_take_its_place)
for _edit in _EDITS:
    add(
        "D6",
        f"copies-{_edit}-one-after-the-other",
        partial(_one_after_the_other, edit=_edit),
        sample=_edit == "no-edit",
    )
    for _when in ("search", "create", "content", "revoke"):
        add("D6", f"copies-{_edit}-while-{_when}", partial(_in_the_middle, edit=_edit, when=_when))
        if _edit != "no-edit":
            add(
                "D6",
                f"copies-{_edit}-at-once-{_when}",
                partial(_at_once, edit=_edit, when=_when),
                sample=(_edit, _when) == ("other-edit", "search"),
            )
