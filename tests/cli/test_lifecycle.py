"""Renaming, letting go, protecting; people who come and go; external partners; the guards; reviewed plans."""

from __future__ import annotations

import json

import pytest

from tests.cli.desk import Desk, acting, text_secret


@pytest.fixture(autouse=True)
def value(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every secret here has the same value."""
    monkeypatch.setenv("VALUE", "1")


def test_a_renamed_secret_keeps_its_share(desk: Desk) -> None:
    """`moved` changes the state alone: no vault is made, none revoked, no exit 2, and the move is told."""
    desk.manifest(text_secret("old-name", "VALUE"))
    desk.apply()
    live = {v.vault_id for v in desk.live().values()}
    desk.manifest(text_secret("new-name", "VALUE") + "moved:\n  - {from: old-name, to: new-name}\n")
    plan = desk.run("plan", "--detailed-exitcode")
    assert 0 == plan.code, plan.said
    assert "old-name" in plan.out
    desk.apply()
    assert {"new-name"} == set(desk.state["instances"])
    assert live == {v.vault_id for v in desk.live().values()}
    assert b"1" == desk.done("sandbox", "view", "new-name").raw
    assert "No changes." in desk.done("plan").out


def test_without_moved_a_rename_is_a_revoke_and_a_create(desk: Desk) -> None:
    """Guessing would be worse."""
    desk.manifest(text_secret("old-name", "VALUE"))
    desk.apply()
    desk.manifest(text_secret("new-name", "VALUE"))
    assert {"new-name": (["create"], "new"), "old-name": (["delete"], "removed_from_manifest")} == desk.plan()


def test_removed_without_revoke_lets_the_share_live(desk: Desk) -> None:
    """It is forgotten here and stays with its people; later runs never touch it."""
    desk.manifest(text_secret("legacy", "VALUE") + text_secret("kept", "VALUE"))
    desk.apply()
    desk.manifest(text_secret("kept", "VALUE") + "removed:\n  - {name: legacy, revoke: false}\n")
    assert {"legacy": (["forget"], "removed_from_manifest")} == desk.plan()
    assert "Applied: 1 forgotten." in desk.apply().out
    assert {"legacy", "kept"} == set(desk.live())
    assert {"kept"} == set(desk.state["instances"])
    assert [desk.live()["legacy"].vault_id] == desk.state["forgotten"]
    desk.manifest(text_secret("kept", "VALUE"))
    assert 0 == desk.run("plan", "--detailed-exitcode").code
    desk.apply()
    assert "legacy" in desk.live()


def test_prevent_revoke_refuses_the_removal(desk: Desk) -> None:
    """Exit 7 and both ways out; the plan tells it beforehand; setting it to false and applying that lets it go."""
    guarded = text_secret("root", "VALUE", "lifecycle: {prevent_revoke: true}")
    desk.manifest(guarded)
    desk.apply()
    desk.manifest(text_secret("other", "VALUE", who="bo@example.com"))
    assert "prevent_revoke" in desk.done("plan").out
    refused = desk.run("apply", "--auto-approve")
    assert 7 == refused.code, refused.said
    assert "prevent_revoke" in refused.err
    assert {"root"} == set(desk.live())
    destroyed = desk.run("destroy", "--auto-approve")
    assert 7 == destroyed.code, destroyed.said
    assert {"root"} == set(desk.live())
    desk.manifest(guarded.replace("true", "false"))
    desk.apply()
    desk.done("destroy", "--auto-approve")
    assert {} == desk.live()


def test_who_gains_and_who_loses_is_told(desk: Desk) -> None:
    """A person who leaves the list costs a new vault, and loses the old one with it."""
    desk.manifest(text_secret("a", "VALUE", who="ana@example.com, bo@example.com"))
    desk.apply()
    desk.manifest(text_secret("a", "VALUE", who="ana@example.com, cy@example.com"))
    plan = desk.done("--json", "plan").json
    assert {"a": (["create", "delete"], "attributes_changed")} == acting(plan)
    access = {entry["who"]: (entry["gains"], entry["loses"]) for entry in plan["access"]}
    assert (["a"], []) == access["cy@example.com"]
    assert ([], ["a"]) == access["bo@example.com"]
    desk.apply()
    assert 1 == len(desk.live())
    assert 1 == desk.run("sandbox", "view", "a", "--as", "bo@example.com").code
    assert b"1" == desk.done("sandbox", "view", "a", "--as", "cy@example.com").raw


@pytest.mark.parametrize(
    "change", ["max_views: 3", "expires_in: 3d", 'rotate: "2026-11"', "format: json", "label: other"]
)
def test_a_changed_attribute_replaces(desk: Desk, change: str) -> None:
    """A vault cannot be changed, so a new one takes its place; afterwards nothing is left to do."""
    desk.manifest(text_secret("a", "VALUE"))
    desk.apply()
    desk.manifest(text_secret("a", "VALUE", change))
    ((actions, reason),) = desk.plan().values()
    assert ["create", "delete"] == actions
    assert ("rotated" if "rotate" in change else "attributes_changed") == reason
    desk.apply()
    assert 1 == len(desk.live())
    assert {} == desk.plan()


@pytest.mark.parametrize("change", ["description: for reviewers", "renew: always", "renew: never"])
def test_what_reviewers_read_and_how_it_renews_costs_no_vault(desk: Desk, change: str) -> None:
    """Those are not of the vault."""
    desk.manifest(text_secret("a", "VALUE"))
    desk.apply()
    desk.manifest(text_secret("a", "VALUE", change))
    assert {} == desk.plan()


def test_an_external_partner_is_marked_and_reads_it(desk: Desk) -> None:
    """Reviewers see an address outside at once; a C1 user written as one is pointed out."""
    entry = "  cert:\n    source: {env: VALUE}\n    share_with: {external: [ops@partner.example, ana@example.com]}\n"
    desk.manifest(entry)
    plan = desk.done("--json", "plan").json
    assert {"ops@partner.example", "ana@example.com"} == {a["who"] for a in plan["access"] if a["external"]}
    assert any("ana@example.com" in a["text"] for a in plan["attention"])
    assert "external" in desk.done("plan").out
    desk.apply()
    assert b"1" == desk.done("sandbox", "view", "cert").raw
    assert {} == desk.plan()


TWELVE = [f"s{n:02d}" for n in range(12)]


def test_mass_removal_trips_a_guard(desk: Desk) -> None:
    """More than five and more than 30 %: exit 7, nothing done, and the flag with the number is named."""
    desk.manifest("".join(text_secret(name, "VALUE") for name in TWELVE))
    desk.apply()
    desk.manifest("".join(text_secret(name, "VALUE") for name in TWELVE[:6]))
    refused = desk.run("apply", "--auto-approve")
    assert 7 == refused.code, refused.said
    assert "--max-revoke 6" in refused.err
    assert set(TWELVE) == set(desk.live())
    assert 7 == desk.run("apply", "--auto-approve", "--max-revoke", "5").code
    assert "Applied: 6 revoked." in desk.apply("--max-revoke", "6").out


def test_removing_everything_trips_it_too_and_a_few_pass(desk: Desk) -> None:
    """An emptied manifest is a mistake more often than a wish; `destroy` is for the wish."""
    desk.manifest(text_secret("a", "VALUE") + text_secret("b", "VALUE"))
    desk.apply()
    desk.manifest("version: 1\nname: desk\nsecrets: {}\n")
    assert 7 == desk.run("apply", "--auto-approve").code
    desk.manifest(text_secret("a", "VALUE"))
    assert "Applied: 1 revoked." in desk.apply().out


def test_mass_replacement_trips_a_guard(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """One variable that changes twelve values is looked at by a person; `--max-replace` lets it."""
    desk.manifest("".join(text_secret(name, "VALUE") for name in TWELVE))
    desk.apply()
    monkeypatch.setenv("VALUE", "2")
    refused = desk.run("apply", "--auto-approve")
    assert 7 == refused.code, refused.said
    assert "--max-replace 12" in refused.err
    assert "Applied: 12 replaced." in desk.apply("--max-replace", "12").out


def test_a_reviewed_plan_is_what_is_applied(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """`plan -o` saves it, `show` prints it, `apply PLAN` asks nothing and does it, once."""
    desk.manifest(text_secret("a", "VALUE") + text_secret("b", "VALUE"))
    desk.done("plan", "-o", "it.plan")
    shown = desk.done("show", "it.plan").out
    assert "Plan: 2 to create, 0 to replace, 0 to revoke, 0 unchanged." in shown
    assert acting(desk.done("show", "it.plan", "--json").json) == desk.plan()
    assert "Applied: 2 created." in desk.done("apply", "it.plan").out
    again = desk.done("apply", "it.plan")
    assert "No changes." in again.out or "Nothing" in again.out
    assert 2 == len(desk.live())


def test_a_plan_that_no_longer_holds_is_refused(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit 8 with what differs; nothing is done. A plan that somebody edited, or another digest, is refused too."""
    desk.manifest(text_secret("a", "VALUE"))
    saved = desk.done("plan", "-o", "it.plan")
    assert "it.plan" in saved.err
    digest = json.loads((desk.path / "it.plan").read_bytes())["digest"]

    other = desk.run("apply", "it.plan", "--expect-digest", "sha256:" + "0" * 64)
    assert 8 == other.code, other.said

    desk.manifest(text_secret("a", "VALUE") + text_secret("b", "VALUE"))
    stale = desk.run("apply", "it.plan")
    assert 8 == stale.code, stale.said
    assert "b" in stale.err

    desk.manifest(text_secret("a", "VALUE", who="bo@example.com"))
    assert 8 == desk.run("apply", "it.plan").code

    desk.manifest(text_secret("a", "VALUE"))
    plan = (desk.path / "it.plan").read_text()
    desk.write("it.plan", plan.replace("ana@example.com", "bo@example.com"))
    edited = desk.run("apply", "it.plan")
    assert edited.code in (1, 8), edited.said
    assert {} == desk.live()

    desk.write("it.plan", plan)
    desk.done("apply", "it.plan", "--expect-digest", digest)
    assert {"a"} == set(desk.live())


def test_targets_narrow_the_work(desk: Desk) -> None:
    """`--target` and `--exclude` say which; the rest waits."""
    desk.manifest("".join(text_secret(name, "VALUE") for name in ("app-a", "app-b", "db")))
    assert {"app-a", "app-b"} == set(desk.plan("--target", "app-*"))
    assert {"app-a"} == set(desk.plan("--target", "app-*", "--exclude", "*-b"))
    desk.apply("--target", "db")
    assert {"db"} == set(desk.live())
    assert {"app-a", "app-b"} == set(desk.plan())


@pytest.mark.parametrize(
    ("arguments", "meant"),
    [
        (("apply", "--auto-approve", "--replace", "db-pasword"), "did you mean db-password?"),
        (("plan", "--replace", "db-pasword"), "did you mean db-password?"),
        (("plan", "--offline", "--replace", "db-pasword"), "did you mean db-password?"),
        (("plan", "--target", "app", "--target", "db-passwrd*"), "did you mean db-password?"),
        (("plan", "--offline", "--target", "nope*"), "Next: "),
        (("plan", "--replace", "db-password", "--target", "old-name"), "Next: "),
    ],
)
def test_a_name_that_is_none_of_the_stacks_is_no_lack_of_changes(
    desk: Desk, arguments: tuple[str, ...], meant: str
) -> None:
    """Exit 64: whoever misspells what is to be replaced must not read "No changes"."""
    desk.manifest(text_secret("db-password", "VALUE") + text_secret("app", "VALUE"))
    desk.apply()
    before = desk.state_path.read_bytes()
    ran = desk.run(*arguments)
    assert 64 == ran.code, ran.said
    assert f"{arguments[-1]}" in ran.err
    assert meant in ran.err
    assert before == desk.state_path.read_bytes()


def test_names_of_the_manifest_and_of_the_state_are_names(desk: Desk) -> None:
    """What is about to go, and what moved: by its new name."""
    desk.manifest(text_secret("a", "VALUE") + text_secret("gone", "VALUE"))
    desk.apply()
    desk.manifest(text_secret("new", "VALUE") + "moved: [{from: a, to: new}]\n")
    for offline in ((), ("--offline",)):
        assert "gone" in desk.plan("--target", "gone", *offline)
        assert "new" in desk.plan("--replace", "new", *offline)
        assert 64 == desk.run("plan", "--replace", "a", *offline).code


@pytest.mark.parametrize("offline", [(), ("--offline",)], ids=["online", "offline"])
def test_an_exclude_that_matches_nothing_is_pointed_out(desk: Desk, offline: tuple[str, ...]) -> None:
    """It may stand in a pipeline for a secret that comes later; it may be misspelt."""
    desk.manifest(text_secret("app", "VALUE"))
    ran = desk.done("plan", "--exclude", "ap", *offline)
    assert "--exclude ap matches no secret" in ran.out
    assert "did you mean app?" in ran.out
    assert "Plan: 1 to create" in ran.out
    assert "matches no secret" not in desk.done("plan", "--exclude", "a*", *offline).out
