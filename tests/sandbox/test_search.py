"""Searching secrets and people: pages, filters, order, lag."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from reconciler.sandbox import directory
from tests.sandbox.conftest import ANA, Tenant


def names(page: dict[str, Any]) -> list[str]:
    return [secret["displayName"] for secret in page["list"]]


def everything(tenant: Tenant, **question: Any) -> list[str]:
    found, token = [], ""
    while True:
        page = tenant.mine(**question, pageToken=token)
        found += names(page)
        if not (token := page["nextPageToken"]):
            return found


def test_pages_hold_everything_once_newest_first(tenant: Tenant) -> None:
    """Also when more are made between two pages: those are newer than the place reached."""
    for number in range(7):
        tenant.create(displayName=f"s{number}")
    first = tenant.mine(pageSize=3)
    tenant.create(displayName="late")
    second = tenant.mine(pageSize=3, pageToken=first["nextPageToken"])
    third = tenant.mine(pageSize=3, pageToken=second["nextPageToken"])
    assert ["s6", "s5", "s4", "s3", "s2", "s1", "s0"] == [*names(first), *names(second), *names(third)]
    assert "" == third["nextPageToken"]


def test_a_page_is_never_larger_than_the_cap(start: Callable[..., Tenant]) -> None:
    """Whatever was asked for; 0 is the default of 25."""
    tenant = start(page_cap=30)
    for _ in range(31):
        tenant.create()
    sizes = [len(tenant.mine(pageSize=asked)["list"]) for asked in (0, 5, 100, 10_000)]
    assert [25, 5, 30, 30] == sizes
    assert 400 == tenant.owner.post("/api/v1/search/secrets/mine", json={"pageSize": -1}).status_code


def test_a_page_token_belongs_to_one_question(tenant: Tenant) -> None:
    """Another question's token, or nonsense, is refused."""
    for _ in range(3):
        tenant.create()
    token = tenant.mine(pageSize=1)["nextPageToken"]
    for question in ({"pageToken": token, "query": "x"}, {"pageToken": "bm9uc2Vuc2U"}, {"pageToken": "é"}):
        assert 400 == tenant.owner.post("/api/v1/search/secrets/mine", json=question).status_code


def test_every_order_pages_through_everything(tenant: Tenant) -> None:
    """By creation, expiry and name."""
    for name, life in (("b", "7200s"), ("c", "3600s"), ("a", "10800s")):
        tenant.create(displayName=name, expiresIn=life)
    expected = {
        "SEARCH_SORT_BY_UNSPECIFIED": ["a", "c", "b"],
        "SEARCH_SORT_BY_CREATED_DESC": ["a", "c", "b"],
        "SEARCH_SORT_BY_CREATED_ASC": ["b", "c", "a"],
        "SEARCH_SORT_BY_EXPIRES_ASC": ["c", "b", "a"],
        "SEARCH_SORT_BY_NAME_ASC": ["a", "b", "c"],
    }
    assert expected == {order: everything(tenant, sortBy=order, pageSize=2) for order in expected}


def test_filters_narrow_a_search(tenant: Tenant) -> None:
    """By status, type, sharing and (loosely) name, alone and together."""
    tenant.text(displayName="text-live")
    tenant.revoke(tenant.text(displayName="text-revoked"))
    tenant.file(b"x", displayName="file-live")
    body = tenant.request(allowedUserIds=..., allowedEmails=["a@b.example"], displayName="outside")
    tenant.owner.post("/api/v1/secrets/external", json=body)
    cases: list[tuple[dict[str, Any], list[str]]] = [
        ({"statuses": ["SECRET_STATUS_REVOKED"]}, ["text-revoked"]),
        (
            {"statuses": ["SECRET_STATUS_ACTIVE", "SECRET_STATUS_BURNED"]},
            ["outside", "file-live", "text-live"],
        ),
        ({"secretType": "SECRET_TYPE_FILE"}, ["file-live"]),
        ({"sharingMode": "PAPER_VAULT_SHARING_MODE_EXTERNAL"}, ["outside"]),
        ({"query": "LIVE"}, ["file-live", "text-live"]),
        ({"query": "tl"}, ["text-live"]),
        ({"query": "live", "secretType": "SECRET_TYPE_TEXT"}, ["text-live"]),
        ({"statuses": []}, ["outside", "file-live", "text-revoked", "text-live"]),
    ]
    for question, expected in cases:
        assert expected == everything(tenant, **question), question


def test_a_lagging_search_shows_the_past(start: Callable[..., Tenant]) -> None:
    """Creation, readiness and revocation appear only after the lag; GET is always current."""
    tenant = start(search_lag=timedelta(seconds=30))
    vault_id = tenant.text()
    assert [] == tenant.mine()["list"]
    tenant.store.advance(timedelta(seconds=31))
    assert [True] == [secret["contentReady"] for secret in tenant.mine()["list"]]
    tenant.revoke(vault_id)
    assert "SECRET_STATUS_REVOKED" == tenant.get(vault_id)["status"]
    assert ["SECRET_STATUS_ACTIVE"] == [secret["status"] for secret in tenant.mine()["list"]]
    tenant.store.advance(timedelta(seconds=31))
    assert ["SECRET_STATUS_REVOKED"] == [secret["status"] for secret in tenant.mine()["list"]]


def test_administrators_search_the_whole_tenant(tenant: Tenant) -> None:
    """Everyone's, or those of some creators; others are refused."""
    tenant.create(displayName="one")
    tenant.create("second", displayName="two")
    search = "/api/v1/search/secrets-admin"
    assert ["two", "one"] == names(tenant.as_("admin").post(search, json={}).json())
    creators = {"creatorUserIds": [directory.user_id("second@example.com")]}
    assert ["two"] == names(tenant.as_("admin").post(search, json=creators).json())
    assert 403 == tenant.owner.post(search, json={}).status_code


def people(tenant: Tenant, **question: Any) -> list[str]:
    answer = tenant.owner.post("/api/v1/search/users", json=question)
    assert 200 == answer.status_code, answer.text
    return [view["user"]["displayName"] for view in answer.json()["list"]]


def test_people_are_found_by_exact_address(tenant: Tenant) -> None:
    """In any case of letters; an address that two people share finds both; a part of one finds nobody."""
    assert ["Ana Anders"] == people(tenant, email="ANA@example.com")
    assert ["Tara Twin", "Theo Twin"] == people(tenant, email="twin@example.com")
    assert [] == people(tenant, email="ana@example")


def test_people_are_filtered(tenant: Tenant) -> None:
    """By status, ID, reference, exclusion, type, and loosely by name."""
    assert ["Gil Gone"] == people(tenant, userStatuses=["DISABLED"])
    assert [] == people(tenant, email="gone@example.com", userStatuses=["ENABLED"])
    assert ["Ana Anders"] == people(tenant, ids=[ANA, "nobody"])
    assert ["Ana Anders"] == people(tenant, refs=[{"id": ANA}])
    assert "Ana Anders" not in people(tenant, excludeIds=[ANA])
    assert "Deploy Robot" not in people(tenant, excludeTypes=["USER_TYPE_SERVICE"])
    assert ["Bo Berg"] == people(tenant, query="bo be")
    assert [] == people(tenant, roleIds=["x"])


def test_pages_of_people_follow_the_rules_of_the_description(start: Callable[..., Tenant]) -> None:
    """At least 10, at most 100, 25 for 0; more than 100 is refused."""
    tenant = start(people=tuple(f"p{number}@example.com" for number in range(120)))
    assert [10, 25, 30, 100] == [len(people(tenant, pageSize=asked)) for asked in (1, 0, 30, 100)]
    assert 400 == tenant.owner.post("/api/v1/search/users", json={"pageSize": 101}).status_code
    found, token = [], ""
    while True:
        page = tenant.owner.post("/api/v1/search/users", json={"pageSize": 50, "pageToken": token}).json()
        found += [view["userId"] for view in page["list"]]
        if not (token := page["nextPageToken"]):
            break
    assert 130 == len(found) == len(set(found))


def test_people_that_a_manifest_names_exist(start: Callable[..., Tenant]) -> None:
    """By address and by ID, enabled, once, with the same ID every time; the seeded ones stay as they are."""
    tenant = start(people=("Zoe.Zed@corp.example", "zoe.zed@corp.example", "2abcUSER", "gone@example.com"))
    assert ["Zoe Zed"] == people(tenant, email="zoe.zed@corp.example", userStatuses=["ENABLED"])
    assert 1 == len(people(tenant, ids=["2abcUSER"]))
    assert ["Gil Gone"] == people(tenant, email="gone@example.com", userStatuses=["DISABLED"])
    assert [directory.user_id("zoe.zed@corp.example")] == [
        row["user_id"] for row in tenant.store.rows("SELECT user_id FROM people WHERE email LIKE 'zoe%'")
    ]


def test_someone_who_leaves_cannot_sign_in_or_receive(tenant: Tenant) -> None:
    """Disabled in the directory: no new vault for or by them; deleted: not even found."""
    directory.set_status(tenant.store, ANA, "DISABLED")
    assert 400 == tenant.owner.post("/api/v1/secrets/internal", json=tenant.request()).status_code
    assert 403 == tenant.as_("ana").post("/api/v1/secrets/internal", json=tenant.request()).status_code
    directory.set_status(tenant.store, ANA, "DELETED")
    assert [] == people(tenant, email="ana@example.com")


@pytest.mark.parametrize("who", ["owner", "admin", "ana"])
def test_introspect_says_who_one_is(tenant: Tenant, who: str) -> None:
    """User, tenant, roles and permissions; only the administrator may administer."""
    answer = tenant.as_(who).get("/api/v1/auth/introspect").json()
    assert directory.user_id(f"{who}@example.com") == answer["userId"]
    assert ("secrets:admin" in answer["permissions"]) is (who == "admin")
    assert [] == answer["disabledModules"]
