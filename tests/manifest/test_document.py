"""Nodes with marks: what a document holds and where each thing stands."""

from __future__ import annotations

import pytest

from reconciler.errors import Mark
from reconciler.manifest.document import Entry, Mapping, Node, Scalar, Sequence, mark_at, plain


def _at(line: int, column: int = 1) -> Mark:
    return Mark(file="m.yaml", line=line, column=column)


def _scalar(value: str | int | float | bool | None, line: int) -> Scalar:
    return Scalar(value=value, mark=_at(line, 9))


_DOCUMENT = Mapping(
    mark=_at(1),
    entries={
        "name": Entry(mark=_at(1), value=_scalar("payments", 1)),
        "people": Entry(
            mark=_at(2),
            value=Sequence(mark=_at(3, 3), items=(_scalar("ana", 3), _scalar(None, 4), _scalar(7, 5))),
        ),
        "deep": Entry(
            mark=_at(6),
            value=Mapping(mark=_at(7, 3), entries={"in": Entry(mark=_at(7, 3), value=_scalar(True, 7))}),
        ),
    },
)


def test_plain_keeps_values_and_order() -> None:
    """A validator that knows no marks sees dicts, lists and scalars as written."""
    expected = {"name": "payments", "people": ["ana", None, 7], "deep": {"in": True}}
    actual = plain(_DOCUMENT)
    assert expected == actual
    assert isinstance(actual, dict)
    assert list(actual) == ["name", "people", "deep"]


@pytest.mark.parametrize(
    ("path", "key", "mark"),
    [
        ((), False, _at(1)),
        (("name",), False, _at(1, 9)),
        (("name",), True, _at(1)),
        (("people", 1), False, _at(4, 9)),
        (("people", 2), True, _at(5, 9)),
        (("deep", "in"), True, _at(7, 3)),
        (("deep", "absent"), False, _at(7, 3)),
        (("people", 9), False, _at(3, 3)),
        (("people", "name"), False, _at(3, 3)),
        (("name", "further"), False, _at(1, 9)),
    ],
)
def test_a_path_leads_to_its_mark(path: tuple[str | int, ...], key: bool, mark: Mark) -> None:
    """A path that leads nowhere stops at the last place that is there."""
    assert mark == mark_at(_DOCUMENT, path, key=key)


def test_a_repr_shows_no_value() -> None:
    """A manifest can hold a secret written in by mistake: no repr of a document shows it."""
    node: Node = Sequence(
        mark=_at(1),
        items=(
            Mapping(
                mark=_at(1), entries={"password": Entry(mark=_at(1), value=_scalar("hunter2-canary", 1))}
            ),
        ),
    )
    for text in (repr(node), str(node), f"{node}"):
        assert "hunter2-canary" not in text
