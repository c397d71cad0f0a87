"""What a nightly `apply --only renewals` may send by itself: the same value, to those who still had it."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import pytest

from reconciler.model.address import Address
from reconciler.model.state import Instance
from reconciler.sandbox.settings import from_environment
from reconciler.state import statefile
from tests.support.commandline import Desk, text_secret

_ALWAYS: Final = ("expires_in: 1h", "renew: always")
_NEVER: Final = ("expires_in: 1h", "renew: never")


@pytest.fixture
def stack(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setenv("A", "a value")
    monkeypatch.setenv("ROOT", "the root password")
    return desk


def _at(desk: Desk, environment: pytest.MonkeyPatch, offset: str) -> None:
    """Let this much time pass on the tenant."""
    environment.setenv("RECONCILER_SANDBOX_CLOCK_OFFSET", offset)
    desk.settings = from_environment({"RECONCILER_SANDBOX_CLOCK_OFFSET": offset})


def _forge(desk: Desk, address: str, **more: object) -> None:
    """Write a state as this program would, with this for the last share of an address."""
    state = statefile.decode(desk.state_path.read_bytes(), file="")
    instance = state.instances[Address(address)]
    forged = replace(state, instances={**state.instances, Address(address): _with(instance, **more)})
    desk.state_path.write_bytes(statefile.encode(forged))


def _with(instance: Instance, **more: object) -> Instance:
    if instance.current:
        return replace(instance, current=replace(instance.current, **more))  # type: ignore[arg-type]
    assert instance.ended
    share = replace(instance.ended.share, **more)  # type: ignore[arg-type]
    return replace(instance, ended=replace(instance.ended, share=share))


def _night(desk: Desk) -> str:
    return desk.run("apply", "--only", "renewals", "--auto-approve").said


@pytest.mark.parametrize("offset", ["55m", "2h"])
def test_no_renewal_sends_another_value(stack: Desk, monkeypatch: pytest.MonkeyPatch, offset: str) -> None:
    """Due or expired, a forged state that does not know what was sent makes no value go out."""
    stack.manifest(text_secret("db", "A", *_ALWAYS))
    stack.apply()
    stack.manifest(text_secret("db", "ROOT", *_ALWAYS))
    _forge(stack, "db", fingerprint=None)
    before = stack.live()
    _at(stack, monkeypatch, offset)
    assert "its renewal awaits review: the value is not known" in _night(stack)
    assert stack.live().keys() <= before.keys()
    assert all(b"a value" == stack.reads(name) for name in stack.live())


def test_no_fingerprint_of_another_secret_lets_its_value_out(
    stack: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The root password's uid and fingerprint under another address: the tag on the tenant says what was sent."""
    stack.manifest(text_secret("db", "A", *_ALWAYS) + text_secret("root", who="bo@example.com"))
    stack.apply()
    state = statefile.decode(stack.state_path.read_bytes(), file="")
    db, root = (state.instances[Address(name)] for name in ("db", "root"))
    assert db.current
    assert root.current
    mixed = replace(db, uid=root.uid, current=replace(db.current, fingerprint=root.current.fingerprint))
    forged = replace(state, instances={Address("db"): mixed, Address("root"): replace(root, uid=db.uid)})
    stack.state_path.write_bytes(statefile.encode(forged))
    stack.manifest(text_secret("db", "ROOT", *_ALWAYS) + text_secret("root", who="bo@example.com"))
    _at(stack, monkeypatch, "55m")
    _night(stack)
    assert b"a value" == stack.reads("db")


def test_no_move_gives_a_value_to_who_never_had_it(stack: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    stack.manifest(text_secret("note", "A", *_NEVER))
    stack.apply()
    _at(stack, monkeypatch, "2h")
    stack.apply()
    _forge(stack, "note", fingerprint=None, renew=True)
    stack.manifest(text_secret("root", "ROOT", *_ALWAYS), head="moved: [{from: note, to: root}]\n")
    assert "root: its renewal awaits review" in _night(stack)
    assert {} == stack.live()


def test_a_tag_proves_what_a_state_does_not_remember(stack: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is lost for an honest state: the value is the one that the tag covers, so the night renews it."""
    stack.manifest(text_secret("db", "A", *_ALWAYS))
    stack.apply()
    before = stack.live()["db"].vault_id
    state = statefile.decode(stack.state_path.read_bytes(), file="")
    assert state.instances[Address("db")].current
    stack.state_path.unlink()
    stack.done("state", "recover", "--assign", f"db={before}")
    assert stack.state["instances"]["db"]["current"]["fingerprint"] is None
    _at(stack, monkeypatch, "55m")
    _night(stack)
    assert before != stack.live()["db"].vault_id
    assert b"a value" == stack.reads("db")


def test_what_had_ended_is_given_again_by_review_alone(stack: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """`renew: always` on a share that ended without it is a grant: counted as a gain, and nothing for a night."""
    stack.manifest(text_secret("cert", "A", *_NEVER))
    stack.apply()
    _at(stack, monkeypatch, "240h")
    stack.apply()
    stack.manifest(text_secret("cert", "A", *_ALWAYS))
    assert "the share ended without `renew: always`" in _night(stack)
    assert {} == stack.live()
    assert "1 gains access" in stack.done("plan").out
    stack.apply()
    assert ["cert"] == list(stack.live())


def test_missed_nights_are_made_up_for(stack: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was renewed when it expired is renewed late, also if `renew` was declared on a share that lived."""
    stack.manifest(text_secret("a", "A", *_ALWAYS) + text_secret("b", "A", *_NEVER))
    stack.apply()
    stack.manifest(text_secret("a", "A", *_ALWAYS) + text_secret("b", "A", *_ALWAYS))
    stack.apply()
    _at(stack, monkeypatch, "240h")
    _night(stack)
    assert ["a", "b"] == sorted(stack.live())
