"""A fast check of a document against a JSON Schema that says True only for what is surely valid."""

from __future__ import annotations

import re
from collections.abc import Callable
from collections.abc import Mapping as MappingType
from typing import Any, Final, TypeAlias

from reconciler.manifest.document import Mapping, Node, Scalar, Sequence

Schema: TypeAlias = "MappingType[str, Any]"
Accepts: TypeAlias = Callable[[Node], bool]

_WORDLESS: Final = frozenset(
    {"$schema", "$comment", "title", "description", "default", "examples", "errorMessage", "definitions"}
)


def acceptor(schema: Schema, definitions: Schema) -> Accepts:
    """Return a check that says True only for what the schema surely accepts.

    A keyword that it does not know makes it say False, and jsonschema is asked.
    """
    if "$ref" in schema:
        return acceptor(definitions[schema["$ref"].removeprefix("#/definitions/")], definitions)
    keywords = schema.keys() - _WORDLESS
    match schema.get("type"):
        case "object" if keywords <= _OBJECT:
            return _accepts_object(schema, definitions)
        case "array" if keywords <= {"type", "items", "minItems", "maxItems"}:
            return _accepts_array(schema, definitions)
        case "string" if keywords <= {"type", "pattern", "minLength", "maxLength", "enum"}:
            return _accepts_text(schema)
        case "integer" if keywords <= {"type", "minimum", "maximum"}:
            low, high = schema.get("minimum", float("-inf")), schema.get("maximum", float("inf"))
            return lambda node: type(node) is Scalar and type(node.value) is int and low <= node.value <= high
        case "boolean" if keywords <= {"type"}:
            return lambda node: type(node) is Scalar and type(node.value) is bool
        case None if keywords == {"const"}:
            const = schema["const"]
            return lambda node: (
                type(node) is Scalar and type(node.value) is type(const) and node.value == const
            )
    return lambda _: False


_OBJECT: Final = frozenset(
    {
        "type",
        "properties",
        "required",
        "additionalProperties",
        "propertyNames",
        "dependencies",
        "minProperties",
    }
)


def _accepts_object(schema: Schema, definitions: Schema) -> Accepts:
    known = {key: acceptor(part, definitions) for key, part in schema.get("properties", {}).items()}
    rest = schema.get("additionalProperties")
    other = acceptor(rest, definitions) if isinstance(rest, dict) else None
    names = schema.get("propertyNames", {})
    if (rest not in (False,) and other is None) or names.keys() - _WORDLESS - {"pattern"}:
        return lambda _: False
    is_name = re.compile(names.get("pattern", "")).search
    required = frozenset(schema.get("required", ()))
    needs = tuple(schema.get("dependencies", {}).items())
    least = schema.get("minProperties", 0)

    def accepts(node: Node) -> bool:
        if type(node) is not Mapping or len(node.entries) < least or not required <= node.entries.keys():
            return False
        entries = node.entries
        for key, entry in entries.items():
            check = known.get(key, other)
            if check is None or not is_name(key) or not check(entry.value):
                return False
        return all(need in entries for key, needed in needs if key in entries for need in needed)

    return accepts


def _accepts_array(schema: Schema, definitions: Schema) -> Accepts:
    item = acceptor(schema["items"], definitions)
    least, most = schema.get("minItems", 0), schema.get("maxItems", float("inf"))
    return lambda node: (
        type(node) is Sequence and least <= len(node.items) <= most and all(item(each) for each in node.items)
    )


def _accepts_text(schema: Schema) -> Accepts:
    least, most = schema.get("minLength", 0), schema.get("maxLength", float("inf"))
    offered = frozenset(schema["enum"]) if "enum" in schema else None
    matches = re.compile(schema.get("pattern", "")).search

    def accepts(node: Node) -> bool:
        if type(node) is not Scalar or type(node.value) is not str:
            return False
        text = node.value
        is_offered = offered is None or text in offered
        return is_offered and least <= len(text) <= most and matches(text) is not None

    return accepts
