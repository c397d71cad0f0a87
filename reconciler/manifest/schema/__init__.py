"""The shape of a manifest: the JSON Schema that editors use, and its verdict in this program's words.

jsonschema judges; its texts quote the input, so only the kind and place of what it found are used. `errorMessage`
in the schema, which editors also show, says what was expected.

jsonschema takes 1.4 s for 10,000 secrets and 0.1 s to import. A manifest without faults, the usual case, therefore
meets `accepting` first, which can only say "surely valid"; what it does not accept goes to jsonschema. A test holds
the two against each other.
"""

from __future__ import annotations

import importlib.resources
import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib.resources.abc import Traversable
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from reconciler.errors import Problem
from reconciler.manifest.document import Mapping, Node, plain
from reconciler.manifest.reading import SourceKind, SourceKinds
from reconciler.manifest.schema.accepting import Accepts, Schema, acceptor
from reconciler.manifest.schema.telling import tell
from reconciler.suggest import named

if TYPE_CHECKING:
    from jsonschema import Draft7Validator

__all__ = ["PROBLEMS_MAX", "problems", "schema_text", "with_kinds"]

PROBLEMS_MAX: Final = 1000
"""Problems told at once; more than anyone reads, and an end to a hostile file."""

_FILE: Final = "manifest.schema.json"
_INCLUDABLE: Final = ("version", "audiences", "defaults")


def schema_text() -> str:
    """Return the JSON Schema (draft-07) of a manifest as it is shipped."""
    return _file().read_text(encoding="utf-8")


def with_kinds(schema: Schema, kinds: SourceKinds) -> Schema:
    """Return a manifest's schema in which a source may be of these kinds, too.

    The file that is shipped shows the built-in ones to editors as they are declared, so that they change nothing.
    """
    secret, field = schema["definitions"]["secret"], schema["definitions"]["field"]
    source = _with_kinds(secret["properties"]["source"], kinds)
    secret = {**secret, "properties": {**secret["properties"], "source": source}}
    definitions = {**schema["definitions"], "secret": secret, "field": _with_kinds(field, kinds)}
    return {**schema, "definitions": definitions}


def _with_kinds(source: Schema, kinds: SourceKinds) -> Schema:
    properties = {name: part for kind in kinds.values() for name, part in kind.properties.items()}
    needs = {name: [key] for key, kind in kinds.items() for name in kind.properties if name != key}
    return {
        **source,
        "properties": {**source["properties"], **properties},
        "dependencies": {**source["dependencies"], **needs},
    }


def problems(node: Node, kinds: SourceKinds, *, included: bool = False) -> list[Problem]:
    """Return all in which a manifest, or with `included` an included file, has not the schema's shape."""
    checks = _checks(tuple(kinds.items()), included=included)
    if checks.accepts(node):
        return []
    errors = checks.validator().iter_errors(_doubtful(node, checks.accepts_secret))
    unique = dict.fromkeys(
        problem
        for error in islice(errors, PROBLEMS_MAX)
        for problem in islice(tell(error, node, included=included), PROBLEMS_MAX)
    )
    if len(unique) < PROBLEMS_MAX:
        return list(unique)
    more = Problem(mark=None, what=f"more than {PROBLEMS_MAX:,} problems", hint="fix these first")
    return [*islice(unique, PROBLEMS_MAX), more]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Checks:
    accepts: Accepts
    accepts_secret: Accepts
    validator: Callable[[], Draft7Validator]


def _file() -> Traversable:
    """Return the file: inside the installed package, or beside it in a source checkout."""
    shipped = importlib.resources.files("reconciler").joinpath("schemas", _FILE)
    return shipped if shipped.is_file() else Path(__file__).resolve().parents[3] / "schemas" / _FILE


@cache
def _checks(kinds: tuple[tuple[str, SourceKind], ...], *, included: bool) -> _Checks:
    whole = with_kinds(json.loads(schema_text()), dict(kinds))
    schema = json.loads(json.dumps(whole), object_hook=_whole_patterns)
    if included:
        parts = {key: schema["properties"][key] for key in _INCLUDABLE}
        schema = {**schema, "properties": parts, "required": []}

    @cache
    def validator() -> Draft7Validator:
        from jsonschema import Draft7Validator  # only when something is wrong: the import takes long

        return Draft7Validator(schema)

    return _Checks(
        accepts=acceptor(schema, schema["definitions"]),
        accepts_secret=acceptor(schema["definitions"]["secret"], schema["definitions"]),
        validator=validator,
    )


def _whole_patterns(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the schema with JSON Schema's `$`, the end of the text. Python's also matches before a last newline."""
    pattern = schema.get("pattern")
    if isinstance(pattern, str) and pattern.endswith("$"):
        return {**schema, "pattern": pattern[:-1] + r"\Z"}
    return schema


def _doubtful(node: Node, accepts_secret: Accepts) -> object:
    """Return the plain document without the secrets that are surely valid: they change no verdict."""
    if not isinstance(node, Mapping) or "secrets" not in node.entries:
        return plain(node)
    secrets = node.entries["secrets"].value
    if not isinstance(secrets, Mapping):
        return plain(node)
    rest = {key: plain(entry.value) for key, entry in node.entries.items() if key != "secrets"}
    kept = {
        name: plain(entry.value)
        for name, entry in secrets.entries.items()
        if named(name) != name or not accepts_secret(entry.value)
    }
    return {**rest, "secrets": kept}
