"""Saved plans: what is in them, what is not, and what happens to one that was touched."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from reconciler.errors import PlanError, ReconcilerError, StalePlanError
from reconciler.fingerprint import Key
from reconciler.model.plan import Plan
from reconciler.planfile import sealed
from reconciler.render import view
from reconciler.sensitive import Sensitive
from tests.support import goldens, stories

KEY = Key(Sensitive(bytes(range(32))))
OTHER = Key(Sensitive(bytes(32)))
SCHEMA = json.loads((Path(__file__).parents[2] / "schemas" / "plan.schema.json").read_text())
STORIES = [stories.everything(), stories.nothing(), stories.invisible(), stories.first_offline()]


def closed(schema: Any) -> Any:
    """The schema with every object closed, so that a key which nobody described fails."""
    if isinstance(schema, list):
        return [closed(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    out = {key: closed(value) for key, value in schema.items()}
    if "properties" in out and out.get("type") in ("object", ["object", "null"]):
        out["additionalProperties"] = False
    return out


def merged(schema: Any) -> Any:
    """Draft-07 cannot close an `allOf`: fold `before` and `after` into one object each."""
    schema = json.loads(json.dumps(schema))
    for name in ("before", "after"):
        extra = schema["definitions"][name]["allOf"][1]
        base = schema["definitions"]["attributes"]
        schema["definitions"][name] = {
            "type": "object",
            "required": base["required"] + extra["required"],
            "properties": base["properties"] | extra["properties"],
        }
    return schema


def stripped(plan: Plan) -> Plan:
    """What a plan file keeps: no tag, nothing that opens a share, and no word on its upkeep."""
    changes = tuple(
        replace(c, before=replace(c.before, tag="", share_code="", share_url="", renew=False))
        if c.before
        else c
        for c in plan.changes
    )
    return replace(plan, changes=changes)


@pytest.mark.parametrize("plan", STORIES)
def test_the_json_follows_the_schema(plan: Plan) -> None:
    body = json.loads(sealed.encode(plan, KEY))
    jsonschema.Draft7Validator.check_schema(SCHEMA)
    jsonschema.Draft7Validator(SCHEMA).validate(body)
    jsonschema.Draft7Validator(closed(merged(SCHEMA))).validate(body)


def test_golden() -> None:
    """The format is public: a change of it is a change of its version."""
    text = json.dumps(sealed.to_json(stories.everything()), indent=1, ensure_ascii=False)
    goldens.check("everything.json", text + "\n")


@pytest.mark.parametrize("plan", STORIES)
def test_what_was_saved_is_read_back(plan: Plan) -> None:
    data = sealed.encode(plan, KEY)
    again = sealed.decode(data, file="p.json", key=KEY)
    assert again == stripped(plan)
    assert view.make_view(again) == view.make_view(plan)
    assert sealed.encode(again, KEY) == data


def test_a_description_is_kept_and_approved_by_nobody() -> None:
    """Another text for reviewers is the same plan: its digest stays, and it may be applied."""
    plan = stories.everything()
    told = replace(plan, changes=tuple(replace(c, description="other\nwords") for c in plan.changes))
    assert plan.digest() == told.digest()
    assert () == sealed.differences(plan, told)
    again = sealed.decode(sealed.encode(told, KEY), file="p", key=KEY)
    assert {"other\nwords"} == {change.description for change in again.changes}
    assert {"other words"} == {row.description for row in view.make_view(again).rows}


def test_a_plan_file_opens_nothing() -> None:
    data = sealed.encode(stories.everything(), KEY)
    assert b"https://" not in data
    assert b"AAAA-BBBB-CCCC" not in data


def test_uids_of_new_secrets_are_kept() -> None:
    plan = sealed.decode(sealed.encode(stories.first_offline(), KEY), file="p", key=KEY)
    assert {str(a): uid for a, uid in sealed.uids(plan).items()} == {
        "db": "uid-db",
        "partner-cert": "uid-partner-cert",
    }


def edited(change: Callable[[Any], None]) -> bytes:
    body = json.loads(sealed.encode(stories.everything(), KEY))
    change(body)
    return json.dumps(body).encode()


def add_person(body: Any) -> None:
    person = {"as_written": "eve@example.com", "id": "eve"}
    change = next(c for c in body["resource_changes"] if c["address"] == "partner-cert")
    change["change"]["after"]["recipients"].append(person)


def drop_change(body: Any) -> None:
    body["resource_changes"].pop()


def say_less(body: Any) -> None:
    body["attention"] = []


@pytest.mark.parametrize("change", [add_person, drop_change, say_less, lambda body: body.pop("seal")])
def test_an_edited_plan_is_refused(change: Callable[[Any], None]) -> None:
    with pytest.raises(StalePlanError):
        sealed.decode(edited(change), file="p.json", key=KEY)


def forge_size(body: Any) -> None:
    change = next(c for c in body["resource_changes"] if c["address"] == "partner-cert")
    change["change"]["after"]["size"] = "1-4 KiB](https://evil.example)"


def forge_name(body: Any) -> None:
    body["name"] = "payments: nobody gains access"


@pytest.mark.parametrize("change", [forge_size, forge_name])
def test_words_of_ours_are_read_as_ours_alone(change: Callable[[Any], None]) -> None:
    """No digest covers a size, and no reader of a plan escapes what can only be one of a few words."""
    with pytest.raises(PlanError, match="does not follow the format"):
        sealed.decode(edited(change), file="p", key=None)


def test_without_the_key_the_digest_still_holds() -> None:
    """`show` needs no key; whoever edits what a reviewer approved is found by the digest alone."""
    assert sealed.decode(edited(say_less), file="p", key=None).attention == ()
    with pytest.raises(StalePlanError, match="changed after it was saved"):
        sealed.decode(edited(add_person), file="p", key=None)


def test_another_key_is_named_as_the_reason() -> None:
    with pytest.raises(StalePlanError, match="another fingerprint key"):
        sealed.decode(sealed.encode(stories.nothing(), OTHER), file="p", key=KEY)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{}",
        b"[]",
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"format_version": "2.0", "resource_changes": []}',
        b'{"format_version": "1.0", "resource_changes": []}',
        sealed.encode(stories.nothing(), KEY)[:-40],
    ],
)
def test_what_is_no_plan_is_refused_without_quoting_it(data: bytes) -> None:
    for key in (KEY, None):
        with pytest.raises(ReconcilerError) as caught:
            sealed.decode(data, file="p.json", key=key)
        assert isinstance(caught.value, PlanError | StalePlanError)
        assert caught.value.detail.startswith("p.json ")
        assert caught.value.hint


def test_a_later_minor_version_is_read() -> None:
    body = json.loads(sealed.encode(stories.nothing(), KEY))
    body["format_version"], body["more"] = "1.7", True
    body["attention"] = [{"code": "of_later", "text": "x", "address": None, "next": None}]
    plan = sealed.decode(json.dumps(body).encode(), file="p", key=None)
    assert (plan.name, [note.code for note in plan.attention]) == ("payments-prod", ["of_later"])


def test_a_plan_of_before_the_reasons_were_a_set_is_read() -> None:
    """Format 1.1 has the first reason only. Its digest, which covers that one, still holds."""
    made = stories.everything()
    old = replace(made, changes=tuple(replace(c, reasons=c.reasons[:1]) for c in made.changes))
    body = json.loads(sealed.encode(old, KEY))
    body["format_version"] = "1.1"
    for change in body["resource_changes"]:
        del change["action_reasons"]
    again = sealed.decode(json.dumps(body).encode(), file="p", key=None)
    assert [c.reasons for c in old.changes] == [c.reasons for c in again.changes]


def _database(body: Any) -> Any:
    return next(c for c in body["resource_changes"] if c["address"] == "db-password" and "deposed" not in c)


@pytest.mark.parametrize("reasons", [["attributes_changed"], ["attributes_changed", "content_changed"]])
def test_a_reason_that_is_taken_out_is_found_by_the_digest(reasons: list[str]) -> None:
    """What a reviewer was told of is covered: `show` reads a plan without the key."""

    def hide(body: Any) -> None:
        assert len(_database(body)["action_reasons"]) == 3
        _database(body)["action_reasons"] = reasons

    with pytest.raises(StalePlanError, match="changed after it was saved"):
        sealed.decode(edited(hide), file="p", key=None)


@pytest.mark.parametrize("reasons", [[], ["content_changed"], ["content_changed", "attributes_changed"]])
def test_the_reasons_begin_with_the_actions(reasons: list[str]) -> None:
    def swap(body: Any) -> None:
        _database(body)["action_reasons"] = reasons

    with pytest.raises(PlanError, match="does not follow the format"):
        sealed.decode(edited(swap), file="p", key=None)
