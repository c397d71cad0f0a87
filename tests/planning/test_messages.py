"""One door for attention and refusals: whoever plans calls a sentence by its name."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

import reconciler
from reconciler.model.attention import AttentionCode, RefusalCode
from tests.support.house import House, room, tree

HOUSE: Final = House(Path(reconciler.__file__).parent)
DOOR: Final = {"planning.messages", "planning.diff_messages", "planning.refusals"}
READS_BACK: Final = {"planfile.sealed"}
"""It makes them from a saved plan, in the words that the door had for them."""


def _made(module: ast.Module) -> Iterator[tuple[str, int]]:
    """Yield each place that makes attention or a refusal, however it calls the class."""
    for node in ast.walk(module):
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if name in ("Attention", "Refusal"):
                yield name, node.lineno


def _modules() -> list[str]:
    """Every module but the sandbox's, which has refusals of its own: those of the API."""
    return [module for module in HOUSE.modules if room(module) != "sandbox"]


@pytest.mark.parametrize("module", [m for m in _modules() if m not in DOOR | READS_BACK])
def test_attention_and_refusals_come_through_one_door(module: str) -> None:
    assert [] == list(_made(tree(HOUSE.modules[module])))


def test_what_comes_through_the_door_is_seen() -> None:
    """A guard that sees nothing guards nothing."""
    assert {"Attention"} == {name for name, _ in _made(tree(HOUSE.modules["planning.messages"]))}
    assert {"Refusal"} == {name for name, _ in _made(tree(HOUSE.modules["planning.refusals"]))}
    assert [("Attention", 1)] == list(_made(ast.parse("attention.Attention(code=1)")))


def test_every_code_has_its_sentence_and_one_place() -> None:
    """A code that nothing gives would be a promise that nobody keeps."""
    used = [
        node.attr
        for module in DOOR
        for node in ast.walk(tree(HOUSE.modules[module]))
        if isinstance(node, ast.Attribute) and getattr(node.value, "id", "").endswith("Code")
    ]
    assert sorted(used) == sorted(code.name for code in (*AttentionCode, *RefusalCode))
    assert all(code.sentence for code in (*AttentionCode, *RefusalCode))
    assert not set(AttentionCode) & set(RefusalCode), "a script tells them apart by the code alone"
