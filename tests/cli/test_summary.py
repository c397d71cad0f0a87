"""What GitHub gets beside the log of an apply: a step summary, and annotations for what failed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.desk import Desk, file_secret, text_secret
from tests.cli.test_terminal import QUESTION, at_terminal

APPLY = ("--ci", "github", "apply", "--auto-approve")


@pytest.fixture
def summary(desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of the step's summary, and a manifest with one secret."""
    path = tmp_path / "summary.md"
    path.write_text("# before\n")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(path))
    monkeypatch.setenv("VALUE", "correct horse")
    desk.manifest(text_secret("a", "VALUE"))
    return path


def test_every_outcome_is_told_without_its_link(desk: Desk, summary: Path) -> None:
    """It is added to what earlier steps said; a run with nothing to do says that."""
    desk.done(*APPLY)
    said = summary.read_text()
    assert said.startswith("# before\n**Applied: 1 created.**\n")
    assert "| `a` | created |" in said
    assert desk.live()["a"].share_code not in said
    assert "correct horse" not in said
    desk.done(*APPLY)
    assert "Nothing to do." in summary.read_text()


def test_links_are_shown_where_they_are_asked_for(desk: Desk, summary: Path) -> None:
    desk.done(*APPLY, "--show-links")
    link = desk.done("output", "a").out.strip()
    assert link in summary.read_text()


def test_destroy_is_told_too(desk: Desk, summary: Path) -> None:
    desk.apply()
    desk.done("--ci", "github", "destroy", "--auto-approve")
    assert "| `a` | revoked |" in summary.read_text()


@pytest.mark.parametrize("ci", ["none", "gitlab", "auto"])
def test_elsewhere_nothing_is_written(
    desk: Desk, summary: Path, ci: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`none` silences it on GitHub as well; the sandbox, unasked, is no pipeline."""
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    ran = desk.done("--ci", ci, "apply", "--auto-approve")
    assert "# before\n" == summary.read_text()
    assert "::" not in ran.said.replace("https://", "")


def test_what_failed_is_on_its_line(desk: Desk, summary: Path) -> None:
    """Its file goes while the question waits: the other secret is made, this one is an error that names its line."""
    source = desk.write("value.txt", "x")
    desk.manifest(text_secret("a", "VALUE") + file_secret("b", "value.txt"))
    with at_terminal(
        desk, "--ci", "github", "apply", GITHUB_STEP_SUMMARY=str(summary), COLUMNS="400"
    ) as terminal:
        terminal.until(QUESTION)
        source.unlink()
        terminal.type("yes\n")
        assert 3 == terminal.end(), terminal.seen
    line = next(
        n
        for n, text in enumerate((desk.path / "reconciler.yaml").read_text().splitlines(), 1)
        if "b:" in text
    )
    assert f"::error file=reconciler.yaml,line={line}," in terminal.seen
    said = summary.read_text()
    assert "**Applied: 1 created, 1 failed.**" in said
    assert said.index("| `b` | **failed** |") < said.index("| `a` | created |")


def test_a_summary_that_cannot_be_written_hides_nothing(
    desk: Desk, summary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was done, or planned, counts."""
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary.parent))
    for command, said in ((("--ci", "github", "plan"), "Plan: 1 to create"), (APPLY, "Applied: 1 created.")):
        ran = desk.done(*command)
        assert "Note: the step summary cannot be written" in ran.err
        assert said in ran.out


def test_outputs_that_cannot_be_written_fail_the_step(
    desk: Desk, summary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without them the next steps would take it that there is nothing to apply."""
    monkeypatch.setenv("GITHUB_OUTPUT", str(summary.parent))
    ran = desk.run("--ci", "github", "plan")
    assert 64 == ran.code, ran.said
    assert "the step's outputs cannot be written: Is a directory" in ran.err
    assert "GITHUB_OUTPUT" in ran.err
