"""What a run takes of a tenant's answers at most, all its listings together. Part of `client`.

Each answer alone is small and in time; without a sum, a tenant (or what answers in its place) could hold a run for
ever, or fill the memory of its machine, page by page.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from reconciler.errors import RemoteError

ITEMS_MAX: Final = 250_000
"""Shares and people that are listed: far above what a stack lists in a month, and some 250 MB in memory."""

BYTES_MAX: Final = 128 << 20
"""Bytes of answers: above what as many shares as that fill as a rule."""

SECONDS_MAX: Final = 600.0
"""Seconds in which at least one page is waited for: a page alone may take half a minute."""


class Allowance:
    """One run's. Listings that run at the same time count their seconds once."""

    def __init__(self, *, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._items = 0
        self._bytes = 0
        self._seconds = 0.0
        self._asking = 0
        self._since = 0.0

    @contextmanager
    def asking(self, what: str) -> Iterator[None]:
        """Count the time of one request. Raises RemoteError if there is none left; `what` is being done."""
        running = self._monotonic() - self._since if self._asking else 0.0
        if self._seconds + running >= SECONDS_MAX:
            raise RemoteError(
                f"{what}: the tenant had not named its last page after {SECONDS_MAX / 60:.0f} minutes",
                hint="run the same command again later",
            )
        if not self._asking:
            self._since = self._monotonic()
        self._asking += 1
        try:
            yield
        finally:
            self._asking -= 1
            if not self._asking:
                self._seconds += self._monotonic() - self._since

    def hear(self, size: int) -> None:
        """Count the bytes of one answer."""
        self._bytes += size

    def take(self, items: int) -> None:
        """Count the items of one page."""
        self._items += items

    def check(self, what: str) -> None:
        """Raise RemoteError if more was answered than a run takes; `what` was being done."""
        if self._items > ITEMS_MAX or self._bytes > BYTES_MAX:
            raise RemoteError(
                f"{what}: the tenant lists more than one run takes "
                f"({ITEMS_MAX:,} entries, {BYTES_MAX >> 20} MiB)",
                hint="is this the tenant's address? If it is, tell its administrator",
            )
