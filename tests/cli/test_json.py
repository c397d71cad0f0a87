"""`--json` holds on every command: what is on standard output is JSON, or nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Final

import click
import pytest

from reconciler import cli
from reconciler.sandbox import reader
from tests.support.commandline import HEAD, Desk, text_secret
from tests.support.repositories import git

_RUNS: Final[dict[str, tuple[str, ...]]] = {
    "access": ("access", "ana@example.com"),
    "apply": ("apply", "--auto-approve", "--replace", "a"),
    "ci fetch-state": ("ci", "fetch-state", "--remote", "."),
    "ci outputs": ("ci", "outputs", "it.plan"),
    "ci push-state": ("ci", "push-state", "--remote", "."),
    "destroy": ("destroy", "--auto-approve"),
    "diff": ("diff", "--base", "./base.yaml"),
    "key new": ("key", "new"),
    "output": ("output",),
    "plan": ("plan", "--as-of", "2030-01-01T00:00:00Z"),
    "sandbox reset": ("sandbox", "reset"),
    "schema": ("schema",),
    "show": ("show", "it.plan"),
    "state import": ("state", "import", "a", "ID"),
    "state list": ("state", "list"),
    "state mv": ("state", "mv", "a", "c"),
    "state recover": ("state", "recover"),
    "state rekey": ("state", "rekey"),
    "state rm": ("state", "rm", "a"),
    "state show": ("state", "show", "a"),
    "state unlock": ("state", "unlock"),
    "validate": ("validate",),
    "version": ("version",),
}

_TEXT: Final = {
    "auth status": "the sandbox asks for no credential, tests/signin has its JSON",
    "ci check-tip": "it says one sentence and the exit code, tests/ci has it",
    "ci comment": "it talks to GitHub, tests/ci has it",
    "completion": "it is a shell's program",
    "env": "it is a pipeline's YAML",
    "help": "it is for people",
    "init": "it writes files for people",
    "sandbox serve": "it prints a shell's variables, and runs until it is stopped",
    "sandbox view": "it prints the very content of a share",
}
"""What is not tried here, and why: most print something else by nature."""


def _commands(group: click.Group, prefix: str = "") -> Iterator[str]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from _commands(command, f"{prefix}{name} ")
        else:
            yield f"{prefix}{name}"


def test_every_command_is_tried_or_has_a_reason() -> None:
    assert set(_commands(cli.cli)) == _RUNS.keys() | _TEXT.keys()
    assert not _RUNS.keys() & _TEXT.keys()


@pytest.mark.parametrize("name", _RUNS)
def test_standard_output_is_json(desk: Desk, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """For what succeeds; what fails says nothing there."""
    monkeypatch.setenv("A", "a value")
    desk.write("base.yaml", HEAD + text_secret("b", "A"))
    desk.manifest(text_secret("a"))
    if name.startswith("ci "):
        git(desk.path, "init", "-q", "-b", "main")
        git(desk.path, "add", "reconciler.yaml")
        git(desk.path, "commit", "-qm", "one")
        desk.done("ci", "fetch-state", "--remote", ".")
    desk.apply()
    desk.done("plan", "-o", "it.plan")
    arguments = _RUNS[name]
    match name:
        case "state import":
            with desk.tenant() as store:
                arguments = (*arguments[:-1], *reader.live(store))
            desk.done("state", "rm", "a")
        case "state recover":
            desk.state_path.unlink()
        case _:
            pass
    ran = desk.done("--json", *arguments)
    assert isinstance(json.loads(ran.out), dict | list)
    failed = desk.run("--json", "-f", "missing.yaml", *arguments)
    assert failed.code == 0 or failed.raw == b"" or json.loads(failed.out)


def test_conditions_are_data(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """No program has to read a sentence."""
    monkeypatch.setenv("A", "a value")
    desk.manifest(text_secret("a"))
    desk.apply()
    current = desk.state["instances"]["a"]["current"]
    assert desk.done("--json", "state", "list").json == {
        "a": {
            "condition": "live",
            "vault_id": current["vault_id"],
            "expires": current["expires"],
            "ended_seen": None,
            "old_copies": 0,
        }
    }


def test_the_other_state_is_named(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who applied in the sandbox and looks without it, or the other way round, learns where it is."""
    monkeypatch.setenv("A", "a value")
    desk.manifest(text_secret("a"))
    desk.apply()
    sandboxed = desk.options
    desk.options = ()
    for command in (("state", "list"), ("output",), ("show",)):
        ran = desk.run(*command)
        assert (1, True) == (ran.code, "with --sandbox to see that one" in ran.err), ran.said
    real = desk.path / "reconciler.state.json"
    (desk.path / ".reconciler" / "sandbox" / "reconciler.state.json").rename(real)
    desk.options = sandboxed
    ran = desk.run("state", "list")
    assert (1, True) == (ran.code, "without --sandbox to see that one" in ran.err), ran.said


def test_a_plan_for_another_time_says_so(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A", "a value")
    desk.manifest(text_secret("a"))
    for options in ((), ("--offline",)):
        for form in ("text", "markdown", "html", "json"):
            plan = ("plan", "--format", form, *options)
            assert "hypothetical" in desk.done(*plan, "--as-of", "2030-01-01T00:00:00Z").out
            assert "hypothetical" not in desk.done(*plan).out


def test_a_push_says_what_it_did(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether there was something to push, and what the branch holds."""
    monkeypatch.setenv("A", "a value")
    desk.manifest(text_secret("a"))
    git(desk.path, "init", "-q", "-b", "main")
    git(desk.path, "add", "reconciler.yaml")
    git(desk.path, "commit", "-qm", "one")
    desk.done("ci", "fetch-state", "--remote", ".")
    push = ("ci", "push-state", "--remote", ".")
    assert "Nothing to push: reconciler-state holds no state already." in desk.done(*push).out
    desk.apply()
    pushed = "Pushed to reconciler-state: it holds reconciler.state.json now."
    assert pushed in desk.done(*push).out
    assert "Nothing to push: reconciler-state holds reconciler.state.json already." in desk.done(*push).out
    desk.apply("--replace", "a")
    told = desk.done("--json", *push).json
    assert told == {
        "branch": "reconciler-state",
        "remote": ".",
        "pushed": True,
        "files": ["reconciler.state.json"],
    }
