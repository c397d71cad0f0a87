"""`--help` is quick because it knows its commands from a table; here the table is held against the commands."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import click
import pytest

from reconciler.cli import cli
from reconciler.cli.help import Page
from tests.cli.desk import Desk
from tests.cli.test_hints import parse
from tests.support import docs

_HEAVY = (
    "httpx",
    "cryptography",
    "jsonschema",
    "yaml",
    "asyncio",
    "reconciler.model.manifest",
    "reconciler.model.plan",
)
"""What a list of commands has no use for."""


def _context() -> click.Context:
    return click.Context(
        cli, info_name="reconciler", terminal_width=200, max_content_width=200, **cli.context_settings
    )


@pytest.mark.parametrize("name", cli.list_commands(_context()))
def test_the_list_says_what_each_command_says_of_itself(name: str) -> None:
    """The line in the list is the first sentence of the command's own help."""
    command = cli.get_command(_context(), name)
    assert command is not None
    listed = [line.split(maxsplit=1) for line in cli.get_help(_context()).splitlines()]
    assert [name, command.get_short_help_str(200)] in listed


@pytest.mark.parametrize("name", ["state", "ci", "auth", "sandbox"])
def test_no_sentence_of_a_list_is_cut(name: str) -> None:
    """At the width of a usual terminal."""
    command = cli.get_command(_context(), name)
    assert command is not None
    said = command.get_help(click.Context(command, info_name=name, terminal_width=80, **cli.context_settings))
    assert "..." not in said.partition("Commands:")[2]


def _imported(arguments: list[str], suspects: tuple[str, ...], cwd: Path | None = None) -> str:
    """Run the command line in a new process; return which of the suspects it imported."""
    report = f"lambda: print([m for m in {suspects!r} if m in sys.modules])"
    lines = (
        "import atexit, sys",
        f"atexit.register({report})",
        "from reconciler.cli import main",
        f"main({arguments!r})",
    )
    command = [sys.executable, "-c", "\n".join(lines)]
    return subprocess.run(command, capture_output=True, text=True, check=True, cwd=cwd).stdout.splitlines()[
        -1
    ]


@pytest.mark.parametrize("option", ["--help", "--version"])
def test_the_first_look_imports_no_command(option: str) -> None:
    """Neither the help nor the version waits for what plans and applies."""
    assert "[]" == _imported([option], _HEAVY)


@pytest.mark.parametrize("arguments", [["validate"], ["plan", "--offline"]], ids=" ".join)
def test_what_asks_nobody_imports_no_network(arguments: list[str], tmp_path: Path) -> None:
    """An editor or a commit hook runs these at every save."""
    text = "version: 1\nname: one\nsecrets: {a: {source: {env: A}, share_with: {users: [ana@example.com]}}}\n"
    (tmp_path / "reconciler.yaml").write_text(text)
    assert "[]" == _imported(arguments, ("asyncio", "httpx", "cryptography", "jsonschema", "jwt"), tmp_path)


@pytest.mark.parametrize("name", [name for name, _ in docs.commands()])
def test_a_page_shows_its_own_options_then_examples_then_the_global_ones(desk: Desk, name: str) -> None:
    """As the shipped program prints it, at 80 columns: no option in two groups, no variable's name broken."""
    page = desk.done("help", *name.split()[1:]).out
    assert max(map(len, page.splitlines())) <= 80
    own, _, rest = page.partition("\nExamples:\n")
    examples, _, common = rest.partition("\nGlobal options:\n")
    assert len(examples.splitlines()) == 2
    assert "--sandbox" not in own
    assert "-h, --help" in common
    assert common.count("[env: RECONCILER_") == 12
    assert "--no-color" in common
    for option in ("--out", "--auto-approve", "--base", "--force"):
        assert option not in common


@pytest.mark.parametrize(
    ("name", "example"),
    [(name, e) for name, command in docs.commands() if isinstance(command, Page) for e in command.examples],
)
def test_an_example_is_a_command_line_that_is_understood(name: str, example: str) -> None:
    """And it is one of the command whose help shows it."""
    names = parse(example)
    assert name.split()[1:] == names[: len(name.split()) - 1]


def test_every_command_has_two_examples() -> None:
    """Both different."""
    assert [] == [n for n, c in docs.commands() if not (isinstance(c, Page) and len({*c.examples}) == 2)]


def test_the_examples_that_need_no_network_work(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """In an empty directory, one after the other, in the sandbox."""
    monkeypatch.setenv("DB_PASSWORD", "1")
    monkeypatch.setenv("APP_CONFIG", "2")
    for arguments in (
        ("init",),
        ("validate",),
        ("schema",),
        ("env", "--github"),
        ("env", "--gitlab"),
        ("plan",),
        ("plan", "-o", "plan.json", "--target", "db-*"),
        ("show", "plan.json", "--format", "markdown"),
        ("ci", "outputs", "plan.json"),
        ("apply", "plan.json"),
        ("show",),
        ("output",),
        ("output", "db-password"),
        ("access", "ana@example.com"),
        ("access", "ana@example.com", "--json"),
        ("state", "list"),
        ("state", "list", "--json"),
        ("state", "show", "db-password"),
        ("state", "unlock"),
        ("sandbox", "view", "db-password"),
        ("sandbox", "view", "db-password", "--as", "bo@example.com"),
        ("state", "rekey"),
        ("state", "rm", "db-password"),
        ("destroy", "--sandbox", "--auto-approve"),
        ("sandbox", "reset"),
        ("key", "new"),
        ("version",),
        ("help", "state", "mv"),
    ):
        example = " ".join(("reconciler", *arguments))
        shown = [e.replace("'", "") for _, c in docs.commands() if isinstance(c, Page) for e in c.examples]
        assert example in shown
        desk.done(*arguments)
