"""What every kind of source declares: one shape with what editors are shown, one key, one name for each property."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest

from reconciler.errors import Mark
from reconciler.manifest import reading, schema, yamltext
from reconciler.sources import KINDS

_SHIPPED: Any = json.loads(schema.schema_text())
_SOURCE: Any = _SHIPPED["definitions"]["secret"]["properties"]["source"]
_FIELD: Any = _SHIPPED["definitions"]["field"]
_COMMON = {"trim"}
_NOT_YET = {"fields"}


def test_editors_are_shown_what_the_kinds_declare() -> None:
    """Paste what a kind declares into schemas/manifest.schema.json, in both places."""
    assert _SHIPPED == schema.with_kinds(_SHIPPED, KINDS)


def test_every_property_belongs_to_one_kind() -> None:
    """A property of two kinds could not say which one is meant; one of none would be read by nobody."""
    owners = Counter(name for kind in KINDS.values() for name in kind.properties)
    assert {1} == set(owners.values())
    assert owners.keys() | _COMMON | _NOT_YET == _SOURCE["properties"].keys()
    assert owners.keys() | _COMMON == _FIELD["properties"].keys()


@pytest.mark.parametrize("key", KINDS)
def test_a_kind_is_meant_by_its_key(key: str) -> None:
    """The key is the first of its properties, its usage names it, and so does what is said to be expected."""
    kind = KINDS[key]
    assert key == next(iter(kind.properties))
    assert kind.usage.startswith(f"{{{key}: ")
    assert kind.usage in _SOURCE["errorMessage"]
    assert kind.usage in _FIELD["errorMessage"]


@pytest.mark.parametrize("key", KINDS)
def test_a_kind_answers_from_the_words_of_a_manifest(key: str) -> None:
    """Two declarations alike are one source, but for their line; trimming makes another one of it."""
    example = KINDS[key].properties[key]["examples"][0]
    entry = f"share_with: {{users: [a]}}, source: {{{key}: {example}"
    text = f"version: 1\nname: s\nsecrets:\n  a: {{{entry}}}}}\n  b: {{{entry}, trim: newline}}}}\n"
    text = text.replace("a: {share", "a: {kind: file, share").replace("b: {share", "b: {kind: file, share")
    secrets = reading.read(yamltext.parse(text.encode(), "m.yaml").node, file="m.yaml", kinds=KINDS).secrets
    one, trimmed = secrets["a"].source, secrets["b"].source
    assert type(one) is KINDS[key]
    assert f"{key} {example}" == one.place == str(one)
    assert f"{key} {example} (newline trimmed)" == str(trimmed)
    assert Mark(file="m.yaml", line=4, column=text.splitlines()[3].index(example) + 1) == one.mark
    assert one.default_filename
    assert "/" not in one.default_filename
    assert one.environment_variables or one.repository_files
