"""`--help` is quick because it knows its commands from a table; here the table is held against the commands."""

from __future__ import annotations

import subprocess
import sys

import click
import pytest

from reconciler.cli import cli

_HEAVY = ("httpx", "cryptography", "jsonschema", "yaml", "asyncio", "reconciler.manifest", "reconciler.plan")
"""What a list of commands has no use for."""


def _context() -> click.Context:
    return click.Context(cli, info_name="reconciler", terminal_width=200, max_content_width=200)


@pytest.mark.parametrize("name", cli.list_commands(_context()))
def test_the_list_says_what_each_command_says_of_itself(name: str) -> None:
    """The line in the list is the first sentence of the command's own help."""
    command = cli.get_command(_context(), name)
    assert command is not None
    listed = [line.split(maxsplit=1) for line in cli.get_help(_context()).splitlines()]
    assert [name, command.get_short_help_str(200)] in listed


@pytest.mark.parametrize("option", ["--help", "--version"])
def test_the_first_look_imports_no_command(option: str) -> None:
    """Neither the help nor the version waits for what plans and applies."""
    report = f"lambda: print([m for m in {_HEAVY!r} if m in sys.modules])"
    lines = (
        "import atexit, sys",
        f"atexit.register({report})",
        "from reconciler.cli import main",
        f"main([{option!r}])",
    )
    ran = subprocess.run([sys.executable, "-c", "\n".join(lines)], capture_output=True, text=True, check=True)
    assert "[]" == ran.stdout.splitlines()[-1]
