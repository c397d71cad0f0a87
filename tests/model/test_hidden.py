"""The sets of characters that nobody sees, over all of Unicode."""

from __future__ import annotations

import sys
from unicodedata import bidirectional, category

import pytest

from reconciler.model.hidden import REFUSED_IN_FILES, UNSEEN, has_control, without_hidden

_ALL = [chr(point) for point in range(sys.maxunicode + 1)]
_TURNING = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
_HEBREW = "\u200fשלום\u200e"


def test_what_is_shown_has_nothing_that_hides() -> None:
    """Neither what Unicode calls unprinted, nor what counts as printable and has no shape."""
    left = without_hidden("".join(_ALL), "?")
    assert len(_ALL) == len(left)
    assert not UNSEEN.search(left)
    assert not {"Cc", "Cf", "Cs", "Zl", "Zp"} & {category(each) for each in left}
    assert not has_control(left)


def test_a_name_may_hold_nothing_that_a_file_may_not() -> None:
    """A byte order mark and what is no character at all are a file's matter alone."""
    refused = {each for each in _ALL if REFUSED_IN_FILES.search(each)}
    assert {"\ufeff", "\ufffe", "\uffff"} == {each for each in refused if not has_control(each)}


def test_nothing_may_turn_a_line_around() -> None:
    """Unicode's own list of what does: embeddings, overrides, isolates, and what ends them."""
    turning = {each for each in _ALL if bidirectional(each) in _TURNING}
    assert len(_TURNING) == len(turning)
    assert all(has_control(each) and REFUSED_IN_FILES.search(each) for each in turning)


@pytest.mark.parametrize("text", ["plain", "Größe\n\tnext\r\n", _HEBREW])
def test_a_file_may_hold_what_people_write(text: str) -> None:
    assert not REFUSED_IN_FILES.search(text)


@pytest.mark.parametrize("mark", ["\u061c", "\u200e", "\u200f"])
def test_a_name_may_not_hold_a_mark_of_direction(mark: str) -> None:
    """A file may: a description in Arabic needs them."""
    assert has_control(f"a{mark}b")
    assert not REFUSED_IN_FILES.search(mark)


@pytest.mark.parametrize("separator", ["\u2028", "\u2029", "\x85", "\r"])
def test_a_line_does_not_end_where_an_editor_shows_none(separator: str) -> None:
    assert REFUSED_IN_FILES.search(f"a{separator}b")
    assert has_control(separator)
