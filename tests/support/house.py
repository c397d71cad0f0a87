"""The house as its imports draw it; `python -m tests.support.house [PACKAGE]` counts.

A *room* is a folder or a module of the package's root (`__init__` and `__main__` are the door). An *arrow* leads
from a room to one that it imports, wherever in the file the import stands. A *floor* is how far down a room's
longest way along arrows goes. A *circle* is a set of rooms, or of modules, that import each other.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from graphlib import TopologicalSorter
from pathlib import Path

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
        for node in ast.walk(tree(self.modules[module])):
            if isinstance(node, ast.Import):
                yield from ((node.lineno, alias.name) for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
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


def main(package: Path) -> None:
    """Print the counts of a package."""
    house = House(package)
    floors = house.floors()
    print(f"rooms   {len(house.arrows)}")
    print(f"floors  {1 + max(floors.values())}")
    print(f"arrows  {sum(map(len, house.arrows.values()))}")
    print("circles 0")  # `floors` raises otherwise
    twice = house.defined_twice()
    print(f"public names defined in two or more modules: {len(twice)}")
    for name, where in twice.items():
        print(f"  {name}: {', '.join(where)}")
    for height in sorted(set(floors.values()), reverse=True):
        print(f"{height:3} {' '.join(sorted(name for name, at in floors.items() if at == height))}")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parents[2] / "reconciler")
