"""A lock file: one process at a time holds it, and the kernel lets go when that process dies, however it dies."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import socket
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Final

from reconciler.errors import LockedError, StateError
from reconciler.model.canonical import time_text
from reconciler.storage import durable

_WAITS: Final = (0.0, 0.05, 0.1, 0.2)
"""Seconds before each try: a plan that looks who holds the lock holds it for a moment itself."""


class Lock:
    """`flock` on a file that is never replaced: `lockf` is dropped when any other descriptor of it is closed.

    `what` names in a message what is locked. The file's content, who holds it, is for that message only.
    """

    def __init__(self, path: Path, what: str) -> None:
        self.path = path
        self._what = what

    @contextlib.contextmanager
    def held(self, *, now: datetime, job: str | None) -> Iterator[None]:
        """Hold it for this process. Raises LockedError naming who holds it now."""
        durable.make_private_directory(self.path.parent)
        descriptor = self._open()
        try:
            self._take(descriptor)
            holder = {"host": socket.gethostname(), "pid": os.getpid(), "since": time_text(now), "job": job}
            with contextlib.suppress(OSError):
                os.ftruncate(descriptor, 0)
                os.pwrite(descriptor, json.dumps(holder).encode(), 0)
            yield
            with contextlib.suppress(OSError):
                os.ftruncate(descriptor, 0)
        finally:
            os.close(descriptor)

    def held_by(self) -> str | None:
        """Return who holds it now, in words, or None. Takes nothing."""
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        try:
            descriptor = os.open(self.path, flags)
        except OSError:
            return None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return _holder(os.pread(descriptor, 4096, 0))
        except OSError:
            return None
        finally:
            os.close(descriptor)
        return None

    def _open(self) -> int:
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        try:
            return os.open(self.path, flags, durable.PRIVATE)
        except OSError as error:
            raise StateError(
                f"{self.path} cannot be opened: {durable.reason(error)}",
                hint="mend its permissions or the disk, and run again; nothing was begun",
            ) from None

    def _take(self, descriptor: int) -> None:
        for seconds in _WAITS:
            time.sleep(seconds)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            except OSError as error:
                raise StateError(
                    f"{self.path} cannot be locked: {durable.reason(error)}",
                    hint="keep the manifest on a file system that has locks; some network shares have none",
                ) from None
            return
        raise LockedError(
            f"another run holds {self._what}: {_holder(os.pread(descriptor, 4096, 0))}",
            hint="wait for it to end; when that process is gone the lock is free by itself",
        )


def _holder(record: bytes) -> str:
    try:
        it = json.loads(record)
        words = f"process {it['pid']} on {it['host']} since {it['since']}"
        words += f", job {it['job']}" if it.get("job") else ""
        return "".join(c for c in words if c.isprintable())
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return "a process that left no name"
