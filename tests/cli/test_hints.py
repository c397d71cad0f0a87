"""What Terraform's users type by habit, and slips of the hand: exit 64, and one line that says what to do."""

from __future__ import annotations

import re
import shlex
from typing import Final

import click
import pytest

from reconciler.cli import cli, hints
from tests.cli.desk import Desk
from tests.support import docs

_COMMAND: Final = re.compile(r"`(reconciler [^`]*)`")
_NEXT: Final = "  Next: "


def parse(command: str) -> list[str]:
    """Read a command as the shell and click would, without running it; return the names of its commands."""
    words = shlex.split(re.split(r" [|>] ?", command)[0])
    assert words.pop(0) == "reconciler"
    context = cli.make_context("reconciler", words)
    names = []
    while isinstance(context.command, click.Group):
        rest = [*context._protected_args, *context.args]
        name, inner, rest = context.command.resolve_command(context, rest)
        assert inner is not None, f"{command} names no command"
        names.append(str(name))
        context = inner.make_context(name, rest, parent=context)
    return names


def explained(ran_err: str) -> tuple[str, str]:
    """Return what an error says is wrong, and what comes next: three lines, each within 80 columns."""
    summary, detail, hint = ran_err.splitlines()
    assert summary.startswith("Error: ")
    assert hint.startswith(_NEXT)
    assert max(map(len, (summary, detail, hint))) <= 80
    return detail.strip(), hint.removeprefix(_NEXT)


@pytest.mark.parametrize("name", hints.COMMANDS)
def test_a_command_of_terraforms_is_answered_with_one_of_ours(desk: Desk, name: str) -> None:
    ran = desk.run(name, "some", "-arguments=x")
    assert 64 == ran.code
    assert (f"there is no command {name}", hints.COMMANDS[name]) == explained(ran.err)
    (ours,) = _COMMAND.findall(hints.COMMANDS[name])
    assert parse(ours)


@pytest.mark.parametrize("name", hints.COMMANDS)
def test_a_hint_is_only_for_what_is_not_here(name: str) -> None:
    context = click.Context(cli)
    assert cli.get_command(context, name) is None


@pytest.mark.parametrize("form", ["-{}=canary", "--{}=canary", "-{}", "--{}"])
@pytest.mark.parametrize("name", hints.OPTIONS)
def test_an_option_of_terraforms_is_answered_with_one_of_ours(desk: Desk, name: str, form: str) -> None:
    """The value is not repeated: with -var it may be a secret."""
    given = form.format(name)
    ran = desk.run("plan", given, "canary")
    assert 64 == ran.code
    assert (f"there is no option {given.partition('=')[0]}", hints.OPTIONS[name]) == explained(ran.err)
    assert "canary" not in ran.said
    (ours,) = _COMMAND.findall(hints.OPTIONS[name])
    assert parse(ours)


@pytest.mark.parametrize("name", hints.OPTIONS)
def test_no_option_of_ours_is_explained_away(name: str) -> None:
    ours = {
        option for _, command in docs.commands() for parameter in command.params for option in parameter.opts
    }
    assert f"--{name}" not in ours


@pytest.mark.parametrize(
    ("arguments", "option"),
    [
        (("plan", "-out=x"), "out"),
        (("plan", "-out", "x"), "out"),
        (("apply", "-auto-approve"), "auto-approve"),
        (("apply", "-target=a"), "target"),
        (("apply", "-replace=a"), "replace"),
        (("apply", "-parallelism=5"), "parallelism"),
        (("plan", "-detailed-exitcode"), "detailed-exitcode"),
        (("plan", "-json"), "json"),
        (("plan", "-no-color"), "no-color"),
        (("-no-color", "plan"), "no-color"),
        (("plan", "-state=x"), "state"),
        (("-version",), "version"),
        (("state", "list", "-json"), "json"),
        (("state", "recover", "-assign=a=b"), "assign"),
    ],
    ids=lambda each: each if isinstance(each, str) else "",
)
def test_an_option_of_ours_needs_a_second_dash(desk: Desk, arguments: tuple[str, ...], option: str) -> None:
    """Else `-out=x` would save the plan as `ut=x`."""
    ran = desk.run(*arguments)
    assert 64 == ran.code
    assert (f"-{option} needs a second dash", f"write --{option}") == explained(ran.err)
    assert not list(desk.path.iterdir())


@pytest.mark.parametrize("arguments", [("-help",), ("plan", "-help")], ids=" ".join)
def test_help_takes_one_dash_too(desk: Desk, arguments: tuple[str, ...]) -> None:
    desk.options = ()
    assert desk.done(*arguments).out.startswith("Usage: ")


@pytest.mark.parametrize("name", ["f", "v", "o", "out", "var", "destroy"])
def test_a_name_without_a_dash_is_a_name(desk: Desk, name: str) -> None:
    """Also one that is spelled as an option is."""
    ran = desk.run("output", name)
    assert 1 == ran.code  # there is no state yet
    assert "dash" not in ran.err
    assert "dash" not in desk.run("output", "--", "-json").err


@pytest.mark.parametrize(
    ("arguments", "detail", "hint"),
    [
        (("aply",), "there is no command aply", "did you mean apply?"),
        (("state", "lst"), "there is no command lst", "did you mean list?"),
        (("sandbox", "veiw"), "there is no command veiw", "did you mean view?"),
        (("help", "aply"), "there is no command aply", "did you mean apply?"),
        (("plan", "--taget", "x"), "there is no option --taget", "did you mean --target?"),
        (("--sandbx", "plan"), "there is no option --sandbx", "did you mean --sandbox?"),
        (("nothing-like-it",), "there is no command nothing-like-it", "`reconciler --help` shows the usage"),
        (("state", "fmt"), "there is no command fmt", "`reconciler state --help` shows the usage"),
        (("plan", "-x"), "there is no option -x", "`reconciler plan --help` shows the usage"),
        (("state", "show"), "missing argument 'NAME'", "`reconciler state show --help` shows the usage"),
    ],
    ids=lambda each: " ".join(each) if isinstance(each, tuple) else "",
)
def test_a_slip_of_the_hand_is_answered_with_what_was_meant(
    desk: Desk, arguments: tuple[str, ...], detail: str, hint: str
) -> None:
    ran = desk.run(*arguments)
    assert 64 == ran.code
    assert "" == ran.out
    assert (detail, hint) == explained(ran.err)
