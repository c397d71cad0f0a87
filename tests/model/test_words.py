"""The words that other programs read have a sentence each: what it means, what causes it."""

from __future__ import annotations

import ast
import inspect
from enum import StrEnum

import pytest

from reconciler.model import plan
from reconciler.model.plan import Action, Cause, Reason


def _undocumented(source: str, name: str) -> list[str]:
    """Return the members of a class that no string stands beneath."""
    (found,) = (n for n in ast.parse(source).body if isinstance(n, ast.ClassDef) and n.name == name)
    after = zip(found.body, [*found.body[1:], None], strict=True)
    return [
        node.targets[0].id
        for node, below in after
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
        if not (
            isinstance(below, ast.Expr)
            and isinstance(below.value, ast.Constant)
            and str(below.value.value).endswith(".")
        )
    ]


@pytest.mark.parametrize("words", [Action, Reason, Cause])
def test_every_member_has_a_sentence(words: type[StrEnum]) -> None:
    assert [] == _undocumented(inspect.getsource(plan), words.__name__)


def test_a_member_without_one_is_seen() -> None:
    source = (
        'class A(StrEnum):\n    ONE = "one"\n    """One."""\n    TWO = "two"\n    THREE = "three"\n    "no"\n'
    )
    assert ["TWO", "THREE"] == _undocumented(source, "A")


def test_every_reason_has_its_words() -> None:
    """Short ones for a row of a plan: no full stop, no capital."""
    assert all(r.sentence and r.sentence == r.sentence.strip(".").lower() for r in Reason)
    assert len({reason.sentence for reason in Reason}) == len(Reason)
