"""A repository can bring any file and link: none makes our key, journal or state readable or writable as a source."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.support.commandline import Desk, file_secret, text_secret
from tests.support.repositories import git


@pytest.fixture
def value(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A", "a value")


@pytest.mark.parametrize("link", [".reconciler", ".reconciler/sandbox"])
def test_a_link_in_the_place_of_our_directory_is_refused(desk: Desk, value: None, link: str) -> None:
    """Otherwise the fingerprint key would be written to where the next pull request names it as a source."""
    visible = desk.path / "visible"
    visible.mkdir()
    (desk.path / link).parent.mkdir(exist_ok=True)
    (desk.path / link).symlink_to(visible)
    desk.manifest(text_secret("a"))
    for command in (("plan",), ("apply", "--auto-approve"), ("state", "list"), ("sandbox", "reset")):
        ran = desk.run(*command)
        assert 1 == ran.code, ran.said
        assert "is a symbolic link" in ran.err
    assert [] == list(visible.iterdir())


@pytest.mark.parametrize("which", ["key", "journal", "lock", "state"])
def test_no_second_name_opens_our_files(desk: Desk, value: None, which: str) -> None:
    """Neither key nor journal, lock or state is a source, whatever a file beside the manifest is called."""
    desk.manifest(text_secret("a"))
    desk.apply()
    own = {"key": desk.key_path, "journal": desk.journal_path, "state": desk.state_path}
    path = own.get(which) or desk.workdir / f"{desk.stem}.lock"
    path.touch()
    if which == "journal":
        path.write_bytes(b"")
    (desk.path / "innocent.txt").hardlink_to(path)
    desk.manifest(text_secret("a") + file_secret("b", "innocent.txt"))
    ran = desk.run("plan")
    assert 1 == ran.code, ran.said
    assert "this program's own file" in ran.err


@pytest.mark.parametrize(
    "path",
    [
        *(
            ".git/hooks/it",
            ".GIT/x.state.json",
            ".reconciler/fingerprint.key",
            "a/../.reconciler/x.state.json",
        ),
        *(
            ".envrc",
            "Makefile",
            "conftest.py",
            ".github/workflows/x.yml",
            ".husky/x.state.json",
            "a/.b/.state.json",
        ),
        *("x.state.json.sh", "x.state.json/", "state.json", "x.STATE.JSON"),
    ],
)
def test_a_state_s_name_means_nothing_to_other_programs(desk: Desk, path: str) -> None:
    """It holds labels as they are written, which a shell or make would run: said wherever a manifest is read."""
    desk.options = ()
    desk.manifest(f"version: 1\nname: desk\nstate: {{path: {path}}}\nsecrets: {{}}\n")
    for command in (("validate",), ("plan", "--offline"), ("state", "list")):
        ran = desk.run(*command)
        assert 65 == ran.code, ran.said
        assert "ends in .state.json" in ran.err
    assert not (desk.path / path).exists()


@pytest.mark.parametrize(
    "path", ["x.state.json", ".state.json", "./a/x.state.json", "a//b c/../x.state.json"]
)
def test_a_state_may_lie_beneath_the_manifest(desk: Desk, path: str) -> None:
    """Beside it, or in a directory of its own."""
    desk.options = ()
    desk.manifest(f"version: 1\nname: desk\nstate: {{path: {path}}}\nsecrets: {{}}\n")
    desk.done("plan", "--offline")


@pytest.mark.parametrize(
    "path", ["../x.state.json", "/x.state.json", "a/../../x.state.json", "link/x.state.json"]
)
def test_a_manifest_does_not_put_its_state_there(desk: Desk, path: str) -> None:
    """State goes beneath the manifest's directory, and behind no link."""
    (desk.path / "a").mkdir()
    (desk.path / "link").symlink_to("a")
    desk.options = ()
    desk.manifest(f"version: 1\nname: desk\nstate: {{path: {path}}}\nsecrets: {{}}\n")
    for command in (("plan", "--offline"), ("state", "list")):
        ran = desk.run(*command)
        assert 64 == ran.code, ran.said
        assert "`state: {path: …}` leads" in ran.err


@pytest.mark.parametrize(
    "path",
    [
        *(
            ".conductorone/config.yaml",
            ".ssh/id_ed25519",
            ".AWS/credentials",
            "x/.gnupg/key",
            ".azure/a.json",
        ),
        *(".config/sops/age/keys.txt", ".kube/config", ".docker/config.json", ".netrc", ".git-credentials"),
        *(".vault-token", ".terraform.d/credentials.tfrc.json"),
    ],
)
def test_a_manifest_at_home_reads_no_login(desk: Desk, path: str) -> None:
    """A manifest in somebody's home directory does not reach the logins there, the tool's own first of all."""
    desk.write(path, "login")
    desk.manifest(file_secret("a", path))
    ran = desk.run("plan")
    assert 1 == ran.code, ran.said
    assert "in, a place that is never read" in ran.err


@pytest.mark.parametrize(
    "name",
    [
        "OP_SERVICE_ACCOUNT_TOKEN",
        "HTTPS_PROXY",
        "https_proxy",
        "ALL_PROXY",
        "TF_TOKEN_app",
        "PATH",
        "LD_PRELOAD",
    ],
)
def test_what_hands_out_secrets_is_none(desk: Desk, name: str) -> None:
    """`op run -- reconciler …` has the manager's own token beside the values; a proxy's address has a password."""
    git(desk.path, "init", "--quiet")
    desk.manifest(text_secret("a"))
    git(desk.path, "add", "--all")
    git(desk.path, "commit", "--quiet", "-m", "Commit")
    desk.manifest(text_secret("a", name))
    for command in COMMANDS:
        ran = desk.run(*command)
        assert 65 == ran.code, ran.said
        assert f"environment variable {name} is never read" in ran.err
    assert not (desk.path / ".github").exists()


_FROM = ("--install-from", "c1-reconciler==1.0.0")
COMMANDS = (
    *(("validate",), ("plan",), ("plan", "--offline"), ("diff", "--base", "HEAD"), ("env", "--github")),
    *(("init", "--ci", "github", *_FROM), ("init", "--ci", "gitlab", *_FROM), ("apply", "--auto-approve")),
)
"""Whatever reads a manifest."""


@pytest.mark.parametrize("by", ["option", "variable", "top"])
def test_only_what_is_allowed_is_read(desk: Desk, monkeypatch: pytest.MonkeyPatch, by: str) -> None:
    """The command line or the job says which; a pull request that adds a name to the manifest stops there."""
    monkeypatch.setenv("DB_PASSWORD", "1")
    monkeypatch.setenv("B", "2")
    git(desk.path, "init", "--quiet")
    desk.manifest(text_secret("a", "DB_PASSWORD") + text_secret("b", "B"))
    git(desk.path, "add", "--all")
    git(desk.path, "commit", "--quiet", "-m", "Commit")
    allow: tuple[str, ...] = ()
    if by == "option":
        allow = ("--allow-env", "DB_*", "--allow-env", "C")
    elif by == "variable":
        monkeypatch.setenv("RECONCILER_ALLOW_ENV", "DB_* C")
    else:
        desk.options = (*desk.options, "--allow-env", "DB_*")
    for command in COMMANDS:
        ran = desk.run(*command, *allow)
        assert 65 == ran.code, ran.said
        assert "environment variable B is not one of those" in ran.err
        assert "DB_PASSWORD" not in ran.err
    desk.manifest(text_secret("a", "DB_PASSWORD"))
    desk.done("plan", *allow)


def test_an_include_in_git_is_refused_in_any_case(desk: Desk) -> None:
    """Some file systems know no case."""
    desk.write(".GIT/people.yaml", "audiences: {a: {users: [ana@example.com]}}\n")
    desk.manifest("version: 1\nname: desk\ninclude: [.GIT/people.yaml]\nsecrets: {}\n")
    ran = desk.run("validate")
    assert 65 == ran.code
    assert "never read" in ran.err


def test_a_dangling_link_is_refused_too(desk: Desk, tmp_path: Path) -> None:
    """Its target would be made where it points to."""
    (desk.path / ".reconciler").symlink_to(tmp_path / "elsewhere")
    desk.manifest(text_secret("a"))
    assert 1 == desk.run("apply", "--auto-approve").code
    assert not (tmp_path / "elsewhere").exists()


def test_a_key_that_came_with_the_repository_is_refused(desk: Desk, value: None) -> None:
    """git writes files for others to read too. Whoever committed the key could guess values and seal plans."""
    desk.manifest(text_secret("a"))
    desk.write(".reconciler/sandbox/fingerprint.key", "ab" * 32 + "\n").chmod(0o644)
    ran = desk.run("plan", "-o", "it.plan")
    assert 1 == ran.code, ran.said
    assert "is no secret" in ran.err
    desk.key_path.chmod(0o600)
    desk.done("plan", "-o", "it.plan")


@pytest.mark.parametrize("name", ["sandbox/fingerprint.key", "sandbox/reconciler.journal", "note"])
def test_a_directory_of_ours_that_git_tracks_is_refused(desk: Desk, value: None, name: str) -> None:
    """A private umask makes a committed key look like our own, and a committed journal would be replayed."""
    git(desk.path, "init", "--quiet")
    desk.manifest(text_secret("a"))
    desk.done("plan")
    desk.write(f".reconciler/{name}", "ab" * 32 + "\n").chmod(0o600)
    git(desk.path, "add", "--force", f".reconciler/{name}")
    for command in (("plan",), ("apply", "--auto-approve"), ("state", "list")):
        ran = desk.run(*command)
        assert 1 == ran.code, ran.said
        assert "git tracks files in" in ran.err
    git(desk.path, "rm", "-r", "-f", ".reconciler")
    desk.apply()


def test_a_directory_of_ours_that_others_may_write_is_refused(desk: Desk, value: None) -> None:
    """Whoever else can write there can put a key or a journal there."""
    desk.manifest(text_secret("a"))
    desk.apply()
    home = desk.path / ".reconciler"
    for mode in (0o770, 0o702):
        home.chmod(mode)
        ran = desk.run("plan")
        assert 1 == ran.code, ran.said
        assert "can be written by others" in ran.err
    home.chmod(0o755)
    desk.done("plan")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a directory away")
def test_a_directory_of_ours_that_is_another_users_is_refused(desk: Desk, value: None) -> None:
    """What is in it is theirs."""
    desk.manifest(text_secret("a"))
    desk.apply()
    os.chown(desk.path / ".reconciler", 4711, -1)
    ran = desk.run("plan")
    assert 1 == ran.code, ran.said
    assert "belongs to another user" in ran.err
