"""One budget for all that a tenant lists in one run: it can neither hold a run nor fill a memory."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from reconciler.c1 import allowance
from reconciler.errors import RemoteError
from tests.c1.test_client import Tried, client
from tests.support.raw_server import Behaviour, answer

pytestmark = pytest.mark.anyio


def _endless(pad: str, count: int) -> Behaviour:
    """Return a tenant whose lists go on for ever, whoever is listed."""
    numbers: Iterator[int] = iter(range(10**9))

    def behave(seen: object) -> bytes:
        n = next(numbers)
        vaults = [{"vaultId": f"v{n}_{i}", "displayName": pad} for i in range(count)]
        people = [
            {"user": {"id": f"u{n}_{i}", "email": f"{pad}@x", "status": "ENABLED"}} for i in range(count)
        ]
        listed = vaults if "secrets" in getattr(seen, "path", "") else people
        return answer(200, {"list": listed, "nextPageToken": f"t{n}"})

    return behave


async def _drained(tried: Tried, what: str) -> None:
    match what:
        case "shares":
            async for _ in tried.client.mine():
                pass
        case "addresses":
            await tried.client.users("ana@example.com")
        case _:
            await tried.client.users_by_id(["u"])


@pytest.mark.parametrize("what", ["shares", "addresses", "ids"])
@pytest.mark.parametrize(("pad", "count", "pages"), [("", 10_000, 26), ("x" * 4000, 200, 180)])
async def test_an_endless_list_is_given_up(what: str, pad: str, count: int, pages: int) -> None:
    """By its items if they are small, by its bytes if they are not."""
    async with client(_endless(pad, count)) as tried:
        with pytest.raises(RemoteError, match="lists more than one run takes"):
            await _drained(tried, what)
        assert len(tried.server.requests) <= pages


async def test_many_lists_share_one_budget() -> None:
    """Each alone is small: together they are not."""
    lists = iter(range(10**9))

    def behave(_seen: object) -> bytes:
        n = next(lists)
        return answer(200, {"list": [{"vaultId": f"v{n}_{i}"} for i in range(20_000)]})

    async with client(behave) as tried:
        for _ in range(allowance.ITEMS_MAX // 20_000):
            await _drained(tried, "shares")
        with pytest.raises(RemoteError, match="lists more than one run takes"):
            await _drained(tried, "shares")


async def test_single_answers_count_too() -> None:
    """A share that is read by its ID may have a whole answer to itself."""
    vault = {"vaultId": "v1", "allowedEmails": ["x"], "unknown": "x" * 1_000_000}
    async with client(lambda _seen: answer(200, {"secret": vault})) as tried:
        for _ in range(allowance.BYTES_MAX // 1_000_200):
            await tried.client.get("v1")
        with pytest.raises(RemoteError, match="lists more than one run takes"):
            await tried.client.get("v1")


def test_lists_at_the_same_time_count_their_seconds_once() -> None:
    now = [0.0]
    one = allowance.Allowance(monotonic=lambda: now[0])
    with one.asking("listing"), one.asking("listing"):
        now[0] += allowance.SECONDS_MAX - 1
    now[0] += 10_000  # what a run does between its lists is not theirs
    with one.asking("listing"):
        now[0] += 2
        with pytest.raises(RemoteError, match="after 10 minutes"), one.asking("listing"):
            raise AssertionError("it was asked")
    with pytest.raises(RemoteError, match="after 10 minutes"), one.asking("listing"):
        raise AssertionError("it was asked")
