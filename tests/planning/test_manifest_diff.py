"""Two manifests against each other: whatever is declared otherwise and means something else is told."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.manifest import reading, schema, yamltext
from reconciler.manifest.reading.notyet import NOT_YET
from reconciler.model.address import fold
from reconciler.model.manifest import Kind, Manifest, Renew, Secret, Sharing
from reconciler.model.plan import Action, Plan
from reconciler.planning import manifest_diff
from reconciler.planning.expand import expand
from reconciler.sources import KINDS
from tests.support.commandline import REPOSITORY
from tests.support.plans import NOW

_LIVES: Final[dict[str, list[Any]]] = {
    "expires_in": ["2d", "3d"],
    "max_views": [0, 1, 5],
    "renew": ["never", "always"],
    "renew_before": ["15%", "20%", "6h"],
}

FIELDS: Final[dict[str, list[Any]]] = {
    "name": ["stack", "other"],
    "include": [["people.yaml"]],
    "target.tenant": ["acme", "globex"],
    "age_suite": ["auto", "x25519", "mlkem768x25519"],
    "state.path": ["a.state.json", "b.state.json"],
    **{f"defaults.{name}": values for name, values in _LIVES.items()},
    "audiences.*.users": [["ana@example.com"], ["ana@example.com", "bo@example.com"]],
    "audiences.*.external": [["Ops@partner.example"], ["ops@partner.example"], ["cy@partner.example"]],
    "secrets.*.label": ["one", "two"],
    "secrets.*.kind": ["text", "file"],
    "secrets.*.source.env": ["ONE", "TWO"],
    "secrets.*.source.encoding": ["utf8", "base64"],
    "secrets.*.source.file": ["one.txt", "two.txt"],
    "secrets.*.source.trim": ["newline"],
    "secrets.*.format": ["plaintext", "json"],
    "secrets.*.filename": ["one.txt", "two.pdf"],
    "secrets.*.content_type": ["text/plain", "text/csv"],
    "secrets.*.share_with.users": [["ana@example.com"], ["bo@example.com"]],
    "secrets.*.share_with.external": [["cy@partner.example"], ["di@partner.example"]],
    "secrets.*.share_with.audiences": [["here"], ["there"], ["here", "there"]],
    **{f"secrets.*.{name}": values for name, values in _LIVES.items()},
    "secrets.*.rotate": ["2026-11", "2026-12"],
    "secrets.*.lifecycle.prevent_revoke": [False, True],
    "moved.from": ["old", "older"],
    "moved.to": ["one", "two"],
    "removed.name": ["gone", "older"],
    "removed.revoke": [False, True],
}
"""What a field may hold; None, everywhere, for its absence."""

NO_DIFFERENCE: Final = {
    "version": "there is one",
    "secrets.*.description": "for reviewers, who read it in the manifest's own change; it is never sent",
    "secrets.*.each_recipient": "the other value is not supported yet",
    "secrets.*.lifecycle.on_burned": "the other value is not supported yet",
    "secrets.*.lifecycle.on_revoked": "the other value is not supported yet",
}


def _paths(node: Mapping[str, Any], definitions: Mapping[str, Any], way: str = "") -> Iterator[str]:
    """Return the paths of all fields that hold a value."""
    if "$ref" in node:
        node = definitions[node["$ref"].rpartition("/")[2]]
    inner = {**node.get("properties", {})}
    if isinstance(node.get("additionalProperties"), dict):
        inner["*"] = node["additionalProperties"]
    if node.get("items", {}).get("$ref"):
        yield from _paths(node["items"], definitions, way)
    elif not inner:
        yield way
    for name, each in inner.items():
        yield from _paths(each, definitions, f"{way}.{name}" if way else name)


def test_every_field_of_the_schema_is_tried() -> None:
    """A new field fails here until the test below knows values of it."""
    whole = json.loads((REPOSITORY / "schemas/manifest.schema.json").read_text())
    later = tuple(".".join(row.path) for row in NOT_YET if row.values is None)
    found = {path for path in _paths(whole, whole["definitions"]) if not path.startswith(later)}
    assert found == FIELDS.keys() | NO_DIFFERENCE.keys()


Chosen = dict[str, Any]
"""A value or None for each field; those of secrets and audiences twice, under `one` and `two` or `here` and `there`."""


def _keys() -> Iterator[tuple[str, list[Any]]]:
    names = {"secrets": ("one", "two"), "audiences": ("here", "there")}
    for path, values in FIELDS.items():
        for name in names.get(path.partition(".")[0], ("",)):
            yield path.replace("*", name), values


_KEYS: Final = dict(_keys())
_CHOSEN: Final = st.fixed_dictionaries(
    {key: st.none() | st.sampled_from(values) for key, values in _KEYS.items()}
)


def _document(chosen: Chosen) -> dict[str, Any]:
    """Return a manifest of what was chosen, without what does not go together."""
    top: dict[str, Any] = {"version": 1, "name": "stack", "secrets": {}}
    for key, value in chosen.items():
        *way, last = key.split(".")
        at = top
        for step in way:
            at = at.setdefault(step, {})
        if value is not None:
            at[last] = value
    for audience in top["audiences"].values():
        if "users" in audience:
            audience.pop("external", None)
        else:
            audience.setdefault("external", ["cy@partner.example"])
    for secret in top["secrets"].values():
        _make_valid(secret, top)
    moved, removed = top.pop("moved"), top.pop("removed")
    if moved.get("from") and moved.get("to") in top["secrets"]:
        top["moved"] = [moved]
    if removed.get("name") and removed["name"] != moved.get("from"):
        top["removed"] = [removed]
    return {key: value for key, value in top.items() if value != {} or key == "secrets"}


def _make_valid(secret: dict[str, Any], top: dict[str, Any]) -> None:
    source, share = secret["source"], secret["share_with"]
    if "file" in source:
        source.pop("env", None)
        source.pop("encoding", None)
    else:
        source.setdefault("env", "USUAL")
    for key in ("filename", "content_type") if secret.get("kind", "text") == "text" else ("format",):
        secret.pop(key, None)
    if not share:
        share["users"] = ["ana@example.com"]
    kinds = {next(iter(top["audiences"][name])) for name in share.get("audiences", ())}
    kind = next(iter(sorted(kinds)), "users" if "users" in share else "external")
    share.pop("external" if kind == "users" else "users", None)
    if len(kinds) > 1:
        share["audiences"] = share["audiences"][:1]
        share.pop("users", None)
        share.pop("external", None)
    if secret.get("renew", top["defaults"].get("renew")) != "always":
        secret.pop("renew_before", None)


def _load(document: Mapping[str, Any]) -> Manifest:
    """Read a manifest; the file that it may include says for how long secrets live."""
    node = yamltext.parse(json.dumps(document).encode(), "m.yaml").node
    people = yamltext.parse(b"defaults: {expires_in: 9d}", "people.yaml").node
    included = [("people.yaml", people)] if "include" in document else []
    return reading.read(
        node, file="m.yaml", kinds=KINDS, included=included, known=schema.problems(node, KINDS)
    )


def _compare(base: Manifest, head: Manifest) -> Plan:
    return manifest_diff.between(base, head, now=NOW, changed=frozenset())


def _is_empty(plan: Plan) -> bool:
    return not plan.attention and all(change.action is Action.NO_OP for change in plan.changes)


def _meaning(manifest: Manifest) -> object:
    """Return all that a manifest means: two that are equal in this ask for the same, now and later."""
    whole = _unmarked(dataclasses.asdict(manifest))
    whole["secrets"] = {name: _meant(secret, manifest) for name, secret in manifest.secrets.items()}
    whole["removed"] = [entry.name for entry in manifest.removed if not entry.revoke]
    return whole


def _meant(secret: Secret, manifest: Manifest) -> object:
    desired = next(desired.attributes for desired in expand(manifest) if desired.address.name == secret.name)
    fold_if_outside = fold if secret.sharing is Sharing.EXTERNAL else str
    return {
        **_unmarked(dataclasses.asdict(secret)),
        "source": (type(secret.source), _unmarked(dataclasses.asdict(secret.source))),
        "description": None,
        "label": desired.label,
        "filename": desired.filename,
        "content_type": desired.content_type,
        "format": secret.format if secret.kind is Kind.TEXT else None,
        "people": {fold_if_outside(person.as_written) for person in secret.people},
        "renew_before": secret.renew_before if secret.renew is Renew.ALWAYS else None,
    }


def _unmarked(value: Any) -> Any:
    match value:
        case dict():
            return {
                name: _unmarked(inner) for name, inner in value.items() if name not in ("mark", "tenant_mark")
            }
        case list() | tuple():
            return [_unmarked(inner) for inner in value]
    return value


@pytest.mark.parametrize("key", _KEYS)
@settings(max_examples=12)
@given(_CHOSEN, st.data())
def test_whatever_is_declared_otherwise_is_told(key: str, chosen: Chosen, data: st.DataObject) -> None:
    """One field of a manifest is changed: the comparison is empty exactly where nothing is meant by it."""
    other = data.draw(st.sampled_from([value for value in (None, *_KEYS[key]) if value != chosen[key]]))
    base, head = _load(_document(chosen)), _load(_document({**chosen, key: other}))
    assert (_meaning(base) == _meaning(head)) == _is_empty(_compare(base, head))


def _secret(**fields: Any) -> Manifest:
    secret = {"source": {"env": "KEY"}, "share_with": {"users": ["ana@example.com"]}, **fields}
    return _load({"version": 1, "name": "stack", "secrets": {"key": secret}})


def test_how_the_bytes_are_read_is_a_change_of_the_value() -> None:
    """Another encoding or trim: people would read something else."""
    for source, said in (
        ({"env": "KEY", "encoding": "base64"}, "env KEY (base64)"),
        ({"env": "KEY", "trim": "newline"}, "env KEY (newline trimmed)"),
    ):
        [change] = _compare(_secret(), _secret(source=source)).changes
        assert (Action.REPLACE, said) == (change.action, change.source)
        assert change.before is not None
        assert "env KEY" == change.before.source


def test_a_lead_is_told_beside_the_renewal_that_it_is_of() -> None:
    """How long before its end: a duration as people write it."""
    [note] = _compare(
        _secret(renew="always", renew_before="6h"), _secret(renew="always", renew_before="50%")
    ).attention
    assert ("upkeep_changed", "later runs treat it differently: renew_before 50%, was 6h") == (
        note.code,
        note.text,
    )


def test_upkeep_is_compared_across_a_rename() -> None:
    """A secret that is renamed and guarded no longer: the name of today is told."""
    guarded = _secret(lifecycle={"prevent_revoke": True})
    secret = {"source": {"env": "KEY"}, "share_with": {"users": ["ana@example.com"]}}
    renamed = _load(
        {
            "version": 1,
            "name": "stack",
            "secrets": {"new": secret},
            "moved": [{"from": "key", "to": "new"}],
        }
    )
    [note] = _compare(guarded, renamed).attention
    assert ("new", "later runs treat it differently: prevent_revoke false, was true") == (
        str(note.address),
        note.text,
    )
