"""The sandbox's data: one SQLite file for facts, one file each for the content of FILE secrets.

Two processes may use one data directory at the same time (two applies against the embedded sandbox), so nothing
is cached: each rule reads what it decides on inside a transaction that holds the write lock.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from reconciler.errors import UsageError
from reconciler.sandbox import NOTICE, clock
from reconciler.sandbox.eventlog import EventLog
from reconciler.sandbox.settings import Settings

SCHEMA_VERSION: Final = 1
_MARKER: Final = "sandbox.json"
_OWN_FILES: Final = (
    _MARKER,
    "README.txt",
    "sandbox.lock",
    "sandbox.db",
    "sandbox.db-journal",
    "events.jsonl",
    "identities.json",
    "authority.pem",
)
_OWN_DIRECTORIES: Final = ("contents", "downloads")

_SCHEMA: Final = """
CREATE TABLE vaults (
  n INTEGER PRIMARY KEY AUTOINCREMENT, vault_id TEXT NOT NULL UNIQUE, share_code TEXT NOT NULL UNIQUE,
  creator TEXT NOT NULL, kind TEXT NOT NULL, sharing TEXT NOT NULL, display_name TEXT NOT NULL,
  recipients TEXT NOT NULL, input_format TEXT NOT NULL, filename TEXT NOT NULL, content_type TEXT NOT NULL,
  file_size INTEGER NOT NULL, suite TEXT NOT NULL, private_key BLOB NOT NULL, upload_key TEXT NOT NULL,
  max_views INTEGER NOT NULL, views INTEGER NOT NULL DEFAULT 0, created INTEGER NOT NULL, updated INTEGER NOT NULL,
  expires INTEGER NOT NULL, ready INTEGER, burned INTEGER, deleted INTEGER, content BLOB);
CREATE INDEX vaults_by_creator ON vaults (creator, created, n);
CREATE TABLE people (
  n INTEGER PRIMARY KEY AUTOINCREMENT, user_id TEXT NOT NULL UNIQUE, email TEXT NOT NULL, name TEXT NOT NULL,
  status TEXT NOT NULL, type TEXT NOT NULL);
CREATE TABLE tokens (
  digest BLOB PRIMARY KEY, identity TEXT NOT NULL, expires INTEGER, revoked INTEGER NOT NULL DEFAULT 0);
CREATE TABLE downloads (
  id TEXT PRIMARY KEY, signature TEXT NOT NULL, vault_id TEXT NOT NULL, expires INTEGER NOT NULL);
CREATE TABLE audit (
  n INTEGER PRIMARY KEY AUTOINCREMENT, vault_id TEXT NOT NULL, at INTEGER NOT NULL, activity TEXT NOT NULL,
  actor TEXT NOT NULL, email TEXT NOT NULL);
CREATE INDEX audit_by_vault ON audit (vault_id, n);
CREATE TABLE nonces (nonce TEXT PRIMARY KEY);
"""


class Store:
    """An open data directory. Safe to use from several threads; `close` it in the end."""

    def __init__(self, directory: Path, settings: Settings) -> None:
        self.directory = directory
        self.settings = settings
        self.upload_origin = ""
        """Where the second listener is; uploads and downloads go there."""
        self._lock = threading.RLock()
        self._depth = 0
        with _prepared(directory):
            self.db = _open_database(directory / "sandbox.db")
        self.log = EventLog(directory / "events.jsonl")

    def close(self) -> None:
        """Let go of every file. Closing twice is fine."""
        with self._lock:
            if self.db is not None:
                self.db.close()
                self.log.close()
            self.db = None  # type: ignore[assignment]

    def now(self) -> int:
        """Return the sandbox's time in microseconds."""
        return clock.now(self.settings.clock_offset)

    def change(self, **settings: Any) -> None:
        """Turn settings of the running sandbox, by field name."""
        self.settings = replace(self.settings, **settings)

    def advance(self, span: timedelta) -> None:
        """Let time pass."""
        self.change(clock_offset=self.settings.clock_offset + span)

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Hold the write lock; what is done inside happens wholly or not at all."""
        with self._lock:
            if self._depth == 0:
                self.db.execute("BEGIN IMMEDIATE")
            self._depth += 1
            try:
                yield self.db
            except BaseException:
                self._depth -= 1
                if self._depth == 0:
                    self.db.execute("ROLLBACK")
                raise
            self._depth -= 1
            if self._depth == 0:
                self.db.execute("COMMIT")

    def rows(self, query: str, *values: object) -> list[sqlite3.Row]:
        """Return what a query selects."""
        with self._lock:
            return self.db.execute(query, values).fetchall()

    def row(self, query: str, *values: object) -> sqlite3.Row | None:
        """Return the first row that a query selects, if any."""
        with self._lock:
            found: sqlite3.Row | None = self.db.execute(query, values).fetchone()
            return found

    def record(self, happened: str, **about: object) -> None:
        """Write an effect to the event log. Never a plaintext, token or upload URL."""
        at = clock.rfc3339(self.now()) or ""
        self.log.write(happened, at=at, sync=self.settings.log_sync, **about)

    def violation(self, what: str, **about: object) -> None:
        """Write down that a client did what it must never do; tests look for these."""
        self.record("violation", what=what, **about)

    def content_path(self, vault_id: str) -> Path:
        """Return where the ciphertext of a FILE secret lies."""
        return self.directory / "contents" / f"{vault_id}.age"

    def download_path(self, download_id: str) -> Path:
        """Return where a copy for one reader lies until its link expires."""
        return self.directory / "downloads" / f"{download_id}.age"


def require_data(directory: Path) -> None:
    """Raise UsageError for a directory that no sandbox was started with."""
    if not (directory / _MARKER).is_file():
        raise UsageError(
            f"{directory} holds no sandbox data", hint="name the directory that it was started with"
        )


def reset(directory: Path) -> None:
    """Delete what the sandbox made in a directory and nothing else; nothing to do where there is no directory.

    Raises UsageError for a directory that is not one of its own.
    """
    if not directory.exists():
        return
    require_data(directory)
    for name in _OWN_DIRECTORIES:
        if (directory / name).is_dir() and not (directory / name).is_symlink():
            shutil.rmtree(directory / name)
    for name in reversed(_OWN_FILES):  # the marker last: a reset that was cut short can be repeated
        (directory / name).unlink(missing_ok=True)
    if not any(directory.iterdir()):
        directory.rmdir()


@contextmanager
def _prepared(directory: Path) -> Iterator[None]:
    """Make the directory's own parts, one process at a time."""
    try:
        for missing in [p for p in (*reversed(directory.parents), directory) if not p.is_dir()]:
            missing.mkdir(mode=0o700, exist_ok=True)  # `parents=True` would leave theirs to the umask
    except OSError as error:
        why = os.strerror(error.errno or 0)
        raise UsageError(
            f"the sandbox has no place at {directory}: {why}",
            hint="run where the manifest's directory is writable",
        ) from None
    with (directory / "sandbox.lock").open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for name in _OWN_DIRECTORIES:
            (directory / name).mkdir(mode=0o700, exist_ok=True)
        marker = directory / _MARKER
        if not marker.exists():
            (directory / "README.txt").write_text(f"{NOTICE}\n", encoding="utf-8")
            marker.write_text(json.dumps({"sandbox": SCHEMA_VERSION}) + "\n", encoding="utf-8")
        yield


def _open_database(path: Path) -> sqlite3.Connection:
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    db = sqlite3.connect(path, timeout=10, isolation_level=None, check_same_thread=False)
    db.row_factory = sqlite3.Row
    # A pretend tenant: a killed process must lose nothing, a power cut may.
    db.execute("PRAGMA journal_mode=TRUNCATE")
    db.execute("PRAGMA synchronous=OFF")
    version = db.execute("PRAGMA user_version").fetchone()[0]
    if version == 0:
        db.executescript(f"BEGIN;{_SCHEMA}PRAGMA user_version={SCHEMA_VERSION};COMMIT;")
    elif version != SCHEMA_VERSION:
        db.close()
        raise UsageError(
            "another version of the sandbox made this data", hint="run: reconciler sandbox reset"
        )
    return db
