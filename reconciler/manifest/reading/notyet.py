"""What the format has and this version does not do yet: refused by name, never silently ignored."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, TypeAlias

from reconciler.errors import Problem
from reconciler.manifest.document import Entry, Mapping, Node, Scalar
from reconciler.suggest import named


@dataclass(frozen=True, slots=True, kw_only=True)
class NotYet:
    """A key that is refused, with any value or with certain ones, and what to do instead."""

    path: tuple[str, ...]
    values: tuple[str | bool, ...] | None = None
    instead: str


_SECRET: Final = ("secrets", "*")

NOT_YET: Final = (
    NotYet(path=("state", "url"), instead="keep the state in a file: {path: FILE}"),
    NotYet(path=("state", "gitlab"), instead="keep the state in a file: {path: FILE}"),
    NotYet(
        path=("state", "encrypt_to"),
        instead="leave it out and protect the file; it contains no secret values",
    ),
    NotYet(path=(*_SECRET, "source", "key"), instead="name a file that holds this value alone, or use env"),
    NotYet(path=(*_SECRET, "source", "fields"), instead="put the fields into one file or variable"),
    NotYet(path=(*_SECRET, "each_recipient"), values=(True,), instead="use one secret for each recipient"),
    NotYet(
        path=(*_SECRET, "lifecycle", "overlap"),
        instead="leave it out: the old copy is revoked when the new one is ready",
    ),
    NotYet(
        path=(*_SECRET, "lifecycle", "on_burned"), values=("recreate",), instead="leave it out or write keep"
    ),
    NotYet(
        path=(*_SECRET, "lifecycle", "on_revoked"), values=("recreate",), instead="leave it out or write keep"
    ),
)
"""The one list. Whoever builds one of these deletes its line."""


_Tree: TypeAlias = "dict[str, _Tree | NotYet]"


def _tree() -> _Tree:
    tree: _Tree = {}
    for row in NOT_YET:
        branch = tree
        for step in row.path[:-1]:
            inner = branch.setdefault(step, {})
            assert isinstance(inner, dict)
            branch = inner
        branch[row.path[-1]] = row
    return tree


_TREE: Final = _tree()


def refused(node: Node) -> Iterator[Problem]:
    """Return a problem for every use of what is not supported yet."""
    return _walk(node, _TREE, "")


def _walk(node: Node, tree: _Tree, way: str) -> Iterator[Problem]:
    if not isinstance(node, Mapping):
        return
    for step, inner in tree.items():
        for name, entry in node.entries.items() if step == "*" else _one(node, step):
            if isinstance(inner, dict):
                yield from _walk(entry.value, inner, f"{way}{named(name)}.")
            elif _matches(entry.value, inner):
                problem = f"{way}{name} is not supported by this version"
                yield Problem(mark=entry.mark, what=problem, hint=inner.instead)


def _one(node: Mapping, key: str) -> tuple[tuple[str, Entry], ...]:
    return ((key, node.entries[key]),) if key in node.entries else ()


def _matches(node: Node, row: NotYet) -> bool:
    return row.values is None or (isinstance(node, Scalar) and node.value in row.values)
