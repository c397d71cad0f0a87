"""The table of layers (docs/design.md, section 3), held against every import.

A module may import from lower rows, from its own directory, and, except in row 7, from what stands to its left in
its row. A new module fails here until it has its place: put its name into the row whose work it does, to the
right of everything of that row that it imports.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import reconciler

_LAYERS = (
    # 0 words
    "errors addresses environment",
    # 1 nouns
    "document manifest state remote canonical",
    # 2 plan
    "attention plan events",
    # 3 pure work
    """suggest manifestfile templates words retry policy known expand recipients records journal ledger tags readback compare
    condition decisions notes verdicts moves planner differences selection approval planjson planfile rows view
    recovery statefile reply""",
    # 4 plaintext
    "sensitive fingerprint",
    # 5 codecs
    "yamltext schema age render",
    # 6 edges
    """durable files git branch destination http comments clock patience answers auth wire exchange client upload sources
    backends lock keyfile workdir""",
    # 7 order
    "operations sandbox",
    # 8 shell
    "ui cli __main__",
)

_OUTSIDE = {
    "yamltext": {"yaml"},
    "schema": {"jsonschema"},
    "age": {"pyrage", "cryptography"},
    "destination": {"httpx"},
    "http": {"certifi", "httpcore", "httpx"},
    "auth": {"cryptography", "httpx", "jwt"},
    "sandbox": {"cryptography", "jsonschema", "pyrage", "starlette", "uvicorn", "yaml"},
    "ui": {"click", "rich"},
    "cli": {"click", "rich"},
}
"""Who may import which third party; everybody else the standard library only."""

_PURE_ROWS = range(5)
"""Text in, values out: neither files nor clocks, chance, network, logging, nor a way to run anything."""

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
        "re",
        "shlex",
        "string",
        "textwrap",
        "types",
        "typing",
        "unicodedata",
    ),
    *("urllib.parse", "zlib"),
}
_PURE_NAMES = {"pathlib": {"PurePath", "PurePosixPath"}}
_IMPURE_CALLS = {"open", "print", "input", "exec", "eval", "compile", "__import__", "breakpoint"}
_CLOCKS = {"now", "utcnow", "today"}

_SANDBOX_ROWS = {0, 1, 4}
"""The sandbox reads the API for itself: it shares words and nouns with the program, and no code that talks."""

_ROOT = Path(reconciler.__file__).parent
_PLACES = {
    name: (row, column) for row, names in enumerate(_LAYERS) for column, name in enumerate(names.split())
}


def _files() -> list[Path]:
    return sorted(path for path in _ROOT.rglob("*.py") if path != _ROOT / "__init__.py")


def _name(path: Path) -> str:
    return path.relative_to(_ROOT).parts[0].removesuffix(".py")


@cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def _imports(path: Path) -> Iterator[tuple[int, str]]:
    """Return the line and the full name of everything imported, wherever in the file the import stands."""
    for node in ast.walk(_tree(path)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = _absolute(path, node)
            yield from ((node.lineno, f"{module}.{alias.name}") for alias in node.names)


def _absolute(path: Path, node: ast.ImportFrom) -> str:
    if not node.level:
        return node.module or ""
    package = ("reconciler", *path.relative_to(_ROOT).parts)[: -node.level]
    return ".".join((*package, node.module or "")).rstrip(".")


def _ours(path: Path) -> Iterator[tuple[int, str]]:
    """Return the line and the name of our own modules that a file imports; the version is nobody's."""
    for line, full in _imports(path):
        first, _, rest = full.partition(".")
        name = rest.partition(".")[0]
        if first == "reconciler" and name != "__version__":
            yield line, name


def _is_allowed(importer: str, imported: str) -> bool:
    (row, column), (other_row, other_column) = _PLACES[importer], _PLACES[imported]
    if importer == imported:
        return True
    if importer == "sandbox":
        return other_row in _SANDBOX_ROWS
    if row == other_row:
        return row != 7 and other_column < column
    return other_row < row


def test_every_module_has_its_place() -> None:
    """And no place is empty or given twice."""
    names = [name for row in _LAYERS for name in row.split()]
    assert sorted(names) == sorted(set(names))
    assert {_name(path) for path in _files()} == set(names)


@pytest.mark.parametrize("path", _files(), ids=lambda path: str(path.relative_to(_ROOT)))
def test_imports_lead_down_or_left(path: Path) -> None:
    """Imports at the top, in functions and under TYPE_CHECKING alike."""
    importer = _name(path)
    if importer not in _PLACES:
        pytest.fail(f"{importer} has no place in the table of this test yet")
    wrong = [
        f"line {line}: {importer} (row {_PLACES[importer][0]}) imports {name}"
        for line, name in _ours(path)
        if name not in _PLACES or not _is_allowed(importer, name)
    ]
    assert wrong == []


@pytest.mark.parametrize("path", _files(), ids=lambda path: str(path.relative_to(_ROOT)))
def test_third_parties_stay_where_the_table_puts_them(path: Path) -> None:
    """One wrapper each, so that one can be exchanged."""
    outside = (
        {full.partition(".")[0] for _, full in _imports(path)} - sys.stdlib_module_names - {"reconciler"}
    )
    assert outside - _OUTSIDE.get(_name(path), set()) == set()


def _pure_files() -> list[Path]:
    return [path for path in _files() if _PLACES.get(_name(path), (99, 0))[0] in _PURE_ROWS]


def _impure_imports(path: Path) -> list[str]:
    found = []
    for line, full in _imports(path):
        module = next((m for m in _PURE_MODULES if full == m or full.startswith(f"{m}.")), None)
        name = full.removeprefix(f"{module}.")
        if full.startswith("reconciler"):
            continue
        if module is None or name not in _PURE_NAMES.get(module, {name}):
            found.append(f"line {line}: imports {full}")
    return found


def _impure_calls(path: Path) -> list[str]:
    found = []
    for node in ast.walk(_tree(path)):
        match node:
            case ast.Call(func=ast.Name(id=name)) if name in _IMPURE_CALLS:
                found.append(f"line {node.lineno}: calls {name}")
            case ast.Attribute(value=ast.Name(id="datetime" | "date"), attr=name) if name in _CLOCKS:
                found.append(f"line {node.lineno}: looks at the clock")
            case ast.AsyncFunctionDef() | ast.Await() | ast.Global():
                found.append(f"line {node.lineno}: {type(node).__name__}")
    return found


@pytest.mark.parametrize("path", _pure_files(), ids=lambda path: str(path.relative_to(_ROOT)))
def test_the_core_is_pure(path: Path) -> None:
    """No files, clock, chance, network, process, output, logging or waiting beneath row 5."""
    assert _impure_imports(path) + _impure_calls(path) == []


def test_the_core_cannot_hold_a_plaintext() -> None:
    """The type for secrets stands above the nouns and the plan: nothing built from those can leak one."""
    assert _PLACES["sensitive"][0] > _PLACES["view"][0]


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
    path = tmp_path / "it.py"
    path.write_text(code)
    assert found == len(_impure_imports(path) + _impure_calls(path))


@pytest.mark.parametrize(
    ("importer", "imported", "allowed"),
    [
        ("plan", "state", True),
        ("state", "plan", False),
        ("planner", "expand", True),
        ("expand", "planner", False),
        ("recovery", "sensitive", False),
        ("cli", "operations", True),
        ("operations", "client", True),
        ("client", "operations", False),
        ("operations", "sandbox", False),
        ("sandbox", "operations", False),
        ("sandbox", "client", False),
        ("sandbox", "http", False),
        ("sandbox", "upload", False),
        ("sandbox", "age", False),
        ("sandbox", "errors", True),
        ("age", "age", True),
    ],
)
def test_the_rules_are_the_designs(importer: str, imported: str, allowed: bool) -> None:
    """Down, left, inside; row 7 only down; the sandbox by itself."""
    assert allowed is _is_allowed(importer, imported)
