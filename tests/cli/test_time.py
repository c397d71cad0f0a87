"""What time does: shares fall due, expire, and are made again, or stay as they ended."""

from __future__ import annotations

import pytest

from tests.cli.desk import Desk, text_secret

FORTY = [f"s{n:02d}" for n in range(40)]


def _later(monkeypatch: pytest.MonkeyPatch, span: str) -> None:
    monkeypatch.setenv("RECONCILER_SANDBOX_CLOCK_OFFSET", span)


def test_forty_that_fall_due_together_renew_without_a_guard(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A guard counts what the manifest caused. Time is nobody's mistake."""
    monkeypatch.setenv("VALUE", "1")
    desk.manifest("".join(text_secret(name, "VALUE", "renew: always") for name in FORTY))
    desk.apply()
    before = {vault.vault_id for vault in desk.live().values()}
    _later(monkeypatch, "144h")  # a life of 7 days, renewed 15 % of it before its end
    desk.settings = desk.settings.with_texts({"clock_offset": "144h"})
    due = desk.plan()
    assert dict.fromkeys(FORTY, (["create", "delete"], "renewal_due")) == due
    assert "Applied: 40 replaced." in desk.apply().out
    after = {vault.vault_id for vault in desk.live().values()}
    assert 40 == len(after)
    assert not before & after
    assert {} == desk.plan()


def test_what_renews_is_made_again_when_found_expired(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """And what does not renew stays ended: attention that names how to share it again, no exit 2."""
    monkeypatch.setenv("VALUE", "1")
    desk.manifest(
        text_secret("always", "VALUE", "renew: always", "expires_in: 2h")
        + text_secret("never", "VALUE", "expires_in: 2h")
    )
    desk.apply()
    _later(monkeypatch, "3h")
    plan = desk.run("plan", "--detailed-exitcode")
    assert 2 == plan.code, plan.said
    assert {"always": (["create"], "expired")} == desk.plan()
    assert "--replace never" in plan.out
    desk.apply()
    again = desk.run("plan", "--detailed-exitcode")
    assert 0 == again.code, again.said
    assert "never" in again.out
    assert "expired" == desk.state["instances"]["never"]["ended"]["how"]

    # Much later the tenant no longer knows the vault. Expired it stays: never "missing".
    _later(monkeypatch, "200d")
    assert {"always": (["create"], "expired")} == desk.plan()
    assert {"always", "never"} == set(desk.plan("--replace", "never"))


def test_what_was_opened_to_the_last_view_stays_ended(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """One view and it is burned; the person who shared it learns so, and nothing makes it again by itself."""
    monkeypatch.setenv("VALUE", "1")
    desk.manifest(text_secret("once", "VALUE", "max_views: 1", "renew: always"))
    desk.apply()
    assert b"1" == desk.done("sandbox", "view", "once").raw
    gone = desk.run("sandbox", "view", "once")
    assert (1, b"") == (gone.code, gone.raw)
    assert 0 == desk.run("plan", "--detailed-exitcode").code
    assert "once" in desk.done("plan").out
    desk.apply()
    assert "burned" == desk.state["instances"]["once"]["ended"]["how"]
    assert {} == desk.live()
    monkeypatch.setenv("VALUE", "2")
    assert {"once": (["create"], "content_changed")} == desk.plan()
    desk.apply()
    assert b"2" == desk.done("sandbox", "view", "once").raw


def test_a_share_that_someone_revoked_stays_so(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody had a reason. `--replace` makes it again when a person says so."""
    from reconciler.sandbox import identities, vaults

    monkeypatch.setenv("VALUE", "1")
    desk.manifest(text_secret("a", "VALUE"))
    desk.apply()
    with desk.tenant() as store:
        vaults.revoke(store, identities.caller("admin"), desk.live()["a"].vault_id, as_admin=True)
    plan = desk.run("plan", "--detailed-exitcode")
    assert 0 == plan.code, plan.said
    assert "--replace a" in plan.out
    desk.apply()
    assert {} == desk.live()
    desk.apply("--replace", "a")
    assert {"a"} == set(desk.live())


def test_only_renewals_does_nothing_that_awaits_review(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """The nightly job renews what is due and leaves a new entry and a changed value for a person."""
    monkeypatch.setenv("VALUE", "1")
    monkeypatch.setenv("OTHER", "1")
    desk.manifest(text_secret("due", "VALUE", "renew: always") + text_secret("changed", "OTHER"))
    desk.apply()
    monkeypatch.setenv("OTHER", "2")
    desk.manifest(
        text_secret("due", "VALUE", "renew: always")
        + text_secret("changed", "OTHER")
        + text_secret("new", "VALUE")
    )
    _later(monkeypatch, "144h")
    assert "Applied: 1 replaced." in desk.apply("--only", "renewals").out
    assert {"changed": "content_changed", "new": "new"} == {
        name: why for name, (_, why) in desk.plan().items()
    }
