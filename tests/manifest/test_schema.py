"""The JSON Schema: what editors see, one verdict with jsonschema's, and messages that quote nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft7Validator

from reconciler.errors import ManifestError, Mark
from reconciler.manifest import schema, yamltext
from reconciler.manifest.document import Entry, Mapping, Node, Scalar, Sequence, plain
from reconciler.manifest.reading import NOT_YET
from reconciler.manifest.schema.accepting import acceptor
from reconciler.model.address import NAME_PATTERN
from reconciler.sources import KINDS

_SCHEMA: dict[str, Any] = json.loads(schema.schema_text())
_MANIFESTS = Path(__file__).parents[1] / "manifests"
_HERE = Mark(file="m.yaml", line=1, column=1)

_WHOLE = """\
version: 1
name: payments-prod
include: [../people.yaml]
target: {tenant: acme}
age_suite: auto
state: {url: "s3://bucket/key.json", encrypt_to: [age1xyz]}
defaults: {expires_in: 14d, renew: always, renew_before: 20%}
audiences:
  payments: {users: [ana@example.com, bo@example.com]}
secrets:
  db-password:
    description: primary database, rotated by hand
    label: db-password
    source: {file: prod.enc.yaml, key: db.password}
    share_with: {audiences: [payments]}
    max_views: 5
  partner-cert:
    kind: file
    source: {file: certs/bundle.p12}
    filename: bundle.p12
    content_type: application/x-pkcs12
    share_with: {external: [ops@partner.example]}
    expires_in: 72h
    renew: never
  app-env:
    source: {fields: {API_KEY: {env: API_KEY}, TOKEN: {file: prod.enc.yaml, key: app.token}}}
    format: key_value
    share_with: {users: [cy@example.com]}
    each_recipient: true
    rotate: "2026-11"
    lifecycle: {prevent_revoke: true, on_burned: keep, on_revoked: recreate, overlap: 24h}
moved: [{from: old-name, to: db-password}]
removed: [{name: legacy, revoke: false}]
"""
"""The whole format, with what this version refuses."""


def _node(text: str) -> Node:
    return yamltext.parse(text.encode(), "m.yaml").node


def _told(text: str, *, included: bool = False) -> list[str]:
    return sorted(str(problem) for problem in schema.problems(_node(text), KINDS, included=included))


def _subschemas(part: Any = _SCHEMA, way: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    if isinstance(part, dict):
        if "type" in part or "const" in part or "$ref" in part:
            yield way, part
        for key, inner in part.items():
            if key not in ("examples", "default", "dependencies"):
                yield from _subschemas(inner, f"{way}/{key}")


def _properties() -> list[tuple[str, dict[str, Any]]]:
    return [(way, part) for way, part in _subschemas() if way.rsplit("/", 2)[-2:-1] == ["properties"]]


def test_the_schema_is_draft_07() -> None:
    Draft7Validator.check_schema(_SCHEMA)
    assert "http://json-schema.org/draft-07/schema#" == _SCHEMA["$schema"]


def test_the_whole_format_has_its_shape() -> None:
    """Editors must not call wrong what a later version brings: refusing it is not the schema's matter."""
    assert [] == schema.problems(_node(_WHOLE), KINDS)
    Draft7Validator(_SCHEMA).validate(plain(_node(_WHOLE)))


@pytest.mark.parametrize("row", NOT_YET, ids=lambda row: ".".join(row.path))
def test_everything_not_yet_supported_is_in_the_schema(row: Any) -> None:
    part: Any = _SCHEMA
    for step in row.path:
        part = part["additionalProperties"] if step == "*" else part["properties"][step]
        part = _SCHEMA["definitions"][part["$ref"].rpartition("/")[2]] if "$ref" in part else part
    values = [str(value).lower() if value is True else value for value in row.values or ()]
    said = f": {', '.join(f'`{value}`' for value in values)}" if values else ""
    assert part["description"].startswith(f"Not supported yet{said}. ")


def test_nothing_that_is_supported_is_said_not_to_be() -> None:
    """Whoever deletes a line of NOT_YET deletes the words in the schema; `key` stands within `fields` as well."""
    said = {
        way.rpartition("/")[2]
        for way, part in _subschemas()
        if "Not supported yet" in part.get("description", "")
    }
    assert {row.path[-1] for row in NOT_YET} == said


@pytest.mark.parametrize(("way", "part"), _properties())
def test_every_property_explains_itself_in_an_editor(way: str, part: dict[str, Any]) -> None:
    """Title, description and examples are the hover help, and the examples are right."""
    assert part["title"]
    assert part["description"].endswith((".", ")"))
    assert part["errorMessage"].startswith("expected ")
    assert part["examples"]
    validator = Draft7Validator({**part, "definitions": _SCHEMA["definitions"]})
    for example in [*part["examples"], *([part["default"]] if "default" in part else [])]:
        assert [] == list(validator.iter_errors(example))


@pytest.mark.parametrize(("way", "part"), list(_subschemas()))
def test_the_schema_is_closed_flat_and_known_to_the_fast_check(way: str, part: dict[str, Any]) -> None:
    """Unknown keys fail, no message is a oneOf's, and no keyword sends every manifest the slow way."""
    assert not {"oneOf", "anyOf", "allOf", "not", "if", "patternProperties"} & part.keys()
    if part.get("type") == "object":
        assert part["additionalProperties"] is False or "$ref" in part["additionalProperties"]
    for example in part.get("examples", []):
        assert acceptor(part, _SCHEMA["definitions"])(_as_node(example))


def test_defaults_and_secrets_say_the_same() -> None:
    """What `defaults` can say has one shape in both places."""
    secret = _SCHEMA["definitions"]["secret"]["properties"]
    for key, part in _SCHEMA["properties"]["defaults"]["properties"].items():
        rules = {rule: value for rule, value in part.items() if rule not in ("description", "default")}
        assert rules == {k: v for k, v in secret[key].items() if k not in ("description", "default")}


def test_names_are_those_of_addresses() -> None:
    found = {part["pattern"] for way, part in _subschemas() if way.endswith(("/name", "/from", "/to"))}
    assert {NAME_PATTERN} == found
    assert NAME_PATTERN == _SCHEMA["properties"]["secrets"]["propertyNames"]["pattern"]


def test_a_valid_manifest_never_loads_jsonschema() -> None:
    """jsonschema takes longer to import than click: `validate` of a good manifest stays fast."""
    code = (
        "import sys; from pathlib import Path; from reconciler.manifest.load import load_manifest; "
        "from reconciler.sources import KINDS; "
        "load_manifest(Path(sys.argv[1]), KINDS); sys.exit('jsonschema' in sys.modules)"
    )
    run = subprocess.run(
        [sys.executable, "-c", code, _MANIFESTS / "valid" / "whole-format.yaml"], check=False
    )
    assert 0 == run.returncode


def _as_node(value: object) -> Node:
    match value:
        case dict():
            entries = {str(key): Entry(mark=_HERE, value=_as_node(inner)) for key, inner in value.items()}
            return Mapping(entries=entries, mark=_HERE)
        case list():
            return Sequence(items=[_as_node(inner) for inner in value], mark=_HERE)
        case str() | bool() | int() | float() | None:
            return Scalar(value=value, mark=_HERE)
    raise AssertionError


_WORDS = sorted(
    {word for _, part in _subschemas() for word in [*part.get("enum", []), *part.get("properties", {})]}
    | {
        "",
        "x",
        "a\n",
        "A",
        "7d",
        "7d\n",
        "20%",
        "100%",
        "s3://b/k",
        "age1x",
        "a/b",
        "DB",
        "1A",
        "é" * 300,
        "x" * 64,
    }
)
_LEAVES = st.none() | st.booleans() | st.integers(-1, 1001) | st.sampled_from([1.0, 5.0, 0.5, float("nan")])
_JUNK = st.recursive(
    st.sampled_from(_WORDS) | _LEAVES,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(_WORDS), inner, max_size=3),
    max_leaves=5,
)


_POOL: list[Any] = [
    *(None, True, False, -1, 0, 1, 5, 1000, 1001, 1.0, 0.5, float("nan"), float("inf"), 2),
    *_WORDS,
    *("x" * n for n in (128, 129, 254, 255, 256, 257, 512, 513, 1024, 1025, 2000, 2001)),
    *([], ["x"], ["x", 5], ["a b"], {}, {"x": 5}, {"users": ["x"]}, {"a b": {"users": ["x"]}}, {"key": "k"}),
    *({"env": "A"}, {"env": "A", "key": "k"}, {"file": "f", "encoding": "base64"}, {"source": {"env": "A"}}),
]


@pytest.mark.parametrize(("way", "part"), list(_subschemas()))
def test_the_fast_check_accepts_nothing_that_jsonschema_refuses(way: str, part: dict[str, Any]) -> None:
    """Every part of the schema, against values on both sides of every limit that it has."""
    strict = json.loads(json.dumps(part).replace('$"', '\\\\Z"'))
    validator = Draft7Validator({**strict, "definitions": _SCHEMA["definitions"]})
    accepts = acceptor(strict, _SCHEMA["definitions"])
    assert [] == [value for value in _POOL if accepts(_as_node(value)) and not validator.is_valid(value)]


def _ways(value: object, way: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield way
    if isinstance(value, dict | list):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _ways(inner, (*way, key))


_ALL_WAYS = list(_ways(plain(_node(_WHOLE))))


@st.composite
def _damaged(draw: st.DrawFn) -> object:
    """The whole format with one to three places replaced, renamed, added or left out."""
    document: Any = {"document": plain(_node(_WHOLE))}
    for _ in range(draw(st.integers(1, 3))):
        way = ("document", *draw(st.sampled_from(_ALL_WAYS)))
        holder = document
        for step in way[:-1]:
            holder = holder[step] if isinstance(holder, dict) and step in holder else {}
        if not isinstance(holder, dict) or way[-1] not in holder:
            continue
        what = draw(st.sampled_from(["replace", "rename", "add", "leave out"]))
        if what != "add" and len(way) > 1:
            old = holder.pop(way[-1])
            if what == "rename":
                holder[draw(st.sampled_from(_WORDS))] = old
        if what in ("replace", "add"):
            key = way[-1] if what == "replace" else draw(st.sampled_from(_WORDS))
            holder[key] = draw(_JUNK)
    return document["document"]


@given(_damaged() | _JUNK)
def test_the_fast_check_and_jsonschema_never_disagree(document: object) -> None:
    """What the fast check accepts, jsonschema accepts; what jsonschema refuses is told, and only that."""
    strict = json.loads(schema.schema_text().replace('$"', '\\\\Z"'))
    refused = list(Draft7Validator(strict).iter_errors(document))
    problems = schema.problems(_as_node(document), KINDS)
    assert bool(refused) == bool(problems)
    if acceptor(strict, strict["definitions"])(_as_node(document)):
        assert [] == refused


@given(
    st.recursive(
        st.just("CANARY/é 1"),
        lambda x: (
            st.lists(x, max_size=2)
            | st.dictionaries(st.sampled_from(["CANARY/é 1", "CANARY1", *_WORDS[:40]]), x, max_size=3)
        ),
        max_leaves=8,
    )
)
def test_no_message_quotes_the_document(document: object) -> None:
    """Neither values nor keys that are not nearly ours are in what is told."""
    for included in (False, True):
        for problem in schema.problems(
            _as_node({"version": 1, "secrets": document, "x": document}), KINDS, included=included
        ):
            assert "CANARY" not in str(problem)


def test_a_misspelt_key_is_one_problem() -> None:
    """The required key that was meant is not reported missing as well."""
    text = "version: 1\nname: x\nsecrets:\n  a:\n    source: {env: A}\n    share-with: {}\n"
    assert ["m.yaml:6:5: unknown key share-with in secrets.a; did you mean share_with?"] == _told(text)


def test_an_included_file_holds_audiences_and_defaults() -> None:
    assert [] == _told("audiences: {a: {users: [x]}}\ndefaults: {renew: never}\n", included=True)
    assert [
        "m.yaml:1:1: unknown key; expected only audiences and defaults in an included file",
        "m.yaml:2:1: unknown key; expected only audiences and defaults in an included file",
    ] == _told("secrets: {}\ninclude: [x]\n", included=True)


def test_ten_thousand_faults_are_told_in_part() -> None:
    """A hostile file cannot keep the program busy, or its reader."""
    text = "version: 1\nname: x\nsecrets:\n" + "".join(f"  s{i}: 1\n" for i in range(10_000))
    found = schema.problems(_node(text), KINDS)
    assert schema.PROBLEMS_MAX + 1 == len(found)
    assert "more than 1,000 problems; fix these first" == str(found[-1])


def test_problems_of_valid_neighbours_are_not_looked_for() -> None:
    """Only secrets in doubt go the slow way; their places are still right."""
    good = "".join(f"  s{i}: {{source: {{env: A}}, share_with: {{users: [x]}}}}\n" for i in range(50))
    bad = "  bad: {source: {env: A}, share_with: {users: [x]}, max_views: x}\n"
    text = f"version: 1\nname: x\nsecrets:\n{good}{bad}"
    assert [
        "m.yaml:54:64: secrets.bad.max_views is a string; expected a whole number from 0 (unlimited) to 1000"
    ] == _told(text)


def test_the_manifests_that_are_valid_have_no_problem() -> None:
    for path in sorted((_MANIFESTS / "valid").glob("*.yaml")):
        assert [] == schema.problems(yamltext.parse(path.read_bytes(), path.name).node, KINDS)


def test_both_editor_modelines_are_comments() -> None:
    for line in ("# yaml-language-server: $schema=manifest.schema.json", "# $schema: manifest.schema.json"):
        assert [] == _told(f"{line}\nversion: 1\nname: x\nsecrets: {{}}\n")


def test_a_problem_stands_in_a_manifest_error() -> None:
    error = ManifestError(schema.problems(_node("version: 1\nname: x\n"), KINDS))
    assert (
        "m.yaml:1:1: secrets is missing; expected a mapping of names to secrets, {} when there is none"
        == str(error)
    )
