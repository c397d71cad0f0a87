"""Sign-in: client credentials with a signed assertion, token exchange, and every way of getting them wrong."""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from reconciler.sandbox import identities
from tests.sandbox.conftest import Tenant

ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
JWT = "urn:ietf:params:oauth:token-type:jwt"


def encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def assertion(tenant: Tenant, who: str = "owner", **changes: Any) -> str:
    """Sign what a client would, changed: `header_…` in the header, the rest in the claims; None removes."""
    credential = tenant.embedded.endpoints.credentials[who]
    text = credential.client_secret.reveal_text().removeprefix("secret-token:conductorone.com:v1:")
    jwk = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    key = Ed25519PrivateKey.from_private_bytes(base64.urlsafe_b64decode(jwk["d"] + "="))
    now = tenant.store.now() // 1_000_000
    header: dict[str, Any] = {"alg": "EdDSA", "typ": "JWT", "nonce": secrets.token_hex(16)}
    claims: dict[str, Any] = {
        "iss": credential.client_id,
        "sub": credential.client_id,
        "aud": ["127.0.0.1"],
        "iat": now,
        "nbf": now - 120,
        "exp": now + 120,
    }
    for name, value in changes.items():
        part, name = (header, name[7:]) if name.startswith("header_") else (claims, name)
        part[name] = value
    parts = [{k: v for k, v in part.items() if v is not None} for part in (header, claims)]
    signed = ".".join(encode(json.dumps(part).encode()) for part in parts)
    return f"{signed}.{encode(key.sign(signed.encode()))}"


def form(tenant: Tenant, **changes: str) -> dict[str, str]:
    return {
        "client_id": tenant.embedded.endpoints.credentials["owner"].client_id,
        "grant_type": "client_credentials",
        "client_assertion_type": ASSERTION,
        "client_assertion": changes.pop("client_assertion", None) or assertion(tenant),
    } | changes


def ask(tenant: Tenant, data: dict[str, str], **more: Any) -> httpx.Response:
    return httpx.post(f"{tenant.embedded.url}/auth/v1/token", data=data, **more)


def user_of(tenant: Tenant, token: str) -> httpx.Response:
    return tenant.client(token).get("/api/v1/auth/introspect")


def test_client_credentials_give_a_token(tenant: Tenant) -> None:
    """For the identity that the credential belongs to."""
    answer = ask(tenant, form(tenant))
    assert (200, "Bearer", 3600) == (
        answer.status_code,
        answer.json()["token_type"],
        answer.json()["expires_in"],
    )
    token = answer.json()["access_token"]
    assert identities.caller("owner").user_id == user_of(tenant, token).json()["userId"]


WRONG_ASSERTIONS: dict[str, tuple[dict[str, Any], str]] = {
    "algorithm": ({"header_alg": "none"}, "the algorithm is not EdDSA"),
    "issuer": ({"iss": "someone"}, "issuer and subject are not the client"),
    "subject": ({"sub": "someone"}, "issuer and subject are not the client"),
    "audience": ({"aud": ["other.example"]}, "the audience is not this host"),
    "audience as text": ({"aud": "127.0.0.1"}, "the audience is not this host"),
    "expired": ({"exp": 1}, "it has expired"),
    "lives too long": ({"exp": 2**40}, "it lives too long"),
    "not yet": ({"nbf": 2**40}, "it is not valid yet"),
    "no time": ({"exp": None}, "a time is missing"),
    "no nonce": ({"header_nonce": None}, "the nonce is missing"),
    "short nonce": ({"header_nonce": "abc"}, "the nonce is missing"),
}


@pytest.mark.parametrize("case", WRONG_ASSERTIONS)
def test_a_wrong_assertion_is_refused(tenant: Tenant, case: str) -> None:
    """With OAuth's error for the caller and the reason in the record."""
    changes, reason = WRONG_ASSERTIONS[case]
    answer = ask(tenant, form(tenant, client_assertion=assertion(tenant, **changes)))
    assert (401, "invalid_client") == (answer.status_code, answer.json()["error"])
    assert [reason] == [event["why"] for event in tenant.events("sign_in_refused")]
    assert [] == tenant.events("token_issued")


def test_a_wrong_signature_is_refused(tenant: Tenant) -> None:
    """Another identity's key, a changed text, or no JWT at all."""
    good = assertion(tenant)
    for text in (assertion(tenant, "second"), good[:-4] + "AAAA", "a.b", "not a token"):
        assert 401 == ask(tenant, form(tenant, client_assertion=text)).status_code


def test_an_assertion_works_once(tenant: Tenant) -> None:
    """Its nonce is remembered."""
    data = form(tenant)
    assert [200, 401] == [ask(tenant, data).status_code, ask(tenant, data).status_code]


WRONG_FORMS: dict[str, dict[str, str]] = {
    "unknown client": {"client_id": "nobody@127.0.0.1/spc"},
    "other host": {"client_id": "owner@acme.conductor.one/spc"},
    "no suffix": {"client_id": "owner@127.0.0.1"},
    "grant": {"grant_type": "password"},
    "assertion type": {"client_assertion_type": "x"},
}


@pytest.mark.parametrize("case", WRONG_FORMS)
def test_a_wrong_form_is_refused(tenant: Tenant, case: str) -> None:
    """Unknown clients and other grants."""
    assert 401 == ask(tenant, form(tenant, **WRONG_FORMS[case])).status_code


def test_credentials_belong_in_a_form_body(tenant: Tenant) -> None:
    """Not in a header, not in JSON."""
    url = f"{tenant.embedded.url}/auth/v1/token"
    assert 401 == httpx.post(url, json=form(tenant)).status_code
    assert 401 == ask(tenant, form(tenant), headers={"authorization": "Basic eDp5"}).status_code


def exchange(tenant: Tenant, subject: str, **changes: str) -> httpx.Response:
    client = tenant.embedded.endpoints.credentials["robot"].client_id
    data = {"grant_type": EXCHANGE, "client_id": client, "subject_token": subject, "subject_token_type": JWT}
    return ask(tenant, data | changes)


def test_a_job_exchanges_its_token(tenant: Tenant) -> None:
    """The test issuer vouches for the job; the job acts as the identity."""
    answer = exchange(tenant, tenant.embedded.workload_token("robot").reveal_text())
    token = answer.json()["access_token"]
    assert identities.caller("robot").user_id == user_of(tenant, token).json()["userId"]


WRONG_JOBS: dict[str, dict[str, Any]] = {
    "audience": {"audience": "https://other.example"},
    "issuer": {"iss": "https://evil.example"},
    "subject": {"sub": "job:owner"},
    "expired": {"exp": 1},
}


@pytest.mark.parametrize("case", WRONG_JOBS)
def test_a_wrong_job_token_is_refused(tenant: Tenant, case: str) -> None:
    """Audience, issuer, subject and time are all looked at."""
    subject = tenant.embedded.workload_token("robot", **WRONG_JOBS[case]).reveal_text()
    assert 401 == exchange(tenant, subject).status_code


@pytest.mark.parametrize(("age", "status"), [(599, 200), (601, 401)])
def test_a_job_token_is_exchanged_for_ten_minutes(tenant: Tenant, age: int, status: int) -> None:
    """From its issue, however long it is valid: as C1's own documentation has it."""
    issued = tenant.store.now() // 1_000_000 - age
    subject = tenant.embedded.workload_token("robot", iat=issued, exp=issued + 3600).reveal_text()
    assert status == exchange(tenant, subject).status_code
    reasons = [event["why"] for event in tenant.events("sign_in_refused")]
    assert reasons == ([] if status == 200 else ["it was issued too long ago"])


def test_an_assertion_is_no_job_token(tenant: Tenant) -> None:
    """Signed by the wrong key; and the subject token's type must be said."""
    assert 401 == exchange(tenant, assertion(tenant, "robot")).status_code
    subject = tenant.embedded.workload_token("robot").reveal_text()
    assert 401 == exchange(tenant, subject, subject_token_type="x").status_code


def test_an_issued_token_expires_and_a_given_one_does_not(start: Callable[..., Tenant]) -> None:
    """By the sandbox's clock."""
    tenant = start(token_life=timedelta(seconds=2))
    answer = ask(tenant, form(tenant)).json()
    assert 2 == answer["expires_in"]
    assert 200 == user_of(tenant, answer["access_token"]).status_code
    tenant.store.advance(timedelta(seconds=2))
    assert 401 == user_of(tenant, answer["access_token"]).status_code
    assert 200 == tenant.owner.get("/api/v1/auth/introspect").status_code


def test_tokens_can_be_revoked(tenant: Tenant) -> None:
    """All of one identity's; the others keep theirs; a new sign-in gives a new one."""
    token = ask(tenant, form(tenant)).json()["access_token"]
    identities.revoke_tokens(tenant.store, "owner")
    assert 401 == user_of(tenant, token).status_code
    assert 401 == tenant.owner.get("/api/v1/auth/introspect").status_code
    assert 200 == tenant.as_("second").get("/api/v1/auth/introspect").status_code
    assert 200 == user_of(tenant, ask(tenant, form(tenant)).json()["access_token"]).status_code
