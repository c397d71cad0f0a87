"""The same step for many things, a few at once."""

from __future__ import annotations

import asyncio
import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.errors import RemoteError
from reconciler.operations.concurrency import each


@given(st.lists(st.integers(), max_size=30), st.integers(1, 8))
def test_everything_is_done_once_in_order_of_start(shares: list[int], at_once: int) -> None:
    """And never more than `at_once` at a time."""
    begun: list[int] = []
    running = most = 0

    async def work(share: int) -> None:
        nonlocal running, most
        begun.append(share)
        running += 1
        most = max(most, running)
        await asyncio.sleep(0)
        running -= 1

    asyncio.run(each(shares, work, at_once=at_once))
    assert shares == begun
    assert most == min(at_once, len(shares))


@pytest.mark.parametrize("at_once", [0, -1])
def test_nothing_at_once_is_one_at_once(at_once: int) -> None:
    """A number that makes no sense must not mean that nothing is done and all is well."""
    done: list[int] = []

    async def work(share: int) -> None:
        done.append(share)

    asyncio.run(each([1, 2, 3], work, at_once=at_once))
    assert done == [1, 2, 3]


def test_the_first_error_is_raised_as_it_is_and_ends_the_rest() -> None:
    """No group around it; what runs is cancelled, what waits is not begun, and nothing is left running."""
    begun: list[int] = []
    ended: list[str] = []

    async def work(share: int) -> None:
        begun.append(share)
        if share == 2:
            raise RemoteError("the second failed")
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            ended.append(f"{share} cancelled")
            raise

    async def main() -> None:
        with pytest.raises(RemoteError, match="the second failed"):
            await each(range(1, 100), work, at_once=3)
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(main())
    assert begun == [1, 2, 3]
    assert ended == ["1 cancelled", "3 cancelled"]


def test_a_cancelled_caller_cancels_the_work() -> None:
    """And waits until it has ended: a step that cleans up may finish."""
    ended: list[int] = []

    async def work(share: int) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            ended.append(share)

    async def main() -> None:
        running = asyncio.create_task(each([1, 2, 3], work, at_once=2))
        await asyncio.sleep(0.01)
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running
        assert running.cancelled()
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(main())
    assert ended == [1, 2]


def test_nothing_to_do_is_done() -> None:
    """No worker, no error."""

    async def work(share: int) -> None:
        pytest.fail("there is nothing to do")

    asyncio.run(each([], work, at_once=10))
