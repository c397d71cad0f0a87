"""`moved:` and `removed:`: what became of secrets that the manifest no longer calls by their old names."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from collections.abc import Mapping as MappingType

from reconciler.errors import Mark
from reconciler.manifest.document import Node
from reconciler.manifest.reading.fields import Fields, Log, fields_in
from reconciler.model.address import is_name
from reconciler.model.manifest import Moved, Removed


def read_moved(nodes: Collection[Node], secrets: Collection[str], log: Log) -> tuple[Moved, ...]:
    """Read `moved:`. A chain (a to b, b to c) comes back as moves to its end; circles and forks are problems."""
    moves: dict[str, Moved] = {}
    targets: dict[str, Mark] = {}
    for node in nodes:
        fields = fields_in(node, "moved", log)
        source, to = (_name(fields, "from"), _name(fields, "to")) if fields else (None, None)
        if fields is None or source is None or to is None:
            continue
        mark = fields.value_at("from")
        if source in secrets:
            log.add(
                mark,
                f"moved.from: {source} is still under secrets",
                hint="rename the secret, or remove this move",
            )
        elif source in moves:
            log.add(mark, "duplicate moved.from", _once(moves[source].mark))
        elif to in targets:
            log.add(fields.value_at("to"), "duplicate moved.to", _once(targets[to]))
        else:
            targets[to] = fields.value_at("to")
            moves[source] = Moved(source=source, to=to, mark=mark)
    return tuple(_resolved(moves, targets, secrets, log))


def _resolved(
    moves: MappingType[str, Moved], targets: MappingType[str, Mark], secrets: Collection[str], log: Log
) -> Iterator[Moved]:
    """Follow every move to the secret that exists."""
    for source, end in _ends(moves).items():
        move = moves[source]
        if end is None:
            log.add(move.mark, "moved: these moves form a cycle", "expected each to end under secrets")
        else:
            if end == move.to and end not in secrets:
                hint = log.meant(end, secrets)
                log.add(targets[end], "moved.to names no secret", "expected its current name", hint)
            yield Moved(source=source, to=end, mark=move.mark)


def _ends(moves: MappingType[str, Moved]) -> dict[str, str | None]:
    """Return where each move ends, None for those that go in a circle; each move is followed once."""
    ends: dict[str, str | None] = {}
    for start in moves:
        at, way = start, dict[str, None]()
        while at in moves and at not in ends and at not in way:
            way[at] = None
            at = moves[at].to
        end = None if at in way else ends.get(at, at)
        ends |= dict.fromkeys(way, end)
    return ends


def _once(first: Mark) -> str:
    return f"expected each once (first on line {first.line})"


def read_removed(
    nodes: Collection[Node], secrets: Collection[str], moved: Collection[Moved], log: Log
) -> tuple[Removed, ...]:
    """Read `removed:`: names that are neither declared nor moved, each once."""
    removals: dict[str, Removed] = {}
    sources = {move.source for move in moved}
    for node in nodes:
        fields = fields_in(node, "removed", log)
        name = _name(fields, "name") if fields else None
        if fields is None or name is None:
            continue
        mark, revoke = fields.value_at("name"), fields.flag("revoke")
        if name in secrets:
            log.add(
                mark,
                f"removed.name: {name} is still under secrets",
                hint="delete the secret, or remove this entry",
            )
        elif name in sources:
            log.add(mark, "removed.name is also in moved", "expected one or the other")
        elif name in removals:
            first = removals[name].mark.line
            log.add(
                mark,
                "duplicate removed.name",
                f"expected each once (first on line {first})",
            )
        else:
            removals[name] = Removed(name=name, revoke=revoke is not False, mark=mark)
    return tuple(removals.values())


def _name(fields: Fields, key: str) -> str | None:
    text = fields.text(key) if fields.need(key) else None
    if text is None or is_name(text):
        return text
    fields.log.odd(fields.value_at(key))
    return None
