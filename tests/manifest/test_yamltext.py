"""YAML 1.2's core types with marks, and a short way out of everything that is dangerous or ambiguous."""

from __future__ import annotations

import contextlib
import gc
import json
import math
import time
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from reconciler.errors import ManifestError, Mark, Problem
from reconciler.manifest import yamltext
from reconciler.manifest.document import Mapping, Node, Scalar, Sequence, mark_at, plain

_CORPUS = sorted((Path(__file__).parents[1] / "manifests").rglob("*.yaml"))


def _parse(text: str) -> Node:
    parsed = yamltext.parse(text.encode(), "m.yaml")
    assert () == parsed.problems
    return parsed.node


def _stopped(text: bytes) -> Problem:
    with pytest.raises(ManifestError) as caught:
        yamltext.parse(text, "m.yaml")
    (problem,) = caught.value.problems
    return problem


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        *((word, True) for word in ("true", "True", "TRUE")),
        *((word, False) for word in ("false", "False", "FALSE")),
        *((word, None) for word in ("", "~", "null", "Null", "NULL")),
        *((word, word) for word in ("yes", "no", "on", "off", "y", "n", "Yes", "NO", "tRue", "nULL")),
        ("0", 0),
        ("-17", -17),
        ("+5", 5),
        ("007", 7),
        ("0o17", 15),
        ("0xfF", 255),
        ("1.5", 1.5),
        ("-.5", -0.5),
        ("1.", 1.0),
        ("1e3", 1000.0),
        (".inf", math.inf),
        ("-.INF", -math.inf),
        *(
            (word, word)
            for word in ("1_000", "12:30", "12:30:45", "2026-11-23", "2026-11", "0b11", "0x", "0o8")
        ),
        *((word, word) for word in ("+", "-x", ".", "1.2.3", "1e", "--1", "+.inff", "=", "<")),
        ("2026-11-23T12:00:00Z", "2026-11-23T12:00:00Z"),
        ('"5"', "5"),
        ("'true'", "true"),
        ('""', ""),
        ('"\\u202e"', "\u202e"),
    ],
)
def test_types_are_those_of_the_core_schema(written: str, expected: object) -> None:
    """Nothing but the words of YAML 1.2's core schema is more than text."""
    node = _parse(f"key: {written}\n")
    actual = plain(node)
    assert {"key": expected} == actual
    assert isinstance(actual, dict)
    assert type(expected) is type(actual["key"])


def test_not_a_number_is_a_float() -> None:
    node = _parse(".nan")
    assert isinstance(node, Scalar)
    assert isinstance(node.value, float)
    assert math.isnan(node.value)


def test_marks_count_lines_and_columns_from_one() -> None:
    """Marks stand where an editor says they do; a byte order mark and wide characters count as people count."""
    text = "\ufeff# é\nname: x\nsecrets:\n  ä: [1,\n    {b: c}]\n"
    node = yamltext.parse(text.encode(), "m.yaml").node
    at = {
        (): (2, 1),
        ("name",): (2, 7),
        ("secrets",): (4, 3),
        ("secrets", "ä"): (4, 6),
        ("secrets", "ä", 0): (4, 7),
        ("secrets", "ä", 1): (5, 5),
        ("secrets", "ä", 1, "b"): (5, 9),
    }
    actual = {path: mark_at(node, path) for path in at}
    assert {
        path: Mark(file="m.yaml", line=line, column=column) for path, (line, column) in at.items()
    } == actual
    assert Mark(file="m.yaml", line=5, column=6) == mark_at(node, ("secrets", "ä", 1, "b"), key=True)


def test_windows_line_ends_are_line_ends() -> None:
    assert {"a": 1, "b": "c\nd\n"} == plain(_parse("a: 1\r\nb: |\r\n  c\r\n  d\r\n"))


def test_the_first_of_two_keys_counts_and_both_lines_are_told() -> None:
    """Keys given twice are told with the rest, so they do not stop the reading."""
    parsed = yamltext.parse(b"a: 1\nb: 2\na: 3\nb: 4\n", "m.yaml")
    assert {"a": 1, "b": 2} == plain(parsed.node)
    assert [
        "m.yaml:3:1: a is defined twice; expected it once (first defined on line 1)",
        "m.yaml:4:1: b is defined twice; expected it once (first defined on line 2)",
    ] == [str(problem) for problem in parsed.problems]


def test_quoted_merge_key_is_a_key() -> None:
    assert {"<<": 1} == plain(_parse('"<<": 1'))


@pytest.mark.parametrize("text", [b"a" * (yamltext.SIZE_MAX + 1), b"#" * (yamltext.SIZE_MAX + 1)])
def test_too_large_a_file_is_refused_before_it_is_read(text: bytes) -> None:
    assert "m.yaml:1:1: the file is too large; expected at most 4 MiB" == str(_stopped(text))


@pytest.mark.parametrize(
    "text", ["[" * 100_000, "{a: " * 100_000, "- " * 100_000, "? " * 100_000, "[[" * 8 + "["]
)
def test_deep_nesting_stops_early(text: str) -> None:
    """Without the cap 100 KB of brackets cost 10 seconds or a segmentation fault."""
    start = time.perf_counter()
    assert "nested too deeply" == _stopped(text.encode()).what
    assert time.perf_counter() - start < 5


def test_sixteen_levels_are_not_too_deep() -> None:
    assert isinstance(_parse("[" * 16 + "]" * 16), Sequence)


def test_many_values_stop_before_they_fill_the_memory() -> None:
    text = b"[" + b"[]," * (yamltext.NODES_MAX + 1) + b"]"
    assert "the file has too many values" == _stopped(text).what


def test_aliases_cannot_multiply() -> None:
    """A billion laughs ends at its first anchor."""
    laughs = "a: &a [x, x]\n" + "".join(
        f"{c}: &{c} [*{b}, *{b}]\n" for b, c in zip("abcdefgh", "bcdefghi", strict=True)
    )
    problem = _stopped(laughs.encode())
    assert "m.yaml:1:4: anchors (&) and aliases (*) are not supported" == f"{problem.mark}: {problem.what}"


def test_the_garbage_collector_is_on_again_after_an_error() -> None:
    assert gc.isenabled()
    _stopped(b"[")
    assert gc.isenabled()


@pytest.mark.parametrize("path", _CORPUS, ids=lambda path: path.stem)
def test_the_pure_loader_reads_the_same(path: Path) -> None:
    """Where PyYAML has no C library, the same files are read, and the same are refused."""

    def read(loader: object) -> object:
        try:
            parsed = yamltext.parse(path.read_bytes(), "m.yaml", loader=loader)
        except ManifestError as error:
            return len(error.problems)
        return plain(parsed.node), [problem.what for problem in parsed.problems]

    assert read(yaml.CSafeLoader) == read(yaml.SafeLoader)


_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**18), 10**18)
    | st.text(
        st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Cn", "Cf", "Zl", "Zp")), max_size=20
    ),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text("ab<é 1", max_size=5), inner, max_size=4)
    ),
    max_leaves=20,
)


@given(_JSON)
def test_json_means_in_yaml_what_it_means_in_json(value: object) -> None:
    """What any program writes as JSON is read as it was meant."""
    assert value == plain(_parse(json.dumps(value, ensure_ascii=False)))


_YAMLISH = st.text(
    st.sampled_from("ab1:-?[]{},&*!|>'\"%@`# \n\t.~<=\\0xe\r\ufeff\u2028é\x00")
    | st.characters(codec="utf-8"),
    max_size=80,
)


@given(_YAMLISH | _YAMLISH.map("version: 1\nname: x\nsecrets:\n  a:\n    ".__add__))
def test_any_text_is_read_or_refused_with_its_place(text: str) -> None:
    """Nothing but ManifestError comes out, whatever goes in, and both loaders survive it."""
    for loader in (yaml.CSafeLoader, yaml.SafeLoader):
        try:
            parsed = yamltext.parse(text.encode(), "m.yaml", loader=loader)
        except ManifestError as error:
            (problem,) = error.problems
            assert problem.mark is not None
            assert problem.mark.line >= 1
        else:
            assert isinstance(parsed.node, Scalar | Mapping | Sequence)


@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    with contextlib.suppress(ManifestError):
        yamltext.parse(data, "m.yaml")
