"""Who is shown is who is sent: no two people are one, and no letter passes for another unseen."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

import pytest

from reconciler import display
from reconciler.cli.output import OutputFormat
from reconciler.errors import ManifestError
from reconciler.manifest.load import load_manifest
from reconciler.model.address import fold
from reconciler.sandbox.directory import user_id
from reconciler.sources import KINDS
from tests.support.commandline import Desk, text_secret

_BLOCKS: Final = (range(0x80, 0x3100), range(0xA000, 0xA800), range(0xAB00, 0xAC00), range(0xF900, 0x11000))
"""Where the letters of alphabets are, and all that folds or decomposes to one."""


def _external(*people: str, name: str = "a") -> str:
    return f"  {name}:\n    source: {{env: A}}\n    share_with: {{external: [{', '.join(people)}]}}\n"


def _emails(desk: Desk) -> list[list[str]]:
    return [sorted(vault.recipients) for vault in desk.live().values()]


def test_only_ascii_letters_have_two_spellings() -> None:
    """No other character is one with another, whatever Unicode's case folding says."""
    folded = [
        fold(f"{chr(point)}@example.com")
        for point in range(0x80, sys.maxunicode)
        if point < 0xD800 or point > 0xDFFF
    ]
    assert len(folded) == len(set(folded))
    assert all(not each[0].isascii() for each in folded)
    assert fold("AnA@Example.COM") == "ana@example.com"
    assert "2aBC" == fold("2aBC")


@pytest.mark.parametrize("person", ["groß@partner.example", "OPS@Partner.example", "ıda@partner.example"])
@pytest.mark.parametrize("form", [form.value for form in OutputFormat])
def test_the_address_in_a_plan_is_the_one_that_is_sent(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, person: str, form: str
) -> None:
    monkeypatch.setenv("A", "a value")
    desk.manifest(_external(person))
    shown = desk.done("plan", "--format", form).out
    desk.apply()
    ((sent,),) = _emails(desk)
    assert sent == fold(person)
    assert form == "gitlab" or sent in shown.encode().decode("unicode_escape" if form == "json" else "utf-8")


def test_another_person_is_a_change(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Even one whom Unicode's case folding takes for the first."""
    monkeypatch.setenv("A", "a value")
    desk.manifest(_external("groß@partner.example"))
    desk.apply()
    desk.manifest(_external("gross@partner.example"))
    assert {"a": (["create", "delete"], "attributes_changed")} == desk.plan()
    desk.apply()
    assert [["gross@partner.example"]] == _emails(desk)
    desk.manifest(_external("gross@partner.example", "groß@partner.example"))
    desk.apply()
    assert [["gross@partner.example", "groß@partner.example"]] == _emails(desk)


@pytest.mark.parametrize("form", ["text", "json", "markdown", "html"])
@pytest.mark.parametrize("saved", [False, True])
def test_an_id_is_shown_with_its_person(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, form: str, saved: bool
) -> None:
    """As the directory has it; also in a plan that was saved, and wherever the person is named."""
    monkeypatch.setenv("A", "a value")
    desk.manifest(text_secret("first", "A"))
    desk.apply()
    mallory = user_id("second@example.com")
    desk.manifest(text_secret("first", "A") + text_secret("a", who=mallory))
    if saved:
        desk.done("plan", "-o", "p")
    shown = desk.done(*(("show", "p") if saved else ("-v", "plan")), "--format", form).out
    assert shown.count(f"second@example.com ({mallory})") >= 1
    if form == "json":
        return
    unnamed = [row for row in shown.splitlines() if mallory in row and "second@example.com" not in row]
    assert [] == unnamed


def test_a_person_is_no_part_of_what_is_compared(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else an address that changes at the tenant were a change of the recipients."""
    monkeypatch.setenv("A", "a value")
    desk.manifest(text_secret("a", who=user_id("second@example.com")))
    desk.apply()
    assert b"second@example.com" not in desk.state_path.read_bytes()
    assert {} == desk.plan()


@pytest.mark.parametrize("form", ["text", "markdown", "html"])
def test_letters_outside_of_ascii_have_their_code_points_beside_them(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    monkeypatch.setenv("A", "a value")
    desk.manifest(_external("сосо@partner.example"))
    rows = desk.done("plan", "--format", form).out.splitlines()
    named = [row for row in rows if "сосо" in row]
    assert named
    assert all("с is U+0441, о is U+043E" in row for row in named)


def _accepted(path: Path, people: list[str]) -> set[str]:
    """Return those that a manifest may name."""
    lines = "".join(f"  - {person}\n" for person in people)
    path.write_text(
        f"version: 1\nname: a\naudiences:\n  all:\n    users:\n{lines.replace('  -', '    -')}secrets: {{}}\n"
    )
    try:
        load_manifest(path, KINDS)
    except ManifestError as error:
        refused = {problem.mark.line for problem in error.problems if problem.mark}
        return {person for line, person in enumerate(people, start=6) if line not in refused}
    return set(people)


def test_every_character_is_refused_or_told(tmp_path: Path) -> None:
    """Each stands alone before the @: a manifest may not name it, or a plan says which one it is."""
    points = [point for block in _BLOCKS for point in block if not 0xD800 <= point <= 0xDFFF]
    told = 0
    for start in range(0, len(points), 100):
        people = [f'"\\u{point:04x}@partner.example"' for point in points[start : start + 100]]
        for person in _accepted(tmp_path / "m.yaml", people):
            letter = chr(int(person[3:7], 16))
            assert f"{letter} is U+{ord(letter):04X}" in display.person(f"{letter}@partner.example")
            assert letter == letter.lower()
            told += 1
    assert told > 1000
