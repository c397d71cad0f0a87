"""`--help` is quick because it knows its commands from a table; here the table is held against the commands."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import click
import pytest

from reconciler.cli import cli

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
    said = command.get_help(click.Context(command, info_name=name, terminal_width=80))
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
