"""The row "upload" of the table of retries, as runs of a stack: how often, after which pauses, and what is left."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import pytest

from reconciler.http.retry import Budget
from tests.fuzz.faults import Fault, Kind
from tests.fuzz.world import World

CONTENT = bytes(range(256)) * 40
PEOPLE = {"users": ["ana@example.com"]}


@pytest.fixture
def world() -> Iterator[World]:
    it = World()
    it.declare(
        {
            "version": 1,
            "name": "model",
            "secrets": {"f": {"kind": "file", "source": {"file": "f.bin"}, "share_with": PEOPLE}},
        },
        {},
        {"f.bin": CONTENT},
    )
    yield it
    it.close()


def created(world: World) -> int:
    return len(world.store.log.read("created"))


def assert_there(world: World) -> None:
    (vault_id,) = world.live()
    assert CONTENT == world.peek(vault_id)


def test_a_refused_connection_is_tried_again_with_growing_pauses(world: World) -> None:
    """Nothing left: five more times, each after a longer pause, and then that reason."""
    ran = world.apply(Fault("upload", 1, Kind.REFUSED, times=99))
    assert "the upload failed 6 times: nothing listens there" in str(ran)
    assert Budget().attempts == ran.fate.seen["upload"]
    assert [0.375, 0.75, 1.5, 3, 6] == world.waits
    assert 0 == ran.fate.seen["get"], "nothing is there to be looked for"
    assert {} == world.live()


def test_a_host_that_comes_back_gets_the_file(world: World) -> None:
    """Into the same vault."""
    ran = world.apply(Fault("upload", 1, Kind.REFUSED, times=4))
    assert ran.clean, str(ran)
    assert 1 == created(world)
    assert_there(world)


def test_a_wait_that_the_host_asks_for_is_kept_to(world: World) -> None:
    """429 means not taken: again, and no sooner than it said."""
    ran = world.apply(Fault("upload", 1, Kind.E429, times=2))
    assert ran.clean, str(ran)
    assert [1.5, 1.5] == world.waits
    assert 1 == created(world)
    assert_there(world)


@pytest.mark.parametrize("kind", [Kind.LOST_BEFORE, Kind.E500_BEFORE])
def test_what_is_unclear_and_not_there_goes_again(world: World, kind: Kind) -> None:
    """Looked for each time; the same file is not sent for ever."""
    ran = world.apply(Fault("upload", 1, kind, times=2))
    assert ran.clean, str(ran)
    assert (3, 3) == (ran.fate.seen["upload"], ran.fate.seen["get"])
    assert all(earlier < later for earlier, later in pairwise(world.waits))
    assert 2 == len(world.waits)
    assert 1 == created(world)
    assert_there(world)


def test_what_stays_unclear_ends(world: World) -> None:
    """A file may be a GiB: three times."""
    ran = world.apply(Fault("upload", 1, Kind.LOST_BEFORE, times=99))
    assert "the upload failed 3 times: no complete answer came in time" in str(ran)
    assert 3 == ran.fate.seen["upload"]
    assert {} == world.live()


@pytest.mark.parametrize("kind", [Kind.LOST_AFTER, Kind.E503_AFTER])
def test_what_arrived_is_not_sent_twice(world: World, kind: Kind) -> None:
    """The vault says so."""
    ran = world.apply(Fault("upload", 1, kind))
    assert ran.clean, str(ran)
    assert 1 == ran.fate.seen["upload"]
    assert [] == world.waits
    assert_there(world)


def test_a_dead_url_takes_a_new_vault(world: World) -> None:
    """No pause: the URL stays dead. The first vault is revoked."""
    ran = world.apply(Fault("upload", 1, Kind.E403))
    assert ran.clean, str(ran)
    assert [] == world.waits
    assert 2 == created(world)
    assert_there(world)


def test_a_refusal_is_final(world: World) -> None:
    """Neither the vault nor the file is tried again."""
    ran = world.apply(Fault("upload", 1, Kind.E401, times=99))
    assert "the upload failed: the upload was answered 401" in str(ran)
    assert (1, 1) == (ran.fate.seen["upload"], created(world))
    assert {} == world.live()
