"""Reads manifests and the files that they include, beneath a root."""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence as SequenceType
from dataclasses import dataclass
from pathlib import Path

from reconciler.errors import ManifestError, Problem, UsageError
from reconciler.files import LinkedError, NotRegularError, Place, directory_at, open_beneath, place, reason
from reconciler.manifest import reading, schema, yamltext
from reconciler.manifest.document import Node, Scalar
from reconciler.manifest.reading import SourceKinds
from reconciler.model.manifest import Manifest

_INIT = "`reconciler init` creates one; use -f for another file"


def load_manifest(path: Path, kinds: SourceKinds, *, source_root: Path | None = None) -> Manifest:
    """Read a manifest and what it includes; `kinds` are the kinds of source that it may name.

    Included files lie beneath `source_root`, else within the git work tree that the manifest is in. No link is
    followed to any of them: a comparison would show the link, and whoever may change its target changes the manifest.
    Raises UsageError when there is no such file to read, ManifestError with every problem of what it says.
    """
    try:
        at = _place(path)
        root = directory_at(source_root) if source_root else at.top
        text = _read(at.top, at.parts)
    except _RefusedError as error:
        raise UsageError(f"{path} {error}", hint="a manifest is read from a file") from None
    except OSError as error:
        raise _unreadable(path, error) from None
    parsed = yamltext.parse(text, str(path))
    included = _load_includes(reading.includes(parsed.node), path, at, root)
    known = [*parsed.problems, *schema.problems(parsed.node, kinds), *included.problems]
    return reading.read(
        parsed.node,
        file=str(path),
        kinds=kinds,
        included=included.nodes,
        known=known,
        complete=included.complete,
    )


def work_tree(path: Path) -> Path:
    """Return the git work tree that a file lies in, or the file's own directory when it lies in none.

    Raises UsageError where a link is on the way.
    """
    return _place(path).top


def _place(path: Path) -> Place:
    try:
        return place(path)
    except LinkedError as error:
        raise UsageError(
            f"{error} (links are not followed)", hint="name the manifest by its own path, or make it a file"
        ) from None
    except OSError as error:
        raise _unreadable(path, error) from None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Included:
    nodes: SequenceType[tuple[str, Node]]
    problems: SequenceType[Problem]
    complete: bool


def _load_includes(names: SequenceType[Scalar], manifest: Path, at: Place, root: Path) -> _Included:
    nodes: list[tuple[str, Node]] = []
    problems: list[Problem] = []
    complete = True
    left = _Left()
    seen = {at.path}
    for name in names:
        shown = os.path.normpath(manifest.parent / str(name.value))
        try:
            parsed = left.parse(_read_included(at.home / str(name.value), root, seen, left.size), shown)
        except _RefusedError as error:
            # the path is not shown: it is a value, and its place is told
            problems.append(
                Problem(mark=name.mark, what=f"this included file {error}", expected=error.expected)
            )
            complete = False
        except ManifestError as error:
            problems += error.problems
            complete = False
        else:
            problems += [*parsed.problems, *schema.problems(parsed.node, {}, included=True)]
            nodes.append((shown, parsed.node))
    return _Included(nodes=nodes, problems=problems, complete=complete)


class _Left:
    """What is left for the included files of one manifest, which together may be as large as one file."""

    def __init__(self) -> None:
        self.size = yamltext.SIZE_MAX
        self._values = yamltext.NODES_MAX

    def parse(self, text: bytes, shown: str) -> yamltext.Parsed:
        if len(text) > self.size:
            raise _RefusedError("is too large", "expected at most 4 MiB in all included files together")
        self.size -= len(text)
        parsed = yamltext.parse(text, shown, values=self._values)
        self._values -= parsed.values
        return parsed


def _read_included(path: Path, root: Path, seen: set[Path], at_most: int) -> bytes:
    try:
        parts = _confined(path, root)
        if root.joinpath(*parts) in seen:
            raise _RefusedError("is included twice, or includes itself")
        seen.add(root.joinpath(*parts))
        return _read(root, parts, at_most)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise _RefusedError(
                "is a symbolic link", "expected the real file: links are not followed"
            ) from None
        raise _RefusedError(
            f"cannot be read: {reason(error)}", "expected a path relative to this file's directory"
        ) from None


class _RefusedError(Exception):
    """A file that is not read: what follows "this file". No text here shows its path."""

    def __init__(self, what: str, expected: str | None = None) -> None:
        super().__init__(what)
        self.expected = expected


def _confined(path: Path, root: Path) -> tuple[str, ...]:
    """Return the way to a file from the root, beneath which it lies, outside of `.git`. Asks no file system."""
    if not str(path).isprintable():
        raise _RefusedError("has an unusable name")
    whole = Path(os.path.normpath(path))
    if not whole.is_relative_to(root):
        raise _RefusedError(
            "is outside the work tree",
            "expected a file inside it (or inside --source-root)",
        )
    parts = whole.relative_to(root).parts
    if ".git" in (part.casefold() for part in parts):
        raise _RefusedError("is in .git, which is never read")
    return parts


def _read(root: Path, parts: tuple[str, ...], at_most: int = yamltext.SIZE_MAX) -> bytes:
    """Return a regular file's bytes, at most one more than it may have. Raises OSError, _RefusedError."""
    if not parts:
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    try:
        descriptor = open_beneath(root, parts)
    except NotRegularError:
        raise _RefusedError("is not a regular file") from None
    with os.fdopen(descriptor, "rb") as file:
        return file.read(at_most + 1)


def _unreadable(path: Path, error: OSError) -> UsageError:
    match error.errno:
        case errno.ENOENT:
            return UsageError(f"there is no manifest {path}", hint=_INIT)
        case errno.EISDIR:
            return UsageError(f"{path} is a directory", hint="name the manifest in it with -f")
        case _:
            return UsageError(
                f"{path} cannot be read: {reason(error)}", hint="fix that, or name another file with -f"
            )
