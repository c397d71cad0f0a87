"""What a recipient reads: over the API, through the reader, and the judge's look."""

from __future__ import annotations

import base64
from collections.abc import Callable
from datetime import timedelta

import httpx
import pyrage
import pytest

from reconciler.errors import RemoteError
from reconciler.sandbox import directory, reader
from reconciler.sandbox.settings import Settings
from reconciler.sandbox.store import Store
from tests.age import reference
from tests.sandbox.conftest import ANA, BO, Tenant


def test_a_view_is_encrypted_to_the_reader_and_counted(tenant: Tenant) -> None:
    """The text comes back sealed to the recipient that the reader named."""
    me = pyrage.x25519.Identity.generate()
    vault_id = tenant.text(b"value", maxViews=3)
    answer = tenant.view(vault_id, recipient=str(me.to_public())).json()
    assert b"value" == pyrage.decrypt(base64.b64decode(answer["encryptedContent"]), [me])
    assert 2 == answer["viewsRemaining"]
    assert 1 == tenant.get(vault_id)["currentViews"]
    assert -1 == tenant.view(tenant.text()).json()["viewsRemaining"]


def test_a_file_is_fetched_by_a_link_that_lives_five_minutes(tenant: Tenant) -> None:
    """Sealed to the reader, from the second listener, without a token."""
    me = pyrage.x25519.Identity.generate()
    content = b"x" * 200_000
    vault_id = tenant.file(content, maxViews=1)
    url = tenant.view(vault_id, recipient=str(me.to_public())).json()["downloadUrl"]
    assert url.startswith(tenant.embedded.upload_url)
    assert content == pyrage.decrypt(httpx.get(url).content, [me])
    assert 403 == httpx.get(url + "x").status_code
    tenant.store.advance(timedelta(minutes=5))
    assert 403 == httpx.get(url).status_code
    tenant.view(tenant.file(b"y"))
    assert 1 == len(list((tenant.store.directory / "downloads").iterdir()))


@pytest.mark.parametrize("size", [1, 65_535, 65_536, 65_537, 200_000])
def test_the_hybrid_recipient_of_the_vendors_client_reads_too(tenant: Tenant, size: int) -> None:
    """`age1pq1…`, for texts and files; opened by the tests' own reader of the specification."""
    me = reference.HybridIdentity()
    text = b"v" * min(size, 4096)
    answer = tenant.view(tenant.text(text), recipient=me.recipient).json()
    assert text == reference.decrypt(base64.b64decode(answer["encryptedContent"]), me)
    content = bytes(range(251)) * (size // 251 + 1)
    url = tenant.view(tenant.file(content[:size]), recipient=me.recipient).json()["downloadUrl"]
    assert content[:size] == reference.decrypt(httpx.get(url).content, me)


def test_the_last_view_burns_the_secret(tenant: Tenant) -> None:
    """Burned at the limit, content deleted, no further view; the ones before are all served."""
    for make in (tenant.text, tenant.file):
        vault_id = make(b"x", maxViews=2)
        assert [200, 200, 400] == [tenant.view(vault_id).status_code for _ in range(3)]
        secret = tenant.get(vault_id)
        assert ("SECRET_STATUS_BURNED", 2, True) == (
            secret["status"],
            secret["currentViews"],
            secret["contentDeleted"],
        )
    assert 2 == len(tenant.events("burned"))
    assert [] == list((tenant.store.directory / "contents").iterdir())


def test_only_those_it_is_shared_with_may_view(tenant: Tenant) -> None:
    """Not the creator, not an administrator, not another user; a refused view is not counted."""
    vault_id = tenant.text(allowedUserIds=[ANA, BO])
    assert [404, 404, 404] == [tenant.view(vault_id, who=who).status_code for who in ("owner", "admin", "cy")]
    assert [200, 200] == [tenant.view(vault_id, who=who).status_code for who in ("ana", "bo")]
    assert 2 == tenant.get(vault_id)["currentViews"]


LOW_ORDER = "age1qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqs3290gq"


HYBRID_LOW_ORDER = reference.bech32_encode("age1pq", bytes(1184 + 32))
HYBRID_TOO_LONG = reference.bech32_encode("age1pq", bytes(1184 + 33))


@pytest.mark.parametrize(
    "recipient",
    ["", "age1nonsense", LOW_ORDER, "AGE1QQQ", "age1pq1qqqq", HYBRID_LOW_ORDER, HYBRID_TOO_LONG],
)
def test_a_reader_that_cannot_be_encrypted_to_is_refused(tenant: Tenant, recipient: str) -> None:
    """Including the points that make pyrage panic; nothing is counted."""
    vault_id = tenant.text()
    path = f"/api/v1/secrets/{vault_id}/view"
    assert 400 == tenant.as_("ana").post(path, json={"readerRecipient": recipient}).status_code
    assert 0 == tenant.get(vault_id)["currentViews"]


def test_there_is_nothing_to_view_before_the_content(tenant: Tenant) -> None:
    """Nor after the end."""
    made = tenant.create()
    assert "the secret has no content yet" == tenant.view(made["vaultId"]).json()["message"]
    tenant.fill(made, b"x")
    tenant.store.advance(timedelta(hours=1))
    assert "the secret is expired" == tenant.view(made["vaultId"]).json()["message"]


def test_the_reader_counts_and_the_judge_does_not(tenant: Tenant) -> None:
    """Both give the same bytes; only one of them is a view."""
    vault_id = tenant.text(b"value\r\n\x00", maxViews=1)
    assert b"value\r\n\x00" == tenant.peek(vault_id)
    assert 0 == tenant.get(vault_id)["currentViews"]
    assert b"value\r\n\x00" == b"".join(reader.read(tenant.store, vault_id, who="ana@example.com"))
    assert "SECRET_STATUS_BURNED" == tenant.get(vault_id)["status"]
    assert ["ana@example.com"] == [event["who"] for event in tenant.events("viewed")]
    for look in (reader.read, reader.peek):
        with pytest.raises(RemoteError) as caught:
            look(tenant.store, vault_id)
        assert "the secret is burned" == caught.value.detail


def test_the_reader_reads_as_someone(tenant: Tenant) -> None:
    """By ID, by address in any case, or as the first recipient; strangers and leavers are refused."""
    vault_id = tenant.text(b"x", allowedUserIds=[ANA, BO])
    for who in (None, ANA, "BO@example.com"):
        assert b"x" == b"".join(reader.read(tenant.store, vault_id, who=who))
    for who in ("cy@example.com", "nobody@example.com", "owner@example.com"):
        with pytest.raises(RemoteError, match="not a recipient"):
            reader.read(tenant.store, vault_id, who=who)
    directory.set_status(tenant.store, ANA, "DISABLED")
    with pytest.raises(RemoteError, match="no longer"):
        reader.read(tenant.store, vault_id, who=ANA)
    assert 3 == tenant.get(vault_id)["currentViews"]


def test_an_outside_recipient_reads_through_the_reader(tenant: Tenant) -> None:
    """They have no token: their way in is an e-mail link."""
    body = tenant.request(allowedUserIds=..., allowedEmails=["ops@partner.example", "b@partner.example"])
    made = tenant.owner.post("/api/v1/secrets/external", json=body).json()
    tenant.fill(made, b"value")
    assert 404 == tenant.view(made["vaultId"]).status_code
    for who in (None, "B@partner.example"):
        assert b"value" == b"".join(reader.read(tenant.store, made["vaultId"], who=who))
    with pytest.raises(RemoteError, match="not a recipient"):
        reader.read(tenant.store, made["vaultId"], who="c@partner.example")


def test_the_reader_says_what_is_wrong(tenant: Tenant) -> None:
    """Unknown, empty, revoked: a plain sentence each."""
    shell, revoked = tenant.create()["vaultId"], tenant.text()
    tenant.revoke(revoked)
    cases = {
        "nonsense": "the tenant does not know this secret",
        shell: "the secret has no content yet",
        revoked: "the secret is revoked",
    }
    for vault_id, sentence in cases.items():
        for look in (reader.read, reader.peek):
            with pytest.raises(RemoteError) as caught:
                look(tenant.store, vault_id)
            assert sentence == caught.value.detail


def test_another_process_may_judge(start: Callable[..., Tenant]) -> None:
    """A second store on the same directory sees the same vaults, while the sandbox runs."""
    tenant = start()
    one, two = tenant.text(b"value"), tenant.text()
    tenant.revoke(two)
    judge = Store(tenant.store.directory, Settings())
    try:
        assert b"value" == b"".join(reader.peek(judge, one))
        assert [one] == list(reader.live(judge))
    finally:
        judge.close()
