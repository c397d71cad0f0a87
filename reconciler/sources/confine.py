"""Which files and variables a manifest may name: a pull request must not read what it cannot already see."""

from __future__ import annotations

import contextlib
import errno
import os
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final, TypeAlias

from reconciler.files import LinkedError, NotRegularError, open_beneath, place
from reconciler.files import reason as words_of
from reconciler.sources import denied

_OWN: Final = "{} is this program's own file and is never read as a source"


Allowed: TypeAlias = tuple[str, ...] | None
"""Patterns of the variables that may be read, from the command line or the environment; None: nothing is said."""


class NotReadableError(Exception):
    """A source may not or cannot be read. `what` and `hint` quote no content."""

    def __init__(self, what: str, hint: str | None = None) -> None:
        super().__init__(what)
        self.what = what
        self.hint = hint


def check_variable(name: str, allowed: Allowed = None) -> None:
    """Refuse a variable that belongs to CI or to a tool, or that is not allowed where anything is said of that."""
    if reason := denied.reason_of_variable(name):
        raise NotReadableError(
            f"environment variable {name} is never read as a source: it is {reason}",
            "pass the value under a name of its own",
        )
    if allowed is not None and not any(fnmatchcase(name, pattern) for pattern in allowed):
        raise NotReadableError(
            f"environment variable {name} is not one of those that may be read here",
            "allow it on the command line or where this job is set up (--allow-env), never in the manifest",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Confinement:
    """Files are read beneath `root` only; relative paths start at `base`, the manifest's directory.

    `own` are files of this program that no manifest may name: state, backup, key.
    """

    root: Path
    base: Path
    own: frozenset[Path] = frozenset()

    def open(self, path: str) -> int:
        """Return a descriptor of a regular file; nobody can swap a part of its path for a link meanwhile.

        Nor a part of the root's own path, from its work tree down. Raises NotReadableError.
        """
        parts = self._parts(path)
        try:
            root = place(self.root)
            descriptor = open_beneath(root.top, (*root.parts, *parts))
        except LinkedError as error:
            raise NotReadableError(f"{error}", "name the real directory: links are not followed") from None
        except OSError as error:
            raise _unreadable(path, error) from None
        except NotRegularError:
            raise NotReadableError(f"{path} is not a regular file") from None
        if self._is_own(os.fstat(descriptor)):
            os.close(descriptor)
            raise NotReadableError(_OWN.format(path))
        return descriptor

    def _is_own(self, opened: os.stat_result) -> bool:
        """Whether this is a file of ours, by whatever name: another case, a second name, another root."""
        for own in self.own:
            with contextlib.suppress(OSError):
                if os.path.samestat(opened, own.lstat()):
                    return True
        return False

    def _parts(self, path: str) -> tuple[str, ...]:
        if not _is_path(path):
            raise NotReadableError("the path of a source contains characters that no file name can have")
        whole = Path(os.path.normpath(self.base / path))
        try:
            parts = whole.relative_to(self.root).parts
        except ValueError:
            where = "the manifest's directory" if self.root == self.base else self.root
            raise NotReadableError(
                f"{path} is outside {where}",
                "move it there, or pass a wider directory with --source-root (never in the manifest)",
            ) from None
        if not parts:
            raise NotReadableError(f"{path} is a directory")
        if reason := next(filter(None, map(denied.reason_of_part, parts)), None):
            raise NotReadableError(
                f"{path} is, or is in, a place that is never read as a source: {reason}",
                "keep the value elsewhere",
            )
        if whole in self.own:
            raise NotReadableError(_OWN.format(path))
        return parts


def _is_path(path: str) -> bool:
    """Whether the system can be asked for it: NUL ends a name, half a surrogate pair is no character."""
    try:
        os.fsencode(path)
    except UnicodeEncodeError:
        return False
    return "\0" not in path


def _unreadable(path: str, error: OSError) -> NotReadableError:
    match error.errno:
        case errno.ELOOP:
            return NotReadableError(
                f"{path} is, or is behind, a symbolic link", "name the real file: links are not followed"
            )
        case errno.ENOENT:
            return NotReadableError(f"{path} does not exist", "paths start at the manifest's directory")
        case errno.EISDIR:
            return NotReadableError(f"{path} is a directory")
        case errno.ENOTDIR:
            return NotReadableError(
                f"{path} is behind something that is not a directory, or behind a symbolic link",
                "name the real file: links are not followed",
            )
        case _:
            return NotReadableError(f"{path} cannot be opened: {words_of(error)}")
