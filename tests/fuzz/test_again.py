"""What a run makes of what an earlier one left, where a person has edited the manifest in between."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from reconciler.errors import SignInError
from reconciler.model.address import Address
from reconciler.model.attention import AttentionCode
from reconciler.model.events import Left
from reconciler.operations import state_commands
from reconciler.operations.options import PlanOptions, SavedPlan
from reconciler.operations.plan import look
from tests.fuzz.faults import Fate, Fault, Kind
from tests.fuzz.world import World

NO_REVOKE = Fault("revoke", 1, Kind.E500_BEFORE, times=99)


@pytest.fixture
def world() -> Iterator[World]:
    it = World()
    yield it
    it.close()


def declare(world: World, *, moved: dict[str, str] | None = None, **values: str) -> None:
    """Declare texts, each with its value, and renames from old to new."""
    secrets = {
        name: {"source": {"env": name}, "share_with": {"users": ["ana@example.com"]}} for name in values
    }
    renames = [{"from": old, "to": new} for old, new in (moved or {}).items()]
    world.declare({"version": 1, "name": "model", "secrets": secrets, "moved": renames}, values, {})


def test_a_name_that_is_used_again_gets_a_secret_of_its_own(world: World) -> None:
    """A create that was given up under the old name still has the uid, which moved on with the secret."""
    declare(world, x="one")
    assert world.apply().clean
    declare(world, x="two")
    world.apply(Fault("content", 1, Kind.E500_BEFORE, times=99), NO_REVOKE)
    declare(world, y="two", moved={"x": "y"})
    world.apply(NO_REVOKE)
    declare(world, x="three", y="two")
    world.apply(NO_REVOKE)
    assert world.apply().clean
    state = world.state()
    assert state is not None
    assert ["x", "y"] == sorted(map(str, state.instances))
    assert 2 == len(world.live())


def test_what_was_revoked_is_not_called_left(world: World) -> None:
    """The disk refuses the record of a vault, which is then revoked: nothing is left of it."""
    declare(world, x="one")
    ran = world.apply(Fault("journal", 3, Kind.FAIL))
    assert not ran.clean
    assert {} == world.live()
    assert [] == [event for event in world.told if isinstance(event, Left)]
    assert world.journal() is None
    assert world.apply().clean


def test_what_nobody_can_see_is_no_success(world: World) -> None:
    """A right that was taken away hides every vault: nothing is done for what is declared, and that is said."""
    declare(world, x="one")
    assert world.apply().clean
    declare(world, x="one", y="two")
    ran = world.apply(Fault("search", 1, Kind.EMPTY), Fault("get", 1, Kind.E403))
    assert isinstance(ran.error, SignInError), str(ran)


def test_a_plan_holds_that_stands_on_what_a_dead_run_made(world: World) -> None:
    """The state does not know the share yet, which plan and apply find by its tag; it is one secret to both."""
    declare(world, x="one")
    assert world.apply(Fault("journal", 4, Kind.KILL_BEFORE)).killed
    (made,) = world.live()
    for path in world.workdir.iterdir():
        path.unlink()
    asked = PlanOptions(requested=frozenset({Address("x")}))
    plan = world.run(
        Fate(), lambda stack, client, _: look(stack, client, asked, stack.load_with_key())
    ).planned.plan
    saved = SavedPlan(read=lambda _key: plan, digest=None)
    assert world.apply(saved=saved).clean
    assert made not in world.live()


def test_a_rename_onto_a_name_that_is_taken_is_remembered_at_once(world: World) -> None:
    """The old name's shares count for the new name: the run that revokes them notes it, not the next one."""
    declare(world, x="one", y="one")
    assert world.apply().clean
    declare(world, x="two", y="one")
    assert world.apply().clean
    declare(world, y="one", moved={"x": "y"})
    assert world.apply().clean
    assert 1 == len(world.live())
    assert not world.look().must_write()


def test_an_old_state_leaves_alone_what_was_made_after_it(world: World) -> None:
    """The state was made again a month later, so that generations began anew; then the one of before comes back."""
    declare(world, x="one")
    assert world.apply().clean
    declare(world, x="two")
    assert world.apply().clean
    kept = world.state_path.read_bytes()
    world.advance(timedelta(days=40))
    world.state_path.unlink()
    declare(world, x="three")
    assert world.apply().clean
    (made,) = world.live()
    world.state_path.write_bytes(kept)
    declare(world, x="two")
    ran = world.apply()
    assert ran.applied is not None
    assert [made] == list(world.live())
    assert AttentionCode.NEWER_SHARE in {note.code for note in ran.applied.plan.attention}


def test_a_state_that_is_made_again_takes_no_revoke_of_the_past_for_the_end(world: World) -> None:
    """The value was replaced, then put back: the first share is revoked, but the secret has not ended."""
    for value in ("one", "two"):
        declare(world, x=value)
        assert world.apply().clean
    (newest,) = world.live()
    world.state_path.unlink()
    declare(world, x="one")
    world.run(Fate(), lambda stack, client, _: state_commands.rebuild(stack, client, assigned={}))
    assert world.apply().clean
    (made,) = world.live()
    assert newest != made
    assert b"one" == world.peek(made)
