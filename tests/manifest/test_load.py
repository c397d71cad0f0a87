"""Reading manifests from disk: what there is to read, and which files a manifest may include."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
import yaml

from reconciler.cli import templates
from reconciler.errors import ExitCode, ManifestError, UsageError
from reconciler.manifest import yamltext
from reconciler.manifest.load import load_manifest, work_tree
from reconciler.manifest.reading.fields import PROBLEMS_MAX
from reconciler.manifest.reading.stack import INCLUDES_MAX
from reconciler.model.manifest import Kind, Sharing
from reconciler.sources import KINDS

_MAIN = """\
version: 1
name: x
include: [{include}]
secrets:
  a:
    source: {{env: A}}
    share_with: {{audiences: [team]}}
"""
_PEOPLE = "audiences: {team: {users: [ana@example.com]}}\n"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A git work tree with a manifest's directory in it, and a file of people beside that."""
    root = tmp_path / "tree"
    (root / ".git").mkdir(parents=True)
    (root / "prod").mkdir()
    (root / "people.yaml").write_text(_PEOPLE)
    return root


def _write(tree: Path, *includes: str) -> Path:
    path = tree / "prod" / "reconciler.yaml"
    path.write_text(_MAIN.format(include=", ".join(includes)))
    return path


def _refused(path: Path, root: Path | None = None) -> list[str]:
    """Return the problems, each from its line on."""
    with pytest.raises(ManifestError) as caught:
        load_manifest(path, KINDS, source_root=root)
    assert ExitCode.INVALID_MANIFEST == caught.value.exit_code
    return [str(problem).replace(f"{path.parent}{os.sep}", "") for problem in caught.value.problems]


def test_the_path_in_messages_is_the_one_given(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a person typed is what an editor and an annotation can open."""
    _write(tree, "../people.yaml")
    monkeypatch.chdir(tree)
    manifest = load_manifest(Path("prod/reconciler.yaml"), KINDS)
    assert "prod/reconciler.yaml" == manifest.file
    assert "prod/reconciler.yaml:5:3" == str(manifest.secrets["a"].mark)
    assert "people.yaml:1:28" == str(manifest.secrets["a"].people[0].mark)


def test_a_missing_manifest_leads_to_init(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        load_manifest(tmp_path / "reconciler.yaml", KINDS)
    assert f"there is no manifest {tmp_path / 'reconciler.yaml'}" == caught.value.detail
    assert "reconciler init" in (caught.value.hint or "")


def test_what_is_no_regular_file_is_not_read(tmp_path: Path) -> None:
    """A directory, a pipe, a path through a file: said at once, without waiting for a writer."""
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "file").write_text("")
    for name, words in (
        ("", "is a directory"),
        ("pipe", "is not a regular file"),
        ("file/x", "cannot be read"),
    ):
        with pytest.raises(UsageError, match=words):
            load_manifest(tmp_path / name, KINDS)


@pytest.mark.skipif(os.geteuid() == 0, reason="root can read everything")
def test_an_unreadable_manifest_is_said_to_be_that(tmp_path: Path) -> None:
    path = tmp_path / "m.yaml"
    path.touch(mode=0)
    with pytest.raises(UsageError, match="cannot be read: Permission denied"):
        load_manifest(path, KINDS)


def test_a_manifest_that_cannot_be_opened_is_said_with_what_helps(tmp_path: Path) -> None:
    path = tmp_path / "m"
    path.symlink_to(path)
    with pytest.raises(
        UsageError, match=r"m/x\.yaml cannot be read: Too many levels of symbolic links"
    ) as caught:
        load_manifest(path / "x.yaml", KINDS)
    assert caught.value.hint == "fix that, or name another file with -f"


def test_a_huge_file_is_not_read_to_its_end(tmp_path: Path) -> None:
    path = tmp_path / "m.yaml"
    with path.open("wb") as stream:
        stream.truncate(2**40)  # sparse; read whole it would not fit in memory
    assert ["m.yaml:1:1: the file is too large; expected at most 4 MiB"] == _refused(path)


_LINKS = {
    "a file's": lambda tree, outside: (tree / "prod" / "link.yaml", tree / "prod" / "reconciler.yaml"),
    "a directory's": lambda tree, outside: (tree / "staging", tree / "prod"),
    "out of the tree": lambda tree, outside: (tree / "link.yaml", outside / "prod" / "reconciler.yaml"),
    "to another tree": lambda tree, outside: (tree / "other", outside),
    "to nothing": lambda tree, outside: (tree / "link.yaml", tree / "absent"),
    "to itself": lambda tree, outside: (tree / "link.yaml", tree / "link.yaml"),
}


@pytest.mark.parametrize("which", _LINKS)
def test_a_manifest_behind_a_link_of_a_work_tree_is_refused(tree: Path, tmp_path: Path, which: str) -> None:
    """A comparison would show the link and not what it leads to: another manifest, another checkout's people."""
    outside = tmp_path / "outside"
    for top in (tree, outside):
        (top / ".git").mkdir(parents=True, exist_ok=True)
        (top / "prod").mkdir(exist_ok=True)
        _write(top)
    link, target = _LINKS[which](tree, outside)
    link.symlink_to(target)
    path = next(
        p for p in (link, link / "reconciler.yaml", link / "prod" / "reconciler.yaml") if not p.is_dir()
    )
    for way in (path, tree / "prod" / ".." / path.relative_to(tree)):
        with pytest.raises(UsageError, match=f"{link.name} is a symbolic link"):
            load_manifest(way, KINDS)
        with pytest.raises(UsageError, match="symbolic link"):
            work_tree(way)


def test_a_manifest_that_is_a_link_is_refused_outside_of_a_work_tree_too(tmp_path: Path) -> None:
    """State, sources and includes lie beside the manifest; two places would be one stack."""
    (tmp_path / "prod").mkdir()
    (tmp_path / "link.yaml").symlink_to(_write(tmp_path))
    with pytest.raises(UsageError, match=r"link\.yaml is a symbolic link"):
        load_manifest(tmp_path / "link.yaml", KINDS)


def test_a_link_of_the_machine_itself_is_followed(tree: Path, tmp_path: Path) -> None:
    """On the way to the work tree: no repository brought it."""
    _write(tree, "../people.yaml")
    (tmp_path / "short").symlink_to(tree)
    (tmp_path / "shorter").symlink_to("short")
    path = tmp_path / "shorter" / "prod" / "reconciler.yaml"
    assert load_manifest(path, KINDS).secrets
    assert load_manifest(path, KINDS, source_root=tmp_path / "short").secrets
    assert tree == work_tree(path)


def test_an_included_file_brings_audiences_and_defaults(tree: Path) -> None:
    (tree / "common.yaml").write_text("version: 1\ndefaults: {expires_in: 2d, max_views: 3}\n")
    secret = load_manifest(_write(tree, "../people.yaml", "../common.yaml"), KINDS).secrets["a"]
    assert (2 * 86_400, 3) == (secret.expires_in, secret.max_views)
    assert ["ana@example.com"] == [person.as_written for person in secret.people]


def test_a_link_to_an_included_file_is_refused_wherever_it_leads(tree: Path) -> None:
    (tree.parent / "outside.yaml").write_text(_PEOPLE)
    for name, target in (("in", "../people.yaml"), ("out", tree.parent / "outside.yaml"), ("none", "absent")):
        (tree / "prod" / f"{name}.yaml").symlink_to(target)
        (problem,) = _refused(_write(tree, f"{name}.yaml"))
        assert "this included file is a symbolic link" in problem
    (tree / "prod" / "directory").symlink_to(tree)
    (problem,) = _refused(_write(tree, "directory/people.yaml"))
    assert "cannot be read: Not a directory" in problem


def test_an_included_file_must_lie_within_the_work_tree(tree: Path) -> None:
    """Neither dots nor an absolute path lead out; no message tells whether the file is there."""
    outside = tree.parent / "outside.yaml"
    outside.write_text(_PEOPLE)
    expected = (
        "reconciler.yaml:3:11: this included file is outside the work tree; "
        "expected a file inside it (or inside --source-root)"
    )
    for name in (
        "../../outside.yaml",
        str(outside),
        "../../no-such-file",
    ):
        assert [expected] == _refused(_write(tree, name))
        assert [expected] == _refused(_write(tree, name), tree)


def test_a_source_root_widens_and_narrows(tree: Path) -> None:
    """The root on the command line counts, not the work tree."""
    (tree.parent / "outside.yaml").write_text(_PEOPLE)
    assert load_manifest(_write(tree, "../../outside.yaml"), KINDS, source_root=tree.parent).secrets
    (problem,) = _refused(_write(tree, "../people.yaml"), tree / "prod")
    assert "is outside" in problem


def test_without_a_work_tree_the_manifests_directory_is_the_limit(tmp_path: Path) -> None:
    (tmp_path / "prod").mkdir()
    (tmp_path / "people.yaml").write_text(_PEOPLE)
    (tmp_path / "prod" / "people.yaml").write_text(_PEOPLE)
    assert load_manifest(_write(tmp_path, "people.yaml"), KINDS).secrets
    assert "is outside" in _refused(_write(tmp_path, "../people.yaml"))[0]


def test_nothing_in_git_is_read(tree: Path) -> None:
    (tree / ".git" / "people.yaml").write_text(_PEOPLE)
    (problem,) = _refused(_write(tree, "../.git/people.yaml"))
    assert "is in .git" in problem


def test_an_include_that_cannot_be_read_is_the_one_problem(tree: Path) -> None:
    """Audiences that may have been in it are not called unknown, and the path is not repeated: it is a value."""
    os.mkfifo(tree / "pipe")
    path = "expected a path relative to this file's directory"
    for name, words in (
        ("../hunter2-canary.yaml", f"cannot be read: No such file or directory; {path}"),
        ("../prod", f"cannot be read: Is a directory; {path}"),
        ("../people.yaml/x", f"cannot be read: Not a directory; {path}"),
        ("../pipe", "is not a regular file"),
        (".", f"cannot be read: Is a directory; {path}"),
        ('"a\\0b"', "has an unusable name"),
        ("x" * 300, f"cannot be read: File name too long; {path}"),
        ("reconciler.yaml", "is included twice, or includes itself"),
    ):
        assert [f"reconciler.yaml:3:11: this included file {words}"] == _refused(_write(tree, name))


def test_a_file_included_twice_is_told_by_its_own_name(tree: Path) -> None:
    assert ["reconciler.yaml:3:27: this included file is included twice, or includes itself"] == _refused(
        _write(tree, "../people.yaml", "../people.yaml")
    )


def test_an_included_file_includes_nothing(tree: Path) -> None:
    (tree / "people.yaml").write_text(f"include: [x.yaml]\n{_PEOPLE}secrets: {{}}\n")
    unknown = "unknown key; expected only audiences and defaults in an included file"
    prefix = f"{os.path.normpath(tree / 'people.yaml')}"
    assert [f"{prefix}:1:1: {unknown}", f"{prefix}:3:1: {unknown}"] == _refused(
        _write(tree, "../people.yaml")
    )


def test_problems_of_all_files_come_in_one_run(tree: Path) -> None:
    """Syntax in one included file, shape in another, meaning in the manifest itself."""
    (tree / "a.yaml").write_text("audiences: [\n")
    (tree / "b.yaml").write_text("defaults: {renew: 5}\ndefaults: {}\n")
    path = _write(tree, "../a.yaml", "../b.yaml")
    path.write_text(path.read_text() + "    expires_in: 50d\n")
    problems = _refused(path)
    assert [True] * 4 == [
        part in problem
        for part, problem in zip(
            (
                "a.yaml:2:1: this is not valid YAML",
                "b.yaml:1:19: defaults.renew",
                "b.yaml:2:1: defaults is defined twice",
                "too long",
            ),
            problems,
            strict=True,
        )
    ]


def test_at_most_fifty_files_are_included(tree: Path) -> None:
    """No further one is opened, and the audiences that it may hold are not called unknown."""
    names = [f"{n}.yaml" for n in range(INCLUDES_MAX + 1)]
    for name in names:
        (tree / "prod" / name).write_text("defaults: {}\n")
    (tree / "prod" / names[-2]).write_text(_PEOPLE)
    assert load_manifest(_write(tree, *names[:-1]), KINDS).secrets
    (tree / "prod" / names[-1]).write_text("not YAML: [")
    (tree / "prod" / names[-2]).write_text("defaults: {}\n")
    assert [
        "reconciler.yaml:3:10: include has too many items; expected a list of at most 50 paths"
    ] == _refused(_write(tree, *names))


def test_included_files_are_together_no_larger_than_one(tree: Path) -> None:
    """In bytes, and in values, which take more memory than the bytes that write them."""
    words = "this included file is too large; expected at most 4 MiB in all included files together"
    for name in "abc":
        (tree / f"{name}.yaml").write_text("defaults: {} #" + "x" * 2**21)
    problems = _refused(_write(tree, "../a.yaml", "../b.yaml", "../c.yaml"))
    assert [f"reconciler.yaml:3:{column}: {words}" for column in (22, 33)] == problems
    for name in "ab":
        (tree / f"{name}.yaml").write_text("[" + "1," * (yamltext.NODES_MAX * 2 // 3) + "]")
    problems = _refused(_write(tree, "../a.yaml", "../b.yaml"))
    assert any("b.yaml:1:" in problem and "too many values" in problem for problem in problems)


def test_however_many_files_tell_a_thousand_problems(tree: Path) -> None:
    """What is wrong with included files counts with the rest."""
    names = [f"{n}.yaml" for n in range(INCLUDES_MAX)]
    for name in names[1:]:
        (tree / "prod" / name).write_text("".join(f"key{n}: 1\n" for n in range(50)))
    problems = _refused(_write(tree, *names))
    assert PROBLEMS_MAX + 1 == len(problems)
    assert f"more than {PROBLEMS_MAX:,} problems; fix these first" in problems


def test_an_audience_has_one_place(tree: Path) -> None:
    path = _write(tree, "../people.yaml")
    path.write_text(path.read_text() + _PEOPLE)
    (problem,) = _refused(path)
    assert "audience team is defined twice" in problem


def test_the_work_tree_is_where_git_is(tree: Path, tmp_path: Path) -> None:
    """A directory or, in a linked work tree, a file called `.git`; else the manifest's own directory."""
    assert tree == work_tree(tree / "prod" / "reconciler.yaml")
    (tree / "prod" / ".git").write_text("gitdir: elsewhere\n")
    assert tree / "prod" == work_tree(tree / "prod" / "reconciler.yaml")
    assert tmp_path == work_tree(tmp_path / "reconciler.yaml")


def test_the_work_tree_of_a_relative_path(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tree / "prod")
    assert tree == work_tree(Path("reconciler.yaml"))


def test_the_starter_manifest_is_valid(tmp_path: Path) -> None:
    path = tmp_path / "reconciler.yaml"
    path.write_text(templates.MANIFEST)
    assert ["db-password"] == list(load_manifest(path, KINDS).secrets)
    assert templates.MANIFEST.isascii()


def test_the_starter_manifest_is_valid_with_its_examples_switched_on(tmp_path: Path) -> None:
    """Whoever removes the comment signs gets a text, a JSON file and a file for somebody outside."""
    text = re.sub(r"(?m)^( +)# (?= |renew|rotate|[a-z-]+:$)|^# (?=target)", r"\1", templates.MANIFEST)
    path = tmp_path / "reconciler.yaml"
    path.write_text(text)
    secrets = load_manifest(path, KINDS).secrets
    assert ["db-password", "app-config", "partner-cert"] == list(secrets)
    assert Kind.FILE is secrets["partner-cert"].kind
    assert Sharing.EXTERNAL is secrets["partner-cert"].sharing


def test_moved_and_removed_of_the_starter_manifest_are_valid(tmp_path: Path) -> None:
    text = re.sub(r"(?m)^# (?=moved|removed)", "", templates.MANIFEST)
    path = tmp_path / "reconciler.yaml"
    path.write_text(text)
    manifest = load_manifest(path, KINDS)
    assert ["old-name"] == [move.source for move in manifest.moved]
    assert [("legacy", False)] == [(each.name, each.revoke) for each in manifest.removed]


def test_the_ignore_lines_cover_the_work_directory() -> None:
    assert ".reconciler/" in templates.GITIGNORE.splitlines()


def test_the_c_loader_is_the_one_in_use() -> None:
    """PyYAML's wheels have it; without it a large manifest takes ten times as long."""
    assert yaml.__with_libyaml__
    defaults = yamltext.parse.__kwdefaults__
    assert defaults is not None
    assert defaults["loader"] is yaml.CSafeLoader
