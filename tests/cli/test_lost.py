"""What is missing: the identity, the state, the key. Never read as a change, never silently made again."""

from __future__ import annotations

import pytest

from reconciler.sandbox import reader
from reconciler.sandbox.serve import Embedded
from tests.cli.desk import Desk, all_bytes, text_secret

CANARY = "canary-5up3r-s3cr3t"
KEY_FILE = ".reconciler/sandbox/fingerprint.key"
TWO = text_secret("a", "VALUE") + text_secret("b", "VALUE")


@pytest.fixture
def signed_in(desk: Desk, tenant: Embedded, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """The desk against that tenant, by a token in the environment."""
    monkeypatch.setenv("CONDUCTORONE_ACCESS_TOKEN", tenant.token.reveal_text())
    monkeypatch.setenv("VALUE", CANARY)
    desk.options = ("--server", tenant.url)
    desk.manifest(TWO)
    return desk


def test_with_a_token_the_main_job_is_the_same(signed_in: Desk, tenant: Embedded) -> None:
    """State lies beside the manifest, names the tenant by its host, and the next plan is empty."""
    signed_in.apply()
    assert tenant.endpoints.host == signed_in.state["server"]
    assert 2 == len(reader.live(tenant.store))
    assert 0 == signed_in.run("plan", "--detailed-exitcode").code
    signed_in.done("destroy", "--auto-approve")
    assert {} == reader.live(tenant.store)


def test_another_identity_plans_nothing_and_apply_exits_4(
    signed_in: Desk, tenant: Embedded, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To a stranger every vault looks deleted. That is "not visible to you", and no reason to make any."""
    signed_in.apply()
    lock = signed_in.path / ".reconciler" / "reconciler.lock"
    before, live = all_bytes(signed_in.path, without=lock), reader.live(tenant.store)
    monkeypatch.setenv("CONDUCTORONE_ACCESS_TOKEN", tenant.tokens["second"].reveal_text())

    plan = signed_in.run("plan", "--detailed-exitcode")
    assert 0 == plan.code, plan.said
    assert "not visible to you" in plan.out
    assert "Nothing planned." == plan.out.splitlines()[-1]

    for command in (("apply", "--auto-approve"), ("destroy", "--auto-approve")):
        refused = signed_in.run(*command)
        assert 4 == refused.code, refused.said
        assert "not visible to you" in refused.err
    assert live == reader.live(tenant.store)
    assert before == all_bytes(signed_in.path, without=lock)


def test_the_sandbox_has_several_identities_too(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """`RECONCILER_SANDBOX_IDENTITY` is whom the embedded tenant signs in."""
    monkeypatch.setenv("VALUE", CANARY)
    desk.manifest(TWO)
    desk.apply()
    monkeypatch.setenv("RECONCILER_SANDBOX_IDENTITY", "second")
    assert "not visible to you" in desk.done("plan").out
    assert 4 == desk.run("apply", "--auto-approve").code


@pytest.mark.parametrize("token", ["", "no-such-token"], ids=["none", "refused"])
def test_without_a_usable_token_it_exits_4_and_says_what_to_set(
    signed_in: Desk, monkeypatch: pytest.MonkeyPatch, token: str
) -> None:
    """Nothing is written, and the token is not shown."""
    monkeypatch.setenv("CONDUCTORONE_ACCESS_TOKEN", token)
    for command in (("plan",), ("apply", "--auto-approve")):
        ran = signed_in.run(*command)
        assert 4 == ran.code, ran.said
        assert "CONDUCTORONE_ACCESS_TOKEN" in ran.err
        assert "no-such-token" not in ran.said
    assert not signed_in.state_path.exists()


def test_the_tenant_that_the_manifest_names_must_be_the_one(signed_in: Desk) -> None:
    """`target` chooses nothing: signed in elsewhere, everything stops before the first request."""
    signed_in.manifest("version: 1\nname: desk\ntarget: {tenant: acme}\nsecrets:\n" + TWO)
    ran = signed_in.run("plan")
    assert ran.code in (1, 4, 64), ran.said
    assert "reconciler.yaml:3" in ran.err
    assert "acme" in ran.err


def test_with_the_state_deleted_everything_stops(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Absent is not empty: live vaults of the stack say so, and `state recover` is named."""
    monkeypatch.setenv("VALUE", CANARY)
    desk.manifest(TWO)
    desk.apply()
    live = desk.live()
    desk.state_path.unlink()
    desk.state_path.with_name(desk.state_path.name + ".backup").unlink()
    for command in (
        ("plan",),
        ("plan", "--detailed-exitcode"),
        ("apply", "--auto-approve"),
        ("destroy", "--auto-approve"),
    ):
        ran = desk.run(*command)
        assert 1 == ran.code, ran.said
        assert "state recover" in ran.err
        assert b"" == ran.raw
    assert live == desk.live()
    assert not desk.state_path.exists()
    offline = desk.done("plan", "--offline")
    assert "unverified" in offline.out


def test_with_the_state_deleted_and_no_live_vault_it_is_a_first_run(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What ended needs no state."""
    monkeypatch.setenv("VALUE", CANARY)
    desk.manifest(TWO)
    desk.apply()
    desk.done("destroy", "--auto-approve")
    desk.state_path.unlink()
    assert {"a": (["create"], "new"), "b": (["create"], "new")} == desk.plan()
    desk.apply()
    assert 2 == desk.state["generations"]["a"]  # the tag of what ended is not given again
    assert {} == desk.plan()


def test_without_the_key_a_value_is_not_checked_and_nothing_is_replaced(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A changed value cannot be seen then; that is said, and it is no change. The key is not made anew."""
    monkeypatch.setenv("VALUE", CANARY)
    desk.manifest(TWO)
    desk.apply()
    live, key = desk.live(), desk.key_path.read_bytes()
    desk.key_path.unlink()
    for value in (CANARY, "changed"):
        monkeypatch.setenv("VALUE", value)
        plan = desk.run("plan", "--detailed-exitcode")
        assert 0 == plan.code, plan.said
        assert f"not checked: bring back {KEY_FILE}" in plan.out
        assert "RECONCILER_FINGERPRINT_KEY" not in plan.said, "the sandbox does not look at it"
        desk.apply()
        assert live == desk.live()
        assert not desk.key_path.exists()
    desk.key_path.write_bytes(key)
    desk.key_path.chmod(0o600)
    assert {"content_changed"} == {reason for _, reason in desk.plan().values()}


def test_without_the_key_removing_still_works_and_making_is_refused(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Revoking needs no key. A new secret without one would be one that no later run knows again."""
    monkeypatch.setenv("VALUE", CANARY)
    desk.manifest(TWO)
    desk.apply()
    desk.key_path.unlink()
    desk.manifest(TWO + text_secret("c", "VALUE"))
    refused = desk.run("apply", "--auto-approve")
    assert 1 == refused.code, refused.said
    assert f"Next: bring back {KEY_FILE}; if it is lost for good, `reconciler state rekey`" in refused.err
    saving = desk.run("plan", "-o", "plan.json")
    assert f"Next: bring back {KEY_FILE}; if it is lost for good, `reconciler state rekey`" in saving.err
    desk.manifest(text_secret("a", "VALUE"))
    assert "Applied: 1 revoked." in desk.apply().out
    assert {"a"} == set(desk.live())


def test_another_key_is_as_good_as_none(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fresh runner that made a key of its own must not replace everything."""
    monkeypatch.setenv("VALUE", CANARY)
    desk.manifest(TWO)
    desk.apply()
    desk.key_path.write_text("ab" * 32 + "\n")
    assert {} == desk.plan()
    assert "not checked" in desk.done("plan").out


def test_the_first_apply_in_ci_needs_the_key_in_the_environment(
    signed_in: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A key made on a runner would be gone with it; `key new` prints one to keep."""
    monkeypatch.setenv("CI", "true")
    refused = signed_in.run("apply", "--auto-approve")
    assert 1 == refused.code, refused.said
    assert "RECONCILER_FINGERPRINT_KEY" in refused.err
    assert "reconciler key new" in refused.err
    monkeypatch.setenv("RECONCILER_FINGERPRINT_KEY", signed_in.done("key", "new").out.strip())
    applied = signed_in.apply()
    assert "Share links:" not in applied.said
    assert "/secrets/" not in applied.said
    assert {} == signed_in.plan()
    assert not signed_in.key_path.exists()
    assert "/secrets/" in signed_in.done("output").out
