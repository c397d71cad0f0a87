"""The clock that counts is the server's."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from reconciler.http.clock import ServerClock
from reconciler.http.session import Answer


def test_the_clock_is_the_servers() -> None:
    """An hour off here changes nothing; before the first answer the machine's clock has to do."""
    machine = datetime(2026, 11, 2, 9, tzinfo=UTC)
    monotonic = 100.0
    clock = ServerClock(machine=lambda: machine, monotonic=lambda: monotonic)
    assert machine == clock.now
    clock.hear(Answer(status=200, headers={"date": "Mon, 02 Nov 2026 10:00:00 GMT"}, body=b""))
    monotonic = 105.0
    assert machine + timedelta(hours=1, seconds=5) == clock.now
    clock.hear(Answer(status=200, headers={"date": "yesterday"}, body=b""))
    clock.hear(Answer(status=200, headers={}, body=b""))
    assert machine + timedelta(hours=1, seconds=5) == clock.now
