"""Errors: one style, which the source itself is read for, and nothing that changes once an error is made."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

import reconciler
from reconciler.errors import ManifestError, Mark, NotYoursError, Problem, ReconcilerError, Stopped

_PACKAGE: Final = Path(reconciler.__file__).parent
_WORDS: Final = ("detail", "expected", "hint")

_NAMES: Final = re.compile(r"[A-Z][A-Z0-9_]+\b|C1\b|GitHub\b|GitLab\b")
"""Texts may begin with a capital that is a name's: a variable, a placeholder, a product."""


def _texts(call: ast.Call) -> Iterator[str]:
    """Yield the texts that a call passes as detail, expected and hint; `{…}` stands for a part that is put in."""
    given = [*call.args[:1], *(k.value for k in call.keywords if k.arg in _WORDS)]
    for value in given:
        for node in _branches(value):
            match node:
                case ast.Constant(value=str(text)):
                    yield text
                case ast.JoinedStr(values=parts):
                    yield "".join(str(p.value) if isinstance(p, ast.Constant) else "{…}" for p in parts)


def _branches(node: ast.expr) -> Iterator[ast.expr]:
    match node:
        case ast.IfExp(body=body, orelse=orelse):
            yield from (*_branches(body), *_branches(orelse))
        case ast.BoolOp(values=values):
            for value in values:
                yield from _branches(value)
        case _:
            yield node


def _is_error(call: ast.Call) -> bool:
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    return name.endswith("Error") or name in ("Stopped", "restated")


def _wrong(source: str) -> list[str]:
    """Return every text of an error that begins with a capital, or ends with a full stop."""
    calls = (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call) and _is_error(node))
    texts = ((call.lineno, text) for call in calls for text in _texts(call))
    return [
        f"line {line}: {text!r}"
        for line, text in texts
        if (text[:1].isupper() and not _NAMES.match(text)) or re.search(r"(?<!\.)\.\Z", text)
    ]


@pytest.mark.parametrize("path", sorted(_PACKAGE.rglob("*.py")), ids=lambda p: str(p.relative_to(_PACKAGE)))
def test_every_error_is_in_one_style(path: Path) -> None:
    """No capital at the start, no full stop at the end: the command line puts them after a label."""
    assert [] == _wrong(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("code", "wrong"),
    [
        ("StateError('it is gone')", 0),
        ("StateError('It is gone')", 1),
        ("StateError('it is gone.')", 1),
        ("errors.StateError(f'It {x}', hint='Look.')", 2),
        ("StateError(f'{x}.')", 1),
        ("StateError('a' if x else 'B', expected='C.')", 2),
        ("StateError('a', hint=x or 'Look')", 1),
        ("StateError('CI passes it', hint='RECONCILER_KEY')", 0),
        ("StateError('C1 says no', hint='GitHub does')", 0),
        ("StateError(f'{x} is gone', hint='SOPS')", 0),
        ("error.restated(f'it is {x}; Y.')", 1),
        ("print('It is gone.')", 0),
    ],
)
def test_this_test_sees_what_it_should(code: str, wrong: int) -> None:
    """A guard that sees nothing guards nothing."""
    assert wrong == len(_wrong(code))


@pytest.mark.parametrize("name", ["detail", "expected", "hint"])
def test_no_word_of_an_error_changes(name: str) -> None:
    """Who catches one and adds to it makes another: what was shown of the first stays true."""
    error = ReconcilerError("it failed", expected="a word", hint="look")
    with pytest.raises(AttributeError):
        setattr(error, name, "other")
    assert ("it failed", "a word", "look") == (error.detail, error.expected, error.hint)


def test_a_restated_error_is_of_the_same_kind() -> None:
    """With the words that were given, everything else as it was, and the first error untouched."""
    first = NotYoursError("it failed", expected="a word")
    other = first.restated("the vault is left", hint="look")
    assert (NotYoursError, "the vault is left", "a word", "look") == (
        type(other),
        other.detail,
        other.expected,
        other.hint,
    )
    assert "the vault is left" == str(other)
    assert ("it failed", None) == (first.detail, first.hint)


def test_a_restated_error_keeps_what_its_kind_adds() -> None:
    """Problems, and an exit code of its own."""
    problems = ManifestError([Problem(mark=Mark("m.yaml", 1, 2), what="a tab")])
    assert problems.problems == problems.restated(hint="look").problems
    assert 143 == Stopped("stopped", terminated=True).restated("other").exit_code
