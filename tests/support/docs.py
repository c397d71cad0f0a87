"""The parts of the documents that the program prints itself; `python -m tests.support.docs --write` renews them.

docs/cli.md        every command's help
docs/sandbox.md    the table of settings
docs/policies.md   the table of codes
README.md          the transcripts: each line after a `$` is run, what follows is what it printed
"""

from __future__ import annotations

import ast
import inspect
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, fields
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Final

import click

from reconciler.cli import cli
from reconciler.cli.help import Page
from reconciler.model.attention import AttentionCode, RefusalCode
from reconciler.sandbox import settings
from reconciler.sandbox.settings import Settings

ROOT: Final = Path(__file__).resolve().parents[2]
README: Final = ROOT / "README.md"
CLI: Final = ROOT / "docs" / "cli.md"
SANDBOX: Final = ROOT / "docs" / "sandbox.md"
POLICIES: Final = ROOT / "docs" / "policies.md"

_WIDTH: Final = 100
_GENERATED: Final = re.compile(r"(<!-- generated: begin -->\n).*?(<!-- generated: end -->)", re.DOTALL)
_TRANSCRIPT: Final = re.compile(r"(?<=^```console\n).*?(?=^```$)", re.DOTALL | re.MULTILINE)
_YAML: Final = re.compile(r"(?<=^```yaml\n).*?(?=^```$)", re.DOTALL | re.MULTILINE)
_LINK: Final = re.compile(r"\]\(([^)#]+)(?:#[^)]*)?\)")
_VARYING: Final = (
    (re.compile(r"\b[A-Z0-9]{4}-[A-Z0-9]{4}-[A-Z0-9]{4}\b"), "XXXX-XXXX-XXXX"),
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"), "2026-11-23T07:00:00Z"),
)
_ENDED: Final = re.compile(r"\S+: (created|replaced|revoked)\n\Z")


def generated(path: Path, body: str) -> str:
    """Return a document with its generated part replaced."""
    return _GENERATED.sub(lambda found: found[1] + body + found[2], path.read_text())


# --- docs/cli.md


def commands() -> Iterator[tuple[str, click.Command]]:
    """Yield every command with its name, groups before what is in them."""
    yield from _beneath("reconciler", cli)


def _beneath(name: str, command: click.Command) -> Iterator[tuple[str, click.Command]]:
    yield name, command
    if isinstance(command, click.Group):
        context = click.Context(command, info_name=name)
        for inner in command.list_commands(context):
            found = command.get_command(context, inner)
            assert found is not None
            yield from _beneath(f"{name} {inner}", found)


def cli_reference() -> str:
    """Return every command's help; the global options stand with `reconciler` alone."""
    return "\n" + "".join(
        f"## {name}\n\n```text\n{_help(name, command)}```\n\n" for name, command in commands()
    )


def _help(name: str, command: click.Command) -> str:
    context = click.Context(command, info_name=name, terminal_width=_WIDTH, **cli.context_settings)
    if command is cli:
        return command.get_help(context) + "\n"
    assert isinstance(command, Page)
    formatter = context.make_formatter()
    command.format_usage(context, formatter)
    command.format_help_text(context, formatter)
    command.format_own_options(context, formatter)
    return formatter.getvalue()


# --- docs/sandbox.md


def settings_table() -> str:
    """Return a line for each setting: how it is turned, what it is at first, what it means."""
    said = _meanings()
    rows = [
        f"| `{field.name}` | `{_text(getattr(Settings(), field.name))}` | {_offered(field.name)}{said[field.name]} |"
        for field in fields(Settings)
    ]
    return "\n".join(["", "| setting | at first | meaning |", "|---|---|---|", *rows, "", ""])


def _meanings() -> dict[str, str]:
    """Return the sentence beneath each field of the dataclass."""
    (definition,) = ast.parse(inspect.getsource(Settings)).body
    assert isinstance(definition, ast.ClassDef)
    found = {}
    for field, after in zip(definition.body, definition.body[1:], strict=False):
        if (
            isinstance(field, ast.AnnAssign)
            and isinstance(field.target, ast.Name)
            and isinstance(after, ast.Expr)
        ):
            found[field.target.id] = " ".join(str(ast.literal_eval(after.value)).split())
    return found


def _offered(name: str) -> str:
    value = getattr(Settings(), name)
    match value:
        case bool():
            words = ["on", "off"]
        case StrEnum() if not isinstance(value, settings.Answer):  # whose sentences say which they take
            words = list(type(value))
        case _:
            return ""
    return " or ".join(f"`{word}`" for word in words) + ": "


def _text(value: object) -> str:
    if isinstance(value, timedelta):
        seconds = int(value.total_seconds())
        size, unit = next((s, u) for s, u in ((86400, "d"), (3600, "h"), (1, "s")) if seconds % s == 0)
        return f"{seconds // size}{unit}" if seconds else "0s"
    return settings._text(value)


# --- docs/policies.md


def codes_table() -> str:
    """Return a line for each code of attention and of refusals."""
    rows = [f"| `{code}` | {code.sentence} |" for code in (*AttentionCode, *RefusalCode)]
    return "\n".join(["", "| code | meaning |", "|---|---|", *rows, "", ""])


# --- README.md


@dataclass(frozen=True)
class Step:
    """A command of a transcript, and what it printed on standard output and error."""

    command: str
    printed: str


def transcripts(text: str) -> list[list[Step]]:
    """Return the transcripts of a document."""
    return [_steps(block) for block in _TRANSCRIPT.findall(text)]


def _steps(block: str) -> list[Step]:
    parts = re.split(r"^\$ (.*)\n", block, flags=re.MULTILINE)
    assert parts[0] == "", "a transcript begins with a command"
    return [Step(command, printed) for command, printed in zip(parts[1::2], parts[2::2], strict=True)]


def run(steps: list[Step], directory: Path) -> list[Step]:
    """Run the commands of a transcript one after the other, in a directory that has a copy of the examples."""
    where, environ = directory, {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    environ["COLUMNS"] = "80"
    done = []
    for step in steps:
        words = shlex.split(step.command)
        printed = ""
        match words:
            case ["export", assignment]:
                name, _, value = assignment.partition("=")
                environ[name] = value
            case ["cd", path]:
                where = where / path
            case ["reconciler", *arguments]:
                printed = _printed([sys.executable, "-m", "reconciler", *arguments], where, environ)
            case _:
                raise AssertionError(f"a transcript cannot run {step.command!r}")
        done.append(Step(step.command, printed))
    return done


def _printed(command: list[str], where: Path, environ: dict[str, str]) -> str:
    done = subprocess.run(
        command,
        cwd=where,
        env=environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    whole = done.stdout.endswith("\n") or not done.stdout
    return done.stdout if whole else done.stdout + "\n"


def normalised(steps: list[Step]) -> list[Step]:
    """Return steps without what differs from run to run: codes, times, and the order of what ended."""
    return [Step(step.command, _normalised(step.printed)) for step in steps]


def _normalised(text: str) -> str:
    for pattern, instead in _VARYING:
        text = pattern.sub(instead, text)
    lines, ended = [], []
    for line in text.splitlines(keepends=True):
        if _ENDED.match(line):
            ended.append(line)
            continue
        lines += sorted(ended)
        ended = []
        lines.append(line)
    return "".join(lines + sorted(ended))


def run_all(text: str) -> list[list[Step]]:
    """Run every transcript of a document, each with copies of the examples of its own."""
    found = []
    for steps in transcripts(text):
        with tempfile.TemporaryDirectory() as directory:
            ignored = shutil.ignore_patterns(".reconciler", "*.state.json*")
            shutil.copytree(ROOT / "examples", Path(directory) / "examples", ignore=ignored)
            found.append(run(steps, Path(directory)))
    return found


def with_transcripts(text: str) -> str:
    """Return a document with what its commands print now."""
    blocks = iter(run_all(text))

    def block(_: re.Match[str]) -> str:
        steps = normalised(next(blocks))
        return "".join(f"$ {step.command}\n{step.printed}" for step in steps)

    return _TRANSCRIPT.sub(block, text)


def yaml_blocks(path: Path) -> list[str]:
    """Return the manifests that a document shows."""
    return [block for block in _YAML.findall(path.read_text()) if "\nversion:" in f"\n{block}"]


def links(path: Path) -> list[str]:
    """Return where a document links to inside of the repository."""
    return [link for link in _LINK.findall(path.read_text()) if "://" not in link]


def write() -> None:
    """Bring every document up to date."""
    CLI.write_text(generated(CLI, cli_reference()))
    SANDBOX.write_text(generated(SANDBOX, settings_table()))
    POLICIES.write_text(generated(POLICIES, codes_table()))
    README.write_text(with_transcripts(README.read_text()))


if __name__ == "__main__":
    if sys.argv[1:] != ["--write"]:
        sys.exit("usage: python -m tests.support.docs --write")
    write()
