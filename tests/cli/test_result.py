"""`--result FILE`: a report of every outcome, which never hides how a run ended."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from tests.cli.desk import Desk, file_secret, snapshot, text_secret
from tests.cli.test_terminal import QUESTION, at_terminal

LEFT_OUT = "Note: --result: "


@pytest.fixture
def one(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """A manifest with one secret, and a directory for the report."""
    monkeypatch.setenv("VALUE", "1")
    desk.manifest(text_secret("a", "VALUE"))
    (desk.path / "out").mkdir()
    return desk


@pytest.mark.parametrize("command", ["apply", "destroy"])
@pytest.mark.parametrize("name", ["nowhere/r.json", "reconciler.yaml/r.json", "link", "pipe", "out"])
def test_where_no_report_can_be_written_nothing_is_begun(one: Desk, command: str, name: str) -> None:
    """Exit 64 before the first share: afterwards it would be too late to say so."""
    (one.path / "link").symlink_to("reconciler.yaml")
    os.mkfifo(one.path / "pipe")
    before = snapshot(one.path)
    ran = one.run(command, "--auto-approve", "--result", name)
    assert 64 == ran.code, ran.said
    assert "--result" in ran.err
    assert before == snapshot(one.path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root can write everywhere")
def test_a_directory_that_is_not_writable_is_found_first(one: Desk) -> None:
    """As one that is not there."""
    (one.path / "out").chmod(0o500)
    assert 64 == one.run("apply", "--auto-approve", "--result", "out/r.json").code
    assert {} == one.live()


def test_a_report_that_fails_at_the_end_hides_no_link(one: Desk) -> None:
    """Its directory goes while the question waits: a note, the links, and the exit code of what was done."""
    with at_terminal(one, "apply", "--result", "out/r.json") as terminal:
        terminal.until(QUESTION)
        shutil.rmtree(one.path / "out")
        terminal.type("yes\n")
        assert 0 == terminal.end(), terminal.seen
    assert LEFT_OUT in terminal.seen
    assert "Applied: 1 created." in terminal.seen
    assert "Share links:" in terminal.seen
    assert {"a"} == set(one.live())


def test_a_report_that_fails_at_the_end_hides_no_error(one: Desk) -> None:
    """What went wrong is told, with its own exit code."""
    source = one.write("value.txt", "x")
    one.manifest(text_secret("a", "VALUE") + file_secret("b", "value.txt"))
    with at_terminal(one, "apply", "--result", "out/r.json") as terminal:
        terminal.until(QUESTION)
        shutil.rmtree(one.path / "out")
        source.unlink()
        terminal.type("yes\n")
        assert 3 == terminal.end(), terminal.seen
    assert LEFT_OUT in terminal.seen
    assert "1 created, 1 failed" in terminal.seen
    assert "the state cannot be used" not in terminal.seen


def test_a_run_that_dies_leaves_its_report(one: Desk) -> None:
    """Also where it died before the first change, over the report of an earlier run."""
    one.apply("--result", "out/r.json")
    one.manifest("version: 2\n")
    assert 65 == one.run("apply", "--auto-approve", "--result", "out/r.json").code
    report = json.loads((one.path / "out" / "r.json").read_bytes())
    assert "the manifest is not valid" == report["error"]["summary"]
    assert [] == report["results"]


def test_the_report_replaces_an_earlier_one(one: Desk) -> None:
    """And leaves nothing beside it."""
    for _ in range(2):
        one.apply("--result", "out/r.json")
    assert ["r.json"] == [path.name for path in Path("out").iterdir()]
