"""What shows that a run is at work: on a terminal a spinner and a bar, elsewhere a line for each outcome."""

from __future__ import annotations

import re
import signal
from contextlib import AbstractContextManager

import pytest

from tests.cli.test_terminal import Terminal, at_terminal
from tests.support.commandline import Desk, environment, text_secret

SIX = [f"s{n}" for n in range(6)]
COLOUR = re.compile(r"\x1b\[(?:[1-9]|[34]\d)(?:;\d+)*m")
APPLY = ("apply", "--auto-approve", "--parallelism", "2")
PLAIN = [{"TERM": "dumb"}, {"CI": "true"}]


@pytest.fixture
def six(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """Six secrets to make."""
    monkeypatch.setenv("VALUE", "1")
    desk.manifest("".join(text_secret(name, "VALUE") for name in SIX))
    return desk


def slowly(desk: Desk, *arguments: str, **changes: str) -> AbstractContextManager[Terminal]:
    """A command at a terminal, and a tenant that takes its time."""
    return at_terminal(desk, *arguments, stdout=None, **{"RECONCILER_SANDBOX_LATENCY": "400ms", **changes})


def on_a_pipe(desk: Desk, *arguments: str, **changes: str) -> tuple[str, str]:
    process = desk.start(*arguments, env=environment(RECONCILER_SANDBOX_LATENCY="400ms", **changes))
    out, err = process.communicate(timeout=120)
    assert 0 == process.returncode, err
    return out, err


def _plain(seen: str) -> str:
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", seen)


def test_planning_shows_after_half_a_second_that_it_works(six: Desk) -> None:
    with slowly(six, "plan") as terminal:
        terminal.until("Planning")
        assert 0 == terminal.end(), terminal.seen
    assert "Plan: 6 to create" in terminal.seen.rpartition("Planning")[2]


def test_a_quick_plan_shows_nothing_of_it(six: Desk) -> None:
    with at_terminal(six, "plan", "--offline") as terminal:
        assert 0 == terminal.end(), terminal.seen
    assert "Planning" not in terminal.seen


@pytest.mark.parametrize("changes", PLAIN, ids=["dumb", "ci"])
def test_where_nothing_can_be_redrawn_there_are_lines(six: Desk, changes: dict[str, str]) -> None:
    with slowly(six, *APPLY, "--color", "never", **changes) as terminal:
        assert 0 == terminal.end(), terminal.seen
    assert "\x1b" not in terminal.seen
    assert "Planning" not in terminal.seen
    assert all(f"{name}: created\r\n" in terminal.seen for name in SIX)


def test_a_pipe_gets_a_line_for_each_outcome(six: Desk) -> None:
    _, err = on_a_pipe(six, *APPLY)
    assert sorted(f"{name}: created" for name in SIX) == sorted(err.splitlines()[1:])


def test_a_pipe_never_imports_what_draws(six: Desk) -> None:
    """It would cost the start; a terminal does import it, or this test would see nothing."""
    traced = {"PYTHONPROFILEIMPORTTIME": "1"}
    _, err = on_a_pipe(six, "plan", **traced)
    assert "reconciler.cli.progress" in err
    assert "rich" not in re.findall(r"\| +(\w+)", err)
    _, err = on_a_pipe(six, *APPLY, **traced)
    assert "rich" not in re.findall(r"\| +(\w+)", err)
    with slowly(six, "destroy", "--auto-approve", **traced) as terminal:
        assert 0 == terminal.end()
    assert "rich" in re.findall(r"\| +(\w+)", terminal.seen)


def test_apply_has_a_bar_with_count_and_what_is_in_flight(six: Desk) -> None:
    """What has ended stands above it, a line each; at the end the bar is gone."""
    with slowly(six, *APPLY) as terminal:
        assert 0 == terminal.end(), terminal.seen
    assert re.search(r"[1-5]/6 0:00:0\d", _plain(terminal.seen))
    assert re.search(r"s\d (creating|encrypting|uploading|checking), s\d ", _plain(terminal.seen))
    assert all(re.search(rf"{name}: (\x1b\[32m)?created", terminal.seen) for name in SIX)
    assert "/6 " not in terminal.seen.partition("Applied: 6 created.")[2]


def test_a_bar_without_colours(six: Desk) -> None:
    with slowly(six, *APPLY, NO_COLOR="1") as terminal:
        assert 0 == terminal.end(), terminal.seen
    assert re.search(r"[1-5]/6 ", _plain(terminal.seen))
    assert [] == COLOUR.findall(terminal.seen)


def test_a_link_is_whole_on_a_narrow_terminal(six: Desk) -> None:
    with slowly(six, *APPLY, COLUMNS="30") as terminal:
        assert 0 == terminal.end(), terminal.seen
    links = [line.strip() for line in terminal.seen.splitlines() if "/secrets/" in line]
    assert sorted(
        f"https://tenant.sandbox.invalid/secrets/{v.share_code}" for v in six.live().values()
    ) == sorted(links)


@pytest.mark.parametrize("verbose", [True, False])
def test_an_interrupt_counts_what_was_not_started(six: Desk, verbose: bool) -> None:
    """In one line; their names come with -v."""
    flags = ("-v",) if verbose else ()
    with slowly(six, *APPLY, *flags, "--color", "never") as terminal:
        terminal.until(": created")
        terminal.process.send_signal(signal.SIGINT)
        assert 130 == terminal.end(), terminal.seen
    words = " ".join(terminal.seen.split())
    assert (
        "Interrupt received: finishing the changes in progress. Press Ctrl-C again to stop now; the next run "
        "resumes."
    ) in words
    made = len(six.live())
    assert f"Applied: {made} created, {6 - made} not started." in words
    named = {name for name in SIX if f"{name}: not started" in words}
    assert (set(SIX) - set(six.live()) if verbose else set()) == named
