"""The steps of the vendor's public client: `cone login`, then `cone whoami`, and this program with what it keeps."""

from __future__ import annotations

import os
import ssl
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from reconciler.sandbox import directory, openapi
from reconciler.sandbox.serve import Embedded
from tests.sandbox.conftest import ANA, Tenant

CLIENT: Final = "2RGdOS94VDferT9e80mdgntl36K"
"""What `cone` calls itself."""
GRANT: Final = "urn:ietf:params:oauth:grant-type:device_code"


def begun(client: httpx.Client) -> dict[str, Any]:
    answer = client.post("/auth/v1/device_authorization", data={"client_id": CLIENT})
    assert 200 == answer.status_code, answer.text
    return answer.json()


def polled(client: httpx.Client, device: dict[str, Any], **changes: str) -> httpx.Response:
    form = {"client_id": CLIENT, "device_code": device["device_code"], "grant_type": GRANT}
    return client.post("/auth/v1/token", data=form | changes)


def approved(client: httpx.Client, device: dict[str, Any], name: str = "ana") -> httpx.Response:
    return client.post("/device", data={"user_code": device["user_code"], "identity": name})


@pytest.fixture
def client(tenant: Tenant) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=tenant.embedded.url) as opened:
        yield opened


def test_a_device_waits_for_its_user_and_keeps_a_client(client: httpx.Client, tenant: Tenant) -> None:
    """Code, page, token, personal client: each answer has the fields that the client reads, and nothing twice."""
    device = begun(client)
    assert {
        "device_code",
        "user_code",
        "verification_uri_complete",
        "expires_in",
        "interval",
    } <= device.keys()
    pending = polled(client, device)
    assert (400, "authorization_pending") == (pending.status_code, pending.json()["error"])
    page = httpx.get(device["verification_uri_complete"])
    assert f'value="{device["user_code"]}"' in page.text
    assert 200 == approved(client, device).status_code
    token = polled(client, device)
    assert {"access_token", "token_type", "expires_in"} == token.json().keys()
    assert "invalid_grant" == polled(client, device).json()["error"], "a code works once"
    made = tenant.client(token.json()["access_token"]).post(
        "/api/v1/iam/personal_clients", json={"display_name": "Created by Cone"}
    )
    assert made.json()["client"]["clientId"] == f"ana@{tenant.embedded.endpoints.host}/pcc"
    assert made.json()["clientSecret"].startswith("secret-token:conductorone.com:v1:")
    assert 401 == client.post("/api/v1/iam/personal_clients", json={}).status_code
    assert 400 == tenant.owner.post("/api/v1/iam/personal_clients", json={"roles": []}).status_code
    assert [] == tenant.events("sign_in_refused", "violation")


def test_a_code_that_is_wrong_or_old_gives_nothing(client: httpx.Client, tenant: Tenant) -> None:
    """Another client's, an unknown one, one that waited too long; a page without a device."""
    device = begun(client)
    assert 400 == approved(client, device, "nobody").status_code
    assert 400 == approved(client, {"user_code": "XXXX-XXXX-XXXX"}).status_code
    assert 200 == approved(client, device).status_code
    assert "invalid_grant" == polled(client, device, client_id="another").json()["error"]
    assert "invalid_grant" == polled(client, device, device_code="").json()["error"]
    tenant.store.advance(timedelta(minutes=10))
    assert "expired_token" == polled(client, device).json()["error"]
    assert 400 == approved(client, device).status_code
    assert 400 == client.post("/auth/v1/device_authorization", data={}).status_code
    assert [] == tenant.events("token_issued")


def test_the_page_shows_a_code_as_text(client: httpx.Client) -> None:
    """Whatever a link says that the code is; and it may be framed by nobody."""
    page = client.get("/device", params={"user_code": '"><script>alert(1)</script>'})
    assert "<script>" not in page.text
    assert "frame-ancestors 'none'" in page.headers["content-security-policy"]


def test_whoami_finds_its_user(tenant: Tenant) -> None:
    """`introspect`, then the user of that ID, in the shape that search answers with."""
    who = tenant.as_("ana").get("/api/v1/auth/introspect").json()["userId"]
    assert ANA == who
    answer = tenant.as_("ana").get(f"/api/v1/users/{who}").json()
    assert {"userView", "expanded"} == answer.keys()
    assert "ana@example.com" == answer["userView"]["user"]["email"]
    assert [] == openapi.problems("UserView", answer["userView"])
    directory.set_status(tenant.store, who, "DELETED")
    for path in (who, "nobody"):
        assert 404 == tenant.owner.get(f"/api/v1/users/{path}").status_code
    assert 401 == httpx.get(f"{tenant.embedded.url}/api/v1/users/{who}").status_code


def test_this_program_works_with_what_cone_login_keeps(tmp_path: Path) -> None:
    """Over TLS, as cone knows nothing else: the profile that it writes signs in here, its host from the ID."""
    with Embedded(tmp_path / "s", secure=True) as tenant:
        authority = str(tenant.endpoints.authority)
        with httpx.Client(base_url=tenant.url, verify=ssl.create_default_context(cafile=authority)) as client:
            device = begun(client)
            assert device["verification_uri_complete"].startswith(f"{tenant.url}/device?user_code=")
            approved(client, device, "bo")
            token = polled(client, device).json()["access_token"]
            made = client.post(
                "/api/v1/iam/personal_clients",
                json={"display_name": "Created by Cone"},
                headers={"authorization": f"Bearer {token}"},
            ).json()
        file = tmp_path / "home" / ".conductorone" / "config.yaml"
        file.parent.mkdir(parents=True)
        file.write_text(
            "profiles:\n    work:\n        eu:\n"
            f"            client-id: {made['client']['clientId']}\n            client-secret: {made['clientSecret']}\n"
        )
        done = subprocess.run(
            [sys.executable, "-m", "reconciler", "--json", "auth", "status"],
            cwd=tmp_path,
            env={
                "PATH": os.environ["PATH"],
                "HOME": str(tmp_path / "home"),
                "CONE_PROFILE": "work.eu",
                "SSL_CERT_FILE": authority,
            },
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert 0 == done.returncode, done.stderr
    assert '"email": "bo@example.com"' in done.stdout
