"""What time it is at the tenant."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from reconciler.http.retry import http_date
from reconciler.http.session import Answer


class ServerClock:
    """The server's clock as last heard, so that a wrong local one changes nothing.

    Before the first answer it is the machine's.
    """

    def __init__(
        self,
        *,
        machine: Callable[[], datetime] = lambda: datetime.now(UTC),
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._machine = machine
        self._monotonic = monotonic
        self._heard: tuple[datetime, float] | None = None

    @property
    def now(self) -> datetime:
        """Return the time there: the last Date header and what has passed since (aware, UTC)."""
        if self._heard is None:
            return self._machine()
        date, at = self._heard
        return date + timedelta(seconds=self._monotonic() - at)

    def hear(self, answer: Answer) -> None:
        """Set the clock by an answer's Date header; one without a readable date changes nothing."""
        date = http_date(answer.headers.get("date"))
        if date is not None:
            self._heard = (date, self._monotonic())
