"""What jsonschema found, told in this program's words: its texts quote the input, so they are not used."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Sequence as SequenceType
from typing import TYPE_CHECKING, Any, Final

from reconciler.errors import Mark, Problem
from reconciler.manifest.document import Node, mark_at
from reconciler.suggest import did_you_mean, named, near, one_of

if TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError

_LITERALS: Final = frozenset(
    {"value", "values", "literal", "content", "data", "plaintext", "text", "secret", "password", "string"}
)
"""Keys under which people write the secret itself."""

_WRONG: Final = {
    "const": "is not supported",
    "enum": "is not one of the allowed values",
    "maxItems": "has too many items",
    "maxLength": "is too long",
    "maximum": "is too large",
    "minItems": "is an empty list",
    "minLength": "is empty",
    "minProperties": "is empty",
    "minimum": "is too small",
    "pattern": "is malformed",
}
_KINDS: Final = (
    (bool, "a boolean"),
    (str, "a string"),
    (int | float, "a number"),
    (list, "a list"),
    (dict, "a mapping"),
)


def tell(error: ValidationError, node: Node, *, included: bool) -> Iterator[Problem]:
    """Return what one finding of jsonschema means, with its place in the document."""
    path = list(error.absolute_path)
    way = _way(path) or ("the included file" if included else "the manifest")
    schema: Any = error.schema
    match error.validator:
        case "additionalProperties":
            yield from _unknown(error, node, path, included=included)
        case "required":
            yield from _missing(error, mark_at(node, path, key=True), _way(path))
        case "dependencies":
            yield from _alone(error, node, path)
        case "type":
            problem = f"{way} is {_kind(error.instance)}"
            yield Problem(mark=mark_at(node, path), what=problem, expected=schema.get("errorMessage"))
        case "pattern" if "propertyNames" in error.schema_path:
            mark = mark_at(node, [*path, str(error.instance)], key=True)
            problem = f"a name under {way} is malformed"
            yield Problem(mark=mark, what=problem, expected=schema.get("errorMessage"))
        case "enum" | "pattern" if not isinstance(error.instance, str):
            pass  # its type was told
        case kind:
            hint = did_you_mean(error.instance, schema["enum"]) if kind == "enum" else None
            problem = f"{way} {_WRONG.get(str(kind), 'is not allowed')}"
            yield Problem(
                mark=mark_at(node, path), what=problem, expected=schema.get("errorMessage"), hint=hint
            )


def _unknown(
    error: ValidationError, node: Node, path: SequenceType[str | int], *, included: bool
) -> Iterator[Problem]:
    """Return a problem for each unknown key, named only if it is nearly one of ours: another may be a value."""
    schema: Any = error.schema
    instance: Any = error.instance
    way = f" in {_way(path)}" if path else ""
    for key in instance:
        if key in schema["properties"]:
            continue
        mark = mark_at(node, [*path, key], key=True)
        hint = did_you_mean(key, schema["properties"])
        if path[:1] == ["secrets"] and key.casefold() in _LITERALS:
            expected = "expected source: {env: NAME} or {file: PATH}"
            hint = "set an environment variable, or keep the value in a file, where reconciler runs"
            yield Problem(
                mark=mark,
                what=f"{_way(path)} contains a value itself: it never belongs in a manifest",
                expected=expected,
                hint=hint,
            )
        elif hint:
            yield Problem(mark=mark, what=f"unknown key {key}{way}", hint=hint)
        else:
            only = "expected only audiences and defaults in an included file"
            expected = only if included and not path else one_of(schema["properties"])
            yield Problem(mark=mark, what=f"unknown key{way}", expected=expected)


def _missing(error: ValidationError, mark: Mark, way: str) -> Iterator[Problem]:
    schema: Any = error.schema
    instance: Any = error.instance
    meant = {near(key, schema["properties"]) for key in instance if key not in schema["properties"]}
    for key in schema["required"]:
        if key not in instance and key not in meant:  # a misspelt one was told as that
            problem = f"{way} has no {key}" if way else f"{key} is missing"
            yield Problem(mark=mark, what=problem, expected=schema["properties"][key].get("errorMessage"))


def _alone(error: ValidationError, node: Node, path: SequenceType[str | int]) -> Iterator[Problem]:
    schema: Any = error.schema
    instance: Any = error.instance
    for key, needed in schema["dependencies"].items():
        for other in needed:
            if key in instance and other not in instance:
                mark = mark_at(node, [*path, key], key=True)
                yield Problem(
                    mark=mark,
                    what=f"{_way([*path, key])} requires {other}",
                    expected=f"expected {other} beside it",
                )


def _kind(value: object) -> str:
    return next((words for kind, words in _KINDS if isinstance(value, kind)), "empty")


def _way(path: SequenceType[str | int]) -> str:
    """Return `secrets.db-password.max_views`; names that cannot be names are not shown."""
    steps = (f"[{step}]" if isinstance(step, int) else f".{named(step)}" for step in path)
    return "".join(steps).removeprefix(".")
