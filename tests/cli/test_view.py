"""`sandbox view` of a served sandbox: its recipient reads by a name, an ID, a code or a link, without the API."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from reconciler.sandbox import reader
from reconciler.sandbox.serve import Embedded
from tests.cli.desk import Desk, file_secret, text_secret


@pytest.fixture
def office(desk: Desk, tenant: Embedded, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """A stack on a tenant that is served beside the command line, as by `sandbox serve --data`."""
    monkeypatch.setenv("CONDUCTORONE_ACCESS_TOKEN", tenant.token.reveal_text())
    monkeypatch.setenv("CONDUCTORONE_SERVER_URL", tenant.url)
    monkeypatch.setenv("A", "hunter2")
    desk.options = ()
    desk.write("b.bin", b"\0\xff")
    desk.manifest(text_secret("a") + file_secret("b", "b.bin", who="bo@example.com"))
    desk.apply()
    return desk


def data(tenant: Embedded) -> tuple[str, str]:
    return "--data", str(tenant.store.directory)


def test_a_secret_of_another_state_is_read_by_name(office: Desk, tenant: Embedded) -> None:
    """With `--state` anywhere on the line; it counts as a view, of the first recipient or another."""
    state = ("--state", str(office.state_path))
    assert b"hunter2" == office.done("sandbox", "view", "a", *state, *data(tenant)).raw
    ran = office.done(*state, "sandbox", "view", "b", *data(tenant))
    assert (b"\0\xff", True) == (ran.raw, "opened as bo@example.com" in ran.err)
    stranger = office.run("sandbox", "view", "b", *state, *data(tenant), "--as", "cy@example.com")
    assert (b"", True) == (stranger.raw, "not a recipient" in stranger.err)
    assert [1, 1] == [vault.views for vault in reader.live(tenant.store).values()]


@pytest.mark.parametrize(
    "kind", ["vault ID", "share code", "share code in small letters", "link", "link with more"]
)
def test_a_share_is_read_by_what_its_recipient_was_given(office: Desk, tenant: Embedded, kind: str) -> None:
    """No state and no manifest are needed, nor a name."""
    (vault,) = (v for v in reader.live(tenant.store).values() if v.filename)
    link = f"https://tenant.sandbox.invalid/secrets/{vault.share_code}"
    given = {
        "vault ID": vault.vault_id,
        "share code": vault.share_code,
        "share code in small letters": vault.share_code.lower(),
        "link": link,
        "link with more": f"{link}/?utm=1#top",
    }[kind]
    for path in (office.state_path, office.path / "reconciler.yaml"):
        path.unlink()
    ran = office.done("sandbox", "view", given, *data(tenant))
    assert (b"\0\xff", True) == (ran.raw, "opened as bo@example.com" in ran.err)
    assert not (office.path / ".reconciler" / "sandbox").exists(), "no sandbox is made by looking"


@pytest.mark.parametrize(
    ("given", "code", "says"),
    [
        ("nobody", 1, "of a served sandbox's stack: --state FILE"),
        ("XXXX-XXXX-XXXX", 1, "does not know this secret"),
        ("https://elsewhere.example/XXXX-XXXX-XXXX", 1, "does not know this secret"),
        ("x" * 27, 1, "does not know this secret"),
        ("' OR 1=1 --", 1, "there is no state"),
    ],
)
def test_what_names_nothing_is_told(office: Desk, tenant: Embedded, given: str, code: int, says: str) -> None:
    """A name needs a state that has it; a reference needs a tenant that has it."""
    ran = office.run("sandbox", "view", *data(tenant), "--", given)
    assert (code, b"", True) == (ran.code, ran.raw, says in ran.err), ran.said


def test_a_name_that_a_state_lacks_leads_to_that_state(office: Desk, tenant: Embedded) -> None:
    """The next step is a command that works."""
    ran = office.run("sandbox", "view", "c", "--state", str(office.state_path), *data(tenant))
    assert 64 == ran.code
    assert f"`reconciler --state {office.state_path} state list`" in ran.err
    office.done("--state", str(office.state_path), "state", "list")


def test_a_directory_without_a_sandbox_is_not_made_into_one(office: Desk, tmp_path: Path) -> None:
    """A typing mistake is told, and leaves nothing behind."""
    for where in (tmp_path / "nowhere", tmp_path):
        before = sorted(tmp_path.iterdir())
        ran = office.run("sandbox", "view", "a", "--state", str(office.state_path), "--data", str(where))
        assert (64, True) == (ran.code, "holds no sandbox data" in ran.err)
        assert before == sorted(tmp_path.iterdir())


def test_a_name_that_looks_like_an_id_is_a_name_first(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the sandbox's own state."""
    name = "x" * 27
    monkeypatch.setenv("LONG", "by name")
    desk.manifest(text_secret(name, "LONG"))
    desk.apply()
    assert b"by name" == desk.done("sandbox", "view", name).raw
    shared = json.loads(desk.state_path.read_bytes())
    assert name in json.dumps(shared)
