"""YAML text -> `document` nodes, from PyYAML's event stream.

The types are those of YAML 1.2's core schema, so `no`, `on`, `1_000`, `12:30` and `2026-11-23` are text. What makes
YAML dangerous or ambiguous to review is refused: anchors, aliases, tags, merge keys, more than one document,
deep nesting, characters that an editor hides or shows elsewhere.
"""

from __future__ import annotations

import gc
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import yaml

from reconciler.errors import ManifestError, Mark, Problem
from reconciler.manifest.document import Entry, Mapping, Node, Plain, Scalar, Sequence
from reconciler.model.hidden import REFUSED_IN_FILES
from reconciler.suggest import shown_key

SIZE_MAX: Final = 4 * 2**20
"""Bytes of one file."""

DEPTH_MAX: Final = 16
NODES_MAX: Final = 500_000
"""Values in one file. 4 MiB of `[]` would otherwise become a gigabyte of objects."""

_VALUES_EXPECTED: Final = f"expected at most {NODES_MAX:,} in all files together"

DIGITS_MAX: Final = 64
"""Characters of a number; Python refuses to read integers of more than 4,300 digits."""

_LOADER: Final[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_SCALAR: Final = yaml.ScalarEvent
_MAPPING_START: Final = yaml.MappingStartEvent
_MAPPING_END: Final = yaml.MappingEndEvent
_SEQUENCE_END: Final = yaml.SequenceEndEvent

_INTEGER: Final = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT: Final = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_WORDS: Final[dict[str, Plain]] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), float("nan")),
    **{f"{sign}.{word}": float(f"{sign}inf") for sign in ("", "+", "-") for word in ("inf", "Inf", "INF")},
}
_NUMERIC_START: Final = frozenset("0123456789+-.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Parsed:
    """A document of so many `values`, and what is wrong without ending the reading (keys given twice and the like)."""

    node: Node
    values: int
    problems: tuple[Problem, ...]


def parse(text: bytes, file: str, *, values: int = NODES_MAX, loader: Any = _LOADER) -> Parsed:
    """Read one YAML document. Raises ManifestError, with one problem, where it cannot be read at all.

    `file` is the path for messages. `values` are what files read before have left of `NODES_MAX`.
    `loader` is PyYAML's C loader, or its pure one where that is missing.
    """
    content = _checked(text, file)
    builder = _Builder(loader(content), file, values)
    try:
        with _collector_at_rest():
            node = builder.document()
    except yaml.MarkedYAMLError as error:
        raise _syntax(error, file) from None
    except yaml.YAMLError:
        raise _stop(Mark(file=file, line=1, column=1), "this is not valid YAML") from None
    return Parsed(node=node, values=values - builder.left, problems=tuple(builder.problems))


@contextmanager
def _collector_at_rest() -> Iterator[None]:
    """Keep the garbage collector from looking through a growing document again and again: a quarter of the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _stop(mark: Mark, what: str, expected: str | None = None, hint: str | None = None) -> ManifestError:
    return ManifestError([Problem(mark=mark, what=what, expected=expected, hint=hint)])


def _too_deep(mark: Mark) -> ManifestError:
    return _stop(mark, "nested too deeply", f"expected at most {DEPTH_MAX} levels")


def _checked(text: bytes, file: str) -> bytes:
    start = Mark(file=file, line=1, column=1)
    if len(text) > SIZE_MAX:
        raise _stop(start, "the file is too large", "expected at most 4 MiB")
    text = text.removeprefix(b"\xef\xbb\xbf")
    try:
        content = text.decode("utf-8")
    except UnicodeDecodeError as error:
        mark = _mark_of(text[: error.start].decode("utf-8"), file)
        raise _stop(mark, "the file is not UTF-8 text", hint="save it as UTF-8") from None
    if hidden := REFUSED_IN_FILES.search(content):
        mark = _mark_of(content[: hidden.start()], file)
        what = f"the character U+{ord(hidden[0]):04X} is not allowed: it is invisible"
        raise _stop(mark, what, hint='remove it, or write it as an escape in double quotes ("\\u…")')
    if content.isspace() or not content:
        raise _stop(start, "the file is empty", hint="`reconciler init` creates a manifest to start from")
    return text


def _mark_of(before: str, file: str) -> Mark:
    return Mark(file=file, line=before.count("\n") + 1, column=len(before) - (before.rfind("\n") + 1) + 1)


class _Builder:
    """Turns events into nodes; one for each document."""

    def __init__(self, loader: Any, file: str, values: int) -> None:
        self.problems: list[Problem] = []
        self._next: Callable[[], Any] = loader.get_event
        self._file = file
        self.left = values

    def document(self) -> Node:
        """Return the one document's root."""
        self._next()  # the stream starts
        event = self._next()
        if isinstance(event, yaml.StreamEndEvent):
            raise _stop(
                self._mark(event),
                "the file is empty",
                hint="`reconciler init` creates a manifest to start from",
            )
        node = self._node(self._next(), 0)
        self._next()  # the document ends
        event = self._next()
        if not isinstance(event, yaml.StreamEndEvent):
            raise _stop(self._mark(event), "a second document starts here", "expected one document per file")
        return node

    def _mark(self, event: Any) -> Mark:
        start = event.start_mark
        return Mark(self._file, start.line + 1, start.column + 1)

    def _begin(self, event: Any) -> Mark:
        """Return where a value stands, once it is clear that it may stand there."""
        mark = self._mark(event)
        if event.anchor is not None:  # an alias has one too
            hint = "repeat the value, or use `defaults` and `audiences`"
            raise _stop(mark, "anchors (&) and aliases (*) are not supported", hint=hint)
        if event.tag is not None:
            raise _stop(mark, "tags (!) are not supported", hint="quote a string that begins with !")
        self.left -= 1
        if self.left < 0:
            raise _stop(mark, "the file has too many values", _VALUES_EXPECTED)
        return mark

    def _node(self, event: Any, depth: int) -> Node:
        mark = self._begin(event)
        if type(event) is _SCALAR:
            return Scalar(value=self._value(event, mark), mark=mark)
        return self._collection(event, mark, depth)

    def _collection(self, event: Any, mark: Mark, depth: int) -> Mapping | Sequence:
        if depth == DEPTH_MAX:
            raise _too_deep(mark)
        if type(event) is _MAPPING_START:
            return Mapping(entries=self._entries(depth + 1), mark=mark)
        return Sequence(items=self._items(depth + 1), mark=mark)

    def _items(self, depth: int) -> list[Node]:
        items = []
        while type(event := self._next()) is not _SEQUENCE_END:
            items.append(self._node(event, depth))
        return items

    def _entries(self, depth: int) -> dict[str, Entry]:
        entries: dict[str, Entry] = {}
        while type(event := self._next()) is not _MAPPING_END:
            mark = self._begin(event)
            is_scalar = type(event) is _SCALAR
            key = self._value(event, mark) if is_scalar else self._collection(event, mark, depth)
            value = self._node(self._next(), depth)
            if not isinstance(key, str):
                self.problems.append(Problem(mark=mark, what="this key is not a string", hint="quote it"))
            elif key == "<<" and not event.style:
                what = "merge keys (<<) are not supported"
                self.problems.append(Problem(mark=mark, what=what, hint="repeat the entries"))
            elif key in entries:
                what = f"{shown_key(key)} is defined twice"
                expected = f"expected it once (first defined on line {entries[key].mark.line})"
                self.problems.append(Problem(mark=mark, what=what, expected=expected))
            else:
                entries[key] = Entry(mark=mark, value=value)
        return entries

    def _value(self, event: Any, mark: Mark) -> Plain:
        text: str = event.value
        return text if event.style else self._plain(text, mark)

    def _plain(self, text: str, mark: Mark) -> Plain:
        """Return what an unquoted scalar means in YAML 1.2's core schema."""
        if text in _WORDS:
            return _WORDS[text]
        if text[0] not in _NUMERIC_START:
            return text
        is_integer = _INTEGER.fullmatch(text)
        if not is_integer and not _FLOAT.fullmatch(text):
            return text
        if len(text) > DIGITS_MAX:
            raise _stop(mark, "this number is too long", hint="quote it if it is a string")
        if not is_integer:
            return float(text)
        return int(text, {"0o": 8, "0x": 16}.get(text[:2], 10))


_SYNTAX: Final = (
    ("mapping values are not allowed", "unexpected colon", 'quote a string that contains ": "'),
    (
        "could not find expected ':'",
        "a key has no colon after it",
        "a text of several lines needs quotes or |",
    ),
    ("found a tab", "a tab where spaces are expected", "indent with spaces"),
    (
        "cannot start any token",
        "a character that cannot begin a value",
        "quote it; indent with spaces, not tabs",
    ),
    ("expected ',' or", "a list or mapping in brackets is not closed or lacks a comma", None),
    ("expected '-' indicator", "the indentation does not match the list above", None),
    ("expected key", "wrong indentation, or a quote above is not closed", None),
    ("<block end>", "wrong indentation, or a quote above is not closed", None),
    ("unexpected end of stream", "a quote is not closed", None),
    ("unknown escape", "an unknown escape after a backslash", "use single quotes for a literal backslash"),
    ("entries are not allowed", "unexpected list item", "begin the list on a line of its own"),
    ("document indicator", "--- or ... inside a quoted text", None),
    ("document start", "unexpected content after the end of the document", None),
)
"""PyYAML's fixed words, and ours. Its own texts are not passed on: some quote the input."""


def _syntax(error: yaml.MarkedYAMLError, file: str) -> ManifestError:
    problem = error.problem or ""
    place = error.problem_mark or error.context_mark
    mark = Mark(file=file, line=place.line + 1 if place else 1, column=place.column + 1 if place else 1)
    if "maximum nesting depth" in problem:  # libyaml's own cap: it looks ahead of the events that ours counts
        return _too_deep(mark)
    for words, what, hint in _SYNTAX:
        if words in problem:
            return _stop(mark, f"this is not valid YAML: {what}", hint=hint)
    return _stop(mark, "this is not valid YAML")
