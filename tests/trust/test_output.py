"""Nothing that a repository or a tenant wrote moves the cursor, hides, or gives a pipeline a command."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest

from reconciler import display
from reconciler.model.address import Address
from reconciler.model.state import State
from reconciler.state import statefile
from tests.support.commandline import HEAD, Desk, file_secret, text_secret

HOSTILE = "\x1b]0;owned\x07\x9b2J\u202e##vso[task.setvariable variable=A]"
_MOVES = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")


def _obeyed(said: str) -> list[str]:
    """Return the lines that a pipeline would obey: `::` after any space, `##[` and `##vso[` anywhere."""
    return [
        line for line in said.splitlines() if line.lstrip().startswith("::") or re.search(r"##\w*\[", line)
    ]


def _inert(said: str) -> bool:
    return not _MOVES.search(said) and not _obeyed(said)


def _forge(desk: Desk, text: str = HOSTILE, **changes: str) -> None:
    state = statefile.decode(desk.state_path.read_bytes(), file="")
    instance = state.instances[Address("a")]
    assert instance.current
    link = "https://c1.example/##[add-mask]x"
    hostile = replace(
        instance, uid="other", current=replace(instance.current, vault_id="other", share_url=link)
    )
    instances = {Address("a"): instance, Address("a", f"x{text}"): hostile}
    forged: State = replace(state, instances=instances, **changes)  # type: ignore[arg-type]
    desk.state_path.write_bytes(statefile.encode(forged))


@pytest.mark.parametrize(
    "command",
    [("output",), ("state", "list"), ("access", "ana@example.com"), ("plan",), ("plan", "--offline")],
    ids=" ".join,
)
def test_a_forged_state_moves_no_cursor(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    """Its addresses and links are shown with a mark for each hidden character."""
    monkeypatch.setenv("A", "a value")
    desk.manifest(text_secret("a"))
    desk.apply()
    _forge(desk)
    assert _inert(desk.run(*command).said)


@pytest.mark.parametrize(
    "command",
    [
        ("output",),
        ("state", "list"),
        ("state", "show", "a"),
        ("access", "ana@example.com"),
        ("plan",),
        ("plan", "--offline"),
        ("validate",),
        ("diff", "--base", "./base.yaml"),
    ],
    ids=" ".join,
)
def test_json_hides_nothing_and_commands_nothing(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    """A terminal that shows JSON, and a runner that reads it, meet ASCII; a program reads the same value."""
    monkeypatch.setenv("A", "a value")
    desk.write("base.yaml", HEAD + text_secret("b"))
    desk.manifest(text_secret("a", "A", r'label: "a ##[add-mask]\u00e9"'))
    desk.apply()
    _forge(desk, f"{HOSTILE}##[add-mask]x")
    if command == ("validate",):
        desk.manifest("version: 1\nname: desk\nsecrets: {a: {'##[add-mask]\u202e': 1}}\n")
    ran = desk.run("--json", *command)
    assert ran.code in (0, 65), ran.err
    assert ran.out.isascii()
    assert _inert(ran.out)
    json.loads(ran.out)


def test_a_link_is_no_command(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """`output NAME` prints it on a line of its own: a state with another text in its place is refused."""
    monkeypatch.setenv("A", "a value")
    desk.manifest(text_secret("a"))
    desk.apply()
    state = statefile.decode(desk.state_path.read_bytes(), file="")
    instance = state.instances[Address("a")]
    assert instance.current
    forged = replace(instance, current=replace(instance.current, share_url="::add-mask::e"))
    desk.state_path.write_bytes(statefile.encode(replace(state, instances={Address("a"): forged})))
    ran = desk.run("output", "a")
    assert (1, b"") == (ran.code, ran.raw)
    assert _inert(ran.said)


@pytest.mark.parametrize("name", ["x\n::add-mask::hello\n.reconciler.yaml", "::add-mask::x.reconciler.yaml"])
def test_the_hook_names_files_of_any_name(desk: Desk, name: str) -> None:
    """pre-commit hands over whatever a pull request calls its manifests."""
    desk.write(name, HEAD + text_secret("a"))
    assert _inert(desk.done("validate", "--", name).said)


def test_a_path_adds_no_output(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """GitLab reads one variable from each line."""
    monkeypatch.setenv("A", "a value")
    desk.manifest(text_secret("a"))
    desk.done("plan", "-o", "it.plan")
    (desk.path / "it.plan").rename(desk.path / "it\nHAS_CHANGES=false")
    ran = desk.run("ci", "outputs", "it\nHAS_CHANGES=false")
    assert (64, "") == (ran.code, ran.out)


@pytest.mark.parametrize("field", ["name", "server", "creator"])
def test_an_error_about_a_forged_state_moves_no_cursor(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, field: str
) -> None:
    """An error quotes whom the state says it belongs to."""
    monkeypatch.setenv("A", "a value")
    desk.manifest(text_secret("a"))
    desk.apply()
    _forge(desk, **{field: f"other{HOSTILE}##[stop-commands]x"})
    for command in (("plan",), ("apply", "--auto-approve"), ("plan", "--offline")):
        assert _inert(desk.run(*command).said)


def test_a_file_is_not_named_so_that_a_pipeline_obeys(desk: Desk) -> None:
    """An included file's name begins the lines that tell what is wrong with it."""
    for name in ("::add-mask::x.yaml", "##[stop-commands]x.yaml"):
        desk.write(name, "audiences: {a: {users: [not a person]}}\n")
        desk.manifest(f'version: 1\nname: desk\ninclude: ["{name}"]\nsecrets: {{}}\n')
        ran = desk.run("validate")
        assert 65 == ran.code
        assert [] == _obeyed(ran.said)


def test_a_plan_gives_no_command(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Paths, labels and words for rotation are free text."""
    desk.write("##[set-output name=has-changes]x", "value")
    entry = file_secret(
        "a", "'##[set-output name=has-changes]x'", "label: '##[add-mask]a'", "rotate: '::debug::1'"
    )
    desk.manifest(entry)
    assert [] == _obeyed(desk.done("plan").said)
    desk.apply()
    desk.manifest(entry.replace("add-mask", "group").replace("debug", "error"))
    assert [] == _obeyed(desk.done("plan").said)


@pytest.mark.parametrize(
    "text", ["::x", "  ::x", "a ##[x", "\u00a0::x", "##[##[", "a###vso[b]", "##teamcity[x"]
)
def test_a_line_is_no_command(text: str) -> None:
    """GitHub's runner trims every kind of space."""
    assert [] == _obeyed(display.line(text))


@pytest.mark.parametrize(
    "hidden", "\u00ad\u034f\u115f\u1160\u17b4\u180b\u200b\u2060\u2800\u3164\ufe0f\uffa0\U000e0101"
)
def test_what_nobody_sees_is_marked(hidden: str) -> None:
    """Some of them are letters to Unicode; two names that differ in one would look the same."""
    assert f"a{display.SUBSTITUTE}b" == display.clean(f"a{hidden}b")


def test_a_saved_plan_has_each_key_once(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two readers of one plan must not see two things: jq would show one value, and we take the other."""
    monkeypatch.setenv("A", "a value")
    desk.manifest(text_secret("a"))
    desk.done("plan", "-o", "it.plan")
    text = (desk.path / "it.plan").read_text()
    desk.write("it.plan", text.replace('"name": "desk"', '"name": "harmless", "name": "desk"', 1))
    assert json.loads((desk.path / "it.plan").read_text())["name"] == "desk"
    for command in (("show", "it.plan"), ("apply", "it.plan")):
        assert 1 == desk.run(*command).code
    desk.write("it.plan", text.replace('"name": "desk"', '"name": "\\ud800"', 1))
    for command in (("show", "it.plan"), ("apply", "it.plan")):
        assert 1 == desk.run(*command).code


def test_a_plan_for_a_time_to_come_is_only_looked_at(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Applied, it would have the state remember as ended what still lives, and nobody would revoke it any more."""
    monkeypatch.setenv("A", "a value")
    desk.manifest(text_secret("a"))
    desk.apply()
    before = desk.state
    desk.done("plan", "--as-of", "2099-01-01T00:00:00Z", "-o", "it.plan")
    ran = desk.run("apply", "it.plan")
    assert 8 == ran.code, ran.said
    assert "for a future time" in ran.err
    assert before == desk.state


@pytest.mark.parametrize("form", ["text", "json", "markdown", "html", "gitlab"])
@pytest.mark.parametrize("field", ["server", "creator", "key_id", "lineage"])
def test_no_line_of_a_plan_is_a_command(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, form: str, field: str
) -> None:
    """Whatever a state calls its tenant: a pipeline prints the page, and obeys it."""
    monkeypatch.setenv("A", "a value")
    desk.manifest(text_secret("a"))
    desk.apply()
    _forge(desk, **{field: "::add-mask::plan"})
    ran = desk.run("plan", "--offline", "--format", form)
    assert [] == _obeyed(ran.said)
    assert ran.code == 0
