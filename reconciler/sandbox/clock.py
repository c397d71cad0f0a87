"""The sandbox's time: the machine's clock plus an offset, and the forms in which it is told.

Inside, a moment is an integer: microseconds since 1970, UTC.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from email.utils import formatdate
from typing import Final

SECOND: Final = 1_000_000
"""Microseconds."""


def now(offset: timedelta) -> int:
    """Return the machine's time moved by `offset`."""
    return time.time_ns() // 1000 + micros(offset)


def micros(span: timedelta) -> int:
    """Return a span in microseconds, exactly."""
    return span // timedelta(microseconds=1)


def rfc3339(moment: int | None) -> str | None:
    """Return a moment as protobuf's JSON writes a timestamp."""
    if moment is None:
        return None
    text = datetime.fromtimestamp(moment // SECOND, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    fraction = moment % SECOND
    return f"{text}.{fraction:06d}Z" if fraction else f"{text}Z"


def http_date(moment: int) -> str:
    """Return a moment as the `Date` header gives it: whole seconds."""
    return formatdate(moment // SECOND, usegmt=True)
