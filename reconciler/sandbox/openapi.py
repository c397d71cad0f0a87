"""The vendor's own description of the API, as a judge of requests.

It leaves its objects open and knows formats that JSON Schema does not: here objects are closed, so that a
misspelt field fails, and the formats are protobuf's. Read once per process, when first needed.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable
from functools import cache
from importlib import resources
from typing import Any, Final

import yaml
from jsonschema import Draft202012Validator, FormatChecker, ValidationError

from reconciler.sandbox.refusals import invalid
from reconciler.sandbox.settings import Answer, Settings, Suites

_FILE: Final = "c1-secrets-openapi.yaml"
_NEWER_FIELDS: Final = frozenset({"requiredAgeSuite", "ageSuite"})
_DURATION: Final = re.compile(r"-?[0-9]{1,12}(?:\.[0-9]{1,9})?s\Z")
_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)\Z")
_INT64: Final = re.compile(r"-?(?:0|[1-9][0-9]{0,18})\Z")
_RANGES: Final = {"int32": (-(2**31), 2**31 - 1), "uint32": (0, 2**32 - 1)}

_formats = FormatChecker(formats=())


@_formats.checks("duration")
def _is_duration(value: object) -> bool:
    return not isinstance(value, str) or _DURATION.match(value) is not None


@_formats.checks("date-time")
def _is_time(value: object) -> bool:
    return not isinstance(value, str) or _TIME.match(value) is not None


@_formats.checks("int64")
def _is_int64(value: object) -> bool:
    return not isinstance(value, str) or (_INT64.match(value) is not None and -(2**63) <= int(value) < 2**63)


@_formats.checks("base64")
def _is_base64(value: object) -> bool:
    if not isinstance(value, str):
        return True
    try:
        base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        return False
    return True


@cache
def description() -> dict[str, Any]:
    """Return the OpenAPI document."""
    text = resources.files("reconciler.sandbox").joinpath(_FILE).read_text(encoding="utf-8")
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    document: dict[str, Any] = yaml.load(text, Loader=loader)  # noqa: S506 - the safe loader, in C
    return document


@cache
def schema(message: str, suites: Suites) -> dict[str, Any]:
    """Return a message's schema, closed and without references. `message` is the name after its package."""
    schemas = description()["components"]["schemas"]
    name = next(full for full in schemas if full.rpartition(".")[2] == message)
    closed: dict[str, Any] = _closed(schemas[name], schemas, suites)
    return closed


@cache
def operation(method: str, path: str) -> tuple[str | None, str]:
    """Return the request's message (None where it has no body) and the answer's, for a templated path."""
    described = description()["paths"][path][method.lower()]
    body = described.get("requestBody")
    request = body and body["content"]["application/json"]["schema"]["$ref"].rpartition(".")[2]
    answer = described["responses"]["200"]["content"]["application/json"]["schema"]["$ref"]
    return request, answer.rpartition(".")[2]


def checked(message: str, body: dict[str, Any], settings: Settings) -> dict[str, Any]:
    """Return a request's body, without unknown fields where they are ignored. Raises Refusal (400)."""
    if settings.unknown_fields is Answer.IGNORE:
        body = _known(body, schema(message, settings.suites))
    for error in _validator(message, settings.suites).iter_errors(body):
        raise invalid(_sentence(error))
    return body


def problems(message: str, answer: object, suites: Suites = Suites.NEWER) -> list[str]:
    """Return what is wrong with an answer of ours: empty when it is as described."""
    return [_sentence(error) for error in _validator(message, suites).iter_errors(answer)]


@cache
def _validator(message: str, suites: Suites) -> Draft202012Validator:
    return Draft202012Validator(schema(message, suites), format_checker=_formats)


def _closed(part: Any, schemas: dict[str, Any], suites: Suites) -> Any:
    if isinstance(part, list):
        return [_closed(item, schemas, suites) for item in part]
    if not isinstance(part, dict):
        return part
    if "$ref" in part:
        return _closed(schemas[part["$ref"].rpartition("/")[2]], schemas, suites)
    if part.get("type") == "object" and not part.get("properties") and "additionalProperties" in part:
        return {"type": "object"}  # how the generator writes a free-form struct
    keep = {key: value for key, value in part.items() if key in _KEYWORDS}
    out = {key: _closed(value, schemas, suites) for key, value in keep.items() if key != "properties"}
    if part.get("type") == "object":
        out["properties"] = {
            name: _closed(value, schemas, suites)
            for name, value in part.get("properties", {}).items()
            if suites is Suites.NEWER or name not in _NEWER_FIELDS
        }
        out.setdefault("additionalProperties", False)
    if part.get("format") in _RANGES:
        out["minimum"], out["maximum"] = _RANGES[part["format"]]
    return out


_KEYWORDS: Final = frozenset(
    {"type", "properties", "items", "enum", "format", "oneOf", "additionalProperties", "readOnly"}
)


def _known(value: Any, part: dict[str, Any]) -> Any:
    if isinstance(value, list) and "items" in part:
        return [_known(item, part["items"]) for item in value]
    if isinstance(value, dict) and "properties" in part:
        fields = part["properties"]
        return {name: _known(item, fields[name]) for name, item in value.items() if name in fields}
    return value


def _sentence(error: ValidationError) -> str:
    """Say what is wrong without the value: jsonschema's own messages quote it."""
    place = ".".join(str(step) for step in error.absolute_path) or "the body"
    match error.validator:
        case "additionalProperties":
            return f"{place}: unknown field {_unknown(error)}"
        case "type":
            return f"{place}: expected {_listed(_rule(error))}"
        case "enum":
            return f"{place}: expected one of {_listed(_rule(error))}"
        case "format":
            return f"{place}: not a valid {error.validator_value}"
        case other:
            return f"{place}: breaks the rule {other}"


def _rule(error: ValidationError) -> Any:
    return error.validator_value


def _unknown(error: ValidationError) -> str:
    known = error.schema.get("properties", {}) if isinstance(error.schema, dict) else {}
    found = error.instance if isinstance(error.instance, dict) else {}
    return _listed(sorted(name[:40] for name in found if name not in known))


def _listed(value: str | Iterable[object]) -> str:
    return value if isinstance(value, str) else ", ".join(str(item) for item in value)
