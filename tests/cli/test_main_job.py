"""Declare, plan, apply: the main job as a newcomer meets it, on the quickstart."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from reconciler.cli import main
from reconciler.storage.lock import Holder
from reconciler.storage.workdir import Workdir
from tests.cli.desk import Desk, text_secret

Example = Callable[[str], Desk]
PASSWORD = "correct horse battery staple"


@pytest.fixture
def quickstart(example: Example, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """The quickstart, with the variable that it names."""
    monkeypatch.setenv("DB_PASSWORD", PASSWORD)
    return example("quickstart")


def test_plan_exits_2_before_and_0_after_apply(quickstart: Desk) -> None:
    """`plan --detailed-exitcode` tells a pipeline whether there is anything to do."""
    before = quickstart.run("plan", "--detailed-exitcode")
    assert 2 == before.code, before.said
    assert "Plan: 3 to create, 0 to replace, 0 to revoke, 0 unchanged." == before.out.splitlines()[-1]

    applied = quickstart.apply()
    assert "Applied: 3 created." in applied.out
    assert {"db-password", "service-account", "vpn-profile"} == set(quickstart.live())
    for name in quickstart.live():
        assert f"{name}: created" in applied.err

    after = quickstart.run("plan", "--detailed-exitcode")
    assert 0 == after.code, after.said
    assert "No changes. 3 unchanged." == after.out.splitlines()[-1]


def test_the_share_links_stand_at_the_end(quickstart: Desk) -> None:
    """What apply prints last is what a person passes on; `output` prints it again, one by name alone."""
    applied = quickstart.apply()
    links = {name: vault.share_code for name, vault in quickstart.live().items()}
    lines = applied.out.split("Share links:\n")[1].splitlines()
    assert "  db-password for ana@example.com, bo@example.com:" == lines[0]
    shown = {line.split()[0]: url.strip() for line, url in zip(lines[::2], lines[1::2], strict=True)}
    assert links == {name: url.rpartition("/")[2] for name, url in shown.items()}
    assert [line.removeprefix("  ") for line in lines] == quickstart.done("output").out.splitlines()
    assert shown["vpn-profile"] + "\n" == quickstart.done("output", "vpn-profile").out


def test_in_ci_links_are_printed_only_on_request(quickstart: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sandbox is no CI: its links lead nowhere, so a `CI` variable changes nothing there."""
    monkeypatch.setenv("CI", "true")
    assert "Share links:" in quickstart.apply().out


def test_a_changed_variable_replaces_exactly_that_secret(
    quickstart: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The plan names the secret and the reason; the old vault is gone afterwards, the new one has the new value."""
    quickstart.apply()
    before = quickstart.live()
    monkeypatch.setenv("DB_PASSWORD", "another")
    assert {"db-password": (["create", "delete"], "content_changed")} == quickstart.plan()
    assert "Applied: 1 replaced." in quickstart.apply().out
    after = quickstart.live()
    assert {"db-password"} == {name for name in after if after[name].vault_id != before[name].vault_id}
    assert 3 == len(after)
    assert b"another" == quickstart.reads("db-password")


def test_a_changed_file_replaces_exactly_that_secret(quickstart: Desk) -> None:
    """One byte is enough, in a text and in a FILE secret."""
    quickstart.apply()
    quickstart.write("service-account.json", '{"token": "next"}')
    assert {"service-account": (["create", "delete"], "content_changed")} == quickstart.plan()
    profile = (quickstart.path / "office.ovpn").read_bytes()
    quickstart.write("office.ovpn", profile + b"#")
    quickstart.apply()
    assert profile + b"#" == quickstart.reads("vpn-profile")
    assert b'{"token": "next"}' == quickstart.reads("service-account")
    assert {} == quickstart.plan()


def test_a_removed_entry_is_revoked(quickstart: Desk) -> None:
    """What the manifest no longer names nobody can open any more, and the state forgets it."""
    quickstart.apply()
    text = (quickstart.path / "reconciler.yaml").read_text()
    quickstart.manifest(text[: text.index("  vpn-profile:")])
    assert {"vpn-profile": (["delete"], "removed_from_manifest")} == quickstart.plan()
    assert "Applied: 1 revoked." in quickstart.apply().out
    assert {"db-password", "service-account"} == set(quickstart.live())
    assert {"db-password", "service-account"} == set(quickstart.state["instances"])


def test_destroy_leaves_no_live_vault(quickstart: Desk) -> None:
    """And the next plan would make everything again: the manifest still says so."""
    quickstart.apply()
    destroyed = quickstart.done("destroy", "--auto-approve")
    assert "Applied: 3 revoked." in destroyed.out
    assert {} == quickstart.live()
    assert {} == quickstart.state["instances"]
    assert "No changes." in quickstart.done("destroy", "--auto-approve").out
    assert ["create"] == quickstart.plan()["db-password"][0]


def test_a_second_apply_does_nothing(quickstart: Desk) -> None:
    """It sends nothing, and it does not even touch the state."""
    quickstart.apply()
    before = quickstart.state_path.stat().st_mtime_ns
    events = (quickstart.tenant_data / "events.jsonl").read_bytes()
    again = quickstart.apply()
    assert "No changes." in again.out
    assert before == quickstart.state_path.stat().st_mtime_ns
    assert events == (quickstart.tenant_data / "events.jsonl").read_bytes()


def test_the_manifest_may_lie_elsewhere(quickstart: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """`-f` names it; state, sources and workdir belong to the manifest's directory, not to the shell's."""
    (quickstart.path / "elsewhere").mkdir()
    monkeypatch.chdir("elsewhere")
    quickstart.options = ("--sandbox", "-f", "../reconciler.yaml")
    quickstart.apply()
    assert [] == list((quickstart.path / "elsewhere").iterdir())
    assert quickstart.state_path.exists()
    monkeypatch.chdir("..")


def test_the_sandbox_says_what_it_is(quickstart: Desk) -> None:
    """The run that makes its data says once, on standard error, that it is no place for real secrets."""
    said = "Note: the sandbox keeps every key on this machine: no place for real secrets\n"
    for expected in (said, ""):
        ran = quickstart.done("plan")
        assert expected == ran.err
        assert "no place" not in ran.out
    assert "no place" not in quickstart.apply().said
    assert "no place" not in quickstart.done("sandbox", "view", "db-password").err
    quickstart.done("sandbox", "reset")
    assert said == quickstart.done("plan").err


def test_reset_empties_the_sandbox_and_nothing_else(quickstart: Desk) -> None:
    """Afterwards everything is as before the first run, a file of ours that lies there included."""
    quickstart.apply()
    locks = {p: p.stat().st_ino for p in quickstart.workdir.glob("*.lock")}
    mine = quickstart.write(".reconciler/sandbox/mine.txt", "mine")
    assert "The sandbox is empty." in quickstart.done("sandbox", "reset").out
    left = [p for p in (quickstart.path / ".reconciler").rglob("*") if p.is_file() and p.suffix != ".lock"]
    assert [mine] == left
    assert locks == {p: p.stat().st_ino for p in quickstart.workdir.glob("*.lock")}
    assert "The sandbox was empty." in quickstart.done("sandbox", "reset").out
    assert 3 == len(quickstart.plan())


def test_reset_waits_for_no_run_and_breaks_none(quickstart: Desk) -> None:
    """While a run holds a stack of this directory its tenant stays."""
    quickstart.apply()
    with Workdir(quickstart.workdir, "another").lock.held(Holder.here(datetime.now(UTC), job=None)):
        ran = quickstart.run("sandbox", "reset")
    assert (5, True) == (ran.code, "locked by another run" in ran.err)
    assert {} == quickstart.plan()


def test_reset_takes_every_manifests_state(quickstart: Desk) -> None:
    """They share the tenant and the key: a state that was left would stand on nothing."""
    quickstart.apply()
    other = quickstart.path / "other.yaml"
    other.write_text((quickstart.path / "reconciler.yaml").read_text().replace("quickstart", "other"))
    quickstart.done("-f", "other.yaml", "apply", "--auto-approve")
    quickstart.done("sandbox", "reset")
    quickstart.done("-f", "other.yaml", "apply", "--auto-approve")


@pytest.mark.parametrize("path", [".reconciler/sandbox/fingerprint.key", "reconciler.yaml", "office.ovpn"])
def test_an_output_never_takes_the_place_of_something_else(quickstart: Desk, path: str) -> None:
    """A slip of the hand must not cost a key, a manifest or a source."""
    quickstart.apply()
    before = (quickstart.path / path).read_bytes()
    for command in (("plan", "-o", path), ("apply", "--auto-approve", "--result", path)):
        ran = quickstart.run(*command)
        assert 64 == ran.code, ran.said
        assert "would be lost" in ran.err
    assert before == (quickstart.path / path).read_bytes()


def test_a_digest_is_expected_of_a_plan(quickstart: Desk) -> None:
    """An empty PLAN in a pipeline must not mean: apply whatever there is."""
    assert 64 == quickstart.run("apply", "--auto-approve", "--expect-digest", "sha256:dead").code


def test_an_option_that_is_given_and_empty_is_refused(quickstart: Desk) -> None:
    """A misspelt output of a job is an empty text: it must not lift the check that it was to be."""
    quickstart.done("plan", "-o", "plan.json")
    for empty in (
        ("apply", "plan.json", "--expect-digest", ""),
        ("apply", "--auto-approve", "--expect-digest", ""),
        ("apply", "--auto-approve", ""),
        ("apply", "--auto-approve", "--only", ""),
        ("apply", "--auto-approve", "--target", ""),
        ("apply", "--auto-approve", "--result", ""),
        ("plan", "-o", ""),
        ("plan", "--as-of", ""),
        ("show", ""),
    ):
        assert 64 == quickstart.run(*empty).code, empty
    assert {} == quickstart.live()


@pytest.mark.parametrize("flags", [("--sandbox", "-f", "it.yaml"), ()], ids=["before", "after"])
def test_shared_options_stand_before_or_after_the_command(
    desk: Desk, flags: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both orders are what somebody tries first."""
    monkeypatch.setenv("A", "1")
    desk.stem, desk.options = "it", flags
    desk.manifest(text_secret("a"))
    after = () if flags else ("--sandbox", "-f", "it.yaml")
    assert ["a"] == [c["address"] for c in desk.done("plan", "--json", *after).json["resource_changes"]]


def test_as_a_module_and_as_a_function_it_is_the_same_program(
    desk: Desk, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    """`python -m reconciler --version` is the command."""
    process = desk.start("--version")
    out, _ = process.communicate(timeout=60)
    with pytest.raises(SystemExit):
        main(["--version"])
    assert out == capfdbinary.readouterr().out.decode()


def test_json_answers_parse(quickstart: Desk) -> None:
    """With --json, standard output is one JSON value and nothing else, whatever the command."""
    for arguments in (
        ("validate",),
        ("plan",),
        ("apply", "--auto-approve"),
        ("plan",),
        ("output",),
        ("state", "list"),
        ("state", "show", "db-password"),
        ("show",),
        ("destroy", "--auto-approve"),
    ):
        ran = quickstart.done("--json", *arguments)
        assert isinstance(json.loads(ran.raw), dict), arguments


def test_the_result_names_every_outcome(quickstart: Desk) -> None:
    """`--json apply` and `--result FILE` say the same, but that the file, which CI keeps, has no links."""
    ran = quickstart.done("--json", "apply", "--auto-approve", "--result", "result.json")
    kept = json.loads((quickstart.path / "result.json").read_bytes())
    outcomes = {r["address"]: r["outcome"] for r in ran.json["results"]}
    assert dict.fromkeys(("db-password", "service-account", "vpn-profile"), "created") == outcomes
    assert [r["vault_id"] for r in ran.json["results"]] == [r["vault_id"] for r in kept["results"]]
    assert all(r["share_url"] for r in ran.json["results"])
    assert not any(r["share_url"] for r in kept["results"])


def test_a_place_that_is_taken_is_told_and_no_mistake_of_the_program(desk: Desk) -> None:
    """A file where the sandbox's directory belongs stands for every directory that cannot be made."""
    desk.manifest(text_secret("a", "VALUE"))
    desk.write(".reconciler/sandbox", "in the way")
    ran = desk.run("plan")
    assert ran.code in (1, 64), ran.said
    assert "mistake" not in ran.said
    assert ".reconciler/sandbox" in ran.err
