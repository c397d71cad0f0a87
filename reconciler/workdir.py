"""`.reconciler/`: what this machine keeps of a stack: lock, journal, fingerprint key."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import secrets
import socket
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

from reconciler import durable, journal
from reconciler.environment import FINGERPRINT_KEY
from reconciler.errors import LockedError, StateError
from reconciler.fingerprint import Key
from reconciler.journal import Entry, Header, Journal
from reconciler.records import time_text

_LOCK_WAITS: Final = (0.0, 0.05, 0.1, 0.2)
"""Seconds before each try: a plan that looks who holds the lock holds it for a moment itself."""


class Workdir:
    """The directory, for one stack: files are named after the manifest's stem."""

    def __init__(self, path: Path, stem: str) -> None:
        self.path = path
        self.journal_path = path / f"{stem}.journal"
        self.lock_path = path / f"{stem}.lock"
        self.key_path = path / "fingerprint.key"

    @contextlib.contextmanager
    def lock(self, *, now: datetime, job: str | None) -> Iterator[None]:
        """Hold the stack for this process; the kernel lets go when it dies, however it dies.

        `flock` on a file that is never replaced: `lockf` would be dropped when any other descriptor of
        the file is closed. Raises LockedError naming the holder.
        """
        durable.make_private_directory(self.path)
        descriptor = _open_lock(self.lock_path)
        try:
            self._take(descriptor)
            holder = {"host": socket.gethostname(), "pid": os.getpid(), "since": time_text(now), "job": job}
            with contextlib.suppress(OSError):  # the record is for the message only
                os.ftruncate(descriptor, 0)
                os.pwrite(descriptor, json.dumps(holder).encode(), 0)
            yield
            with contextlib.suppress(OSError):
                os.ftruncate(descriptor, 0)
        finally:
            os.close(descriptor)

    def _take(self, descriptor: int) -> None:
        for seconds in _LOCK_WAITS:
            time.sleep(seconds)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            except OSError as error:
                raise StateError(
                    f"{self.lock_path} cannot be locked: {durable.reason(error)}",
                    hint="keep the manifest on a file system that has locks; some network shares have none",
                ) from None
            return
        raise self._locked(os.pread(descriptor, 4096, 0))

    def held_by(self) -> str | None:
        """Return who holds the stack now, in words, or None. For plan, which takes no lock."""
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        try:
            descriptor = os.open(self.lock_path, flags)
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

    def _locked(self, record: bytes) -> LockedError:
        return LockedError(
            f"another run holds this stack: {_holder(record)}",
            hint="wait for it to end; when that process is gone the lock is free by itself",
        )

    def read_journal(self) -> Journal | None:
        """Return what a run recorded, None where no run is open. Raises StateError for a damaged one."""
        data = durable.read(self.journal_path)
        return None if data is None else journal.parse(data, file=str(self.journal_path))

    def check_writable(self) -> None:
        """Raise StateError where no journal could be kept."""
        durable.check_writable(self.path)

    def has_journal(self) -> bool:
        """Tell whether a run is open: what it recorded is then still to be put into the state."""
        return self.journal_path.exists()

    def new_journal(self, header: Header, entries: Sequence[Entry] = ()) -> JournalWriter:
        """Begin a journal in place of any older one, in one step, with what is still open of that."""
        lines = [journal.entry_line(number, entry) for number, entry in enumerate(entries, start=1)]
        durable.replace(self.journal_path, b"".join([journal.header_line(header), *lines]))
        return JournalWriter(self.journal_path, count=len(lines))

    def keep_journal_aside(self) -> None:
        """Take the journal of a state that is gone out of the way; it stays beside as `.old`."""
        try:
            self.journal_path.replace(self.journal_path.with_name(self.journal_path.name + ".old"))
            durable.sync_directory(self.path)
        except FileNotFoundError:
            return
        except OSError as error:
            raise StateError(
                f"{self.journal_path} cannot be put aside: {durable.reason(error)}",
                hint="mend its directory's permissions or the disk, and run again; nothing was written",
            ) from None

    def drop_journal(self) -> None:
        """Remove the journal: everything in it is in the state."""
        try:
            self.journal_path.unlink(missing_ok=True)
            durable.sync_directory(self.path)
        except OSError as error:
            raise StateError(
                f"{self.journal_path} cannot be removed: {durable.reason(error)}",
                hint="all of it is in the state; mend the disk, and the next run removes it",
            ) from None

    def key(self, environ: Mapping[str, str]) -> Key | None:
        """Return the stack's key from the environment or the key file, None where there is none."""
        value = environ.get(FINGERPRINT_KEY, "")
        if value:
            hint = "set the stack's own; `reconciler key new` prints one for a new stack"
            return _read_key(value, where=FINGERPRINT_KEY, hint=hint)
        return self._key_in(self.key_path)

    def kept_key(self, key_id: str) -> Key | None:
        """Return the key of this ID that `keep_key` put beside the key file, None where there is none.

        The ID is a state's text: it is compared with names, and never made a path.
        """
        name = f"{self.key_path.name}.{key_id}.old"
        kept = (path for path in self.path.glob(f"{self.key_path.name}.*.old") if path.name == name)
        return next((key for path in kept if (key := self._key_in(path)) and key.id == key_id), None)

    def _key_in(self, path: Path) -> Key | None:
        data = durable.read(path)
        if data is None:
            return None
        key = _read_key(
            data.decode("ascii", "replace").strip(),
            where=str(path),
            hint="restore it; if it is lost for good, move it away, and `reconciler state rekey` makes another",
        )
        if path.stat().st_mode & 0o077:
            raise StateError(
                f"{path} can be read by others: a key that came with a repository is no secret",
                hint="if this is your own: `chmod 600` it; otherwise remove it, and bring back the stack's key",
            )
        return key

    def keep_key(self, key: Key, *, first: bool = False) -> None:
        """Write the key file. A key that was there stays beside it under its own ID, which nothing overwrites.

        With `first` there must be none: the key is every stack's of the directory, and two may have made one at once.
        """
        durable.make_private_directory(self.path)
        self._keep_out_of_git()
        with self._key_lock():
            text = durable.read(self.key_path)
            if first and text:
                raise StateError(
                    f"another run made {self.key_path} at the same moment",
                    hint="run the same command again, with that key; nothing was begun",
                )
            name = f"{self.key_path.name}.{_id_of(text)}.old"
            backup = self.key_path.with_name(name) if text else None
            durable.replace(self.key_path, key.to_text().encode() + b"\n", backup=backup)

    @contextlib.contextmanager
    def _key_lock(self) -> Iterator[None]:
        """Let one process at a time write the key: other stacks have other locks, and `plan -o` takes none."""
        descriptor = _open_lock(self.path / f"{self.key_path.name}.lock")
        try:
            self._take(descriptor)
            yield
        finally:
            os.close(descriptor)

    def _keep_out_of_git(self) -> None:
        """Let `git add .` pass by the key where nobody ran `init`."""
        ignore = self.path / ".gitignore"
        with contextlib.suppress(OSError):
            ignore.touch(mode=durable.PRIVATE, exist_ok=False)
            ignore.write_text("*\n")


def _open_lock(path: Path) -> int:
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        return os.open(path, flags, durable.PRIVATE)
    except OSError as error:
        raise StateError(
            f"{path} cannot be opened: {durable.reason(error)}",
            hint="mend its permissions or the disk, and run again; nothing was begun",
        ) from None


def new_key() -> Key:
    """Return a fresh random key."""
    return Key.from_text(secrets.token_hex(32))


def _read_key(text: str, *, where: str, hint: str) -> Key:
    try:
        return Key.from_text(text)
    except ValueError:
        raise StateError(
            f"{where} does not hold a fingerprint key: 64 lower-case hex characters are expected",
            hint=hint,
        ) from None


def _id_of(text: bytes | None) -> str:
    """Return the ID of the key that a file holds, whatever it holds."""
    try:
        return Key.from_text((text or b"").decode("ascii", "replace").strip()).id
    except ValueError:
        return "damaged"


def _holder(record: bytes) -> str:
    try:
        it = json.loads(record)
        words = f"process {it['pid']} on {it['host']} since {it['since']}"
        words += f", job {it['job']}" if it.get("job") else ""
        return "".join(c for c in words if c.isprintable())
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return "a process that left no name"


class JournalWriter:
    """Appends entries, each on the disk before `write` returns. The first failure closes it for good."""

    def __init__(self, path: Path, *, count: int = 0) -> None:
        self.path = path
        self._count = count
        self._failed = False
        try:
            self._descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError as error:
            raise self._cannot(durable.reason(error)) from None

    def write(self, entry: Entry) -> None:
        """Append one entry. Raises StateError: the step that it announces must then not be taken.

        After a failure every later call fails too: a half line on the disk must stay the last one.
        """
        if self._failed:
            raise self._cannot("an earlier record could not be written")
        try:
            durable.write_all(self._descriptor, journal.entry_line(self._count + 1, entry))
            os.fdatasync(self._descriptor)
        except OSError as error:
            self._failed = True
            raise self._cannot(durable.reason(error)) from None
        self._count += 1

    def _cannot(self, why: str) -> StateError:
        return StateError(
            f"{self.path} cannot be written: {why}",
            hint="nothing more was sent to the tenant; mend the disk and run again: it goes on from here",
        )

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._descriptor)
