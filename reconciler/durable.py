"""Files that survive a crash: written aside, synced, and put in place in one step; private from the start."""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path
from typing import Final

from reconciler.errors import StateError

PRIVATE: Final = 0o600
PRIVATE_DIRECTORY: Final = 0o700
READ_MAX: Final = 256 * 2**20
"""Bytes. No file of ours is larger; a larger one is not ours."""


def reason(error: OSError) -> str:
    """Return the operating system's own words for an error, without the path."""
    return os.strerror(error.errno) if error.errno else "input/output error"


def read(path: Path) -> bytes | None:
    """Return a file's bytes, None where there is none. A symbolic link or a special file is refused."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StateError(f"{path} cannot be read: {reason(error)}") from None
    with open(descriptor, "rb") as file:  # noqa: PTH123 - a descriptor, opened with O_NOFOLLOW
        try:
            data = file.read(READ_MAX + 1)
        except OSError as error:
            raise StateError(f"{path} cannot be read: {reason(error)}") from None
    if len(data) > READ_MAX:
        raise StateError(f"{path} is larger than any file of this program")
    return data


def replace(path: Path, data: bytes, *, backup: Path | None = None) -> None:
    """Put new bytes in a file's place: after any crash it holds the old bytes or the new, never a mix.

    With `backup` the old bytes stay there. Raises StateError; the old file is then untouched.
    """
    aside = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        try:
            _write_new(aside, data)
            if backup is not None and path.exists():
                _keep(path, backup)
            aside.replace(path)
        finally:
            with contextlib.suppress(FileNotFoundError):
                aside.unlink()
        sync_directory(path.parent)
    except OSError as error:
        raise StateError(
            f"{path} cannot be written: {reason(error)}",
            hint="the old file is in place, untouched; free space or mend the permissions, and run again",
        ) from None


def _write_new(path: Path, data: bytes) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(path, flags, PRIVATE)
    with open(descriptor, "wb", buffering=0) as file:  # noqa: PTH123 - a descriptor, opened with O_EXCL
        write_all(file.fileno(), data)
        os.fsync(file.fileno())


def _keep(path: Path, backup: Path) -> None:
    """Make the backup a second name of the present file, in one step: it is never half a copy."""
    aside = backup.with_name(f".{backup.name}.{secrets.token_hex(4)}.tmp")
    os.link(path, aside)
    try:
        aside.replace(backup)
    finally:
        # rename() of two names of one file leaves both in place
        with contextlib.suppress(FileNotFoundError):
            aside.unlink()


def write_all(descriptor: int, data: bytes) -> None:
    """Write every byte; a short write goes on with the rest."""
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def sync_directory(path: Path) -> None:
    """Make a rename in this directory last."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_private_directory(path: Path) -> None:
    """Make a directory that only its owner can enter, where there is none."""
    try:
        for missing in [p for p in (*reversed(path.parents), path) if not p.exists()]:
            missing.mkdir(mode=PRIVATE_DIRECTORY, exist_ok=True)
    except OSError as error:
        raise StateError(
            f"{path} cannot be made: {reason(error)}",
            hint="this program keeps its lock and journal beside the manifest: make its directory writable",
        ) from None
