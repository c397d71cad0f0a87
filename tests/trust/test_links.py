"""A repository can bring a link in any place: none is followed to what is read, written or compared."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from reconciler.errors import StateError
from reconciler.files import open_directory, place
from reconciler.storage import durable
from tests.support.commandline import Desk, file_secret, text_secret
from tests.support.repositories import git

_PRECIOUS: Final = "precious\n"


@pytest.fixture
def precious(tmp_path: Path) -> Path:
    """A file of the machine, outside of the work tree."""
    path = tmp_path / "elsewhere" / "precious"
    path.parent.mkdir()
    path.write_text(_PRECIOUS)
    return path


@pytest.fixture
def tree(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """A repository with a manifest."""
    monkeypatch.setenv("A", "a value")
    desk.manifest(text_secret("a"))
    subprocess.run(["git", "init", "-q", "-b", "main", desk.path], check=True)
    return desk


def _commit(desk: Desk) -> None:
    git(desk.path, "add", "-A")
    git(desk.path, "commit", "-q", "-m", "Commit")


_FROM: Final = ("--install-from", "c1-reconciler==1.0.0")

WRITES: Final[dict[str, tuple[tuple[str, ...], tuple[str, ...]]]] = {
    "a saved plan": (("out.json",), ("--sandbox", "plan", "-o", "out.json")),
    "a saved plan behind a directory": (("out",), ("--sandbox", "plan", "-o", "out/precious")),
    "a result": (("out.json",), ("--sandbox", "apply", "--auto-approve", "--result", "out.json")),
    "a result behind a directory": (
        ("out",),
        ("--sandbox", "apply", "--auto-approve", "--result", "out/precious"),
    ),
    "a new manifest": (("new.yaml",), ("-f", "new.yaml", "init")),
    "a new manifest behind a directory": (("new",), ("-f", "new/precious", "init")),
    "ignored files": ((".gitignore",), ("-f", "new.yaml", "init")),
    "a workflow": ((".github/workflows/reconciler.yml",), ("init", "--ci", "github", "--force", *_FROM)),
    "a directory of workflows": ((".github/workflows",), ("init", "--ci", "github", "--force", *_FROM)),
    "a pipeline": ((".gitlab/reconciler.gitlab-ci.yml",), ("init", "--ci", "gitlab", "--force", *_FROM)),
    "a start file": ((".gitlab-ci.yml",), ("init", "--ci", "gitlab", "--force", *_FROM)),
}
"""Where a link stands, and the command that would write through it."""


@pytest.mark.parametrize("which", WRITES)
@pytest.mark.parametrize("to", ["there", "absent"])
def test_nothing_is_written_through_a_link(tree: Desk, precious: Path, which: str, to: str) -> None:
    """Nor made where there was nothing."""
    (name,), command = WRITES[which]
    directory = "behind" in which or "directory" in which
    target = precious.parent if directory else precious
    if to == "absent":
        target = target.with_name("absent")
    link = tree.path / name
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(target)
    _commit(tree)
    tree.options = ()
    ran = tree.run(*command)
    if which != "a start file":  # that one stays as it is, and what belongs in it is told
        assert ran.code, ran.said
        assert "symbolic link" in ran.err or "exists already" in ran.err
    assert link.is_symlink()
    assert [precious] == list(precious.parent.iterdir())
    assert _PRECIOUS == precious.read_text()
    assert not (precious.parent.with_name("absent")).exists()


@pytest.mark.parametrize("way", ["x", "link/x", "link/sub/x"])
def test_no_file_of_ours_is_put_behind_a_link(tree: Desk, precious: Path, way: str) -> None:
    """State, key, journal, plan and result are all put in place by one function."""
    (tree.path / "x").symlink_to(precious)
    (tree.path / "link").symlink_to(precious.parent)
    with pytest.raises(StateError, match="is a symbolic link"):
        durable.replace(tree.path / way, b"")
    with pytest.raises(StateError, match="is a symbolic link"):
        durable.read_file(tree.path / way)
    with pytest.raises(StateError, match="is a symbolic link"):
        durable.make_private_directory(tree.path / "link" / "made")
    assert [precious] == list(precious.parent.iterdir())
    assert _PRECIOUS == precious.read_text()


READS: Final[dict[str, tuple[str, ...]]] = {
    "the manifest": ("-f", "{}", "validate"),
    "the manifest, to compare": ("-f", "{}", "diff", "--base", "HEAD"),
    "the manifest, to plan": ("--sandbox", "-f", "{}", "plan"),
    "the manifest, for its state": ("-f", "{}", "state", "list"),
    "the manifest, for a pipeline": ("-f", "{}", "init", "--ci", "github", *_FROM),
    "the other manifest": ("diff", "--base", "./{}"),
    "a state": ("--state", "{}", "state", "list"),
    "a plan": ("--sandbox", "apply", "{}"),
    "a comment": ("ci", "comment", "{}"),
}


@pytest.mark.parametrize("which", READS)
@pytest.mark.parametrize("by", ["a file", "a directory"])
def test_nothing_is_read_through_a_link(tree: Desk, precious: Path, which: str, by: str) -> None:
    """It would be taken for the repository's, and shown to whoever reads the pull request."""
    precious.write_bytes((tree.path / "reconciler.yaml").read_bytes())
    precious.with_name("precious.yaml").write_bytes(precious.read_bytes())
    (tree.path / "link.yaml").symlink_to(precious)
    (tree.path / "link").symlink_to(precious.parent)
    _commit(tree)
    name = "link.yaml" if by == "a file" else "link/precious.yaml"
    tree.options = ()
    ran = tree.run(*(argument.format(name) for argument in READS[which]))
    assert ran.code, ran.said
    assert "symbolic link" in ran.err
    assert not (tree.path / ".github").exists()
    assert not (precious.parent / ".reconciler").exists()


def test_a_source_root_that_becomes_a_link_is_refused(tree: Desk, precious: Path) -> None:
    """It is named on the command line, but what is at its name comes with the repository."""
    (tree.path / "values").symlink_to(precious.parent)
    tree.manifest(file_secret("a", "values/precious"))
    ran = tree.run("--source-root", "values", "plan")
    assert 64 == ran.code, ran.said
    assert "symbolic link" in ran.err


def test_a_source_is_not_read_through_a_link_above_its_root(tree: Desk, precious: Path) -> None:
    """From the work tree down, not from the manifest's directory down."""
    tree.write("real/reconciler.yaml", "version: 1\nname: desk\nsecrets:\n" + file_secret("a", "precious"))
    tree.write("real/precious", "mine")
    (tree.path / "stack").symlink_to("real")
    tree.options = ("--sandbox", "-f", "stack/reconciler.yaml")
    ran = tree.run("plan")
    assert 64 == ran.code, ran.said
    assert "stack is a symbolic link" in ran.err


def _link(desk: Desk) -> None:
    desk.write("real.yaml", "version: 1\nname: desk\nsecrets:\n" + text_secret("a"))
    (desk.path / "stack").mkdir(exist_ok=True)
    (desk.path / "stack" / "reconciler.yaml").symlink_to("../real.yaml")


def _directory_link(desk: Desk) -> None:
    desk.write("real/reconciler.yaml", "version: 1\nname: desk\nsecrets:\n" + text_secret("a"))
    (desk.path / "stack").symlink_to("real")


@pytest.mark.parametrize("then", [_link, _directory_link])
def test_a_base_that_was_a_link_is_no_new_manifest(tree: Desk, then: Callable[[Desk], None]) -> None:
    """What was behind it is not known, so nothing is said of who gains access."""
    then(tree)
    _commit(tree)
    for name in ("stack/reconciler.yaml", "stack"):
        if (tree.path / name).is_symlink():
            (tree.path / name).unlink()
    tree.write("stack/reconciler.yaml", "version: 1\nname: desk\nsecrets:\n" + text_secret("a"))
    tree.options = ("-f", "stack/reconciler.yaml")
    ran = tree.run("diff", "--base", "HEAD")
    assert 64 == ran.code, ran.said
    assert "is a symbolic link" in ran.err


@pytest.mark.parametrize("place", ["value", "dir/value"])
def test_a_source_that_becomes_a_link_is_a_difference(tree: Desk, place: str) -> None:
    """Also where a directory of its path does."""
    tree.options = ()
    tree.write(place, "1")
    tree.manifest(file_secret("a", place))
    _commit(tree)
    link = tree.path / place.split("/")[0]
    link.rename(tree.path / "real")
    link.symlink_to("real")
    _commit(tree)
    ran = tree.done("diff", "--base", "HEAD^1")
    assert f"file {place} changed" in ran.out


def test_a_source_in_a_submodule_changes_with_it(tree: Desk) -> None:
    """Its commit is all that the repository has of it."""
    other = tree.path.parent / "lib"
    other.mkdir()
    git(other, "init", "-q")
    (other / "token").write_text("1")
    git(other, "add", "-A")
    git(other, "commit", "-q", "-m", "One")
    git(tree.path, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(other), "lib")
    tree.options = ()
    tree.manifest(file_secret("a", "lib/token") + file_secret("b", "own"))
    tree.write("own", "1")
    _commit(tree)
    (tree.path / "lib" / "token").write_text("2")
    git(tree.path / "lib", "commit", "-q", "-a", "-m", "Two")
    _commit(tree)
    ran = tree.done("diff", "--base", "HEAD^1")
    assert "file lib/token changed" in ran.out
    assert "file own changed" not in ran.out


@pytest.mark.parametrize("git_is", ["missing", "failing"])
def test_without_an_answer_from_git_our_directory_is_not_trusted(
    tree: Desk, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, git_is: str
) -> None:
    """A committed key would make a fingerprint a guess away from its value."""
    tree.done("plan")
    programs = tmp_path / "programs"
    programs.mkdir()
    if git_is == "failing":
        (programs / "git").write_text("#!/bin/sh\nexit 128\n")
        (programs / "git").chmod(0o755)
    monkeypatch.setenv("PATH", str(programs))
    for command in (("plan",), ("apply", "--auto-approve"), ("state", "list")):
        ran = tree.run(*command)
        assert 1 == ran.code, ran.said
        assert "git does not say" in ran.err
    (tree.path / ".git").rename(tmp_path / "not-a-repository")
    tree.done("plan")


REFS: Final = {
    "a tag like a remote branch": ("origin/main", ("refs/tags/origin/main", "refs/remotes/origin/main")),
    "a tag like a branch": ("main", ("refs/tags/main", "refs/heads/main")),
    "a branch like a remote branch": ("origin/main", ("refs/heads/origin/main", "refs/remotes/origin/main")),
    "a tag like a ref without refs": ("heads/main", ("refs/tags/heads/main", "refs/heads/main")),
    "a tag like a remote": ("origin", ("refs/tags/origin", "refs/remotes/origin/HEAD")),
    "a tag like git's own": ("FETCH_HEAD", ("refs/tags/FETCH_HEAD", "git's own FETCH_HEAD")),
}


@pytest.mark.parametrize("which", REFS)
@pytest.mark.parametrize("suffix", ["", "^0", "~0", "^{commit}"])
def test_a_name_with_two_meanings_is_no_base(tree: Desk, which: str, suffix: str) -> None:
    """Whoever may push a tag would choose what the pull request is compared with."""
    name, meanings = REFS[which]
    _commit(tree)
    git(tree.path, "update-ref", "refs/remotes/origin/main", "HEAD")
    git(tree.path, "symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/main")
    tree.options = ()
    for ref in meanings:
        if ref.startswith("refs/") and not ref.endswith("HEAD"):
            git(tree.path, "update-ref", ref, "HEAD")
    git(tree.path, "update-ref", meanings[0], "HEAD")
    ran = tree.run("diff", "--base", name + suffix)
    assert 64 == ran.code, ran.said
    assert all(meaning in ran.err for meaning in meanings)
    if meanings[1].startswith("refs/"):
        tree.done("diff", "--base", meanings[1] + suffix)
    git(tree.path, "update-ref", "-d", meanings[0])
    if meanings[1].startswith("refs/"):
        tree.done("diff", "--base", name + suffix)


@pytest.mark.parametrize("form", ["{}", "v1-1-g{}"])
def test_a_tag_like_a_commit_s_beginning_is_no_base(tree: Desk, form: str) -> None:
    """git takes the tag."""
    _commit(tree)
    tree.options = ()
    commit = git(tree.path, "rev-parse", "HEAD")
    name = form.format(commit[:8])
    tree.done("diff", "--base", name)
    git(tree.path, "tag", name)
    ran = tree.run("diff", "--base", name)
    assert 64 == ran.code, ran.said
    assert f"refs/tags/{name} or commit {commit}" in ran.err


def test_a_full_name_that_is_not_here_is_not_a_tag_s(tree: Desk) -> None:
    """git would go on to refs/tags/refs/remotes/origin/main."""
    _commit(tree)
    tree.options = ()
    git(tree.path, "update-ref", "refs/tags/refs/remotes/origin/main", "HEAD")
    ran = tree.run("diff", "--base", "refs/remotes/origin/main")
    assert 64 == ran.code, ran.said
    assert "names no commit here" in ran.err


@pytest.mark.parametrize("name", ["HEAD", "@", "HEAD~0", "main", "@{0}", "HEAD^{commit}", "main@{0}"])
def test_what_can_mean_one_thing_is_a_base(tree: Desk, name: str) -> None:
    """A tag called HEAD changes nothing: git's own is first."""
    _commit(tree)
    git(tree.path, "update-ref", "refs/tags/HEAD", "HEAD")
    tree.options = ()
    tree.done("diff", "--base", name)


def test_a_link_that_races_is_not_followed(tree: Desk, precious: Path) -> None:
    """What is opened is opened beneath the directory that was checked."""
    tree.write("dir/value", "mine")
    at = place(tree.path / "dir" / "value")
    (tree.path / "dir").rename(tree.path / "aside")
    (tree.path / "dir").symlink_to(precious.parent)
    (precious.parent / "value").write_text("theirs")
    with pytest.raises(OSError, match=r"Not a directory|Too many levels"):
        os.close(at.open())
    with pytest.raises(OSError, match=r"Not a directory|Too many levels"):
        os.close(open_directory(at.top, at.parts[:-1], make=True))
