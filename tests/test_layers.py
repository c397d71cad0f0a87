"""The table of layers (docs/design.md, section 3), held against every import.

A folder, or a module of the package's root, is a room. A room may import from lower rows and, except among those
that only stand beside each other, from what stands to its left in its row; inside a room everything may be
imported, but never in a circle. A new room fails here until it has its place.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import reconciler
from tests.support.house import DOOR, House, room, tree

_LAYERS = (
    "errors",
    "model",
    "display suggest layout",
    "state",
    "planning planfile render",
    "sensitive fingerprint",
    "files manifest age",
    "http auth c1 storage sources",
    "operations sandbox",
    "cli",
)

_BESIDE = {"operations", "sandbox"}
"""Programs of their own: neither may import the other."""

_OUTSIDE = {
    "layout": {"wcwidth"},
    "manifest.yamltext": {"yaml"},
    "manifest.schema": {"jsonschema"},
    "age": {"pyrage", "cryptography"},
    "http.urls": {"httpx"},
    "http.session": {"certifi", "httpcore", "httpx"},
    "auth": {"cryptography", "httpx", "jwt"},
    "sandbox": {"cryptography", "jsonschema", "pyrage", "starlette", "uvicorn", "yaml"},
    "cli": {"click", "rich"},
}
"""Who may import which third party; everybody else the standard library only."""

_PURE_ROWS = range(6)
"""Text in, values out: neither files nor clocks, chance, network, logging, nor a way to run anything."""

_PURE_TOO = ("manifest.document", "manifest.reading", "http.retry", "http.redact", "cli.templates")
"""As pure as those, in the rooms of what they are about."""

_PURE_MODULES = {
    *(
        "__future__",
        "abc",
        "base64",
        "binascii",
        "bisect",
        "collections",
        "dataclasses",
        "datetime",
        "decimal",
    ),
    *(
        "difflib",
        "email.utils",
        "enum",
        "fnmatch",
        "functools",
        "hashlib",
        "heapq",
        "hmac",
        "html",
        "itertools",
    ),
    *(
        "json",
        "math",
        "operator",
        "pathlib",
        "posixpath",
        "re",
        "shlex",
        "string",
        "textwrap",
        "types",
        "typing",
        "unicodedata",
    ),
    *("urllib.parse", "wcwidth", "zlib"),
}
_PURE_NAMES = {"pathlib": {"PurePath", "PurePosixPath"}, "posixpath": {"join", "normpath"}}
_IMPURE_CALLS = {"open", "print", "input", "exec", "eval", "compile", "__import__", "breakpoint"}
_CLOCKS = {"now", "utcnow", "today"}

_SANDBOX_ROWS = {0, 1, 5}
"""The sandbox reads the API for itself: it shares words and nouns with the program, and no code that talks."""

_HOUSE = House(Path(reconciler.__file__).parent)
_PLACES = {
    name: (row, column) for row, names in enumerate(_LAYERS) for column, name in enumerate(names.split())
}
_MODULES = [module for module in _HOUSE.modules if module not in DOOR]


def _is_allowed(importer: str, imported: str) -> bool:
    """Whether a room may import another."""
    (row, column), (other_row, other_column) = _PLACES[importer], _PLACES[imported]
    if importer == imported:
        return True
    if importer == "sandbox":
        return other_row in _SANDBOX_ROWS
    if row == other_row:
        return importer not in _BESIDE and other_column < column
    return other_row < row


def _is_within(module: str, places: Iterable[str]) -> bool:
    return any(module == place or module.startswith(f"{place}.") for place in places)


def test_every_room_has_its_place() -> None:
    """And no place is empty or given twice."""
    assert sorted(_PLACES) == sorted(_HOUSE.arrows)
    assert len(_PLACES) == len(" ".join(_LAYERS).split())


def test_the_front_hall_is_small() -> None:
    """At most nine files in the package's root: what is not a subject of its own belongs to one."""
    assert len([path for path in _HOUSE.root.iterdir() if path.suffix == ".py"]) <= 9


@pytest.mark.parametrize("module", _MODULES)
def test_imports_lead_down_or_left(module: str) -> None:
    """Imports at the top, in functions and under TYPE_CHECKING alike."""
    wrong = [
        f"line {line}: {room(module)} imports {name}"
        for line, name in _HOUSE.ours(module)
        if not _is_allowed(room(module), room(name))
    ]
    assert wrong == []


def test_no_module_stands_in_a_circle() -> None:
    """Not inside a folder either. A package's own `__init__` may import its modules, which import each other."""
    TopologicalSorter(_HOUSE.arrows_of_modules()).prepare()


@pytest.mark.parametrize("module", _MODULES)
def test_third_parties_stay_where_the_table_puts_them(module: str) -> None:
    """One wrapper each, so that one can be exchanged."""
    outside = {full.partition(".")[0] for _, full in _HOUSE.imported(module)}
    allowed = {name for place, names in _OUTSIDE.items() if _is_within(module, [place]) for name in names}
    assert outside - sys.stdlib_module_names - {"reconciler"} - allowed == set()


def _pure_modules() -> list[str]:
    return [m for m in _MODULES if _PLACES[room(m)][0] in _PURE_ROWS or _is_within(m, _PURE_TOO)]


def _impure_imports(house: House, module: str) -> list[str]:
    found = []
    for line, full in house.imported(module):
        pure = next((m for m in _PURE_MODULES if full == m or full.startswith(f"{m}.")), None)
        name = full.removeprefix(f"{pure}.")
        if full.startswith("reconciler"):
            continue
        if pure is None or name not in _PURE_NAMES.get(pure, {name}):
            found.append(f"line {line}: imports {full}")
    return found


def _impure_calls(house: House, module: str) -> list[str]:
    found = []
    for node in ast.walk(tree(house.modules[module])):
        match node:
            case ast.Call(func=ast.Name(id=name)) if name in _IMPURE_CALLS:
                found.append(f"line {node.lineno}: calls {name}")
            case ast.Attribute(value=ast.Name(id="datetime" | "date"), attr=name) if name in _CLOCKS:
                found.append(f"line {node.lineno}: looks at the clock")
            case ast.AsyncFunctionDef() | ast.Await() | ast.Global():
                found.append(f"line {node.lineno}: {type(node).__name__}")
    return found


@pytest.mark.parametrize("module", _pure_modules())
def test_the_core_is_pure(module: str) -> None:
    """No files, clock, chance, network, process, output, logging or waiting up to the row of `sensitive`."""
    assert _impure_imports(_HOUSE, module) + _impure_calls(_HOUSE, module) == []


def test_the_core_cannot_hold_a_plaintext() -> None:
    """The type for secrets stands above the nouns, the plan and its renderers: nothing built from those leaks."""
    assert all(
        _PLACES["sensitive"][0] > _PLACES[name][0] for name in ("model", "planning", "planfile", "render")
    )


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("import os", 1),
        ("from pathlib import Path", 1),
        ("import pathlib", 1),
        ("from pathlib import PurePath", 0),
        ("import email", 1),
        ("from email.utils import parsedate_to_datetime", 0),
        ("import asyncio", 1),
        ("from random import random", 1),
        ("def f():\n    import time", 1),
        ("open('x')", 1),
        ("print('x')", 1),
        ("x = datetime.now(UTC)", 1),
        ("async def f(): pass", 1),
        ("import json, re\nfrom collections.abc import Iterable", 0),
    ],
)
def test_this_test_sees_what_it_should(tmp_path: Path, code: str, found: int) -> None:
    """A guard that sees nothing guards nothing."""
    (tmp_path / "it.py").write_text(code)
    house = House(tmp_path)
    assert found == len(_impure_imports(house, "it") + _impure_calls(house, "it"))


def test_a_circle_is_seen(tmp_path: Path) -> None:
    """Whether between modules of one folder or between rooms."""
    (tmp_path / "a.py").write_text(f"from {tmp_path.name} import b")
    (tmp_path / "b.py").write_text(f"def f():\n    from {tmp_path.name}.a import x")
    house = House(tmp_path)
    with pytest.raises(CycleError):
        TopologicalSorter(house.arrows_of_modules()).prepare()
    with pytest.raises(CycleError):
        house.floors()


@pytest.mark.parametrize(
    ("importer", "imported", "allowed"),
    [
        ("model", "errors", True),
        ("state", "model", True),
        ("model", "state", False),
        ("planning", "state", True),
        ("planning", "render", False),
        ("planning", "sensitive", False),
        ("render", "sensitive", False),
        ("cli", "operations", True),
        ("operations", "c1", True),
        ("c1", "operations", False),
        ("auth", "c1", False),
        ("operations", "sandbox", False),
        ("sandbox", "operations", False),
        ("sandbox", "c1", False),
        ("sandbox", "http", False),
        ("sandbox", "age", False),
        ("sandbox", "errors", True),
        ("age", "age", True),
    ],
)
def test_the_rules_are_the_designs(importer: str, imported: str, allowed: bool) -> None:
    """Down, left, inside; programs of their own stay apart."""
    assert allowed is _is_allowed(importer, imported)
