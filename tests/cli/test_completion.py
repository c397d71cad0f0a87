"""What a shell is told to complete, by the shells themselves where they are installed; and `version`, `help`."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

from reconciler import __version__
from tests.cli.desk import Desk, text_secret

_SHELLS = ("bash", "zsh", "fish", "powershell")


@pytest.fixture
def stack(desk: Desk) -> Desk:
    """A manifest with three secrets."""
    desk.manifest(text_secret("db-password") + text_secret("db-replica") + text_secret("app-key"))
    return desk


def answers(desk: Desk, shell: str, *words: str) -> list[str]:
    """Return the values that the program answers to a shell's script, where the last word is being typed."""
    typed = ["reconciler", *words]
    place = words[-1] if shell == "fish" else str(len(words))
    done = subprocess.run(
        [sys.executable, "-m", "reconciler"],
        cwd=desk.path,
        env={
            **os.environ,
            "_RECONCILER_COMPLETE": f"{shell}_complete",
            "COMP_WORDS": " ".join(typed),
            "COMP_CWORD": place,
        },
        capture_output=True,
        text=True,
        check=True,
    )
    assert "" == done.stderr
    lines = done.stdout.splitlines()
    match shell:
        case "bash" | "fish":
            return [line.partition(",")[2].partition("\t")[0] for line in lines if line]
        case _:
            return lines[1::3]


@pytest.mark.parametrize("shell", _SHELLS)
@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("val",), ["validate"]),
        (("state", "re"), ["recover", "rekey"]),
        (("plan", "--exc"), ["--exclude"]),
        (("output", "db-"), ["db-password", "db-replica"]),
        (("plan", "--target", "app"), ["app-key"]),
        (("plan", "--exclude", "db-p"), ["db-password"]),
        (("apply", "--replace", "db-p"), ["db-password"]),
        (("state", "show", "app"), ["app-key"]),
        (("state", "rm", "app"), ["app-key"]),
        (("state", "mv", "app"), ["app-key"]),
        (("sandbox", "view", "app"), ["app-key"]),
        (("help", "comp"), ["completion"]),
        (("-f", "none.yaml", "output", "db-"), []),
        (("output", "nothing"), []),
    ],
    ids=lambda each: " ".join(each) if isinstance(each, tuple) else "",
)
def test_each_shell_is_answered(stack: Desk, shell: str, words: tuple[str, ...], expected: list[str]) -> None:
    """Commands, options, and the names of the manifest that the options before it mean."""
    assert expected == answers(stack, shell, *words)


@pytest.mark.parametrize(
    "text", ["", "a: [", "version: 2\n", "secrets: {$(touch x): 1, a: 2}", "\x00"], ids=range(5)
)
def test_a_manifest_that_is_not_valid_completes_nothing_and_says_nothing(desk: Desk, text: str) -> None:
    """An error would stand in the line that is being typed."""
    desk.write("reconciler.yaml", text)
    assert [] == answers(desk, "bash", "output", "a")


def test_a_manifest_that_is_no_file_completes_nothing(desk: Desk) -> None:
    (desk.path / "reconciler.yaml").mkdir()
    assert [] == answers(desk, "bash", "output", "a")


def test_a_wrong_line_is_answered_without_an_error(stack: Desk) -> None:
    """What stands before the word is not judged: it may be corrected later."""
    assert ["app-key"] == answers(stack, "bash", "plan", "--nonsense", "-out=x", "--target", "a")


def test_nothing_is_printed_into_the_line_even_by_an_internal_error(desk: Desk) -> None:
    """A script of another version may ask in another way."""
    done = subprocess.run(
        [sys.executable, "-m", "reconciler"],
        cwd=desk.path,
        env={**os.environ, "_RECONCILER_COMPLETE": "bash_complete", "COMP_WORDS": "x", "COMP_CWORD": "one"},
        capture_output=True,
        check=False,
    )
    assert b"" == done.stdout + done.stderr


def test_no_source_is_opened(desk: Desk) -> None:
    """A FIFO that is opened would wait for its writer."""
    os.mkfifo(desk.path / "pipe")
    desk.manifest("  waits:\n    source: {file: pipe}\n    share_with: {users: [ana@example.com]}\n")
    assert ["waits"] == answers(desk, "bash", "output", "w")
    assert ["pipe", "reconciler.yaml"] == sorted(path.name for path in desk.path.iterdir())


def _in_shell(desk: Desk, command: list[str]) -> str:
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        command,
        cwd=desk.path,
        env={**os.environ, "PATH": path, "HOME": str(desk.path)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "" == done.stderr
    return done.stdout


@pytest.mark.parametrize(
    ("line", "expected"),
    [("reconciler output db-", "db-password db-replica"), ("reconciler state un", "unlock")],
)
def test_bash_completes(stack: Desk, line: str, expected: str) -> None:
    """The script that `completion bash` prints, in bash itself, as readline calls it."""
    words = line.split()
    script = (
        'eval "$(reconciler completion bash)"\n'
        "complete -p reconciler > /dev/null\n"
        f"COMP_WORDS=({line}) COMP_CWORD={len(words) - 1}\n"
        "_reconciler_completion reconciler\n"
        'echo "${COMPREPLY[@]}"'
    )
    assert expected == _in_shell(stack, ["bash", "--norc", "-c", script]).strip()


@pytest.mark.skipif(not shutil.which("fish"), reason="fish is not installed")
def test_fish_completes(stack: Desk) -> None:
    """By fish's own `complete -C`."""
    script = "reconciler completion fish | source; complete -C 'reconciler output db-'"
    assert ["db-password", "db-replica"] == _in_shell(stack, ["fish", "--no-config", "-c", script]).split()


@pytest.mark.skipif(not shutil.which("zsh"), reason="zsh is not installed")
def test_zsh_completes(stack: Desk) -> None:
    """The script as zsh loads and calls it; `compadd` prints, for a widget runs only at a terminal."""
    script = (
        "compdef() { print -r -- $1 for $2 }; compadd() { print -r -- $completions }\n"
        'eval "$(reconciler completion zsh)"\n'
        "words=(reconciler output db-) CURRENT=3\n"
        "_reconciler_completion"
    )
    expected = ["_reconciler_completion for reconciler", "db-password db-replica"]
    assert expected == _in_shell(stack, ["zsh", "-f", "-c", script]).splitlines()


@pytest.mark.parametrize("shell", _SHELLS)
def test_a_script_is_printed_without_a_manifest(desk: Desk, shell: str) -> None:
    """And asks the program by the variable that the program knows."""
    script = desk.done("completion", shell).out
    assert f"{shell}_complete" in script
    assert "_RECONCILER_COMPLETE" in script
    assert 64 == desk.run("completion", "tcsh").code


def test_the_version_is_shown_with_what_it_runs_on(desk: Desk) -> None:
    shown = desk.done("version").out.splitlines()
    facts = desk.done("version", "--json").json
    assert f"reconciler {__version__}" == shown[0]
    assert __version__ == facts["version"]
    assert f"Python {facts['python']} on {facts['platform']}" == shown[1]
    assert sys.version.startswith(facts["python"])
    assert f"+ pyrage {metadata.version('pyrage')}" in shown
    assert facts["dependencies"] == dict(line.split()[1:] for line in shown[2:])


@pytest.mark.parametrize("names", [(), ("plan",), ("state",), ("state", "mv")], ids=" ".join)
def test_help_is_the_help_of_the_command(desk: Desk, names: tuple[str, ...]) -> None:
    assert desk.done(*names, "--help").out == desk.done("help", *names).out


def test_help_of_what_has_no_commands_says_so(desk: Desk) -> None:
    ran = desk.run("help", "plan", "out")
    assert 64 == ran.code
    assert "reconciler plan has no commands of its own" in ran.err
