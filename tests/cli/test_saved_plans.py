"""`plan -o`, `show PLAN`, `apply PLAN`: what was reviewed happens, or nothing does."""

from __future__ import annotations

import dataclasses
import json
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from reconciler.fingerprint import Key
from reconciler.planfile import sealed
from reconciler.sensitive import Sensitive
from reconciler.state import statefile
from tests.cli.desk import Desk, all_bytes, environment, text_secret

FIRST = text_secret("keep") + text_secret("gone") + text_secret("old")
THEN = text_secret("keep") + text_secret("old", "NEW_VALUE") + text_secret("new", None, "max_views: 3")
VALUES = {name: f"value of {name}" for name in ("KEEP", "GONE", "OLD", "NEW_VALUE", "NEW")}


@pytest.fixture
def planned(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """A stack with a saved plan: creates new, replaces old, revokes gone, keeps keep."""
    for name, value in VALUES.items():
        monkeypatch.setenv(name, value)
    desk.manifest(FIRST)
    desk.apply()
    desk.manifest(THEN)
    desk.done("plan", "-o", "plan.json")
    return desk


def sent(desk: Desk) -> list[str]:
    """Return every vault that was ever made, and which of them are live."""
    with desk.tenant() as tenant:
        rows = tenant.rows("SELECT vault_id FROM vaults ORDER BY n")
    return [row["vault_id"] for row in rows] + sorted(v.vault_id for v in desk.live().values())


CHANGES: dict[str, tuple[Callable[[str], str], dict[str, str], str]] = {
    "a planned value": (lambda text: text, {"NEW": "another"}, "new"),
    "a value that was to stay": (lambda text: text, {"KEEP": "another"}, "keep"),
    "the value of a replacement": (lambda text: text, {"NEW_VALUE": "another"}, "old"),
    "a source": (lambda text: text.replace("env: NEW}", "env: GONE}"), {}, "new"),
    "a recipient": (lambda text: text.replace("ana@", "bo@", 1), {}, "keep"),
    "a recipient of a new one": (lambda text: "bo@".join(text.rsplit("ana@", 1)), {}, "new"),
    "a limit": (lambda text: text.replace("max_views: 3", "max_views: 4"), {}, "new"),
    "a life": (lambda text: text + "    expires_in: 1d\n", {}, "new"),
    "a label": (lambda text: text + "    label: other\n", {}, "new"),
    "another entry": (lambda text: text + text_secret("later", "GONE"), {}, "later"),
    "an entry less": (lambda text: text.replace(text_secret("keep"), ""), {}, "keep"),
    "a planned entry less": (lambda text: text.partition("  new:")[0], {}, "new"),
    "an entry that is back": (lambda text: text + text_secret("gone"), {}, "gone"),
    "a forced rotation": (lambda text: text + '    rotate: "2"\n', {}, "new"),
}
"""What changed -> the manifest's and the environment's change, and the secret that the refusal names."""


@pytest.mark.parametrize("what", CHANGES)
def test_what_changed_since_is_refused(planned: Desk, monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    """Exit 8 with the secret's name; no vault is made or revoked, and the state stays as it was."""
    edit, values, named = CHANGES[what]
    before, state = sent(planned), planned.state_path.read_bytes()
    planned.manifest(edit(THEN))
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    ran = planned.run("apply", "plan.json")
    assert 8 == ran.code, ran.said
    assert f"{named}: " in ran.err
    assert before == sent(planned)
    assert state == planned.state_path.read_bytes()


def test_unchanged_it_is_done_and_done_again_is_nothing(planned: Desk) -> None:
    """Without a question, because it was reviewed; a second time there is nothing left of it."""
    assert "1 created, 1 replaced, 1 revoked" in planned.done("apply", "plan.json").out
    assert {"keep", "old", "new"} == set(planned.live())
    assert b"value of NEW_VALUE" == planned.reads("old")
    before = sent(planned)
    planned.done("apply", "plan.json")
    assert before == sent(planned)


@pytest.mark.parametrize("ended_by", [signal.SIGINT, signal.SIGKILL])
def test_after_half_of_it_the_same_plan_finishes(planned: Desk, ended_by: signal.Signals) -> None:
    """Stopped or killed after the first change: the plan still holds, and each change is made once."""
    environ = environment(RECONCILER_SANDBOX_LATENCY="150ms")
    with planned.start("apply", "plan.json", "--parallelism", "1", env=environ) as running:
        assert running.stderr is not None
        for line in running.stderr:
            if line.startswith(("new: ", "old: ", "gone: ")):
                running.send_signal(ended_by)
                break
        running.communicate(timeout=60)
    assert running.returncode != 0
    assert "applied" not in planned.state, "half of a plan is remembered as applied"
    planned.done("apply", "plan.json")
    assert 1 == len(planned.state["applied"])
    assert {"keep", "old", "new"} == set(planned.live())
    assert {} == planned.plan()


def test_the_digest_is_what_was_approved(planned: Desk) -> None:
    """--expect-digest binds apply to the plan that a person saw."""
    before = sent(planned)
    digest = planned.done("show", "plan.json", "--format", "json").json["digest"]
    assert 8 == planned.run("apply", "plan.json", "--expect-digest", "sha256:" + "0" * 64).code
    assert before == sent(planned)
    planned.done("apply", "plan.json", "--expect-digest", digest)


def test_an_edited_plan_is_refused(planned: Desk) -> None:
    """Whichever field: with the digest made to fit, the seal does not."""
    path = planned.path / "plan.json"
    body = json.loads(path.read_bytes())
    for change in body["resource_changes"]:
        if change["change"]["after"]:
            change["change"]["after"]["max_views"] = 0
    path.write_text(json.dumps(body))
    before = sent(planned)
    assert 8 == planned.run("apply", "plan.json").code
    assert 8 == planned.run("show", "plan.json").code
    assert before == sent(planned)


def test_show_says_whether_the_seal_was_checked(planned: Desk) -> None:
    """Where the key is, what no digest covers is held as well; where it is not, whoever reads the plan hears it."""
    assert "seal" not in planned.done("show", "plan.json").err
    path = planned.path / "plan.json"
    body = json.loads(path.read_bytes())
    body["attention"].append({"code": "fine", "address": None, "text": "all is well", "next": None})
    path.write_text(json.dumps(body))
    assert 8 == planned.run("show", "plan.json").code
    planned.key_path.unlink()
    assert "was not checked: the stack's key is not here" in planned.done("show", "plan.json").err
    planned.key_path.write_text("1" * 64 + "\n")
    planned.key_path.chmod(0o600)
    assert "was not checked: another key" in planned.done("show", "plan.json").err


def test_a_plan_holds_no_value_and_no_link(planned: Desk) -> None:
    """It can be a public artifact: in no form is there a plaintext, a share link or the key."""
    texts = [(planned.path / "plan.json").read_bytes()]
    texts += [
        planned.done("show", "plan.json", "--format", form).raw
        for form in ("text", "json", "markdown", "html", "gitlab")
    ]
    hidden = [*(v.encode() for v in VALUES.values()), planned.key_path.read_bytes().strip()]
    hidden += [v.share_code.encode() for v in planned.live().values()]
    assert [] == [value for value in hidden for text in texts if value in text]


def test_planning_leaves_nothing_but_the_plan(planned: Desk) -> None:
    """Beside the file that was asked for, no byte of the directory changes."""
    sandbox = planned.path / ".reconciler" / "sandbox" / "tenant"
    (planned.path / "plan.json").unlink()
    before = all_bytes(planned.path, without=sandbox)
    planned.done("plan", "-o", str(Path("other.json")))
    (planned.path / "other.json").unlink()
    assert before == all_bytes(planned.path, without=sandbox)


def test_an_offline_plan_is_not_saved(planned: Desk) -> None:
    """Nobody looked at tenant or values: there is nothing to hold an apply against."""
    assert 64 == planned.run("plan", "--offline", "-o", "offline.json").code
    assert not (planned.path / "offline.json").exists()


def test_what_was_asked_for_is_in_the_plan(planned: Desk) -> None:
    """--replace of a share that is as declared: done once, by the plan alone, whether or not it dies on the way."""
    planned.apply()
    planned.done("plan", "-o", "asked.json", "--replace", "keep")
    before = planned.live()["keep"].vault_id
    assert "1 replaced" in planned.done("apply", "asked.json").out
    after = planned.live()["keep"].vault_id
    assert before != after
    planned.done("apply", "asked.json")
    assert after == planned.live()["keep"].vault_id


@pytest.mark.parametrize("option", [("--target", "new"), ("--exclude", "[!n]*")])
def test_a_plan_of_a_part_is_applied(planned: Desk, option: tuple[str, str]) -> None:
    """The rest waits: it is neither done nor in the way, and is said to be left out."""
    planned.done("plan", "-o", "part.json", *option)
    assert "1 created.\n" in planned.done("apply", "part.json").out
    assert {"gone", "keep", "new", "old"} == set(planned.live())
    assert b"value of OLD" == planned.reads("old")
    again = planned.done("apply", "part.json").out
    assert "left out by the command line" in again


def test_a_plan_of_a_part_still_holds_what_was_to_stay(
    planned: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the reviewer saw unchanged, and is not any more, is told."""
    planned.done("plan", "-o", "part.json", "--target", "new")
    monkeypatch.setenv("KEEP", "another")
    assert 8 == planned.run("apply", "part.json").code


def test_options_do_not_widen_a_plan(planned: Desk) -> None:
    """What is done was decided when it was saved."""
    for option in (("--target", "keep"), ("--replace", "keep"), ("--only", "renewals")):
        assert 64 == planned.run("apply", "plan.json", *option).code


TWELVE = [f"s{n:02d}" for n in range(12)]


@pytest.fixture
def crowded(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """Twelve live shares, and a manifest by which eight of them are replaced."""
    monkeypatch.setenv("VALUE", "1")
    monkeypatch.setenv("OTHER", "2")
    desk.manifest("".join(text_secret(name, "VALUE") for name in TWELVE))
    desk.apply()
    desk.manifest("".join(text_secret(name, "OTHER" if name < "s08" else "VALUE") for name in TWELVE))
    return desk


def test_a_guard_is_part_of_the_plan(crowded: Desk) -> None:
    """Each format shows what apply refuses, a saved plan keeps it, and the way on is named."""
    before = sent(crowded)
    crowded.done("plan", "-o", "plan.json")
    assert ["max_replace"] == [r["code"] for r in crowded.done("plan", "--json").json["refusals"]]
    for form in ("text", "json", "markdown", "html", "gitlab"):
        for shown in (("plan",), ("show", "plan.json")):
            if form != "gitlab":  # which is three numbers
                assert "would replace 8 of 12 live secrets" in crowded.done(*shown, "--format", form).out
    refused = crowded.run("apply", "plan.json")
    assert 7 == refused.code, refused.said
    assert "--max-replace 8" in refused.err
    assert before == sent(crowded)


def test_a_limit_is_given_when_the_plan_is_made(crowded: Desk) -> None:
    """It is shown, another limit is another digest, and apply takes none: it was approved with this one."""
    crowded.done("plan", "-o", "free.json")
    crowded.done("plan", "-o", "plan.json", "--max-replace", "8")
    free, plan = (json.loads((crowded.path / name).read_bytes()) for name in ("free.json", "plan.json"))
    assert {"max_revoke": None, "max_replace": 8} == plan["limits"]
    assert [] == plan["refusals"]
    assert free["digest"] != plan["digest"]
    assert "--max-replace 8" in crowded.done("show", "plan.json").out
    assert 7 == crowded.run("apply", "free.json").code
    assert 64 == crowded.run("apply", "free.json", "--max-replace", "8").code
    assert "Applied: 8 replaced." in crowded.done("apply", "plan.json", "--expect-digest", plan["digest"]).out


def test_a_limit_below_what_the_plan_holds_is_refused(crowded: Desk) -> None:
    """In both directions, as with apply itself."""
    crowded.done("plan", "-o", "plan.json", "--max-replace", "7")
    assert 7 == crowded.run("apply", "plan.json").code


def test_a_plan_of_before_the_guards_meets_them_too(crowded: Desk) -> None:
    """An older release saved it: without limits, without refusals, and sealed."""
    crowded.done("plan", "-o", "plan.json")
    path = crowded.path / "plan.json"
    key = Key(Sensitive(bytes.fromhex(crowded.key_path.read_text().strip())))
    plan = sealed.decode(path.read_bytes(), file="plan.json", key=key)
    path.write_bytes(sealed.encode(dataclasses.replace(plan, refusals=()), key))
    assert 7 == crowded.run("apply", "plan.json").code


def test_an_approval_grants_once(planned: Desk) -> None:
    """The effect is taken back, and the same job runs again: nobody approved that, whatever the digest."""
    planned.done("plan", "-o", "new.json", "--target", "new")
    digest = planned.done("show", "new.json", "--json").json["digest"]
    planned.done("apply", "new.json", "--expect-digest", digest)
    planned.manifest(FIRST)
    planned.apply()
    before = sent(planned)
    planned.manifest(THEN)
    again = planned.run("apply", "new.json", "--expect-digest", digest)
    assert 8 == again.code, again.said
    assert "taken back since" in again.err
    assert before == sent(planned)
    planned.done("plan", "-o", "again.json")
    planned.done("apply", "again.json")
    assert {"keep", "old", "new"} == set(planned.live())


@pytest.mark.parametrize("forgotten", [("applied",), ("made",), ("applied", "made")])
def test_each_memory_is_enough(planned: Desk, forgotten: tuple[str, ...]) -> None:
    """A run that is killed before its end leaves the generation alone; without either the tenant's tags tell."""
    planned.done("plan", "-o", "plan.json", "--target", "new")
    planned.done("apply", "plan.json")
    planned.manifest(FIRST)
    planned.apply()
    body = planned.state
    assert {"applied", "made"} <= set(body)
    for name in forgotten:
        del body[name]
    planned.state_path.write_bytes(statefile.encode(statefile.decode(summed(body), file="state")))
    before = sent(planned)
    planned.manifest(THEN)
    again = planned.run("apply", "plan.json")
    assert 8 == again.code, again.said
    assert before == sent(planned)


def summed(body: dict[str, object]) -> bytes:
    """Return a state with the checksum that it needs."""
    covered = {name: value for name, value in body.items() if name != "checksum"}
    return json.dumps({**covered, "checksum": statefile._checksum(covered)}).encode()


def test_a_saved_plan_ends(planned: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A week, by the tenant's clock, unless apply is told otherwise."""
    monkeypatch.setenv("RECONCILER_SANDBOX_CLOCK_OFFSET", "169h")
    before = sent(planned)
    late = planned.run("apply", "plan.json")
    assert 8 == late.code, late.said
    assert "a plan lives for 7d (--plan-life)" in late.err
    assert before == sent(planned)
    for wrong in ("", "7", "forever", "-1d"):
        assert 64 == planned.run("apply", "plan.json", "--plan-life", wrong).code
    monkeypatch.setenv("RECONCILER_SANDBOX_CLOCK_OFFSET", "2h")
    assert 8 == planned.run("apply", "plan.json", "--plan-life", "1h").code
    planned.done("apply", "plan.json", "--plan-life", "3h")
