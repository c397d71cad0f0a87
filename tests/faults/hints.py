"""A person who does what each message says, to the letter, gets on: no hint leads to the next refusal for good."""

from __future__ import annotations

import shutil
from dataclasses import replace
from functools import partial
from pathlib import Path

from tests.faults import judge
from tests.faults import proxy as on
from tests.faults.client import ClientRan
from tests.faults.crashes import PREPARED, killed_at
from tests.faults.matrix import add, scenario
from tests.faults.proxy import Rule
from tests.faults.scene import KEY, Bench, Scene


def _told(ran: ClientRan, *words: str) -> None:
    assert ran.code not in (0, 2), ran.text
    for said in words:
        assert said in ran.err, f"I8: {said!r} is not said\n{ran.text}"


def _done(ran: ClientRan) -> None:
    assert 0 == ran.code, f"I8: the hint does not help\n{ran.text}"


# --- the state, and what lies beside it --------------------------------------------------------------------


def _backup_beside_a_journal(bench: Bench, what: str, call: str, when: str) -> None:
    """A dead run's state is damaged, and its backup is of before that run: older than the journal."""
    scene = bench.scene()
    PREPARED[what](scene)
    killed_at(scene, on.CALLS[call], when=when)
    scene.rules()
    scene.state_path.write_bytes(b"")
    _told(scene.apply(), "is empty", ".backup")
    shutil.copy(scene.state_path.with_name("m.state.json.backup"), scene.state_path)
    _told(scene.apply(), "is older than", "then remove it")
    scene.journal_path.unlink()
    scene.serials.clear()
    judge.settles(scene, never_without=what.startswith("replace"))


for _what in ("replace-text", "replace-file", "remove"):
    for _call in ("create", "content", "upload", "get", "revoke"):
        if _call in {"replace-text": ("upload",), "replace-file": ("content",)}.get(_what, ()):
            continue
        if _what == "remove" and _call != "revoke":
            continue
        for _when in ("heard", "done"):
            add(
                "D3",
                f"hint-backup-{_what}-{_call}-{_when}",
                partial(_backup_beside_a_journal, what=_what, call=_call, when=_when),
                sample=(_what, _call, _when) == ("replace-text", "content", "done"),
            )


@scenario("D3", sample=True)
def _hint_damaged_and_recovered(bench: Bench) -> None:
    scene = bench.scene()
    scene.text()
    scene.applied()
    scene.state_path.write_bytes(scene.state_path.read_bytes()[:100])
    for ran in (scene.apply(), scene.run("state", "recover")):
        _told(ran, "move it away, and `reconciler state recover`")
    scene.state_path.rename(scene.directory / "damaged")
    _done(scene.run("state", "recover"))
    scene.serials.clear()
    judge.settles(scene)


@scenario("D4", sample=True)
def _hint_name_of_another_stack(bench: Bench) -> None:
    """A copied manifest that kept its name finds the shares of the first: they are not its own."""
    scene = bench.scene()
    scene.text("one")
    scene.applied()
    copied = replace(scene, stem="copied", secrets={}, values={}, runs=[], serials=[])
    copied.text("two")
    _told(copied.apply(), "1 live vault bears", "if another manifest has that name, give this one its own")
    copied.extra = {"name": "copied"}
    copied.text("two")
    _done(copied.apply())
    judge.settles(scene)


@scenario("D5", sample=True)
def _hint_first_apply_while_planned(bench: Bench) -> None:
    """A plan looked for the state before the first apply made it, and at the tenant after."""
    scene = bench.scene()
    scene.text()
    scene.rules(Rule(on.search, on.calls(before=lambda: _done(scene.apply()))))
    _told(scene.run("plan"), "another run has made", "run the same command again")
    _done(scene.plan())


@scenario("D4", sample=True)
def _hint_import_into_no_state(bench: Bench) -> None:
    """A journal tells that there was a state: no other one is begun beside it."""
    scene = bench.scene()
    scene.text("one")
    scene.text("two")
    scene.applied().change("two")
    killed_at(scene, on.content, when="done")
    scene.rules()
    scene.state_path.unlink()
    vault = next(iter(scene.tenant.live()))
    _told(scene.run("state", "import", "one", vault), "the state is missing", "`reconciler state recover`")
    assert not scene.state_path.exists(), "D4: a second state was begun"
    _done(scene.run("state", "recover"))
    scene.serials.clear()
    judge.settles(scene)


# --- the key -----------------------------------------------------------------------------------------------


def _with_key_file(bench: Bench) -> Scene:
    """One share; its key lies in a file, as on a laptop."""
    scene = bench.scene()
    del scene.environ[KEY]
    scene.text("old")
    scene.applied().text("new")
    return scene


def _key_path(scene: Scene) -> Path:
    return scene.workdir / "fingerprint.key"


@scenario("D8", sample=True)
def _hint_key_lost_beside_a_journal(bench: Bench) -> None:
    """Nothing can be made without a key, and no key while a dead run is not taken over."""
    scene = _with_key_file(bench)
    killed_at(scene, on.create, when="done")
    scene.rules()
    _key_path(scene).unlink()
    _told(scene.apply(), "key of this stack is not here", "`reconciler state rekey`")
    _told(scene.run("state", "rekey"), "--exclude '*'")
    _done(scene.apply("--exclude", "*"))
    _told(scene.run("state", "rekey"), "--lose-fingerprints")
    _done(scene.run("state", "rekey", "--lose-fingerprints"))
    judge.settles(scene)


@scenario("D8", sample=True)
def _hint_key_damaged(bench: Bench) -> None:
    scene = _with_key_file(bench)
    _key_path(scene).write_text("half a k")
    for ran in (scene.apply(), scene.run("state", "rekey")):
        _told(ran, "move it away, and `reconciler state rekey`")
    _key_path(scene).rename(scene.directory / "damaged")
    _told(scene.run("state", "rekey"), "--lose-fingerprints")
    _done(scene.run("state", "rekey", "--lose-fingerprints"))
    judge.settles(scene)


@scenario("D8", sample=True)
def _hint_key_and_state_lost(bench: Bench) -> None:
    """Nothing tells which vault is which but their names: they are shown, to be said by hand."""
    scene = _with_key_file(bench)
    scene.drop("new")
    _key_path(scene).unlink()
    scene.state_path.unlink()
    (vault,) = scene.tenant.live()
    _told(scene.apply(), "`reconciler state recover`")
    _told(scene.run("state", "recover"), f'{vault} is called "old [rc:', "--assign NAME=VAULT")
    _done(scene.run("state", "recover", "--assign", f"old={vault}"))
    scene.text("new")
    _told(scene.apply(), "`reconciler state rekey`")
    _done(scene.run("state", "rekey"))
    scene.serials.clear()
    judge.settles(scene)


@scenario("D8", sample=True)
def _hint_key_and_state_lost_and_nothing_live(bench: Bench) -> None:
    """A first run died before it made anything: there is no vault to name by hand, and nothing to tell apart."""
    scene = bench.scene()
    del scene.environ[KEY]
    scene.text()
    killed_at(scene, on.create, when="unheard")
    scene.rules()
    _key_path(scene).unlink()
    scene.state_path.unlink()
    _told(scene.apply(), "the state is missing", "`reconciler state recover`")
    _done(scene.run("state", "recover"))
    _told(scene.apply(), "`reconciler state rekey`")
    _done(scene.run("state", "rekey"))
    scene.serials.clear()
    judge.settles(scene)
