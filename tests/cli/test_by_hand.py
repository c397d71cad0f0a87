"""What a person does to a state by hand: it takes nothing from another identity, and loses no key and no counter."""

from __future__ import annotations

import pytest

from reconciler.sandbox import reader
from reconciler.sandbox.serve import Embedded
from tests.cli.desk import Desk, text_secret


@pytest.fixture
def signed_in(desk: Desk, tenant: Embedded, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """A stack of two, applied."""
    monkeypatch.setenv("CONDUCTORONE_ACCESS_TOKEN", tenant.token.reveal_text())
    monkeypatch.setenv("VALUE", "canary-by-hand")
    desk.options = ("--server", tenant.url)
    desk.manifest(text_secret("a", "VALUE") + text_secret("b", "VALUE"))
    desk.apply()
    return desk


def _vault(desk: Desk, name: str) -> str:
    vault_id = desk.state["instances"][name]["current"]["vault_id"]
    assert isinstance(vault_id, str)
    return vault_id


def test_import_takes_nothing_for_another_identity(
    signed_in: Desk, tenant: Embedded, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The owner of the stack could not see what a stranger brought into it."""
    vault = _vault(signed_in, "b")
    signed_in.done("state", "rm", "b")
    before = signed_in.state_path.read_bytes()
    monkeypatch.setenv("CONDUCTORONE_ACCESS_TOKEN", tenant.tokens["second"].reveal_text())
    ran = signed_in.run("state", "import", "b", vault)
    assert (4, True) == (ran.code, "not visible to you" in ran.err)
    assert before == signed_in.state_path.read_bytes()


def test_import_into_no_state_makes_the_key_that_later_runs_need(signed_in: Desk) -> None:
    vault = _vault(signed_in, "a")
    for path in (signed_in.state_path, signed_in.key_path):
        path.unlink()
    signed_in.manifest(text_secret("a", "VALUE"))
    signed_in.done("state", "import", "a", vault)
    assert signed_in.key_path.exists()
    signed_in.manifest(text_secret("a", "VALUE") + text_secret("c", "VALUE"))
    signed_in.apply()


def test_a_key_is_never_overwritten(signed_in: Desk) -> None:
    """Two rekeys later the first key is still there: what was sealed with it may yet be needed."""
    first = signed_in.key_path.read_bytes()
    signed_in.done("state", "rekey")
    signed_in.done("state", "rekey")
    kept = [p.read_bytes() for p in signed_in.key_path.parent.glob("fingerprint.key.*.old")]
    assert first in kept
    assert 2 == len(kept)
    assert {} == signed_in.plan()


def test_a_new_key_that_is_none_is_named(signed_in: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """And not the stack's own, in which nothing is wrong."""
    monkeypatch.setenv("RECONCILER_NEW_FINGERPRINT_KEY", "half a k")
    ran = signed_in.run("state", "rekey")
    assert (1, True) == (ran.code, "RECONCILER_NEW_FINGERPRINT_KEY does not hold" in ran.err)


def test_what_a_person_assigned_stays_current(signed_in: Desk, tenant: Embedded) -> None:
    """A newer copy that is there too becomes the old one, and the next generation follows both."""
    signed_in.done("state", "rm", "a")
    older = next(i for i, v in reader.live(tenant.store).items() if v.display_name.startswith("a "))
    signed_in.apply()
    assert older != _vault(signed_in, "a")
    signed_in.state_path.unlink()
    signed_in.done("state", "recover", "--assign", f"a={older}")
    assert older == _vault(signed_in, "a")
    assert 2 <= signed_in.state["generations"]["a"]


def test_one_vault_is_not_assigned_twice(signed_in: Desk) -> None:
    """No run would read such a state again."""
    vault = _vault(signed_in, "a")
    signed_in.state_path.unlink()
    twice = ("--assign", f"a={vault}", "--assign", f"b={vault}")
    ran = signed_in.run("state", "recover", *twice)
    assert (64, True) == (ran.code, "another secret's already" in ran.err)
    assert not signed_in.state_path.exists()
    signed_in.done("state", "recover", *twice[:2])


def test_letting_go_keeps_the_counter(signed_in: Desk) -> None:
    """A name that is used again gets a generation of its own: two vaults never bear one tag."""
    vault = _vault(signed_in, "a")
    signed_in.state_path.unlink()
    signed_in.done("state", "recover", "--assign", f"a={vault}")
    signed_in.done("state", "rm", "a")
    signed_in.apply()
    assert 2 == signed_in.state["instances"]["a"]["current"]["generation"]


def _fingerprints(desk: Desk) -> list[str | None]:
    return [instance["current"]["fingerprint"] for instance in desk.state["instances"].values()]


def test_losing_fingerprints_needs_a_word(signed_in: Desk) -> None:
    """Without the old key nothing is compared: it is said, and nothing is lost unasked."""
    signed_in.key_path.unlink()
    before = signed_in.state_path.read_bytes()
    ran = signed_in.run("state", "rekey")
    assert (64, True) == (ran.code, "--lose-fingerprints" in ran.err and "--trust-sources" in ran.err)
    assert "b: its value cannot be compared" in ran.err
    assert before == signed_in.state_path.read_bytes()
    assert not signed_in.key_path.exists()
    signed_in.done("state", "rekey", "--lose-fingerprints")
    assert [None, None] == _fingerprints(signed_in)


def test_a_source_that_is_away_loses_no_fingerprint_unasked(
    signed_in: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor does one that holds something else by now, vouched for or not."""
    for change in (lambda: monkeypatch.delenv("VALUE"), lambda: monkeypatch.setenv("VALUE", "another")):
        change()
        for options in ((), ("--trust-sources",)):
            assert 64 == signed_in.run("state", "rekey", *options).code
    assert None not in _fingerprints(signed_in)


@pytest.mark.parametrize("how", ["rekeyed", "recovered", "imported", "lost"])
def test_sources_that_are_vouched_for_get_fingerprints(signed_in: Desk, how: str) -> None:
    """Whatever left the shares without: from then on a changed value is seen."""
    vault = _vault(signed_in, "a")
    match how:
        case "rekeyed":
            signed_in.key_path.unlink()
            signed_in.done("state", "rekey", "--lose-fingerprints")
        case "recovered":
            signed_in.state_path.unlink()
            signed_in.done("state", "recover", "--assign", f"a={vault}")
        case "imported":
            signed_in.done("state", "rm", "a")
            signed_in.done("state", "import", "a", vault)
        case _:
            signed_in.key_path.unlink()
    assert how == "lost" or None in _fingerprints(signed_in)
    assert "2 values fingerprinted" in signed_in.done("state", "rekey", "--trust-sources").out
    assert None not in _fingerprints(signed_in)
    assert {} == signed_in.plan()
    assert "not checked" not in signed_in.done("plan").out


def test_a_changed_value_is_seen_after_vouching(signed_in: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    signed_in.key_path.unlink()
    signed_in.done("state", "rekey", "--lose-fingerprints")
    signed_in.done("state", "rekey", "--trust-sources")
    monkeypatch.setenv("VALUE", "another")
    assert {"a", "b"} == set(signed_in.plan())


def test_a_state_of_the_sandbox_at_a_tenant_is_told(signed_in: Desk) -> None:
    """And what to type instead."""
    at_tenant = signed_in.options
    signed_in.options = ("--sandbox",)
    signed_in.apply()
    signed_in.options = (*at_tenant, "--state", str(signed_in.state_path))
    for command in (("plan",), ("apply", "--auto-approve")):
        ran = signed_in.run(*command)
        assert (1, True) == (ran.code, "Next: run with --sandbox, or name another --state" in ran.err), (
            ran.said
        )
