"""Lines in columns: none wider than it may be, no word broken, nothing lost."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wcwidth import wcswidth

from reconciler.display import SUBSTITUTE, clean
from reconciler.layout import columns, pairs, wrap

WORDS = st.text(max_size=60).map(clean) | st.sampled_from(
    ["データベース", "👩‍💻", "é" * 30, "x" * 200, "::error::x", "", "https://acme.example/s/AAAA-BBBB-CCCC"]
)
TEXTS = st.lists(WORDS, max_size=12).map(" ".join).map(clean)
WIDTHS = st.integers(40, 120)


def is_one_word(line: str, lead: str) -> bool:
    """Whether a line is a single word behind its lead."""
    return " " not in line.removeprefix(lead)


@pytest.mark.parametrize(
    ("text", "size"), [("", 0), ("abc", 3), ("データ", 6), ("e\u0301", 1), ("한국어 x", 8), ("a\x1b", 2)]
)
def test_characters_are_measured_in_columns(text: str, size: int) -> None:
    """Two for East Asian ones, none for combining ones; what cannot be measured counts by characters."""
    assert size == columns(text)


@given(TEXTS, WIDTHS)
def test_no_line_is_wider_than_it_may_be_and_nothing_is_lost(text: str, width: int) -> None:
    lines = wrap(text, width, first="  + ", rest="      ")
    leads = ["  + ", *["      "] * (len(lines) - 1)]
    for line, lead in zip(lines, leads, strict=True):
        assert line.startswith(lead.rstrip(" "))
        assert columns(line) <= width or is_one_word(line, lead)
    said = [word for line, lead in zip(lines, leads, strict=True) for word in line[len(lead) :].split(" ")]
    assert [w for w in text.split(" ") if w] == [_as_it_was(w) for w in said if w]


def _as_it_was(word: str) -> str:
    return word.removeprefix(SUBSTITUTE) if word.startswith(f"{SUBSTITUTE}::") else word


@given(TEXTS, WIDTHS)
def test_no_line_can_be_a_workflow_command(text: str, width: int) -> None:
    """A runner trims a line before it looks at how it begins."""
    lines = [*wrap(text, width), *wrap(text, width, first="  ", rest="  "), *pairs([(text, text)], width)]
    assert not [line for line in lines if line.lstrip().startswith("::")]


def test_a_long_word_stands_alone() -> None:
    link = "https://acme.example/" + "s" * 60
    assert ["see", f"  {link}", "  for it"] == wrap(f"see {link} for it", 40, rest="  ")


def test_rows_stand_in_columns_of_the_terminal() -> None:
    """Also beside wide characters; a long name stands on a line of its own."""
    lines = pairs([("データ", "live"), ("db", "expired"), ("x" * 50, "live")], 80)
    starts = {
        wcswidth(line[: line.index(word)]) for line, word in zip(lines, ("live", "expired"), strict=False)
    }
    assert 1 == len(starts)
    assert ["x" * 50] == [line for line in lines if "x" * 50 in line]
