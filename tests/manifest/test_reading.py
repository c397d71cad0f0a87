"""What manifests mean, and what is wrong with those that mean nothing; the cases are files in `manifests/`."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.errors import ManifestError
from reconciler.manifest import reading, schema, yamltext
from reconciler.manifest.document import Node, plain
from reconciler.manifest.reading.lives import seconds
from reconciler.model.manifest import (
    EMAILS_MAX,
    LIFE_MAX,
    LIFE_MIN,
    USERS_MAX,
    VIEWS_MAX,
    Lead,
    Manifest,
    Renew,
    Sharing,
)
from reconciler.sources import KINDS
from reconciler.suggest import did_you_mean, named, one_of, shown_key

_MANIFESTS = Path(__file__).parents[1] / "manifests"
_VALID = sorted((_MANIFESTS / "valid").glob("*.yaml"))
_INVALID = sorted((_MANIFESTS / "invalid").glob("*.yaml"))


def _load(text: bytes, file: str = "m.yaml") -> Manifest:
    """Read a manifest as `files.load_manifest` does, without files."""
    parsed = yamltext.parse(text, file)
    known = [*parsed.problems, *schema.problems(parsed.node, KINDS)]
    return reading.read(parsed.node, file=file, kinds=KINDS, known=known)


def _problems(text: str) -> list[str]:
    with pytest.raises(ManifestError) as caught:
        _load(text.encode())
    return [str(problem) for problem in caught.value.problems]


def _without_marks(value: Any) -> Any:
    match value:
        case dict():
            return {
                key: _without_marks(inner)
                for key, inner in value.items()
                if key not in ("mark", "tenant_mark")
            }
        case list() | tuple():
            return [_without_marks(inner) for inner in value]
    return value


def _golden(path: Path, actual: str) -> str:
    """Return what was expected when somebody last read it; `UPDATE_GOLDEN=1` writes it anew."""
    if os.environ.get("UPDATE_GOLDEN"):
        path.write_bytes(actual.encode())
    return path.read_bytes().decode()


@pytest.mark.parametrize("path", _VALID, ids=lambda path: path.stem)
def test_valid_manifests_mean_what_is_written_beside_them(path: Path) -> None:
    manifest = _load(path.read_bytes(), path.name)
    actual = json.dumps(_without_marks(dataclasses.asdict(manifest)), indent=2, ensure_ascii=False) + "\n"
    assert _golden(path.with_suffix(".json"), actual) == actual


@pytest.mark.parametrize("path", _INVALID, ids=lambda path: path.stem)
def test_invalid_manifests_say_all_that_is_written_beside_them(path: Path) -> None:
    with pytest.raises(ManifestError) as caught:
        _load(path.read_bytes(), path.name)
    actual = f"{caught.value}\n"
    assert _golden(path.with_suffix(".txt"), actual) == actual
    assert "canary" not in f"{actual}{caught.value.hint}{caught.value!r}"


def test_every_case_has_its_expectation_and_every_expectation_its_case() -> None:
    stems = {path.stem for path in _INVALID}
    assert stems == {path.stem for path in (_MANIFESTS / "invalid").glob("*.txt")}
    assert {path.stem for path in _VALID} == {path.stem for path in (_MANIFESTS / "valid").glob("*.json")}


def test_ten_mistakes_are_ten_messages() -> None:
    """One run, one message for each, on the right lines."""
    with pytest.raises(ManifestError) as caught:
        _load((_MANIFESTS / "invalid" / "ten-mistakes.yaml").read_bytes())
    lines = [problem.mark.line for problem in caught.value.problems if problem.mark]
    assert [3, 8, 9, 12, 13, 14, 16, 17, 18, 22] == lines


def test_marks_lead_to_the_entry_the_source_and_the_person() -> None:
    manifest = _load((_MANIFESTS / "valid" / "whole-format.yaml").read_bytes())
    secret = manifest.secrets["db-password"]
    assert "m.yaml:12:3" == str(secret.mark)
    assert "m.yaml:17:19" == str(secret.source.mark)
    assert ["m.yaml:18:49", "m.yaml:18:66", "m.yaml:9:39", "m.yaml:9:55"] == [
        str(p.mark) for p in secret.people
    ]


def _secret(*lines: str, top: str = "") -> str:
    body = "".join(f"    {line}\n" for line in lines)
    return f"version: 1\nname: x\n{top}secrets:\n  a:\n    source: {{env: A}}\n{body}"


@pytest.mark.parametrize(
    ("key", "limit", "person"), [("users", USERS_MAX, "u{}"), ("external", EMAILS_MAX, "u{}@partner.example")]
)
def test_recipients_are_counted_after_folding(key: str, limit: int, person: str) -> None:
    """The limit is the API's; one more is refused with what to do, one person twice is one."""
    people = [person.format(i) for i in range(limit)]
    manifest = _load(_secret(f"share_with: {{{key}: {json.dumps([*people, people[0]])}}}").encode())
    assert people == [each.as_written for each in manifest.secrets["a"].people]
    (problem,) = _problems(_secret(f"share_with: {{{key}: {json.dumps([*people, person.format(limit)])}}}"))
    assert f"reaches {limit + 1} " in problem
    assert f"expected at most {limit}; split it into two entries" in problem


def test_ids_are_never_folded_and_addresses_are() -> None:
    manifest = _load(_secret("share_with: {users: [Ab, ab, X@y.z, x@Y.z]}").encode())
    assert ["Ab", "ab", "X@y.z"] == [person.as_written for person in manifest.secrets["a"].people]


def test_an_audience_with_a_problem_is_not_reported_again_where_it_is_used() -> None:
    text = _secret("share_with: {audiences: [a]}", top="audiences: {a: {users: [Not A Person]}}\n")
    assert [
        "m.yaml:3:25: audiences.a.users contains an invalid recipient; expected a C1 user's e-mail address or ID"
    ] == _problems(text)


def test_a_literal_says_where_values_belong() -> None:
    (problem,) = _problems("version: 1\nname: x\nsecrets: {a: {source: hunter2, share_with: {users: [u]}}}\n")
    assert "the value itself never belongs in a manifest" in problem


@given(st.integers(1, 999_999), st.sampled_from("mhdw"))
def test_durations_are_whole_numbers_of_one_unit(count: int, unit: str) -> None:
    assert count * {"m": 60, "h": 3600, "d": 86_400, "w": 604_800}[unit] == seconds(f"{count}{unit}")


@pytest.mark.parametrize(
    "text", ["", "7", "d", "0d", "-1d", "1.5h", "1d12h", "7D", " 7d", "7d\n", "٧d", "1000000m", "1s"]
)
def test_other_durations_are_none(text: str) -> None:
    assert None is seconds(text)


@pytest.mark.parametrize(("word", "offered", "expected"), [
    ("share_wiht", ["share_with", "source"], "did you mean share_with?"),
    ("Share-With", ["share_with"], "did you mean share_with?"),
    ("hunter2", ["share_with"], None),
    ("share_with" * 10, ["share_with"], None),
    (5, ["5"], None),
])  # fmt: skip
def test_did_you_mean_offers_what_is_near(word: object, offered: list[str], expected: str | None) -> None:
    assert expected == did_you_mean(word, offered)


def test_only_identifiers_are_shown() -> None:
    assert "db-password" == shown_key("db-password") == named("db-password")
    assert ["this key"] * 4 == [shown_key(key) for key in ("a b", "x" * 41, "a\n", "é")]
    assert "<name>" == named("AKIA1234")


def test_long_lists_of_offers_are_cut() -> None:
    assert "expected a" == one_of(["a"])
    assert one_of([str(i) for i in range(10, 40)]).endswith("29 and 10 more")


def test_included_defaults_and_audiences_are_merged() -> None:
    """The manifest's own defaults win over an included file's, key by key."""
    top = yamltext.parse(
        _secret(
            "share_with: {audiences: [a, b]}",
            top="defaults: {expires_in: 2d}\naudiences: {a: {users: [u1]}}\n",
        ).encode(),
        "m.yaml",
    ).node
    other = yamltext.parse(
        b"defaults: {expires_in: 3d, renew: always}\naudiences: {b: {users: [u2]}}\n", "o.yaml"
    ).node
    secret = reading.read(top, file="m.yaml", kinds=KINDS, included=[("o.yaml", other)]).secrets["a"]
    assert (2 * 86_400, Renew.ALWAYS, Sharing.INTERNAL) == (secret.expires_in, secret.renew, secret.sharing)
    assert ["u1", "u2"] == [person.as_written for person in secret.people]
    assert "o.yaml:2:25" == str(secret.people[1].mark)


def test_two_included_files_may_not_say_the_same() -> None:
    top = yamltext.parse(_secret("share_with: {users: [u]}").encode(), "m.yaml").node
    one = yamltext.parse(b"defaults: {expires_in: 3d}\naudiences: {b: {users: [u2]}}\n", "o.yaml").node
    two = yamltext.parse(b"audiences: {b: {users: [u2]}}\ndefaults: {expires_in: 3d}\n", "p.yaml").node
    with pytest.raises(ManifestError) as caught:
        reading.read(top, file="m.yaml", kinds=KINDS, included=[("o.yaml", one), ("p.yaml", two)])
    assert [
        "p.yaml:1:13: audience b is defined twice; expected it once (first defined at o.yaml:2:13)",
        "p.yaml:2:12: defaults.expires_in is set in two included files; expected it once (first set at o.yaml:1:12); "
        "set it in the manifest itself, which takes precedence",
    ] == [str(problem) for problem in caught.value.problems]


def test_a_long_chain_of_moves_is_followed_once() -> None:
    """A chain of 5,000 renames takes no noticeable time, and ends at the secret that exists."""
    moves = ", ".join(f"{{from: m{i}, to: {'a' if i == 4_999 else f'm{i + 1}'}}}" for i in range(5_000))
    manifest = _load((_secret("share_with: {users: [u]}") + f"moved: [{moves}]\n").encode())
    assert {"a"} == {move.to for move in manifest.moved}
    assert 5_000 == len(manifest.moved)


def test_a_document_of_the_wrong_shape_never_becomes_a_manifest() -> None:
    """Even without the schema's check: half a manifest would revoke what the other half says."""
    for text in ("5", "[]", "{}", "version: 1\nname: x\nsecrets: 5", "version: 1\nname: x\nsecrets: {a: 5}"):
        with pytest.raises(ManifestError) as caught:
            reading.read(yamltext.parse(text.encode(), "m.yaml").node, file="m.yaml", kinds=KINDS)
        assert "this is not what the manifest's schema allows here" in str(caught.value)


# --- properties -------------------------------------------------------------------------------------------------

_NAMES = st.from_regex(r"[a-z0-9][a-z0-9._-]{0,10}", fullmatch=True)
_USERS = st.lists(
    st.from_regex(r"[A-Za-z0-9_-]{1,12}|[a-z]{1,5}@[a-z]{1,5}\.example", fullmatch=True),
    min_size=1,
    max_size=4,
)
_EMAILS = st.lists(st.from_regex(r"[a-z.+]{1,5}@[a-z]{1,5}\.example", fullmatch=True), min_size=1, max_size=4)
_HOURS = st.integers(LIFE_MIN // 3600, LIFE_MAX // 3600)
_TEXTS = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cc", "Cf", "Cs", "Cn", "Zl", "Zp")), min_size=1
).filter(str.strip)

_VARIABLES = st.fixed_dictionaries(
    {"env": st.from_regex(r"[A-Z_]{1,8}", fullmatch=True)},
    optional={"trim": st.just("newline"), "encoding": st.just("base64")},
)
_FILES = st.fixed_dictionaries({"file": st.from_regex(r"[a-z]{1,5}(/[a-z]{1,5})?\.txt", fullmatch=True)})
_LIFECYCLES = st.fixed_dictionaries(
    {}, optional={"prevent_revoke": st.booleans(), "on_burned": st.just("keep")}
)
_DEFAULTS = st.fixed_dictionaries({"expires_in": _HOURS.map("{}h".format)})

_SECRETS = st.fixed_dictionaries(
    {
        "source": _VARIABLES | _FILES,
        "share_with": st.fixed_dictionaries({"users": _USERS}) | st.fixed_dictionaries({"external": _EMAILS}),
    },
    optional={
        "description": _TEXTS,
        "label": _TEXTS.filter(lambda text: len(text) < 200),
        "kind": st.just("text"),
        "format": st.sampled_from(["plaintext", "json", "yaml", "key_value"]),
        "expires_in": _HOURS.map("{}h".format),
        "max_views": st.integers(0, VIEWS_MAX),
        "renew": st.sampled_from(["never", "always"]),
        "rotate": st.from_regex(r"[A-Za-z0-9._:+-]{1,9}", fullmatch=True),
        "each_recipient": st.just(False),
        "lifecycle": _LIFECYCLES,
    },
)
_DOCUMENTS = st.fixed_dictionaries(
    {"version": st.just(1), "name": _NAMES, "secrets": st.dictionaries(_NAMES, _SECRETS, max_size=3)},
    optional={"target": st.just({"tenant": "acme"}), "defaults": _DEFAULTS},
)


@given(_DOCUMENTS)
def test_what_is_written_is_what_is_read(document: dict[str, Any]) -> None:
    """A manifest made of valid parts is valid, and every part arrives; defaults fill what is not said."""
    manifest = _load(json.dumps(document, ensure_ascii=False).encode())
    assert document["name"] == manifest.name
    assert list(document["secrets"]) == list(manifest.secrets)
    for name, written in document["secrets"].items():
        secret = manifest.secrets[name]
        life = written.get("expires_in", document.get("defaults", {}).get("expires_in", "7d"))
        assert seconds(life) == secret.expires_in
        assert Lead(percent=15) == secret.renew_before
        for key, usual in (("description", None), ("label", None), ("rotate", None), ("max_views", 0)):
            assert written.get(key, usual) == getattr(secret, key)
        for key, word in (("renew", "never"), ("format", "plaintext"), ("kind", "text")):
            assert written.get(key, word) == getattr(secret, key)
        people = next(iter(written["share_with"].values()))
        assert {person.as_written for person in secret.people} <= set(people)
        assert people[0] == secret.people[0].as_written
        assert f"{'env' if 'env' in written['source'] else 'file'} " in str(secret.source)


def _ways(value: object, way: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield way
    if isinstance(value, dict | list):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _ways(inner, (*way, key))


def _whole() -> Any:
    return plain(yamltext.parse((_MANIFESTS / "valid" / "whole-format.yaml").read_bytes(), "m.yaml").node)


_ALL_WAYS = [way for way in _ways(_whole()) if way]


def _holder(document: Any, way: tuple[Any, ...]) -> Any:
    for step in way[:-1]:
        document = document[step]
    return document


def _read(document: object) -> tuple[Node, Manifest | ManifestError]:
    text = json.dumps(document, ensure_ascii=False, allow_nan=False).replace("\u202e", "\\u202e").encode()
    try:
        return yamltext.parse(text, "m.yaml").node, _load(text)
    except ManifestError as error:
        return yamltext.parse(text, "m.yaml").node, error


_WORDS = ["", "x", "X y", "7d", "1h", "1m", "99%", "a@b.c", "a@", "always", "file", "text", "payments", "a/b"]
_KEYS = ["users", "external", "env", "file", "x", "from", "to", "renew"]
_JUNK = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-1, 2000)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(_WORDS),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(_KEYS), inner, max_size=2),
    max_leaves=4,
)


@given(st.sampled_from(_ALL_WAYS), _JUNK)
def test_the_schema_and_the_reader_agree_about_shapes(way: tuple[Any, ...], junk: object) -> None:
    """Whatever stands anywhere: a manifest, or problems that say what; never the reader's last resort."""
    document = _whole()
    _holder(document, way)[way[-1]] = junk
    node, result = _read(document)
    if isinstance(result, Manifest):
        assert [] == schema.problems(node, KINDS)
    else:
        assert "this is not what the manifest's schema allows here" not in str(result)
        assert len(result.problems) == len({str(problem) for problem in result.problems})


@pytest.mark.parametrize(
    ("canary", "as_key"),
    [("Hunter2/CANARY+=", False), ("-- CANARY --\nx\u202e", False), ("Hunter2CANARY", True)],
)
def test_no_message_shows_a_planted_secret(canary: str, as_key: bool) -> None:
    """A value pasted in any place, as a value or as a key, is in no message."""
    for way in _ALL_WAYS:
        document = _whole()
        holder = _holder(document, way)
        if not as_key:
            holder[way[-1]] = canary
        elif isinstance(holder, dict):
            holder[canary] = holder.pop(way[-1])
        _, result = _read(document)
        if isinstance(result, ManifestError):
            assert "CANARY" not in f"{result}{result!r}{result.hint}{result.args}"
