"""The walks that tests/support/walks.py tells are the program's, and a name means one thing."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Final

import pytest

from tests.support.house import ROOT, House, checked_out, steps
from tests.support.walks import BEFORE, WALKS, WALKS_BEFORE

ON_PURPOSE: Final = {
    "decode": "what reads the bytes of a format stands beside what writes them, in each format's module",
    "encode": "as decode",
    "parse": "text in, what it means out: one for each language that is read",
    "render": "one for each format",
    "seal": "one for each age suite",
    "seal_text": "as seal",
}
"""Public names that two or more modules define, and why."""

_NOT_ON_PURPOSE: Final = 0
"""How many others there still are; never more."""

_HOUSE: Final = House(ROOT / "reconciler")


@pytest.mark.parametrize("name", WALKS)
def test_a_walk_is_the_programs(name: str) -> None:
    """Every step is there, and is named by the one that calls it: the counts of climbs are of what runs."""
    assert [] == _HOUSE.untrue(steps(WALKS[name]))


@pytest.fixture(scope="module")
def house_before(tmp_path_factory: pytest.TempPathFactory) -> House:
    """The package before the rooms."""
    known = ["git", "-C", str(ROOT), "cat-file", "-e", BEFORE]
    if subprocess.run(known, capture_output=True, check=False).returncode:
        pytest.skip(f"{BEFORE} is not in this repository")
    return checked_out(BEFORE, tmp_path_factory.mktemp("before"))


@pytest.mark.parametrize("name", WALKS_BEFORE)
def test_a_walk_was_the_programs(name: str, house_before: House) -> None:
    """So that before and after can be compared."""
    assert [] == house_before.untrue(steps(WALKS_BEFORE[name]))


def test_the_same_walks_are_compared() -> None:
    """Each has its row in the table of before and after."""
    assert list(WALKS) == list(WALKS_BEFORE)


def test_a_name_means_one_thing() -> None:
    """Whoever searches for a public name finds one definition, or one of few families."""
    twice = _HOUSE.defined_twice()
    assert ON_PURPOSE.keys() <= twice.keys(), "an entry for a name that is defined once"
    assert len(ON_PURPOSE) < 10
    others = {name: where for name, where in twice.items() if name not in ON_PURPOSE}
    assert len(others) <= _NOT_ON_PURPOSE, others


@pytest.fixture
def small_house(tmp_path: Path) -> House:
    """Three rooms: `top` stands on `left` and `right`, and imports only `left`."""
    root = tmp_path / "small"
    root.mkdir()
    (root / "left.py").write_text("def low(): pass\n")
    (root / "right.py").write_text("def low(): pass\n\nclass Door:\n    def open(self): pass\n")
    (root / "top.py").write_text(
        "from small import left\n\ndef high(door):\n    left.low()\n    door.open()\n\ndef deaf(): pass\n"
    )
    return House(root)


@pytest.mark.parametrize(
    ("walk", "denied"),
    [
        ("top high\n  left low\n  right Door.open", []),
        ("top high\n  left lower", ["left:lower: not there"]),
        ("top high\n  cellar low", ["cellar:low: not there"]),
        ("top deaf\n  left low", ["left:low: not called by top:deaf"]),
        ("top high\n  right low", ["right:low: not called by top:high"]),
        ("top high\n  top deaf", ["top:deaf: not called by top:high"]),
    ],
)
def test_a_walk_cannot_lie(small_house: House, walk: str, denied: list[str]) -> None:
    """About what is there, nor about who calls whom; a function of the same name elsewhere is another."""
    assert denied == small_house.untrue(steps(walk))


def test_a_walk_begins_once() -> None:
    """A second beginning would be called by nobody, and so be checked by nobody."""
    with pytest.raises(AssertionError, match="begins once"):
        steps("top high\nleft low")


@pytest.mark.parametrize(
    ("walk", "climbs"),
    [
        ("top high\n  left low", 0),
        ("top high\n  left low\n  top deaf", 1),
        ("top high\n  left low\n  right low", 0),
        ("top high\n  left low\n  top deaf\n  right low\n  top deaf", 2),
    ],
)
def test_a_climb_is_a_step_up(small_house: House, walk: str, climbs: int) -> None:
    """Back to a caller's room as well as on to a higher one; not along a floor, and not down."""
    assert climbs == small_house.climbs(steps(walk))
