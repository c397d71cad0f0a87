"""File content on the second listener: capability links, whole and valid files only, nothing but the file."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import httpx
import pyrage
import pytest

from reconciler.sandbox.settings import Answer
from tests.sandbox.conftest import ANA, OCTETS, Tenant, seal


def put(made: dict[str, Any], sealed: bytes, **headers: str) -> httpx.Response:
    return httpx.put(made["uploadUrl"], content=sealed, headers=OCTETS | headers)


@pytest.mark.parametrize("size", [1, 65_535, 65_536, 65_537, 200_000])
def test_a_file_comes_back_byte_for_byte(tenant: Tenant, size: int) -> None:
    """Whatever its size is to the 64 KiB of a chunk."""
    content = bytes(range(256)) * (size // 256 + 1)
    vault_id = tenant.file(content[:size])
    assert content[:size] == tenant.peek(vault_id)
    secret = tenant.get(vault_id)
    assert (True, str(size)) == (secret["contentReady"], secret["fileSize"])


def test_uploads_go_to_another_origin_than_the_api(tenant: Tenant) -> None:
    """As with the real tenant, so that a token sent there would be seen."""
    made = tenant.create_file(b"x")
    assert made["uploadUrl"].startswith(f"{tenant.embedded.upload_url}/upload/")
    assert urlsplit(tenant.embedded.url).port != urlsplit(tenant.embedded.upload_url).port
    assert "" == tenant.create()["uploadUrl"]


@pytest.mark.parametrize("header", ["authorization", "cookie"])
def test_credentials_at_the_upload_host_are_refused_and_recorded(tenant: Tenant, header: str) -> None:
    """A client that sends its token to a foreign host has leaked it."""
    made = tenant.create_file(b"x")
    answer = put(made, seal(b"x", made["ageRecipient"]), **{header: "anything"})
    assert 400 == answer.status_code
    assert [f"{header} sent to the upload host"] == [event["what"] for event in tenant.events("violation")]
    assert tenant.get(made["vaultId"])["contentReady"] is False


BAD_FILES: dict[str, tuple[Callable[[dict[str, Any]], bytes], str]] = {
    "not age": (lambda _: b"plain", "does not begin with the age header"),
    "empty": (lambda _: b"", "ends within the header"),
    "another recipient": (
        lambda _: seal(b"12345", str(pyrage.x25519.Identity.generate().to_public())),
        "encrypted to another recipient",
    ),
    "further recipient": (
        lambda made: pyrage.encrypt(
            b"12345",
            [
                pyrage.x25519.Recipient.from_str(made["ageRecipient"]),
                pyrage.x25519.Identity.generate().to_public(),
            ],
        ),
        "encrypted to further recipients",
    ),
    "shorter than declared": (lambda made: seal(b"1234", made["ageRecipient"]), "not the declared fileSize"),
    "longer than declared": (lambda made: seal(b"123456", made["ageRecipient"]), "not the declared fileSize"),
    "damaged": (lambda made: seal(b"12345", made["ageRecipient"])[:-1] + b"\x00", "payload is damaged"),
    "armored": (
        lambda made: pyrage.encrypt(
            b"12345", [pyrage.x25519.Recipient.from_str(made["ageRecipient"])], armored=True
        ),
        "does not begin with the age header",
    ),
}


@pytest.mark.parametrize("case", BAD_FILES)
def test_a_file_that_is_not_what_was_declared_is_refused(tenant: Tenant, case: str) -> None:
    """It never makes the vault ready and leaves nothing behind."""
    made = tenant.create_file(b"12345")
    make, message = BAD_FILES[case]
    answer = put(made, make(made))
    assert 400 == answer.status_code
    assert message in answer.text
    assert tenant.get(made["vaultId"])["contentReady"] is False
    assert [] == list((tenant.store.directory / "contents").iterdir())
    assert 1 == len(tenant.events("upload_refused"))


def test_storage_that_takes_anything_is_never_ready(start: Callable[..., Tenant]) -> None:
    """The other way a host may answer: 200, and nothing comes of it."""
    tenant = start(bad_upload=Answer.ACCEPT)
    made = tenant.create_file(b"12345")
    assert 200 == put(made, b"plain").status_code
    assert tenant.get(made["vaultId"])["contentReady"] is False


def test_readiness_can_lag(start: Callable[..., Tenant]) -> None:
    """The vault says so only some time after the upload."""
    tenant = start(ready_lag=timedelta(seconds=5))
    vault_id = tenant.file(b"x")
    assert tenant.get(vault_id)["contentReady"] is False
    tenant.store.advance(timedelta(seconds=6))
    assert tenant.get(vault_id)["contentReady"] is True


def test_a_length_must_be_declared(tenant: Tenant) -> None:
    """Chunked bodies are refused with 411, as presigned storage does."""
    made = tenant.create_file(b"x")
    sealed = seal(b"x", made["ageRecipient"])

    def pieces() -> Iterator[bytes]:
        yield sealed

    answer = httpx.put(made["uploadUrl"], content=pieces(), headers=OCTETS)
    assert 411 == answer.status_code
    assert tenant.get(made["vaultId"])["contentReady"] is False


def test_the_type_must_be_octets_and_the_size_within_the_limit(tenant: Tenant) -> None:
    """Both are looked at before the body is read."""
    made = tenant.create_file(b"x")
    sealed = seal(b"x", made["ageRecipient"])
    assert 400 == httpx.put(made["uploadUrl"], content=sealed).status_code
    lines = [
        "PUT {path} HTTP/1.1",
        "Host: {host}",
        "Content-Type: application/octet-stream",
        f"Content-Length: {2**31}",
    ]
    assert b" 413 " in raw(made, "\r\n".join(lines) + "\r\n\r\n").splitlines()[0]


def raw(made: dict[str, Any], request: str, body: bytes = b"", *, answer: bool = True) -> bytes:
    """Send bytes as they are, hang up or read the answer."""
    url = urlsplit(made["uploadUrl"])
    text = request.format(path=f"{url.path}?{url.query}", host=url.netloc)
    with socket.create_connection((url.hostname, url.port), timeout=5) as connection:
        connection.sendall(text.encode() + body)
        return connection.recv(65536) if answer else b""


def test_a_body_that_is_cut_off_leaves_the_vault_not_ready(tenant: Tenant) -> None:
    """The client hangs up in the middle; the link still works afterwards."""
    content = b"x" * 300_000
    made = tenant.create_file(content)
    sealed = seal(content, made["ageRecipient"])
    lines = [
        "PUT {path} HTTP/1.1",
        "Host: {host}",
        "Content-Type: application/octet-stream",
        f"Content-Length: {len(sealed)}",
    ]
    raw(made, "\r\n".join(lines) + "\r\n\r\n", sealed[:150_000], answer=False)
    wait_for(lambda: tenant.events("upload_cut"))
    assert tenant.get(made["vaultId"])["contentReady"] is False
    assert [] == list((tenant.store.directory / "contents").iterdir())
    assert 200 == put(made, sealed).status_code
    assert content == tenant.peek(made["vaultId"])


def wait_for(condition: Callable[[], object]) -> None:
    import threading

    for _ in range(500):
        if condition():
            return
        threading.Event().wait(0.01)
    raise AssertionError("it did not happen")


def test_a_second_upload_replaces_the_first(tenant: Tenant) -> None:
    """And the record tells the second from the first."""
    made = tenant.create_file(b"one")
    for content in (b"one", b"two"):
        assert 200 == put(made, seal(content, made["ageRecipient"])).status_code
    assert b"two" == tenant.peek(made["vaultId"])
    assert [False, True] == [event["again"] for event in tenant.events("content_set")]


def test_a_link_works_for_its_time_and_its_vault_only(start: Callable[..., Tenant]) -> None:
    """A wrong signature, another vault's, an expired link, an ended vault: 403 before any body is read."""
    tenant = start(upload_life=timedelta(minutes=15))
    one, two = tenant.create_file(b"x"), tenant.create_file(b"x")
    signature = two["uploadUrl"].rpartition("=")[2]
    forged = one | {"uploadUrl": one["uploadUrl"].rpartition("=")[0] + "=" + signature}
    sealed = seal(b"x", one["ageRecipient"])
    assert 403 == put(forged, sealed).status_code
    tenant.revoke(two["vaultId"])
    assert 403 == put(two, seal(b"x", two["ageRecipient"])).status_code
    tenant.store.advance(timedelta(minutes=15))
    assert 403 == put(one, sealed).status_code
    assert tenant.get(one["vaultId"])["contentReady"] is False


def test_a_text_secret_has_no_upload(tenant: Tenant) -> None:
    """Not even with an empty signature."""
    made = tenant.create()
    url = f"{tenant.embedded.upload_url}/upload/{made['vaultId']}?signature="
    assert 403 == put({"uploadUrl": url}, b"x").status_code


def test_a_revoke_during_the_upload_wins(tenant: Tenant) -> None:
    """What arrives for a vault that ended meanwhile is thrown away."""
    content = b"x" * 100_000
    made = tenant.create_file(content)
    sealed = seal(content, made["ageRecipient"])

    def pieces() -> Iterator[bytes]:
        yield sealed[:50_000]
        tenant.revoke(made["vaultId"])
        yield sealed[50_000:]

    headers = OCTETS | {"content-length": str(len(sealed))}
    assert 403 == httpx.put(made["uploadUrl"], content=pieces(), headers=headers).status_code
    assert [] == list((tenant.store.directory / "contents").iterdir())


def test_nothing_else_is_at_the_upload_host(tenant: Tenant) -> None:
    """Neither the API nor a listing; errors are XML, as of a storage service."""
    for method, path in (("GET", "/api/v1/auth/introspect"), ("GET", "/"), ("POST", f"/upload/{ANA}")):
        answer = httpx.request(method, tenant.embedded.upload_url + path)
        assert answer.status_code in (404, 405)
        assert answer.text.startswith("<?xml")
