"""Files that survive a crash: written aside, synced, and put in place in one step; private from the start."""

from __future__ import annotations

import contextlib
import errno
import glob
import os
import secrets
from pathlib import Path
from typing import Final

from reconciler.errors import StateError
from reconciler.files import LinkedError, NotRegularError, directory_at, place, reason

PRIVATE: Final = 0o600
PRIVATE_DIRECTORY: Final = 0o700
READ_MAX: Final = 256 * 2**20
"""Bytes. No file of ours is larger; a larger one is not ours."""

_ASIDE: Final = "[0-9a-f]" * 8


def _unreadable(path: Path, error: OSError) -> StateError:
    return StateError(
        f"{path} cannot be read: {reason(error)}",
        hint="fix the permissions or the disk, and run the same command again",
    )


def read_file(path: Path) -> bytes | None:
    """Return a file's bytes, None where there is none. A special file is refused, and a link that leads to it.

    Links of directories outside of every work tree are followed.
    """
    try:
        with os.fdopen(place(path).open(), "rb") as file:
            size = os.fstat(file.fileno()).st_size
            data = b"" if size > READ_MAX else file.read(READ_MAX + 1)
    except FileNotFoundError:
        return None
    except LinkedError as error:
        raise _is_link(error.path) from None
    except NotRegularError:
        raise StateError(f"{path} is not a regular file") from None
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise _is_link(path) from None
        raise _unreadable(path, error) from None
    if max(size, len(data)) > READ_MAX:
        raise StateError(f"{path} is larger than any file of this program")
    return data


def _is_link(path: Path) -> StateError:
    return StateError(f"{path} is a symbolic link", hint="name the real file: links are not followed")


def replace(path: Path, data: bytes, *, backup: Path | None = None) -> None:
    """Put new bytes in a file's place: after any crash it holds the old bytes or the new, never a mix.

    With `backup` the old bytes stay there. Raises StateError; the file is then whole, and nearly always the old one.
    """
    aside = _aside(path)
    try:
        place(path)
        _sweep(path)
        try:
            _write_new(aside, data)
            if backup is not None and path.exists():
                _keep(path, backup)
            aside.replace(path)
        finally:
            with contextlib.suppress(FileNotFoundError):
                aside.unlink()
        sync_directory(path.parent)
    except LinkedError as error:
        raise _is_link(error.path) from None
    except OSError as error:
        raise StateError(
            f"{path} cannot be written: {reason(error)}",
            hint="the file is whole, old or new; free space or fix the permissions, and run the same command again",
        ) from None


def _aside(path: Path) -> Path:
    return path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")


def _sweep(path: Path) -> None:
    """Remove what killed runs left of earlier replaces; who replaces a file holds its lock."""
    for left in path.parent.glob(f".{glob.escape(path.name)}.{_ASIDE}.tmp"):
        left.unlink(missing_ok=True)


def _write_new(path: Path, data: bytes) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(path, flags, PRIVATE)
    with open(descriptor, "wb", buffering=0) as file:  # noqa: PTH123 - a descriptor, opened with O_EXCL
        write_all(file.fileno(), data)
        os.fsync(file.fileno())


def _keep(path: Path, backup: Path) -> None:
    """Make the backup a second name of the present file, in one step: it is never half a copy.

    A copy where the file system has no second names, or will not give one of somebody else's file.
    """
    aside = _aside(backup)
    _sweep(backup)
    try:
        try:
            os.link(path, aside)
        except OSError:
            _write_new(aside, path.read_bytes())
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


def check_writable(directory: Path) -> None:
    """Raise StateError where no file could be made in a directory, so that nothing is begun there."""
    nearest = next(p for p in (directory, *directory.parents) if p.exists())
    if not os.access(nearest, os.W_OK | os.X_OK):
        raise StateError(
            f"{nearest} cannot be written to",
            hint="state and journal are kept there: fix the permissions, or remount it read-write",
        )


def make_private_directory(path: Path) -> None:
    """Make a directory that only its owner can enter, where there is none."""
    try:
        directory_at(path)
        for missing in [p for p in (*reversed(path.parents), path) if not p.is_dir()]:
            missing.mkdir(mode=PRIVATE_DIRECTORY, exist_ok=True)
    except LinkedError as error:
        raise _is_link(error.path) from None
    except OSError as error:
        raise StateError(
            f"{path} cannot be made: {reason(error)}",
            hint="this program keeps its lock and journal beside the manifest: make its directory writable",
        ) from None
