"""Mistakes in the manifest and on the command line: all at once, at the right line, without a value."""

from __future__ import annotations

from typing import Final

import pytest

from tests.cli.desk import Desk, snapshot, text_secret

CANARY: Final = "canary-5up3r-s3cr3t"

TEN_MISTAKES: Final = f"""\
version: 1
name: Payments Prod
target: {{tenat: acme}}
defaults: {{expires_in: 90d}}
audiences:
  team: {{users: [ana@example.com]}}
secrets:
  literal:
    source: {CANARY}
    share_with: {{audiences: [team]}}
  nobody:
    source: {{env: A}}
  unknown-audience:
    source: {{env: A}}
    share_with: {{audiences: [teem]}}
  both:
    source: {{env: A}}
    share_with: {{users: [ana@example.com], external: [ops@partner.example]}}
  views:
    source: {{env: A}}
    share_with: {{audiences: [team]}}
    max_views: 1001
  value-inline:
    value: {CANARY}
    source: {{env: A}}
    share_with: {{audiences: [team]}}
  later:
    source: {{file: a.yaml, key: {CANARY}}}
    share_with: {{audiences: [team]}}
"""

EXPECTED: Final = {
    2: "name",
    3: "tenat",
    4: "expires_in",
    9: "source",
    11: "share_with",
    15: "unknown audience; expected team; did you mean team?",
    18: "external",
    22: "max_views",
    24: "value",
    28: "key",
}


def test_ten_mistakes_give_ten_messages_with_their_lines(desk: Desk) -> None:
    """In one run, exit 65; each message stands at the line of its mistake, and none shows a value."""
    desk.manifest(TEN_MISTAKES)
    for command in (("validate",), ("plan",), ("apply", "--auto-approve")):
        ran = desk.run(*command)
        assert 65 == ran.code, ran.said
        assert b"" == ran.raw
        problems = [
            line.strip() for line in ran.err.splitlines() if line.strip().startswith("reconciler.yaml:")
        ]
        found = {int(line.split(":")[1]): line for line in problems}
        assert list(EXPECTED) == list(found), ran.err
        assert 10 == len(problems)
        for line, word in EXPECTED.items():
            assert word in found[line]
        assert CANARY not in ran.said
    assert not (desk.path / ".reconciler").exists()


def test_the_same_as_json(desk: Desk) -> None:
    """An editor or a CI step gets the same ten, as data."""
    desk.manifest(TEN_MISTAKES)
    ran = desk.run("--json", "validate")
    assert 65 == ran.code
    assert list(EXPECTED) == [problem["line"] for problem in ran.json["problems"]]
    assert CANARY not in ran.said


def test_a_recipient_who_is_not_there_is_named_with_its_line(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disabled user, and an address that two users share: both named, before anything is made."""
    monkeypatch.setenv("A", "1")
    people = ("gone@example.com", "twin@example.com")
    desk.manifest("".join(text_secret(f"a{n}", "A", who=who) for n, who in enumerate(people)))
    ran = desk.run("apply", "--auto-approve")
    assert 65 == ran.code, ran.said
    for line, who in zip((6, 9), people, strict=True):
        assert any(f"reconciler.yaml:{line}:" in text and who in text for text in ran.err.splitlines()), (
            ran.err
        )
    assert {} == desk.live()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (f"version: 1\nname: {CANARY}: [", "reconciler.yaml:2"),
        (f"version: 1\n\tname: {CANARY}\n", "reconciler.yaml:2"),
        (f"a: !!python/object/apply:os.system ['{CANARY}']\nversion: 1\n", "tag"),
        (f"version: 1\nname: &{CANARY} x\nsecrets: *{CANARY}\n", "reconciler.yaml:"),
        (f"version: 1\nname: x\nname: {CANARY}\nsecrets: {{}}\n", "twice"),
        (f"version: 1\n---\nname: {CANARY}\n", "document"),
        ("version: " + "[" * 100_000, "deep"),
        ("", "empty"),
        (f"version: 2\nname: {CANARY}\n", "version"),
    ],
    ids=["syntax", "tab", "tag", "alias", "duplicate", "second document", "depth", "empty", "version"],
)
def test_hostile_and_broken_yaml_never_shows_a_traceback_or_a_value(
    desk: Desk, text: str, words: str
) -> None:
    """Every one is exit 65 with a place and without the text that stands there."""
    desk.write("reconciler.yaml", text)
    ran = desk.run("validate")
    assert 65 == ran.code
    assert words in ran.err
    assert "Traceback" not in ran.err
    assert CANARY not in ran.said


USAGE: Final = {
    "no such command": ("frobnicate",),
    "no such option": ("plan", "--frobnicate"),
    "no such choice": ("plan", "--format", "docx"),
    "a value of another kind": ("apply", "--parallelism", "many"),
    "a missing argument": ("sandbox", "view"),
    "a name that is none": ("plan", "--replace", "Not A Name"),
    "a time that is none": ("plan", "--as-of", "yesterday"),
    "a plan that is not there": ("apply", "no-such.plan"),
    "no place for a plan": ("plan", "-o", "nowhere/it.plan"),
    "an offline plan to save": ("plan", "--offline", "-o", "it.plan"),
    "options of plan beside a saved plan": ("apply", "it.plan", "--target", "a"),
    "an odd knob": ("sandbox", "serve", "--set", "frobnicate=1"),
}


@pytest.mark.parametrize("arguments", USAGE.values(), ids=USAGE)
def test_wrong_usage_exits_64(desk: Desk, arguments: tuple[str, ...]) -> None:
    """Not 2, which would read as "changes present" in a pipeline; nothing is written."""
    desk.write("reconciler.yaml", "version: 1\nname: desk\nsecrets: {}\n")
    before = snapshot(desk.path)
    ran = desk.run(*arguments)
    assert 64 == ran.code, ran.said
    assert b"" == ran.raw
    assert before == snapshot(desk.path)


def test_a_key_pasted_in_place_of_its_path_is_not_shown(desk: Desk) -> None:
    """It is no file that is not there."""
    pasted = f"-----BEGIN PRIVATE KEY----- {CANARY} -----END PRIVATE KEY-----"
    desk.manifest(f'  a: {{source: {{file: "{pasted}"}}, share_with: {{users: [ana@example.com]}}}}\n')
    ran = desk.run("plan")
    assert 65 == ran.code, ran.said
    assert "secrets.a.source.file holds a key itself" in ran.err
    assert CANARY not in ran.said


@pytest.mark.parametrize("command", ["apply", "show"])
def test_a_manifest_in_place_of_a_plan_is_said_to_be_no_plan(desk: Desk, command: str) -> None:
    """Nothing is wrong with the state then."""
    desk.manifest("version: 1\nname: desk\nsecrets: {}\n")
    ran = desk.run(command, "reconciler.yaml")
    assert 1 == ran.code, ran.said
    assert "Error: the saved plan cannot be used" in ran.err


def test_a_base_that_is_not_there_is_named(desk: Desk) -> None:
    """As the file that it was meant to be: nothing needs to be fetched."""
    desk.manifest("version: 1\nname: desk\nsecrets: {}\n")
    ran = desk.run("diff", "--base", "nowhere.yaml")
    assert 64 == ran.code, ran.said
    assert "--base nowhere.yaml is no file here" in ran.err


def test_init_speaks_to_a_person_also_of_pipelines(desk: Desk) -> None:
    """`--ci github` says there what to write, not where this runs: no workflow command is printed."""
    desk.write("reconciler.yaml", "version: 1\nname: desk\nsecrets: {}\n")
    pipeline = ("init", "--ci", "github", "--install-from", "c1-reconciler==1.0.0")
    desk.done(*pipeline)
    ran = desk.run(*pipeline)
    assert 64 == ran.code, ran.said
    assert "exists already" in ran.err
    assert "::error" not in ran.said


def test_a_missing_manifest_is_named(desk: Desk) -> None:
    """And the way to get one."""
    ran = desk.run("plan")
    assert 64 == ran.code
    assert "reconciler.yaml" in ran.err
    assert "reconciler init" in ran.err


def test_no_arguments_print_the_help(desk: Desk) -> None:
    """Somebody who only types the name learns what there is."""
    desk.options = ()
    ran = desk.run()
    assert "Commands:" in ran.said
    assert "plan" in ran.said


def test_init_writes_a_manifest_that_is_valid_and_plans(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first five minutes: init, validate, plan. A second init overwrites nothing."""
    monkeypatch.setenv("DB_PASSWORD", "x")
    first = desk.done("init")
    assert "reconciler.yaml" in first.out
    assert ".reconciler/" in (desk.path / ".gitignore").read_text()
    desk.done("validate")
    assert {"db-password": (["create"], "new")} == desk.plan()
    manifest = (desk.path / "reconciler.yaml").read_bytes()
    assert 64 == desk.run("init").code
    assert manifest == (desk.path / "reconciler.yaml").read_bytes()
