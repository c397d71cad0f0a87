"""`.reconciler/`: what this machine keeps of a stack: lock, journal, fingerprint key."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from reconciler.errors import StateError
from reconciler.files import reason
from reconciler.state import journal
from reconciler.state.journal import Entry, Header, Journal
from reconciler.storage import durable
from reconciler.storage.keyfile import KeyFile
from reconciler.storage.lock import Lock


class Workdir:
    """The directory, for one stack: files are named after the manifest's stem. The key is every stack's there."""

    def __init__(self, path: Path, stem: str) -> None:
        self.path = path
        self.journal_path = path / f"{stem}.journal"
        self.lock = Lock(path / f"{stem}.lock", "this stack")
        self.key_file = KeyFile(path)

    def read_journal(self) -> Journal | None:
        """Return what a run recorded, None where no run is open. Raises StateError for a damaged one."""
        data = durable.read_file(self.journal_path)
        return None if data is None else journal.parse(data, file=str(self.journal_path))

    def check_writable(self) -> None:
        """Raise StateError where no journal could be kept."""
        durable.check_writable(self.path)

    def has_journal(self) -> bool:
        """Whether a run is open: what it recorded is then still to be put into the state."""
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
                f"{self.journal_path} cannot be put aside: {reason(error)}",
                hint="fix the directory's permissions or the disk, and run the same command again; nothing was written",
            ) from None

    def drop_journal(self) -> None:
        """Remove the journal: everything in it is in the state."""
        try:
            self.journal_path.unlink(missing_ok=True)
            durable.sync_directory(self.path)
        except OSError as error:
            raise StateError(
                f"{self.journal_path} cannot be removed: {reason(error)}",
                hint="all of it is in the state; fix the disk, and the next run removes it",
            ) from None


class JournalWriter:
    """Appends entries, each on the disk before `write` returns. The first failure closes it for good."""

    def __init__(self, path: Path, *, count: int = 0) -> None:
        self.path = path
        self._count = count
        self._failed = False
        try:
            self._descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError as error:
            raise self._cannot(reason(error)) from None

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
            raise self._cannot(reason(error)) from None
        self._count += 1

    def _cannot(self, why: str) -> StateError:
        return StateError(
            f"{self.path} cannot be written: {why}",
            hint="nothing more was sent to the tenant; fix the disk, and run the same command again to resume",
        )

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)
