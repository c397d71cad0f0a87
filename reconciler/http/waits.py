"""How long a run waits for the tenant: the retry table's decisions, and one budget over all its calls."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import TypeAlias

from reconciler.http.retry import Budget, Call, Decision, Failure, decide

OnWait: TypeAlias = Callable[[float, str], None]
"""Told before every wait: seconds, and why."""

Sleep: TypeAlias = Callable[[float], Awaitable[None]]


class Patience:
    """One run's waits. `sleep` may raise to end a wait early; `random` gives jitter in [0, 1)."""

    def __init__(
        self,
        *,
        budget: Budget | None = None,
        sleep: Sleep = asyncio.sleep,
        random: Callable[[], float] = random.random,
        on_wait: OnWait = lambda _seconds, _why: None,
    ) -> None:
        self._budget = budget or Budget()
        self._sleep = sleep
        self._random = random
        self._on_wait = on_wait
        self._spent = 0.0

    def decide(self, call: Call, failure: Failure, *, attempt: int, renewed: bool = False) -> Decision:
        """Return what to do after attempt number `attempt` (from 1) of a call failed."""
        return decide(
            call,
            failure,
            attempt=attempt,
            spent=self._spent,
            renewed=renewed,
            jitter=self._random(),
            budget=self._budget,
        )

    async def wait(self, seconds: float, why: str) -> None:
        """Wait, on the run's account."""
        self._spent += seconds
        self._on_wait(seconds, why)
        await self._sleep(seconds)
