"""Run the same step for many things, a few at once."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

T = TypeVar("T")


async def each(shares: Iterable[T], work: Callable[[T], Awaitable[None]], *, at_once: int) -> None:
    """Do `work` for everything, `at_once` at a time, in order of start; the first error ends it and is raised.

    Unlike a task group it raises the error itself, so that one handler can show it to a person.
    """
    left = deque(shares)

    async def worker() -> None:
        while left:
            await work(left.popleft())

    workers = [asyncio.create_task(worker()) for _ in range(min(max(at_once, 1), len(left)))]
    try:
        await asyncio.gather(*workers)
    finally:
        for task in workers:
            task.cancel()
        await asyncio.gather(*workers, return_exceptions=True)
