"""At a terminal and without one: the question, the colours, the live line."""

from __future__ import annotations

import contextlib
import os
import pty
import select
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.cli.desk import Desk, environment, text_secret

ESCAPE = "\x1b["
PATIENCE = 60
QUESTION = "Only 'yes' will be accepted to approve: "


@pytest.fixture
def one(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """A manifest with one secret."""
    monkeypatch.setenv("VALUE", "1")
    desk.manifest(text_secret("a", "VALUE"))
    return desk


@dataclass
class Terminal:
    """A command at a terminal: its standard input, output and error are one."""

    process: subprocess.Popen[str]
    descriptor: int
    seen: str = ""

    def until(self, words: str) -> None:
        """Read until these words were printed."""
        while words not in self.seen:
            self.seen += self._read()

    def _read(self) -> str:
        ready, _, _ = select.select([self.descriptor], [], [], PATIENCE)
        assert ready, f"nothing more came: {self.seen}"
        return os.read(self.descriptor, 65536).decode()

    def type(self, words: str) -> None:
        os.write(self.descriptor, words.encode())

    def end(self) -> int:
        """Read to the end; return the exit code."""
        with contextlib.suppress(OSError):  # how Linux says that the other side is gone
            while piece := self._read():
                self.seen += piece
        return self.process.wait(timeout=PATIENCE)


@contextlib.contextmanager
def at_terminal(desk: Desk, *arguments: str, stdout: int | None = None, **changes: str) -> Iterator[Terminal]:
    """Start a command at a terminal of its own; `stdout` goes elsewhere."""
    ours, theirs = pty.openpty()
    env = environment(**{"TERM": "xterm-256color", "COLUMNS": "100", **changes})
    process = desk.start(
        *arguments,
        stdin=theirs,
        stdout=theirs if stdout is None else stdout,
        stderr=theirs,
        env=env,
        start_new_session=True,
    )
    os.close(theirs)
    try:
        yield Terminal(process, ours)
    finally:
        process.kill()
        process.wait()
        os.close(ours)


def test_apply_shows_the_plan_asks_and_does_it_on_yes(one: Desk) -> None:
    """The plan stands above the question, in colour; links come last."""
    with at_terminal(one, "apply") as terminal:
        terminal.until(QUESTION)
        assert "Plan: 1 to create" in terminal.seen
        assert ESCAPE + "32m" in terminal.seen
        assert {} == one.live()
        terminal.type("yes\n")
        assert 0 == terminal.end(), terminal.seen
    assert "Share links:" in terminal.seen
    assert {"a"} == set(one.live())


def test_json_shows_the_plan_too_before_it_asks(one: Desk) -> None:
    """On standard error, so that standard output stays JSON; unasked there is nothing to show."""
    with at_terminal(one, "--json", "apply") as terminal:
        terminal.until(QUESTION)
        assert "+ ana@example.com: a" in terminal.seen
        assert "Plan: 1 to create" in terminal.seen
        terminal.type("no\n")
        assert 1 == terminal.end(), terminal.seen
    with at_terminal(one, "--json", "apply", stdout=subprocess.DEVNULL) as terminal:
        terminal.until(QUESTION)
        assert "Plan: 1 to create" in terminal.seen
    assert "Plan:" not in one.done("--json", "apply", "--auto-approve").said


@pytest.mark.parametrize("answer", ["no", "y", "YES ", ""], ids=["no", "y", "shout", "return"])
def test_any_other_answer_does_nothing(one: Desk, answer: str) -> None:
    """Exit 1, said in words; `y` is not yes."""
    with at_terminal(one, "apply") as terminal:
        terminal.until(QUESTION)
        terminal.type(answer + "\n")
        assert 1 == terminal.end(), terminal.seen
    assert "Nothing was done." in terminal.seen
    assert {} == one.live()
    assert not one.state_path.exists()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_at_the_question_does_nothing(one: Desk, number: signal.Signals, code: int) -> None:
    """Ctrl-C answers no: at once, and without a traceback."""
    with at_terminal(one, "apply") as terminal:
        terminal.until(QUESTION)
        terminal.process.send_signal(number)
        assert code == terminal.end(), terminal.seen
    assert "nothing was done" in terminal.seen
    assert "Traceback" not in terminal.seen
    assert {} == one.live()
    assert not one.state_path.exists()


def test_without_a_terminal_nothing_prompts(one: Desk) -> None:
    """Exit 64 that names --auto-approve; a piped `yes` is not taken for an answer."""
    asked = _piped_yes(one, "apply")
    assert (64, {}) == (asked[0], one.live())
    assert "--auto-approve" in asked[1]
    one.apply()
    asked = _piped_yes(one, "destroy")
    assert (64, {"a"}) == (asked[0], set(one.live()))
    assert "--auto-approve" in asked[1]


def _piped_yes(desk: Desk, command: str) -> tuple[int, str]:
    process = desk.start(command, stdin=subprocess.PIPE)
    _, err = process.communicate("yes\n", timeout=PATIENCE)
    return process.returncode, err


def test_destroy_asks_by_itself_with_the_number(one: Desk) -> None:
    """It names how many shares go."""
    one.apply()
    with at_terminal(one, "destroy") as terminal:
        terminal.until(QUESTION)
        assert "Revoke" in terminal.seen
        assert "desk" in terminal.seen
        terminal.type("yes\n")
        assert 0 == terminal.end(), terminal.seen
    assert {} == one.live()


COLOURS = {
    "a pipe": ({}, (), False),
    "always": ({}, ("--color", "always"), True),
    "never": ({"FORCE_COLOR": "1"}, ("--color", "never"), False),
    "FORCE_COLOR": ({"FORCE_COLOR": "1"}, (), True),
    "NO_COLOR wins over FORCE_COLOR": ({"NO_COLOR": "1", "FORCE_COLOR": "1"}, (), False),
    "the flag wins over NO_COLOR": ({"NO_COLOR": "1"}, ("--color", "always"), True),
}


@pytest.mark.parametrize(("variables", "flags", "coloured"), COLOURS.values(), ids=COLOURS)
def test_colours_follow_the_flag_then_the_environment(
    one: Desk,
    monkeypatch: pytest.MonkeyPatch,
    variables: dict[str, str],
    flags: tuple[str, ...],
    coloured: bool,
) -> None:
    """And never reach a pipe unasked; the words are the same either way."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    ran = one.done(*flags, "plan")
    assert coloured == (ESCAPE in ran.out)
    assert "Plan: 1 to create, 0 to replace, 0 to revoke, 0 unchanged." in ran.out


def test_a_terminal_that_wants_no_colours_gets_none(one: Desk) -> None:
    """NO_COLOR at a terminal: not one escape sequence of colour."""
    with at_terminal(one, "plan", NO_COLOR="1") as terminal:
        assert 0 == terminal.end()
    assert ESCAPE not in terminal.seen


def test_results_are_on_standard_output_and_progress_is_not(one: Desk) -> None:
    """So that a pipeline can keep the one and show the other."""
    ran = one.apply()
    assert "a: created" in ran.err
    assert "a: created" not in ran.out
    assert "Applied: 1 created." in ran.out
    assert "Applied" not in ran.err


@pytest.mark.parametrize(("answer", "code"), [("no", 1), ("yes", 0)])
def test_rekey_asks_before_fingerprints_are_lost(one: Desk, answer: str, code: int) -> None:
    one.apply()
    one.key_path.unlink()
    before = one.state_path.read_bytes()
    with at_terminal(one, "state", "rekey") as terminal:
        terminal.until("Only 'yes'")
        assert "a: its value cannot be compared" in terminal.seen
        terminal.type(answer + "\n")
        assert code == terminal.end(), terminal.seen
    assert (answer == "no") == (before == one.state_path.read_bytes())
