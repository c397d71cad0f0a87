"""Typed access to a document's mappings, and the list of what is wrong with them."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from collections.abc import Sequence as SequenceType
from enum import StrEnum
from typing import Final, TypeVar

from reconciler.errors import ManifestError, Mark, Problem
from reconciler.manifest.document import Entry, Mapping, Node, Scalar, Sequence
from reconciler.suggest import did_you_mean

PROBLEMS_MAX: Final = 1000
"""Problems told at once; more than anyone reads, and an end to a hostile file."""

_HINTED_MAX: Final = 100
"""Problems that get a guess at what was meant: each takes milliseconds."""

_Word = TypeVar("_Word", bound=StrEnum)


class Log:
    """Everything found wrong. `misshapen` is the first place whose shape is not the schema's.

    The schema's own check describes those; here they only make sure that no manifest comes of them.
    """

    __slots__ = ("misshapen", "problems")

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self.misshapen: Mark | None = None

    def add(self, mark: Mark, what: str, expected: str | None = None, hint: str | None = None) -> None:
        """Record a problem; `what` holds no value from the document that could be secret.

        Raises ManifestError with all of them where there are too many.
        """
        self.take([Problem(mark=mark, what=what, expected=expected, hint=hint)])

    def take(self, problems: Iterable[Problem]) -> None:
        """Record what another check found, with the same limit for all of it."""
        for problem in problems:
            if len(self.problems) >= PROBLEMS_MAX:
                more = Problem(mark=None, what=f"more than {PROBLEMS_MAX:,} problems", hint="fix these first")
                raise ManifestError([*dict.fromkeys(self.problems), more])
            self.problems.append(problem)

    def meant(self, word: str, offered: Collection[str]) -> str | None:
        """Return a question that names what was likely meant, while there are few problems."""
        return did_you_mean(word, offered) if len(self.problems) < _HINTED_MAX else None

    def odd(self, mark: Mark) -> None:
        """Record that something here has not the schema's shape."""
        self.misshapen = self.misshapen or mark


def text_in(node: Node, log: Log) -> str | None:
    """Return the text that a node should be."""
    if isinstance(node, Scalar) and isinstance(node.value, str):
        return node.value
    log.odd(node.mark)
    return None


def items_in(node: Node, log: Log) -> SequenceType[Node]:
    """Return the items of the list that a node should be."""
    if isinstance(node, Sequence):
        return node.items
    log.odd(node.mark)
    return ()


def fields_in(node: Node, path: str, log: Log) -> Fields | None:
    """Return the fields of the mapping that a node should be; `path` is what messages call it."""
    if isinstance(node, Mapping):
        return Fields(node, path, log)
    log.odd(node.mark)
    return None


class Fields:
    """A mapping's values by key, each as the type that it should have; None where absent or of another type."""

    __slots__ = ("_entries", "log", "mark", "path")

    def __init__(self, node: Mapping, path: str, log: Log) -> None:
        self._entries = node.entries
        self.path = path
        self.mark = node.mark
        self.log = log

    def __contains__(self, key: str) -> bool:
        return key in self._entries

    def only(self, *keys: str) -> bool:
        """Whether there is no other key than these."""
        return self._entries.keys() <= set(keys)

    def entry(self, key: str) -> Entry | None:
        """Return where a key stands, and its value."""
        return self._entries.get(key)

    def need(self, *keys: str) -> bool:
        """Whether all these keys are there."""
        if all(key in self._entries for key in keys):
            return True
        self.log.odd(self.mark)
        return False

    def at(self, key: str) -> Mark:
        """Return the mark of a key that is there."""
        return self._entries[key].mark

    def value_at(self, key: str) -> Mark:
        """Return the mark of the value of a key that is there."""
        return self._entries[key].value.mark

    def text(self, key: str) -> str | None:
        """Return a text."""
        entry = self._entries.get(key)
        return text_in(entry.value, self.log) if entry else None

    def number(self, key: str) -> int | None:
        """Return a whole number; `5.0` is one, as in JSON Schema."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        value = entry.value.value if isinstance(entry.value, Scalar) else None
        if isinstance(value, int | float) and not isinstance(value, bool) and value % 1 == 0:
            return int(value)
        self.log.odd(entry.value.mark)
        return None

    def flag(self, key: str) -> bool | None:
        """Return true or false."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        if isinstance(entry.value, Scalar) and isinstance(entry.value.value, bool):
            return entry.value.value
        self.log.odd(entry.value.mark)
        return None

    def word(self, key: str, words: type[_Word]) -> _Word | None:
        """Return one of an enum's words."""
        text = self.text(key)
        if text is None:
            return None
        try:
            return words(text)
        except ValueError:
            self.log.odd(self.value_at(key))
            return None

    def fields(self, key: str) -> Fields | None:
        """Return the mapping within."""
        entry = self._entries.get(key)
        return fields_in(entry.value, self.name(key), self.log) if entry else None

    def items(self, key: str) -> SequenceType[Node]:
        """Return a list's items; none where it is absent."""
        entry = self._entries.get(key)
        return items_in(entry.value, self.log) if entry else ()

    def name(self, key: str) -> str:
        """Return how messages call the value of a key: with the way to it."""
        return f"{self.path}.{key}" if self.path else key
