"""The documents are cases: what they show is run, what the program tells is up to date, where they point is there."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest

from reconciler.cli import main
from reconciler.errors import ExitCode
from reconciler.sandbox.settings import Settings
from tests.support import docs

PAGES = [docs.README, *sorted((docs.ROOT / "docs").glob("*.md"))]
TO_COME = {"reliability.md", "ci.md"}
"""Pages that the design names and that are written with the issues they belong to."""
UPDATE = "out of date: python -m tests.support.docs --write"


def test_every_command_is_documented_as_its_help_says() -> None:
    """docs/cli.md is generated; a new option without it fails here."""
    assert docs.generated(docs.CLI, docs.cli_reference()) == docs.CLI.read_text(), UPDATE


def test_help_and_version_import_no_more_than_they_need() -> None:
    """They stay near the interpreter's start plus click: nothing that talks to a tenant, no schema, no age."""
    heavy = [
        "httpx",
        "asyncio",
        "jsonschema",
        "cryptography",
        "pyrage",
        "yaml",
        "starlette",
        "reconciler.planning.planner",
    ]
    for flag in ("--help", "--version"):
        program = (
            "import contextlib, sys; from reconciler.cli import main\n"
            f"with contextlib.suppress(SystemExit): main(['{flag}'])\n"
            f"sys.stderr.write(' '.join(name for name in {heavy} if name in sys.modules))"
        )
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
        assert "" == done.stderr


def test_the_commands_of_the_design_are_there_or_still_to_come() -> None:
    """Its section 7 has two lists; no page for users names what is in the second."""
    section = (docs.ROOT / "docs" / "design.md").read_text().partition("## 7. Command line")[2]
    there, to_come = (_listed(line) for line in section.strip().splitlines()[:2])
    groups = ("ci", "state", "auth", "sandbox", "key")
    assert there == {name.partition(" ")[2] for name, _ in docs.commands()} - {"", *groups}
    assert to_come.isdisjoint(there)
    pages = "".join((docs.ROOT / page).read_text() for page in ("CHANGELOG.md", "README.md", "docs/cli.md"))
    assert [] == [name for name in to_come if f"`{name}`" in pages or f"reconciler {name}" in pages]


def _listed(line: str) -> set[str]:
    """Return the commands of a line: `plan state(list show)` are three."""
    found = set()
    for group, inner, name in re.findall(
        r"(\w+)\(([^)]*)\)|([\w-]+)", line.partition("`")[2].partition("`")[0]
    ):
        found |= {f"{group} {each}" for each in inner.split()} if group else {name}
    return found


def test_every_exit_code_is_documented() -> None:
    """In docs/cli.md and in --help."""
    table = docs.CLI.read_text().partition("<!-- generated")[0]
    listed = {int(n) for row in re.findall(r"^\| ([\d, ]+) \|", table, re.MULTILINE) for n in row.split(", ")}
    assert set(ExitCode) == listed
    helped = docs.cli_reference().partition("Exit codes:")[2].partition("```")[0]
    assert {str(int(code)) for code in ExitCode} <= set(re.findall(r"\d+", helped))


def test_every_variable_is_documented() -> None:
    """In docs/cli.md: whatever name of ours the program reads from its environment."""
    table = docs.CLI.read_text().partition("<!-- generated")[0]
    names = r"\"((?:CONDUCTORONE|CONE|RECONCILER)_[A-Z_]+[A-Z]|SSL_CERT_FILE|NO_COLOR|FORCE_COLOR|CI)\""
    sources = (docs.ROOT / "reconciler").rglob("*.py")
    read = {name for path in sources for name in re.findall(names, path.read_text())}
    assert len(read) > 10
    assert [] == sorted(name for name in read if f"`{name}`" not in table)


def test_every_page_is_linked_from_the_readme() -> None:
    """Whoever looks for an answer starts there."""
    assert {f"docs/{page.name}" for page in PAGES[1:]} <= set(docs.links(docs.README))


def test_every_setting_of_the_sandbox_is_documented() -> None:
    """docs/sandbox.md is generated from the dataclass; each setting has a sentence."""
    assert docs.generated(docs.SANDBOX, docs.settings_table()) == docs.SANDBOX.read_text(), UPDATE
    assert {field.name for field in fields(Settings)} == set(docs._meanings())


def test_every_code_of_attention_is_documented() -> None:
    """docs/policies.md is generated from the enum; each code has a sentence."""
    assert docs.generated(docs.POLICIES, docs.codes_table()) == docs.POLICIES.read_text(), UPDATE


@pytest.mark.slow
def test_the_transcripts_of_the_readme_are_real(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Each command is run; what it prints is what stands there, but for codes and times."""
    monkeypatch.setenv("HOME", str(tmp_path))
    text = docs.README.read_text()
    shown = [docs.normalised(steps) for steps in docs.transcripts(text)]
    assert shown == [docs.normalised(steps) for steps in docs.run_all(text)], UPDATE
    assert "No changes." in shown[0][-1].printed


# The design shows the whole format; the tests of the manifest say what of it is still to come.
@pytest.mark.parametrize("page", [p for p in PAGES if p.name != "design.md"], ids=lambda page: page.name)
def test_every_manifest_that_is_shown_is_valid(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """A reader copies them."""
    monkeypatch.chdir(tmp_path)
    for text in docs.yaml_blocks(page):
        Path("reconciler.yaml").write_text(text)
        with pytest.raises(SystemExit) as end:
            main(["--json", "validate"])
        assert [] == json.loads(capfd.readouterr().out)["problems"]
        assert 0 == end.value.code


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    """Inside of the repository."""
    assert [] == [
        link for link in docs.links(page) if not (page.parent / link).exists() and link not in TO_COME
    ]


def test_what_the_threat_model_rests_on_is_there() -> None:
    """Each test that it names exists, and each line of a table names one."""
    text = (docs.ROOT / "docs" / "threat-model.md").read_text()
    named = re.findall(r"`(tests/[^`]+)`", text)
    assert [] == [path for path in named if not (docs.ROOT / path).exists()]
    rows = [row for row in text.splitlines() if row.startswith("| ") and not row.startswith("| could")]
    assert len(rows) > 15
    assert [] == [row for row in rows if "`tests/" not in row.rpartition(" | ")[2]]


def test_the_readme_names_the_two_commands_that_a_newcomer_needs() -> None:
    """And the Makefile has them."""
    makefile = (docs.ROOT / "Makefile").read_text()
    for target in ("demo", "test"):
        assert f"make {target}" in docs.README.read_text()
        assert f"\n{target}:" in makefile
