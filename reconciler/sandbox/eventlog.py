"""The record of every effect: one JSON object a line, appended with a single write.

Fault tests judge by it, so it is written in the transaction that has the effect, before anything is answered,
and never rewritten. It holds no plaintext, no token and no upload URL.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Final

_MODE: Final = 0o600


class EventLog:
    """`events.jsonl` in the data directory; several processes may append to it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, _MODE)

    def write(self, happened: str, *, at: str, sync: bool, **about: object) -> None:
        """Append one event; with `sync` it is on the disk when this returns."""
        line = json.dumps({"is": happened, "at": at, **about}, ensure_ascii=False, separators=(",", ":"))
        os.write(self._fd, f"{line}\n".encode())
        if sync:
            os.fsync(self._fd)

    def read(self, *kinds: str) -> list[dict[str, object]]:
        """Return the events in order, only those of `kinds` where any are named."""
        lines = self._path.read_text(encoding="utf-8").splitlines()
        events = [json.loads(line) for line in lines]
        return [event for event in events if not kinds or event["is"] in kinds]

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._fd)
