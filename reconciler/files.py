"""Opening a file to read it: never a pipe that waits, a device or a socket, and by default no link."""

from __future__ import annotations

import errno
import os
import stat


class NotRegularError(Exception):
    """What was to be read is not a regular file; a directory is an OSError, as everywhere."""


def open_regular(
    path: str | os.PathLike[str], *, directory: int | None = None, follow_link: bool = False
) -> int:
    """Return a descriptor to read a regular file; `directory` is where its path starts, as a descriptor.

    What is checked is what is open, whatever becomes of the name meanwhile. Raises OSError, NotRegularError.
    """
    # O_NONBLOCK: opening a FIFO must not wait for its writer
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | (0 if follow_link else os.O_NOFOLLOW)
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
