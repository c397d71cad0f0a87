"""A lock file: one process at a time holds it, and the kernel lets go when that process dies, however it dies."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import socket
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from reconciler.errors import LockedError, StateError
from reconciler.files import reason
from reconciler.model.canonical import time_text
from reconciler.storage import durable

_WAITS: Final = (0.0, 0.05, 0.1, 0.2)
"""Seconds before each try: a plan that looks who holds the lock holds it for a moment itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """Who holds a lock: shown to a run that finds it held, and decides nothing."""

    host: str
    pid: int
    since: str
    job: str | None = None

    @classmethod
    def here(cls, now: datetime, *, job: str | None) -> Holder:
        """Return this process as the holder from `now` on."""
        return cls(host=socket.gethostname(), pid=os.getpid(), since=time_text(now), job=job)

    @classmethod
    def from_json(cls, record: bytes) -> Holder | None:
        """Read what `to_json` wrote; None for anything else."""
        try:
            holder = cls(**json.loads(record))
        except (ValueError, TypeError, RecursionError):
            return None
        plain = all(isinstance(value, str | int | None) for value in asdict(holder).values())
        return holder if plain else None

    def to_json(self) -> bytes:
        """Return the record that a lock keeps."""
        return json.dumps(asdict(self)).encode()

    def __str__(self) -> str:
        job = f", job {self.job}" if self.job else ""
        text = f"process {self.pid} on {self.host} since {self.since}{job}"
        return "".join(c for c in text if c.isprintable())


class Lock:
    """`flock` on a file that is never replaced: `lockf` is dropped when any other descriptor of it is closed.

    `what` names in a message what is locked. The file's content, who holds it, is for that message only.
    """

    def __init__(self, path: Path, what: str) -> None:
        self.path = path
        self._what = what

    @contextlib.contextmanager
    def held(self, holder: Holder) -> Iterator[None]:
        """Hold the lock for this process. Raises LockedError that names its holder."""
        durable.make_private_directory(self.path.parent)
        descriptor = self._open()
        try:
            self._take(descriptor)
            with contextlib.suppress(OSError):
                os.ftruncate(descriptor, 0)
                os.pwrite(descriptor, holder.to_json(), 0)
            yield
            with contextlib.suppress(OSError):
                os.ftruncate(descriptor, 0)
        finally:
            os.close(descriptor)

    def held_by(self) -> str | None:
        """Return the lock's holder in words, or None. Takes nothing."""
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
                f"{self.path} cannot be opened: {reason(error)}",
                hint="fix the permissions or the disk, and run the same command again; nothing was begun",
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
                    f"{self.path} cannot be locked: {reason(error)}",
                    hint="keep the manifest on a file system that has locks; some network shares have none",
                ) from None
            return
        raise LockedError(
            f"{self._what} is locked by another run: {_holder(os.pread(descriptor, 4096, 0))}",
            hint="wait for it to end; when that process is gone the lock is free by itself",
        )


def _holder(record: bytes) -> str:
    holder = Holder.from_json(record)
    return str(holder) if holder else "a process that left no name"
