"""What a run gives up, and cannot revoke: found by the next one, taken over by none, and said meanwhile."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

from tests.faults import judge
from tests.faults import proxy as on
from tests.faults.client import ClientRan
from tests.faults.crashes import PREPARED, killed_at
from tests.faults.matrix import add, scenario
from tests.faults.proxy import Action, Rule
from tests.faults.scene import Bench, Scene

ALWAYS = 1000
_ERROR = b'{"code":13,"message":"internal","details":[]}'
_DENIED = on.says(on.raw(403, b'{"code":7,"message":"denied","details":[]}'), effect=False)


def fails(*, effect: bool, status: int = 503) -> Action:
    """Answer with an error, with what was asked for done or not."""
    return on.says(on.raw(status, _ERROR), effect=effect)


def _given_up(bench: Bench, what: str, *, killed: bool) -> None:
    """The content is in, nobody can say so, and the vault is revoked: that revoke was ours, whoever asks later."""
    scene = bench.scene()
    PREPARED[what](scene)
    replaces = bool(scene.runs)
    silent = Rule(on.get, fails(effect=False), times=ALWAYS)
    if killed:
        running: list[Any] = []

        def kill() -> None:
            running[0].kill()
            running[0].gone()

        scene.rules(silent, Rule(on.revoke, on.calls(after=kill)))
        running.append(scene.start_apply())
        ran = scene.ended(running[0])
        assert ran.killed
    else:
        scene.rules(silent, Rule(on.revoke, fails(effect=True), times=ALWAYS))
        ran = scene.apply()
        assert ran.code not in (0, 2)
    judge.after_run(scene, ran)
    judge.settles(scene, never_without=replaces)


for _what in ("text", "replace-text", "replace-file"):
    for _killed in (False, True):
        add(
            "C9" if _killed else "H3",
            f"given-up-{_what}-{'killed' if _killed else 'unheard'}",
            partial(_given_up, what=_what, killed=_killed),
            sample=_what == "replace-text",
        )


def _says_what_is_left(scene: Scene, ran: ClientRan, *, beside: str) -> None:
    """The run is not called done, and names what it could not revoke; the next one does."""
    assert ran.code not in (0, 2), f"I8: exit {ran.code} with a vault left over\n{ran.text}"
    assert "is not revoked yet" in ran.err, f"I8: what is left is not named\n{ran.text}"
    assert "Next:" in ran.err
    assert beside in ran.text, ran.text
    judge.after_run(scene, ran)
    judge.settles(scene)


@scenario("H10", sample=True)
def _dead_url_and_no_revoke(bench: Bench) -> None:
    scene = bench.scene()
    scene.file(size=1000)
    dead = on.says(on.raw(403, b"x", kind="text/plain"), effect=False)
    scene.rules(Rule(on.upload, dead), Rule(on.revoke, fails(effect=False), times=ALWAYS))
    result = scene.directory / "result.json"
    ran = scene.apply("--result", str(result))
    left = json.loads(result.read_text())["left"]
    assert [it["address"] for it in left] == ["file"], left
    assert left[0]["vault_id"] in left[0]["failure"]
    _says_what_is_left(scene, ran, beside="1 created")


@scenario("H3", sample=True)
def _a_failed_secret_and_no_revoke(bench: Bench) -> None:
    """What failed is one thing; that a vault is left which can be read, and which, is another."""
    scene = bench.scene()
    scene.text()
    scene.rules(
        Rule(on.get, fails(effect=False), times=ALWAYS), Rule(on.revoke, fails(effect=False), times=ALWAYS)
    )
    ran = scene.apply()
    (vault,) = scene.tenant.live()
    assert vault in ran.err, f"I8: the vault that is left is not named\n{ran.text}"
    _says_what_is_left(scene, ran, beside="1 failed")


@scenario("H2")
def _lost_create_and_no_revoke(bench: Bench) -> None:
    scene = bench.scene()
    scene.text()
    scene.rules(Rule(on.create, on.lose), Rule(on.revoke, fails(effect=False), times=ALWAYS))
    _says_what_is_left(scene, scene.apply(), beside="1 created")


@scenario("H3", sample=True)
def _what_a_dead_run_left_cannot_be_revoked(bench: Bench) -> None:
    scene = bench.scene()
    scene.text()
    killed_at(scene, on.create, when="done")
    scene.rules(Rule(on.revoke, fails(effect=False), times=ALWAYS))
    _says_what_is_left(scene, scene.apply(), beside="1 created")


@scenario("H2", sample=True)
def _cut_names_and_no_revoke(bench: Bench) -> None:
    """A vault whose name lost its tag is known by the journal alone: that must outlive each run that fails."""
    scene = bench.scene()
    scene.text()
    scene.tenant.set(name_max="20")
    scene.rules(Rule(on.revoke, fails(effect=False), times=ALWAYS))
    assert scene.apply().code not in (0, 2)
    assert scene.apply().code not in (0, 2)
    made = {event["vault"] for event in scene.tenant.events("created")}
    scene.rules()
    scene.tenant.set(name_max="256")
    assert 0 == scene.apply().code
    scene.tenant.advance(timedelta(hours=2))
    judge.settles(scene)
    revoked = {event["vault"] for event in scene.tenant.events("revoked")}
    assert made <= revoked, "I2: a vault whose name was cut is left"


def _rewritten(bench: Bench, matches: on.Matches, how: Callable[[dict[str, Any]], None]) -> None:
    """What the tenant says of the new vault is not what was asked for: it is revoked, and said."""
    scene = bench.scene()
    scene.text()
    scene.rules(Rule(matches, on.rewrites(how), times=ALWAYS))
    ran = scene.apply()
    assert ran.code not in (0, 2), ran.text
    assert not scene.tenant.live(), "a vault that is not what was asked for lives on"
    judge.after_run(scene, ran)
    judge.settles(scene)


def _nameless(answer: dict[str, Any]) -> None:
    answer["secret"]["displayName"] = ""


def _another_reader(answer: dict[str, Any]) -> None:
    answer["secret"]["allowedUserIds"] = ["somebody-else"]


def _more_views(answer: dict[str, Any]) -> None:
    answer["secret"]["maxViews"] = 99


for _name, _how, _matches in (
    ("nameless-create", _nameless, on.create),
    ("nameless", _nameless, on.get),
    ("another-reader", _another_reader, on.get),
    ("more-views", _more_views, on.get),
):
    add(
        "H2",
        f"said-{_name}",
        partial(_rewritten, matches=_matches, how=_how),
        sample=_name == "another-reader",
    )


@scenario("C12", sample=True)
def _destroyed_without_its_journal(bench: Bench) -> None:
    """A complete vault that only its tag tells of is revoked by destroy too."""
    scene = bench.scene()
    scene.text("a")
    killed_at(scene, on.content, when="done")
    scene.rules()
    scene.remove_journal()
    ran = scene.run("destroy", "--auto-approve")
    assert 0 == ran.code, ran.text
    assert not scene.tenant.live(), "destroy left a live vault"


@scenario("D4", sample=True)
def _recover_at_a_wrong_path_keeps_the_journal(bench: Bench) -> None:
    scene = bench.scene()
    PREPARED["remove"](scene)
    killed_at(scene, on.revoke, when="done")
    scene.rules(Rule(on.introspect, fails(effect=False), times=ALWAYS))
    before = scene.journal_path.read_bytes()
    ran = scene.run("--state", str(scene.directory / "typo.json"), "state", "recover")
    assert 1 == ran.code, ran.text
    assert before == scene.journal_path.read_bytes(), "the journal of another state is gone"
    judge.settles(scene)


def _denied(bench: Bench, what: str) -> None:
    """One vault that may not be revoked fails by itself, in each run; everything else is done."""
    scene = bench.scene()
    scene.text("one")
    scene.applied()
    if what == "shell":
        scene.text("two")
        killed_at(scene, on.content, when="unheard")
        state = scene.state()
        assert state is not None
        (vault,) = {e["vault"] for e in scene.tenant.events("created")} - state.known()
    else:
        (vault,) = scene.tenant.live()
        scene.drop("one")
    scene.text("three")
    scene.rules(Rule(lambda r: on.revoke(r) and vault in r.path, _DENIED, times=ALWAYS))
    for _ in range(2):
        ran = scene.apply("--parallelism", "1")
        assert 4 == ran.code, ran.text
        for words in ("(403)", "Next: restore its right to that in C1"):
            assert words in ran.err, f"I8: {words!r} is not said\n{ran.text}"
        judge.after_run(scene, ran)
        state = scene.state()
        current = {str(a) for a, i in state.instances.items() if i.current} if state else set()
        assert set(scene.values) == current, f"one vault stops the others\n{ran.text}"
        scene.text("four")
    judge.settles(scene)


for _what in ("shell", "removed"):
    add("H5", f"revoke-403-of-{_what}", partial(_denied, what=_what), sample=_what == "shell")


@scenario("C12", sample=True)
def _hidden_from_who_made_it(bench: Bench) -> None:
    """What a dead run completed can be read, though search lags and the tenant does not show it: it is not dropped."""
    scene = bench.scene()
    scene.text()
    killed_at(scene, on.content, when="done")
    (vault,) = scene.tenant.live()
    scene.rules(
        Rule(lambda r: vault in r.path, _DENIED, times=ALWAYS),
        Rule(on.search, on.rewrites(lambda answer: answer.update(list=[])), times=ALWAYS),
    )
    for _ in range(2):
        ran = scene.apply()
        assert 4 == ran.code, f"I8: exit {ran.code} with a readable vault left over\n{ran.text}"
        assert vault in ran.err, f"I8: the vault that is left is not named\n{ran.text}"
        judge.after_run(scene, ran)
    judge.settles(scene)
