"""`diff`: what changes no share's attributes and still changes who can read what, or what becomes of it."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from tests.cli.desk import Desk, acting, text_secret


def _compare(desk: Desk, before: str, after: str, *arguments: str) -> tuple[int, str, Mapping[str, object]]:
    desk.write("base.yaml", f"version: 1\nname: desk\nsecrets:\n{before}")
    desk.manifest(after)
    ran = desk.run("diff", "--base", "base.yaml", "--detailed-exitcode", *arguments)
    return ran.code, ran.out, acting(desk.run("--json", "diff", "--base", "base.yaml").json)


def test_another_source_is_a_change(desk: Desk) -> None:
    """The edit that a reviewer must not miss: other bytes for the same people."""
    code, out, changes = _compare(
        desk, text_secret("key", "DB_PASSWORD"), text_secret("key", "ROOT_PASSWORD")
    )
    assert 2 == code
    assert {"key": (["create", "delete"], "content_changed")} == changes
    assert "source env ROOT_PASSWORD, was env DB_PASSWORD" in out
    assert "value not read" in out


def test_another_source_is_a_change_offline_too(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DB_PASSWORD", "same")
    monkeypatch.setenv("ROOT_PASSWORD", "same")
    desk.manifest(text_secret("key", "DB_PASSWORD"))
    desk.apply()
    desk.manifest(text_secret("key", "ROOT_PASSWORD"))
    ran = desk.run("plan", "--offline", "--detailed-exitcode")
    assert 2 == ran.code, ran.said
    assert "source env ROOT_PASSWORD, was env DB_PASSWORD" in ran.out
    assert {} == desk.plan(), "the value is the same, as who may read it sees"


def test_what_later_runs_do_differently_is_told(desk: Desk) -> None:
    """A share that is to be renewed for ever changes nothing today."""
    guarded = text_secret("key", None, "renew: always", "lifecycle: {prevent_revoke: false}")
    code, out, changes = _compare(
        desk, text_secret("key", None, "lifecycle: {prevent_revoke: true}"), guarded
    )
    assert (0, {}) == (code, changes)
    assert "no share changes now, but later runs act differently" in out
    assert "renew always, was never" in out
    assert "prevent_revoke false, was true" in out


def test_another_stack_or_tenant_is_told(desk: Desk) -> None:
    desk.write("base.yaml", f"version: 1\nname: desk\nsecrets:\n{text_secret('key')}")
    desk.manifest(f"version: 1\nname: other\ntarget: {{tenant: acme}}\nsecrets:\n{text_secret('key')}")
    out = desk.done("diff", "--base", "base.yaml").out
    assert "name other, was desk" in out
    assert "target acme, was none" in out
