"""Opening files: never a pipe that waits or a device, and no link that a repository brings."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_DIRECTORY: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_LINKS_MAX: Final = 40
"""As many as Linux follows on one way."""


class NotRegularError(Exception):
    """What was to be opened is not a regular file; a directory is an OSError, as everywhere."""


class LinkedError(Exception):
    """A link stands where none is followed: `path`."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"{path} is a symbolic link")
        self.path = path


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a file or directory is: the work tree that it lies in, and the way from there, without a link.

    Outside of a work tree `top` is the directory that it is in.
    """

    top: Path
    parts: tuple[str, ...]

    @property
    def path(self) -> Path:
        """Return the whole path."""
        return self.top.joinpath(*self.parts)

    @property
    def home(self) -> Path:
        """Return the directory that it is in."""
        return self.path.parent

    def open(self) -> int:
        """Return a descriptor to read the regular file. Raises OSError, NotRegularError."""
        return open_beneath(self.top, self.parts)


def place(path: str | os.PathLike[str]) -> Place:
    """Return where a path leads. Raises LinkedError for a link in a work tree, or in the place of the file itself.

    The directories outside of every work tree are the machine's own, and their links are followed. Nothing needs to
    be there. Raises OSError where the system cannot say.
    """
    whole = Path(os.fspath(path))
    directory, name = _settled(whole.parent), whole.name
    if name in ("", ".."):
        directory, name = _settled(whole), ""
    elif (directory / name).is_symlink():
        raise LinkedError(whole)
    top = next((p for p in (directory, *directory.parents) if _is_work_tree(p)), directory)
    return Place(top=top, parts=(*directory.relative_to(top).parts, *((name,) if name else ())))


def directory_at(path: str | os.PathLike[str]) -> Path:
    """Return where a directory really is. Raises LinkedError for a link in a work tree, OSError."""
    return _settled(Path(os.fspath(path)))


def _settled(path: Path) -> Path:
    """Follow a path as the system does, but through no link of a work tree; what is not there stays as written."""
    rest = list(reversed((Path.cwd() / path).parts[1:]))
    settled, links = Path("/"), 0
    while rest:
        part = rest.pop()
        if part == "..":
            settled = settled.parent
            continue
        step = settled / part
        if not step.is_symlink():
            settled = step
            continue
        if any(_is_work_tree(parent) for parent in (settled, *settled.parents)):
            raise LinkedError(step)
        links += 1
        if links > _LINKS_MAX:
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
        target = step.readlink()
        settled = Path("/") if target.is_absolute() else settled
        rest += reversed([name for name in target.parts if name != "/"])
    return settled


def _is_work_tree(directory: Path) -> bool:
    return os.path.lexists(directory / ".git")


def open_beneath(root: Path, parts: Iterable[str]) -> int:
    """Return a descriptor of a regular file; nobody can swap a part of its way for a link meanwhile.

    Each directory is opened beneath the last without following links, so that what was checked is what is read.
    Raises OSError, NotRegularError.
    """
    *directories, name = parts
    directory = open_directory(root, directories)
    try:
        return open_regular(name, directory=directory)
    finally:
        os.close(directory)


def open_directory(root: Path, parts: Iterable[str], *, make: bool = False) -> int:
    """Return a descriptor of a directory beneath `root`, behind no link; with `make` missing ones are made."""
    directory = os.open(root, _DIRECTORY & ~os.O_NOFOLLOW)
    for part in parts:
        try:
            beneath = _enter(part, directory, make=make)
        finally:
            os.close(directory)
        directory = beneath
    return directory


def _enter(part: str, directory: int, *, make: bool) -> int:
    try:
        return os.open(part, _DIRECTORY, dir_fd=directory)
    except FileNotFoundError:
        if not make:
            raise
    os.mkdir(part, dir_fd=directory)
    return os.open(part, _DIRECTORY, dir_fd=directory)


def write_at(at: Place, data: bytes) -> None:
    """Put bytes into a file, with the directories that are missing. Raises OSError, NotRegularError."""
    *directories, name = at.parts
    directory = open_directory(at.top, directories, make=True)
    try:
        flags = os.O_WRONLY | os.O_CREAT | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(name, flags, 0o666, dir_fd=directory)
    finally:
        os.close(directory)
    with open(descriptor, "wb") as file:  # noqa: PTH123 - a descriptor
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise NotRegularError
        file.truncate()
        file.write(data)


def open_regular(path: str | os.PathLike[str], *, directory: int | None = None) -> int:
    """Return a descriptor to read a regular file, no link; `directory` is where its path starts, as a descriptor.

    What is checked is what is open, whatever becomes of the name meanwhile. Raises OSError, NotRegularError.
    """
    # O_NONBLOCK: opening a FIFO must not wait for its writer
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW
    descriptor = os.open(path, flags, dir_fd=directory)
    mode = os.fstat(descriptor).st_mode
    if stat.S_ISREG(mode):
        return descriptor
    os.close(descriptor)
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    raise NotRegularError


def reason(error: OSError) -> str:
    """Return the operating system's own words for an error, without the path."""
    return os.strerror(error.errno) if error.errno else "input/output error"
