"""A parsed YAML document: values that remember where they were written."""

from __future__ import annotations

from collections.abc import Mapping as MappingType
from collections.abc import Sequence as SequenceType
from dataclasses import dataclass, field
from typing import TypeAlias

from reconciler.errors import Mark

Plain: TypeAlias = "str | int | float | bool | None"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scalar:
    """A leaf. Its repr hides the value: a document can hold a secret written in by mistake."""

    value: Plain = field(repr=False)
    mark: Mark


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One key of a mapping: where the key stands, and its value."""

    mark: Mark
    value: Node


@dataclass(frozen=True, slots=True, kw_only=True)
class Mapping:
    """String keys in the order written, each once."""

    entries: MappingType[str, Entry]
    mark: Mark


@dataclass(frozen=True, slots=True, kw_only=True)
class Sequence:
    """Items in the order written."""

    items: SequenceType[Node]
    mark: Mark


Node: TypeAlias = Scalar | Mapping | Sequence


def plain(node: Node) -> object:
    """Return the document as dicts, lists and scalars, for a validator that knows no marks."""
    match node:
        case Scalar():
            return node.value
        case Mapping():
            return {key: plain(entry.value) for key, entry in node.entries.items()}
        case Sequence():
            return [plain(item) for item in node.items]


def mark_at(node: Node, path: SequenceType[str | int], *, key: bool = False) -> Mark:
    """Return where `path` stands in `node`: its value, or with `key` the key that leads to it."""
    mark = node.mark
    for step in path:
        if isinstance(node, Mapping) and isinstance(step, str) and step in node.entries:
            entry = node.entries[step]
            mark, node = (entry.mark if key else entry.value.mark), entry.value
        elif isinstance(node, Sequence) and isinstance(step, int) and step < len(node.items):
            node = node.items[step]
            mark = node.mark
        else:
            break
    return mark
