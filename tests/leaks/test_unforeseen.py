"""An internal error: told by type and place, never by what it says; and what was done is kept."""

from __future__ import annotations

import json
import threading
import traceback
from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.cli import crash
from reconciler.cli.options import Options
from reconciler.http import session
from reconciler.model.manifest import Kind as SecretKind
from reconciler.state.journal import Intent
from tests.fuzz.entries import Declared, Entry
from tests.fuzz.faults import CALLS, Fate, Fault, Kind
from tests.fuzz.world import World
from tests.leaks.canaries import Canaries
from tests.support.commandline import Desk, text_secret

CANARY = "canary-in-an-exception-5d1f"


class MistakeError(Exception):
    """A bug: its text quotes what it should not."""


def mistaken(self: object, call: str) -> Kind | None:
    """Be a `Fate.meet` under which the n-th call of a kind is a bug."""
    assert isinstance(self, Fate)
    self.seen[call] += 1
    for fault in self.faults:
        if fault.call == call and fault.nth == self.seen[call]:
            self.fired.append(fault)
            raise MistakeError(f"{CANARY} in {call}") from ValueError(CANARY)
    return None


@pytest.fixture
def world() -> Iterator[World]:
    made = World()
    yield made
    made.close()


@pytest.mark.parametrize("nth", [1, 2, 5])
@pytest.mark.parametrize("call", [c for c in CALLS if c != "drop"])
def test_a_traceback_from_every_step_holds_no_secret(
    world: World, call: str, nth: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever prints it with causes and contexts finds no plaintext, token, signature or key in it; the locals
    of its frames hold no plaintext and no key. The next run makes everything right."""
    declared = Declared()
    declared.add("a", Entry(value="plaintext-of-a-90ab17"))
    declared.add("b", Entry(value="plaintext-of-b-77cd02", kind=SecretKind.FILE))
    world.declare(declared.body(), declared.values(), declared.files())
    if call == "revoke":
        world.apply()
        declared.entries["a"] = Entry(value="plaintext-of-a-new-31")
        world.declare(declared.body(), declared.values(), declared.files())
    with monkeypatch.context() as patch:
        patch.setattr(Fate, "meet", mistaken)
        try:
            ran = world.apply(Fault(call=call, nth=nth, kind=Kind.FAIL))
        except MistakeError as error:
            found = error
        else:
            assert not ran.fate.fired
            return
    secrets = {f"value of {n}": e.value.encode() for n, e in declared.entries.items()}
    secrets["key"] = world.keys[-1].to_text().encode()
    bearer = {"token": world._token.encode()}
    for vault in world.vaults().values():
        if vault.upload_key:
            bearer[f"signature of {vault.vault_id}"] = vault.upload_key.encode()
    text = "".join(traceback.format_exception(found)).encode()
    assert not Canaries(secrets | bearer).found_in({"traceback": text})
    assert not Canaries(secrets).found_in({"locals": "\n".join(_locals_of_ours(found)).encode()})
    places = "\n".join(crash.trace_lines(found))
    assert "MistakeError at" in places
    assert CANARY not in places
    again = world.apply()
    assert again.clean, str(again)
    state = world.state()
    assert state is not None
    live = {i for i, v in world.live().items()}
    assert {i.current.vault_id for i in state.instances.values() if i.current} == live
    assert {e.value.encode() for e in declared.entries.values()} == {world.peek(i) for i in live}


def _locals_of_ours(error: BaseException) -> Iterator[str]:
    for frame, _ in traceback.walk_tb(error.__traceback__):
        if str(frame.f_globals.get("__name__")).startswith("reconciler."):
            yield from (f"{frame.f_code.co_qualname} {name}={it!r}" for name, it in frame.f_locals.items())


def _broken(*_: object) -> None:
    raise MistakeError(CANARY) from KeyError(CANARY)


@pytest.mark.parametrize("verbose", [False, True])
def test_the_command_line_tells_type_and_places_alone(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, verbose: bool
) -> None:
    """Exit 1, no traceback, no text of the exception; -v names module, line and function; --result says so too."""
    monkeypatch.setenv("A", "a value of a")
    desk.manifest(text_secret("a"))
    with monkeypatch.context() as patch:
        patch.setattr(session, "_read", _broken)
        ran = desk.run(*(["-v"] if verbose else []), "apply", "--auto-approve", "--result", "r.json")
    assert 1 == ran.code
    assert CANARY not in ran.said
    assert "Traceback" not in ran.said
    assert "Error: internal error" in ran.err
    assert "MistakeError: its text is not shown" in ran.err
    assert "Next: " in ran.err
    assert verbose == ("reconciler.http." in ran.err)
    result = Path("r.json").read_text()
    assert CANARY not in result
    assert json.loads(result)["error"]["summary"] == "internal error"
    desk.apply()
    assert b"a value of a" == desk.reads("a")


def test_the_state_is_saved_when_a_mistake_ends_a_run(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was finished before it is in the state already, and is not made again; what was begun is recorded."""
    declared = Declared()
    for name in "abc":
        declared.add(name, Entry())
    world.declare(declared.body(), declared.values(), declared.files())
    with monkeypatch.context() as patch:
        patch.setattr(Fate, "meet", mistaken)
        with pytest.raises(MistakeError):
            world.apply(Fault(call="content", nth=2, kind=Kind.FAIL))
    state = world.state()
    assert state is not None
    assert {"a"} == {str(a) for a in state.instances}
    left = world.journal()
    assert left is not None
    assert ["b"] == [str(e.address) for e in left.entries if isinstance(e, Intent)]
    first = state.instances[next(iter(state.instances))].current
    assert world.apply().clean
    after = world.state()
    assert after is not None
    assert first == after.instances[next(iter(state.instances))].current


def test_threads_and_finalizers_print_no_text(capsys: pytest.CaptureFixture[str]) -> None:
    """What Python would print by itself from a thread or a `__del__` is not printed either; hooks are put back."""
    before = threading.excepthook

    class Careless:
        def __del__(self) -> None:
            _broken()

    with crash.quiet_elsewhere(Options()):
        thread = threading.Thread(target=_broken)
        thread.start()
        thread.join()
        careless = Careless()
        del careless
    assert before is threading.excepthook
    told = capsys.readouterr()
    assert "MistakeError: its text is not shown" in told.err
    assert CANARY not in told.out + told.err
    assert "Traceback" not in told.err


def test_a_panic_that_is_no_exception_is_told_too(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """pyrage's panics derive from BaseException: they end in the same message."""

    class PanicError(BaseException):
        pass

    def panic(*_: object) -> None:
        raise PanicError(CANARY)

    desk.manifest(text_secret("a"))
    monkeypatch.setattr(session, "_read", panic)
    ran = desk.run("plan")
    assert 1 == ran.code
    assert "PanicError: its text is not shown" in ran.err
    assert CANARY not in ran.said
