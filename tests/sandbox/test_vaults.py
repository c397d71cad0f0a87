"""Create, set content, look, revoke; what ends a vault and who may do what."""

from __future__ import annotations

import base64
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from reconciler.sandbox.settings import Again, Answer, Empty, Hidden, Suites
from tests.sandbox.conftest import ANA, BO, Tenant, seal

GONE_USER = "dSDoesNotExist"


def test_a_text_secret_becomes_ready_and_is_what_was_sent(tenant: Tenant) -> None:
    """A create has no link; content makes it ready, gives it one, and decrypts to the same bytes."""
    made = tenant.create(displayName="db [rc:AAAAAA.BBBBBB.1.CCCCCCCC]", maxViews=5)
    assert ("", False) == (made["secret"]["shareUrl"], made["secret"]["contentReady"])
    assert made["ageRecipient"].startswith("age1")
    secret = tenant.fill(made, b"value\n").json()["secret"]
    assert secret["contentReady"] is True
    assert secret["shareUrl"].endswith(secret["shareCode"])
    assert ".sandbox.invalid/" in secret["shareUrl"]
    assert "db [rc:AAAAAA.BBBBBB.1.CCCCCCCC]" == secret["displayName"]
    assert b"value\n" == tenant.peek(made["vaultId"])


def test_every_vault_has_its_own_key_and_codes(tenant: Tenant) -> None:
    """Nothing that identifies or opens a vault is shared between two."""
    one, two = tenant.create(), tenant.create()
    for field in ("vaultId", "ageRecipient"):
        assert one[field] != two[field]
    assert one["secret"]["shareCode"] != two["secret"]["shareCode"]


def test_an_external_secret_keeps_its_addresses_in_lower_case(tenant: Tenant) -> None:
    """Addresses outside are stored folded and without doubles."""
    body = tenant.request(allowedUserIds=..., allowedEmails=["Ops@Partner.Example", "ops@partner.example"])
    secret = tenant.owner.post("/api/v1/secrets/external", json=body).json()["secret"]
    assert ["ops@partner.example"] == secret["allowedEmails"]
    assert "PAPER_VAULT_SHARING_MODE_EXTERNAL" == secret["sharingMode"]


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "misspelt field": ({"expiresln": "3600s"}, "the body: unknown field expiresln"),
    "no type": ({"secretType": ...}, "secretType: required"),
    "unspecified type": ({"secretType": "SECRET_TYPE_UNSPECIFIED"}, "secretType: required"),
    "unknown enum": ({"secretType": "SECRET_TYPE_BLOB"}, "secretType: expected one of"),
    "life too short": ({"expiresIn": "3599s"}, "expiresIn: expected one hour to thirty days"),
    "life too long": ({"expiresIn": "2592001s"}, "expiresIn: expected one hour to thirty days"),
    "life in ISO form": ({"expiresIn": "PT1H"}, "expiresIn: not a valid duration"),
    "life as number": ({"expiresIn": 3600}, "expiresIn: expected string, null"),
    "negative views": ({"maxViews": -1}, "maxViews: breaks the rule minimum"),
    "views as text": ({"maxViews": "5"}, "maxViews: expected integer"),
    "nobody": ({"allowedUserIds": []}, "allowedUserIds: expected 1 to 128"),
    "null": ({"allowedUserIds": None}, "allowedUserIds: expected 1 to 128"),
    "too many": ({"allowedUserIds": [f"u{n}" for n in range(129)]}, "allowedUserIds: expected 1 to 128"),
    "unknown user": ({"allowedUserIds": [ANA, GONE_USER]}, "allowedUserIds.1: not an enabled user"),
    "size as number": ({"fileSize": 5}, "fileSize: expected string"),
    "size not whole": ({"fileSize": "5.0"}, "fileSize: not a valid int64"),
    "empty file": ({"secretType": "SECRET_TYPE_FILE", "fileSize": "0"}, "fileSize: expected 1 to"),
    "no size": ({"secretType": "SECRET_TYPE_FILE"}, "fileSize: expected 1 to"),
    "over 1 GiB": ({"secretType": "SECRET_TYPE_FILE", "fileSize": "1073741825"}, "fileSize: expected 1 to"),
    "emails on internal": ({"allowedEmails": ["a@b.example"]}, "the body: unknown field allowedEmails"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_create_that_breaks_a_rule_is_refused(tenant: Tenant, case: str) -> None:
    """400 in grpc-gateway's form, with the field's name and without its value; nothing is made."""
    changes, message = REFUSED[case]
    answer = tenant.owner.post("/api/v1/secrets/internal", json=tenant.request(**changes))
    assert 400 == answer.status_code
    assert {"code", "message", "details"} == answer.json().keys()
    assert 3 == answer.json()["code"]
    assert answer.json()["message"].startswith(message)
    assert [] == tenant.mine()["list"]
    assert [] == tenant.events("created")


@pytest.mark.parametrize("life", ["3600s", "2592000s", "3600.5s", None])
def test_lives_at_the_edges_are_granted(tenant: Tenant, life: str | None) -> None:
    """One hour and thirty days are inside; without a life the tenant chooses one."""
    assert tenant.create(expiresIn=life)["vaultId"]


def test_a_disabled_user_cannot_be_a_recipient(tenant: Tenant) -> None:
    """Someone who left is refused by place, not by name."""
    found = tenant.owner.post("/api/v1/search/users", json={"email": "gone@example.com"}).json()["list"]
    body = tenant.request(allowedUserIds=[found[0]["userId"]])
    answer = tenant.owner.post("/api/v1/secrets/internal", json=body)
    assert (400, "allowedUserIds.0: not an enabled user") == (answer.status_code, answer.json()["message"])


BAD_BODIES = {
    "not json": (b"{", "application/json", 400),
    "not an object": (b"[]", "application/json", 400),
    "deep": (b"[" * 100_000, "application/json", 400),
    "form": (b"a=b", "application/x-www-form-urlencoded", 415),
    "huge": (b'{"displayName": "' + b"x" * 2**20 + b'"}', "application/json", 413),
}


@pytest.mark.parametrize("case", BAD_BODIES)
def test_a_body_that_is_no_json_object_is_refused(tenant: Tenant, case: str) -> None:
    """Broken, deep, huge and foreign bodies are answered, not stumbled over."""
    content, kind, status = BAD_BODIES[case]
    answer = tenant.owner.post("/api/v1/secrets/internal", content=content, headers={"content-type": kind})
    assert status == answer.status_code


def _damaged(sealed: bytes) -> bytes:
    return sealed[:-1] + bytes([sealed[-1] ^ 1])


CONTENT = {
    "not age": (lambda _: b"plain text", "it does not begin with the age header"),
    "another key": (lambda made: seal(b"x", made["other"]), "it is encrypted to another recipient"),
    "damaged": (lambda made: _damaged(seal(b"x", made["ageRecipient"])), "the payload is damaged"),
    "cut": (lambda made: seal(b"x" * 99, made["ageRecipient"])[:-5], "the payload is damaged"),
    "continued": (lambda made: seal(b"x", made["ageRecipient"]) + b"x", "the payload is damaged"),
}


@pytest.mark.parametrize("case", CONTENT)
def test_content_that_its_key_cannot_open_is_refused(tenant: Tenant, case: str) -> None:
    """The vault stays without content."""
    made = tenant.create() | {"other": tenant.create()["ageRecipient"]}
    make, message = CONTENT[case]
    body = {"encryptedContent": base64.b64encode(make(made)).decode()}
    answer = tenant.owner.post(f"/api/v1/secrets/{made['vaultId']}/content", json=body)
    assert 400 == answer.status_code
    assert message in answer.json()["message"]
    assert tenant.get(made["vaultId"])["contentReady"] is False


def test_the_limit_of_a_text_is_64_kib_of_ciphertext(tenant: Tenant) -> None:
    """The largest text that the manifest allows fits; more than 64 KiB after encryption does not."""
    assert 200 == tenant.fill(tenant.create(), b"x" * 61_440).status_code
    answer = tenant.fill(tenant.create(), b"x" * 65_536)
    assert (400, "encryptedContent: more than 64 KiB after encryption") == (
        answer.status_code,
        answer.json()["message"],
    )


def test_content_is_encrypted_to_the_vault_alone(tenant: Tenant) -> None:
    """A further recipient in the file is refused: someone else could read it."""
    import pyrage

    made = tenant.create()
    keys = [made["ageRecipient"], str(pyrage.x25519.Identity.generate().to_public())]
    sealed = pyrage.encrypt(b"x", [pyrage.x25519.Recipient.from_str(key) for key in keys])
    body = {"encryptedContent": base64.b64encode(sealed).decode()}
    answer = tenant.owner.post(f"/api/v1/secrets/{made['vaultId']}/content", json=body)
    assert "encryptedContent: encrypted to further recipients" == answer.json()["message"]


@pytest.mark.parametrize(
    ("answer", "status", "kept"), [(Answer.ACCEPT, 200, b"two"), (Answer.REFUSE, 400, b"one")]
)
def test_a_second_text_replaces_or_is_refused(
    start: Callable[..., Tenant], answer: Answer, status: int, kept: bytes
) -> None:
    """Nobody knows what the real tenant does; the sandbox plays both."""
    tenant = start(second_content=answer)
    made = tenant.create()
    tenant.fill(made, b"one")
    assert status == tenant.fill(made, b"two").status_code
    assert kept == tenant.peek(made["vaultId"])


def test_a_file_secret_takes_no_text(tenant: Tenant) -> None:
    """Its content goes to the upload URL only."""
    assert 400 == tenant.fill(tenant.create_file(b"x"), b"x").status_code


def test_a_revoke_ends_a_vault_and_deletes_its_content(tenant: Tenant) -> None:
    """The status says so, and no byte of ciphertext is left."""
    text, file = tenant.text(), tenant.file(b"content")
    for vault_id in (text, file):
        assert "SECRET_STATUS_REVOKED" == tenant.revoke(vault_id).json()["secret"]["status"]
        secret = tenant.get(vault_id)
        assert ("SECRET_STATUS_REVOKED", True) == (secret["status"], secret["contentDeleted"])
        assert secret["deletedAt"]
    row = tenant.store.row("SELECT content FROM vaults WHERE vault_id = ?", text)
    assert row is not None
    assert None is row["content"]
    assert not tenant.store.content_path(file).exists()


@pytest.mark.parametrize(("again", "status"), [(Again.OK, 200), (Again.NOT_FOUND, 404)])
def test_a_second_revoke(start: Callable[..., Tenant], again: Again, status: int) -> None:
    """200 or 404, and it is one revoke in the record either way."""
    tenant = start(revoke_again=again)
    vault_id = tenant.text()
    tenant.revoke(vault_id)
    assert status == tenant.revoke(vault_id).status_code
    assert 1 == len(tenant.events("revoked"))


def test_a_revoke_works_without_a_body_but_not_with_a_field(tenant: Tenant) -> None:
    """grpc-gateway takes an absent body for an empty message; the message has no fields."""
    vault_id = tenant.text()
    path = f"/api/v1/secrets/{vault_id}"
    assert 400 == tenant.owner.request("DELETE", path, json={"force": True}).status_code
    assert 200 == tenant.owner.request("DELETE", path).status_code


def test_time_ends_a_vault(tenant: Tenant) -> None:
    """Expired, then its content deleted, then forgotten."""
    made = tenant.create()
    tenant.fill(made, b"x")
    seen = []
    for step in (timedelta(), timedelta(minutes=59), timedelta(minutes=1), timedelta(hours=24)):
        tenant.store.advance(step)
        seen.append(tenant.get(made["vaultId"])["status"].removeprefix("SECRET_STATUS_"))
    assert ["ACTIVE", "ACTIVE", "EXPIRED", "DATA_DELETED"] == seen
    tenant.store.advance(timedelta(days=90))
    assert 404 == tenant.owner.get(f"/api/v1/secrets/{made['vaultId']}").status_code
    assert [] == tenant.mine()["list"]


def test_an_ended_vault_takes_no_content(tenant: Tenant) -> None:
    """Neither after its time nor after a revoke."""
    late, revoked = tenant.create(), tenant.create(expiresIn="86400s")
    tenant.revoke(revoked["vaultId"])
    tenant.store.advance(timedelta(hours=2))
    assert "the secret is expired" == tenant.fill(late, b"x").json()["message"]
    assert "the secret is revoked" == tenant.fill(revoked, b"x").json()["message"]


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer nonsense", "Basic b3duZXI6"])
def test_without_a_known_token_nothing_is_answered(tenant: Tenant, header: str | None) -> None:
    """401 in grpc-gateway's form."""
    import httpx

    headers = {} if header is None else {"authorization": header}
    answer = httpx.get(f"{tenant.embedded.url}/api/v1/auth/introspect", headers=headers)
    assert (401, 16) == (answer.status_code, answer.json()["code"])


@pytest.mark.parametrize(("hidden", "status"), [(Hidden.NOT_FOUND, 404), (Hidden.FORBIDDEN, 403)])
def test_another_identity_sees_nothing(start: Callable[..., Tenant], hidden: Hidden, status: int) -> None:
    """Neither GET, content, revoke nor search; not even a recipient by the vault's ID."""
    tenant = start(hidden=hidden)
    made = tenant.create()
    for who in ("second", "ana"):
        assert status == tenant.as_(who).get(f"/api/v1/secrets/{made['vaultId']}").status_code
        assert status == tenant.fill(made, b"x", who=who).status_code
        assert status == tenant.revoke(made["vaultId"], who=who).status_code
        assert [] == tenant.mine(who)["list"]
    assert "SECRET_STATUS_ACTIVE" == tenant.get(made["vaultId"])["status"]


def test_an_administrator_sees_and_revokes_everything(tenant: Tenant) -> None:
    """GET on either path; revoke on the administrators' path only, and nobody else on that one."""
    vault_id = tenant.text()
    assert vault_id == tenant.get(vault_id, who="admin")["vaultId"]
    assert 404 == tenant.revoke(vault_id, who="admin").status_code
    path = f"/api/v1/secrets-admin/{vault_id}"
    assert 403 == tenant.owner.request("DELETE", path, json={}).status_code
    assert 200 == tenant.as_("admin").get(path).status_code
    assert 200 == tenant.as_("admin").request("DELETE", path, json={}).status_code
    assert "SECRET_STATUS_REVOKED" == tenant.get(vault_id)["status"]


def test_a_share_code_leads_to_the_vault(tenant: Tenant) -> None:
    """For its creator and its users, in either case of letters; for nobody else."""
    vault_id = tenant.text()
    code = tenant.get(vault_id)["shareCode"]
    for who in ("owner", "ana", "admin"):
        answer = tenant.as_(who).get(f"/api/v1/secrets/code/{code.lower()}")
        assert vault_id == answer.json()["secret"]["vaultId"]
    assert 404 == tenant.as_("bo").get(f"/api/v1/secrets/code/{code}").status_code
    assert 404 == tenant.owner.get("/api/v1/secrets/code/AAAA-BBBB-CCCC").status_code


@pytest.mark.parametrize(
    ("method", "path", "status"), [("GET", "/api/v2/x", 404), ("PUT", "/api/v1/secrets/x", 501)]
)
def test_unknown_calls_are_answered_as_grpc_gateway_does(
    tenant: Tenant, method: str, path: str, status: int
) -> None:
    """JSON with a code, like every other refusal."""
    answer = tenant.owner.request(method, path)
    assert status == answer.status_code
    assert {"code", "message", "details"} == answer.json().keys()


def test_sharing_that_is_switched_off(start: Callable[..., Tenant]) -> None:
    """Introspect names the module, and creating is refused."""
    tenant = start(module=False)
    assert ["MODULE_ID_SECRET_SHARING"] == tenant.owner.get("/api/v1/auth/introspect").json()[
        "disabledModules"
    ]
    answer = tenant.owner.post("/api/v1/secrets/internal", json=tenant.request())
    assert (403, 7) == (answer.status_code, answer.json()["code"])


def test_an_older_tenant_does_not_know_suites(start: Callable[..., Tenant]) -> None:
    """Without the newer fields in answers; a request that has one is refused, or its field ignored."""
    tenant = start(suites=Suites.OLDER)
    made = tenant.create()
    assert "ageSuite" not in made
    assert "ageSuite" not in made["secret"]
    body = tenant.request(requiredAgeSuite="AGE_SUITE_MLKEM768X25519")
    answer = tenant.owner.post("/api/v1/secrets/internal", json=body)
    assert (400, "the body: unknown field requiredAgeSuite") == (answer.status_code, answer.json()["message"])
    tenant.store.change(unknown_fields=Answer.IGNORE)
    answer = tenant.owner.post("/api/v1/secrets/internal", json=body)
    assert answer.json()["ageRecipient"].startswith("age1")
    assert not answer.json()["ageRecipient"].startswith("age1pq1")


def test_a_newer_tenant_grants_the_suite_that_is_required(tenant: Tenant) -> None:
    """The hybrid one by name, X25519 otherwise."""
    hybrid = tenant.create(requiredAgeSuite="AGE_SUITE_MLKEM768X25519")
    assert ("AGE_SUITE_MLKEM768X25519", "age1pq1") == (hybrid["ageSuite"], hybrid["ageRecipient"][:7])
    for asked in ("AGE_SUITE_X25519", "AGE_SUITE_UNSPECIFIED", ...):
        assert "AGE_SUITE_X25519" == tenant.create(requiredAgeSuite=asked)["ageSuite"]


def test_empty_fields_can_be_absent(start: Callable[..., Tenant]) -> None:
    """Protobuf's JSON may leave out what is empty; clients must read both."""
    made = start(empty_fields=Empty.ABSENT).create()
    assert not {"uploadUrl"} & made.keys()
    assert not {"shareUrl", "contentReady", "currentViews", "deletedAt"} & made["secret"].keys()
    assert "status" in made["secret"]


def test_a_long_display_name_is_cut(start: Callable[..., Tenant]) -> None:
    """Silently, so that a client must look at what comes back."""
    made = start(name_max=20).create(displayName="x" * 30)
    assert "x" * 20 == made["secret"]["displayName"]


def test_file_names_are_sanitized(tenant: Tenant) -> None:
    """No directories, no control characters, never empty."""
    names = ["../../etc/passwd", "C:\\a\\b.txt", "a\x00b?.bin", "..", ""]
    made = [tenant.create_file(b"x", filename=name)["secret"]["filename"] for name in names]
    assert ["passwd", "b.txt", "a_b_.bin", "file", "file"] == made


def test_audit_events_show_what_happened_and_only_to_the_creator(tenant: Tenant) -> None:
    """Time, type and actor, oldest first, in pages; another identity is told that there is no such secret."""
    vault_id = tenant.text(maxViews=1)
    tenant.view(vault_id)
    path, seen, token = "/api/v1/search/secrets/audit_events", [], ""
    while True:
        page = tenant.owner.post(path, json={"vaultId": vault_id, "pageSize": 2, "pageToken": token}).json()
        assert len(page["list"]) <= 2
        seen += [event["api"]["operation"] for event in page["list"]]
        if not (token := page["nextPageToken"]):
            break
    assert [f"paper_secret.{what}" for what in ("created", "content_set", "viewed", "burned")] == seen
    assert 404 == tenant.as_("second").post(path, json={"vaultId": vault_id}).status_code
    assert 400 == tenant.owner.post(path, json={}).status_code
    everything = tenant.as_("admin").post(
        "/api/v1/search/secrets-admin/audit_events", json={"actorUserId": ANA}
    )
    assert ["paper_secret.viewed"] == [event["api"]["operation"] for event in everything.json()["list"]]


def test_refusals_and_events_hold_no_content(tenant: Tenant) -> None:
    """The event log names vaults and people; it has neither plaintext, tokens nor upload links."""
    made = tenant.create_file(b"canary-plaintext", allowedUserIds=[ANA, BO])
    tenant.text(b"canary-plaintext")
    log = (tenant.store.directory / "events.jsonl").read_text()
    signature = made["uploadUrl"].rpartition("signature=")[2]
    for hidden in ("canary", signature, tenant.embedded.token.reveal_text()):
        assert hidden not in log
