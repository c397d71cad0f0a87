"""A kind of source from outside: registered, used from end to end, and gone again, with no other file edited.

A built-in kind `NAME` touches:

1. `reconciler/sources/NAME.py`: the class, as `reconciler/sources/interface.py` promises it;
2. `reconciler/sources/__init__.py`: its line in `KINDS`;
3. `schemas/manifest.schema.json`: its properties, twice (`secret.source` and `field`), for editors; `test_kinds.py`
   compares them with the class's;
4. `tests/sources/test_reading.py`: it joins the fixture `give`, by which every promise of a reader is tested;
5. `tests/manifests/valid/` and `invalid/`: what it means, and how it is refused;
6. `docs/` and `CHANGELOG.md`.

Nothing in `model`, `planning`, `operations`, `cli` or `manifest` asks which kind a source is of.
"""

from __future__ import annotations

import io
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Self

import pytest

from reconciler.manifest.reading.fields import Fields
from reconciler.sources import KINDS, NotReadableError, ReadableSource, SourceAccess, Stream
from tests.cli.desk import Desk

_CANARY = "hunter2-canary"


@dataclass(frozen=True, slots=True, kw_only=True)
class Joined(ReadableSource):
    """A file's bytes and behind them a variable's, as `{join: PATH, behind: NAME}`: a kind that reaches for both."""

    usage: ClassVar = "{join: PATH, behind: NAME}"
    properties: ClassVar = {
        "join": {"type": "string", "pattern": "^[a-z.]+$", "errorMessage": "expected a plain file name"},
        "behind": {"type": "string", "minLength": 1, "errorMessage": "expected a variable"},
    }

    path: str
    variable: str

    @classmethod
    def declared(cls, fields: Fields, *, trim_newline: bool) -> Self | None:
        path, variable = fields.text("join"), fields.text("behind")
        if path is None or not fields.need("behind") or variable is None:
            return None
        if not variable.isupper():
            fields.log.add(fields.value_at("behind"), f"{fields.name('behind')} is not upper case")
            return None
        return cls(path=path, variable=variable, trim_newline=trim_newline, mark=fields.value_at("join"))

    @property
    def place(self) -> str:
        return f"join {self.path}"

    @property
    def reading(self) -> tuple[str, ...]:
        return (f"{self.variable} behind it",)

    @property
    def default_filename(self) -> str:
        return self.path

    @property
    def environment_variables(self) -> tuple[str, ...]:
        return (self.variable,)

    @property
    def repository_files(self) -> tuple[str, ...]:
        return (self.path,)

    def open(self, access: SourceAccess) -> Stream:
        with open(access.confinement.open(self.path), "rb") as file:  # noqa: PTH123
            first = file.read()
        if b"\0" in first:
            raise NotReadableError(f"{self.path} holds a NUL", "remove it")
        return io.BytesIO(first + access.variable(self.variable))


def _secret(source: str, *more: str) -> str:
    lines = [f"source: {source}", "share_with: {users: [ana@example.com]}", *more]
    return "  one:\n" + "".join(f"    {line}\n" for line in lines)


@pytest.fixture
def registered(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    """A desk with a kind more, a file and a variable for it."""
    with monkeypatch.context() as patch:
        patch.setitem(KINDS, "join", Joined)
        patch.setenv("REST", "-" + _CANARY)
        desk.write("first.txt", "first\n")
        desk.manifest(_secret("{join: first.txt, behind: REST, trim: newline}"))
        yield desk


def test_it_is_declared_planned_applied_and_known_again(registered: Desk) -> None:
    """Its bytes arrive exactly, its words are in the plan and in the state, and a change of either part is seen."""
    desk = registered
    desk.done("validate")
    desk.write("first.txt", "first")
    planned = desk.done("plan")
    assert "join first.txt (REST behind it, newline trimmed)" in planned.out
    desk.apply()
    assert f"first-{_CANARY}".encode() == desk.reads("one")
    assert (
        "join first.txt (REST behind it, newline trimmed)"
        == (desk.state["instances"]["one"]["current"]["source"])
    )
    assert {} == desk.plan()
    desk.write("first.txt", "other")
    assert {"one": (["create", "delete"], "content_changed")} == desk.plan()
    assert _CANARY not in planned.said + desk.state_path.read_text()


def test_a_file_is_named_and_typed_by_it(registered: Desk) -> None:
    """Also, a store of binary keys must say its kind, whatever it is read by."""
    desk = registered
    desk.manifest(_secret("{join: first.txt, behind: REST}", "kind: file"))
    desk.apply()
    attributes = desk.state["instances"]["one"]["current"]["attributes"]
    assert ("first.txt", "text/plain") == (attributes["filename"], attributes["content_type"])
    desk.manifest(_secret("{join: keys.p12, behind: REST}"))
    assert "its source is a .p12 file" in desk.run("validate").err


def test_its_mistakes_are_told_with_all_others(registered: Desk) -> None:
    """Those of the shape by its schema, those of the meaning by itself, and a property that belongs to it alone."""
    desk = registered
    desk.manifest(_secret("{join: ../first.txt, behind: rest}", "max_views: -1"))
    said = desk.run("validate").err
    for words in (
        "secrets.one.source.join is malformed; expected a plain file name",
        "secrets.one.source.behind is not upper case",
        "secrets.one.max_views is too small",
    ):
        assert words in said
    desk.manifest(_secret("{env: A, behind: REST}"))
    assert "secrets.one.source.behind requires join; expected join beside it" in desk.run("validate").err
    desk.manifest(_secret("{join: first.txt, env: A}"))
    assert "secrets.one.source names more than one source: env and join" in desk.run("validate").err
    desk.manifest(_secret("{join: first.txt}"))
    assert 0 != desk.run("validate").code


def test_what_it_may_not_read_it_does_not(registered: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """The limits of trust, of size and of ciphertext are those of every kind."""
    desk = registered
    monkeypatch.setenv("GITHUB_TOKEN", _CANARY)
    refused = {
        "{join: first.txt, behind: GITHUB_TOKEN}": "GITHUB_TOKEN is never read as a source",
        "{join: first.txt, behind: UNSET}": "environment variable UNSET is not set",
        "{join: link.txt, behind: REST}": "a symbolic link",
        "{join: nul.txt, behind: REST}": "nul.txt holds a NUL",
        "{join: sealed.age, behind: REST}": "an age-encrypted file, not plaintext",
        "{join: large.txt, behind: REST}": "larger than a text secret may be",
    }
    desk.write("sealed.age", "age-encryption.org/v1\n")
    desk.write("large.txt", "x" * 61_440)
    desk.write("nul.txt", b"\0")
    (desk.path / "link.txt").symlink_to("first.txt")
    for source, words in refused.items():
        desk.manifest(_secret(source))
        ran = desk.run("apply", "--auto-approve")
        assert 0 != ran.code
        assert words in ran.err
        assert _CANARY not in ran.said


def test_whoever_sets_up_a_run_learns_what_it_needs(registered: Desk) -> None:
    """Its variable is in the pipeline that `init` writes; its file is one whose change `diff` points out."""
    desk = registered
    git = ("git", "-c", "user.name=n", "-c", "user.email=e@example.com")
    for command in (("init", "-q"), ("add", "-A"), ("commit", "-qm", "one")):
        subprocess.run([*git, *command], check=True)
    desk.write("first.txt", "other\n")
    subprocess.run([*git, "commit", "-qam", "two"], check=True)
    assert (
        "changed: apply replaces the share if its value differs" in desk.done("diff", "--base", "HEAD~1").out
    )
    desk.done("init", "--ci", "github", "--install-from", "c1-reconciler==1.0.0")
    written = "".join(path.read_text() for path in (desk.path / ".github").rglob("*.yml"))
    assert "REST: ${{ secrets.REST }}  # for one" in written


def test_without_it_the_same_manifest_is_refused(registered: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of it is left: neither in the schema nor in the reader."""
    desk = registered
    desk.done("validate")
    with monkeypatch.context() as patch:  # undone before the fixture takes it out for good
        patch.delitem(KINDS, "join")
        ran = desk.run("validate")
    assert 0 != ran.code
    assert (
        "unknown key in secrets.one.source; expected one of encoding, env, fields, file, key, trim" in ran.err
    )
