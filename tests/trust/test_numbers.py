"""No number or time in a state, however large, crashes a run: it is refused as damage, or reckoned with."""

from __future__ import annotations

import copy
import hashlib
import itertools
import json
import re
from collections.abc import Iterator
from typing import Any, Final

import pytest

from reconciler.model import canonical
from tests.support.commandline import Desk, text_secret

_NUMBERS: Final = (10**20, 2**53, 10**12, 10**8, 1000 * 366 * 86400)
_TIMES: Final = (
    "0001-01-01T00:00:00Z",
    "1970-01-01T00:00:00Z",
    "2999-12-31T23:59:59Z",
    "9999-12-31T23:59:59Z",
)
_COMMANDS: Final = (
    ("plan",),
    ("plan", "--offline", "--format", "html"),
    ("state", "list"),
    ("state", "mv", "a", "d"),
)
Path = tuple[str | int, ...]


def _places(node: Any, path: Path = ()) -> Iterator[tuple[Path, bool]]:
    """Yield the path of every number and time in a JSON value; true for a time."""
    if isinstance(node, dict | list):
        for key, child in node.items() if isinstance(node, dict) else enumerate(node):
            yield from _places(child, (*path, key))
    elif isinstance(node, str):
        if re.fullmatch(r"\d{4}-\d\d-\d\dT.*Z", node):
            yield path, True
    elif isinstance(node, int) and not isinstance(node, bool):
        yield path, False


def _with(state: Any, path: Path, new: object) -> Any:
    """Return a copy of a state with another value in one place."""
    forged = copy.deepcopy(state)
    place = forged
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = new
    return forged


def _sealed(state: Any) -> bytes:
    state.pop("checksum", None)
    state["checksum"] = "sha256:" + hashlib.sha256(canonical.canonical(state)).hexdigest()
    return json.dumps(state).encode()


def test_no_number_or_time_is_an_internal_error(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every place of a state with a live share, an ended one and an old copy, with every size."""
    monkeypatch.setenv("A", "a value")
    desk.manifest(text_secret("a") + text_secret("b", "A") + text_secret("c", "A"))
    desk.apply()
    state = desk.state
    b, c = state["instances"]["b"], state["instances"]["c"]
    old = {"vault_id": "old", "revoke_after": "2026-11-23T07:00:00Z"}
    b["deposed"] = [c["current"] | old]
    c["ended"] = {"how": "expired", "object": c["current"], "seen": "2026-11-23T07:00:00Z"}
    c["current"] = None
    at, until = "2026-11-23T07:00:00Z", "2026-11-23T08:00:00Z"
    lost = {"op": "0", "address": "a", "generation": 1, "tag": "", "at": at, "until": until}
    state["pending"] = [lost]
    places = list(_places(state))
    assert len(places) > 20
    desk.state_path.write_bytes(_sealed(state))
    desk.done("plan")
    ends: set[int] = set()
    for (path, is_time), command in zip(places, itertools.cycle(_COMMANDS), strict=False):
        for new in _TIMES if is_time else _NUMBERS:
            desk.state_path.write_bytes(_sealed(_with(state, path, new)))
            ran = desk.run(*command)
            ends.add(ran.code)
            assert "internal error" not in ran.err, (path, new, command, ran.said)
    assert {0, 1} <= ends


@pytest.mark.parametrize(
    ("path", "largest"),
    [
        (("serial",), 10**12),
        (("generations", "a"), 10**8),
        (("instances", "a", "current", "generation"), 10**8),
    ],
)
def test_what_is_counted_on_can_be_counted_further(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, path: Path, largest: int
) -> None:
    """Near the largest that is read, runs go on; in a tag, a larger generation would be no generation."""
    monkeypatch.setenv("A", "a value")
    desk.manifest(text_secret("a"))
    desk.apply()
    for number, code in ((largest + 1, 1), (largest - 100, 0)):
        desk.state_path.write_bytes(_sealed(_with(desk.state, path, number)))
        assert code == desk.run("plan").code
    desk.apply("--replace", "a")
    assert {} == desk.plan()
