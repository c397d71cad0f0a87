"""The house as its imports draw it, and the walks that values take through it.

    python -m tests.support.house                     counts this package and prints its floors
    python -m tests.support.house --compare 8636680   sets the counts beside those of an earlier commit

A *room* is a folder or a module of the package's root (`__init__` and `__main__` are the door). An *arrow* leads
from a room to one that it imports, wherever in the file the import stands. A *floor* is how far down a room's
longest way along arrows goes. A *circle* is a set of rooms, or of modules, that import each other. A *walk*
(tests/support/walks.py) is what a value passes, in order; where the next step's room stands on a higher floor
than the one before, it *climbs*. Every step but the first must be named in the source of the one that calls it.
"""

from __future__ import annotations

import argparse
import ast
import io
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise
from pathlib import Path
from typing import Final, TypeAlias

from tests.support.walks import BEFORE, WALKS, WALKS_BEFORE

ROOT: Final = Path(__file__).resolve().parents[2]
DOOR = {"", "__main__"}


@dataclass(frozen=True)
class House:
    """A package as it lies in a directory; nothing of it is imported."""

    root: Path

    @cached_property
    def modules(self) -> Mapping[str, Path]:
        """Every module by its name within the package: `planning.planner`; a folder's own is the folder's name."""
        return {self._name(path): path for path in sorted(self.root.rglob("*.py"))}

    def _name(self, path: Path) -> str:
        parts = path.relative_to(self.root).with_suffix("").parts
        return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)

    def imported(self, module: str) -> Iterator[tuple[int, str]]:
        """Return the line and the full name of everything that a module imports."""
        for node in imports(self.modules[module]):
            if isinstance(node, ast.Import):
                yield from ((node.lineno, alias.name) for alias in node.names)
            else:
                assert not node.level, f"{module}: imports here are absolute"
                yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)

    def ours(self, module: str) -> Iterator[tuple[int, str]]:
        """Return the line and the module of every import from the package itself; the version is nobody's."""
        for line, full in self.imported(module):
            name = full.removeprefix(f"{self.root.name}.")
            if name == full or name == "__version__":
                continue
            while name not in self.modules:
                name = name.rpartition(".")[0]
            yield line, name

    def arrows_of_modules(self) -> dict[str, set[str]]:
        """Return which modules each module imports."""
        return {module: {name for _, name in self.ours(module)} - {module} for module in self.modules}

    @cached_property
    def arrows(self) -> Mapping[str, set[str]]:
        """Which rooms each room imports."""
        found: dict[str, set[str]] = {room(m): set() for m in self.modules if m not in DOOR}
        for module, names in self.arrows_of_modules().items():
            if module not in DOOR:
                found[room(module)] |= {room(name) for name in names if name not in DOOR} - {room(module)}
        return found

    def floors(self) -> dict[str, int]:
        """Return each room's floor; 0 imports no other room. Raises CycleError where rooms stand in a circle."""
        height: dict[str, int] = {}
        for name in TopologicalSorter(self.arrows).static_order():
            height[name] = 1 + max((height[other] for other in self.arrows[name]), default=-1)
        return height

    def circles(self) -> int:
        """Return 0, or 1 where rooms or modules import each other: what is found first hides the others."""
        try:
            self.floors()
            TopologicalSorter(self.arrows_of_modules()).prepare()
        except CycleError:
            return 1
        return 0

    def definition(self, module: str, function: str) -> Definition | None:
        """Return where a module defines a function, or a class a method (`Class.method`)."""
        body: Sequence[ast.stmt] = tree(self.modules[module]).body if module in self.modules else ()
        found: Definition | None = None
        for name in function.split("."):
            found = next(
                (n for n in body if isinstance(n, _DEFINITIONS) and n.name == name),
                None,
            )
            body = found.body if found else ()
        return found

    def climbs(self, walk: Sequence[Step]) -> int:
        """Return how often a walk goes up from one step to the next."""
        floors = self.floors()
        heights = [floors[room(step.module)] for step in walk]
        return sum(above > below for below, above in pairwise(heights))

    def untrue(self, walk: Sequence[Step]) -> list[str]:
        """Return what the source denies of a walk: steps that are not there, callers that do not call."""
        found = []
        for step in walk:
            if self.definition(step.module, step.function) is None:
                found.append(f"{step}: not there")
            elif step.caller and not self._calls(step.caller, step):
                found.append(f"{step}: not called by {step.caller}")
        return found

    def _calls(self, caller: Step, step: Step) -> bool:
        """Whether the caller's source names the callee, and its module can mean that one by the name."""
        source = self.definition(caller.module, caller.function)
        name = step.function.rpartition(".")[2]
        if source is None or name not in _names(source) | self._in_tables(caller.module, _names(source)):
            return False
        if "." in step.function or step.module == caller.module:
            return True  # what a method belongs to is not known here
        return any(
            step.module == imported or step.module.startswith(f"{imported}.")
            for imported in self.arrows_of_modules()[caller.module]
        )

    def _in_tables(self, module: str, names: set[str]) -> set[str]:
        """Return what a module's own tables (`RENDERERS = {…: _text}`) hold, of those that are named."""
        tables = (node for node in tree(self.modules[module]).body if isinstance(node, ast.AnnAssign))
        used = (t for t in tables if isinstance(t.target, ast.Name) and t.target.id in names and t.value)
        return set().union(*(_names(table.value) for table in used if table.value))

    def defined_twice(self) -> dict[str, list[str]]:
        """Return the public functions and classes that two or more modules define, by name.

        Without the sandbox: it reads the API a second time on purpose, in the API's own words.
        """
        places: dict[str, list[str]] = {}
        for module, path in self.modules.items():
            if room(module) != "sandbox":
                for name in _definitions(tree(path)):
                    places.setdefault(name, []).append(module)
        return {name: where for name, where in sorted(places.items()) if len(where) > 1}


_DEFINITIONS: Final = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
Definition: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


@dataclass(frozen=True)
class Step:
    """One function that a walk passes; the first has no caller."""

    module: str
    function: str
    caller: Step | None = None

    def __str__(self) -> str:
        return f"{self.module}:{self.function}"


def steps(walk: str) -> list[Step]:
    """Read a walk: a line a step, the caller of each the nearest line above that stands less deep."""
    found: list[Step] = []
    callers: list[tuple[int, Step]] = []
    for line in filter(str.strip, walk.splitlines()):
        depth = len(line) - len(line.lstrip())
        while callers and callers[-1][0] >= depth:
            callers.pop()
        module, function = line.split()
        step = Step(module, function, callers[-1][1] if callers else None)
        assert step.caller or not found, f"{step}: a walk begins once"
        found.append(step)
        callers.append((depth, step))
    return found


def _names(source: ast.AST) -> set[str]:
    nodes = list(ast.walk(source))
    attributes = {node.attr for node in nodes if isinstance(node, ast.Attribute)}
    return attributes | {node.id for node in nodes if isinstance(node, ast.Name)}


def _definitions(module: ast.Module) -> Iterator[str]:
    for node in module.body:
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                if not name.startswith("_"):
                    yield name


def room(module: str) -> str:
    """Return the room that a module stands in."""
    return module.partition(".")[0]


@cache
def tree(path: Path) -> ast.Module:
    """Return a file's syntax tree."""
    return ast.parse(path.read_text(encoding="utf-8"))


@cache
def imports(path: Path) -> Sequence[ast.Import | ast.ImportFrom]:
    """Return a file's imports, wherever in it they stand."""
    return [node for node in ast.walk(tree(path)) if isinstance(node, ast.Import | ast.ImportFrom)]


def counts(house: House, walks: Mapping[str, str]) -> dict[str, int]:
    """Return every count by its name. Raises ValueError for a walk that the source denies."""
    for name, walk in walks.items():
        if denied := house.untrue(steps(walk)):
            raise ValueError(f"the walk of the {name} is not the program's:\n" + "\n".join(denied))
    return {
        "rooms": len(house.arrows),
        "floors": 1 + max(house.floors().values()),
        "arrows": sum(map(len, house.arrows.values())),
        "circles": house.circles(),
        "public names in two or more modules": len(house.defined_twice()),
    } | {f"climbs: {name}": house.climbs(steps(walk)) for name, walk in walks.items()}


def table(commit: str, before: Mapping[str, int], now: Mapping[str, int]) -> str:
    """Return two sets of counts beside each other, as Markdown."""
    rows = [f"| {name} | {before[name]} | {now[name]} |" for name in now]
    return "\n".join([f"| | {commit} | now |", "|---|--:|--:|", *rows])


def checked_out(commit: str, directory: Path) -> House:
    """Return the package as it was at a commit. Raises CalledProcessError where that is not in the repository."""
    command = ["git", "-C", str(ROOT), "archive", commit, "reconciler"]
    archive = subprocess.run(command, check=True, capture_output=True).stdout
    with tarfile.open(fileobj=io.BytesIO(archive)) as files:
        files.extractall(directory, filter="data")
    return House(directory / "reconciler")


def main() -> None:
    """Print what was asked for."""
    parser = argparse.ArgumentParser(prog="python -m tests.support.house")
    parser.add_argument("--compare", metavar="COMMIT", choices=[BEFORE], help=f"one that has walks: {BEFORE}")
    commit = parser.parse_args().compare
    house = House(ROOT / "reconciler")
    now = counts(house, WALKS)
    if commit:
        with tempfile.TemporaryDirectory() as directory:
            print(table(commit, counts(checked_out(commit, Path(directory)), WALKS_BEFORE), now))
        return
    print("\n".join(f"{value:4} {name}" for name, value in now.items()))
    print("\npublic names in two or more modules")
    print("\n".join(f"  {name}: {', '.join(where)}" for name, where in house.defined_twice().items()))
    print("\nfloors")
    floors = house.floors()
    for height in sorted(set(floors.values()), reverse=True):
        print(f"{height:4} {' '.join(sorted(name for name, at in floors.items() if at == height))}")


if __name__ == "__main__":
    main()
