"""Which tenant: said by a flag or the environment, asserted by the manifest, never chosen by it."""

from __future__ import annotations

import pytest

from reconciler.auth import assert_tenant, resolve_server
from reconciler.auth.server import host_of, parse
from reconciler.errors import Mark, SignInError, UsageError

URL = "CONDUCTORONE_SERVER_URL"
DOMAIN = "CONDUCTORONE_TENANT_DOMAIN"
CLIENT = "clever-fox@client.conductor.one/pcc"


@pytest.mark.parametrize(
    ("flag", "env", "client_id", "url", "where"),
    [
        (
            "https://flag.example",
            {URL: "https://env.example", DOMAIN: "acme"},
            CLIENT,
            "https://flag.example",
            "--server",
        ),
        (None, {URL: "https://env.example", DOMAIN: "acme"}, CLIENT, "https://env.example", URL),
        (None, {URL: "", DOMAIN: "acme"}, CLIENT, "https://acme.conductor.one", DOMAIN),
        (None, {DOMAIN: "acme.conductorone.com"}, None, "https://acme.conductorone.com", DOMAIN),
        (None, {}, CLIENT, "https://client.conductor.one", "the client id"),
    ],
)
def test_who_says_first(
    flag: str | None, env: dict[str, str], client_id: str | None, url: str, where: str
) -> None:
    """The flag, the vendor's variables, then the host inside the client id."""
    server = resolve_server(flag=flag, env=env, client_id=client_id)
    assert (url, where) == (server.url, server.where)


def test_nobody_says() -> None:
    """An access token names no tenant."""
    with pytest.raises(SignInError, match="which tenant"):
        resolve_server(flag=None, env={}, client_id=None)


@pytest.mark.parametrize(
    ("text", "url", "host"),
    [
        ("acme.conductor.one", "https://acme.conductor.one", "acme.conductor.one"),
        (" https://acme.conductor.one/ ", "https://acme.conductor.one", "acme.conductor.one"),
        ("https://ACME.conductor.one:8443", "https://acme.conductor.one:8443", "acme.conductor.one"),
        ("acme.conductor.one:8443", "https://acme.conductor.one:8443", "acme.conductor.one"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080", "127.0.0.1"),
        ("http://localhost:8080/", "http://localhost:8080", "localhost"),
        ("http://[::1]:8080", "http://[::1]:8080", "::1"),
    ],
)
def test_an_origin(text: str, url: str, host: str) -> None:
    """https, or plain http on this machine; the audience's host has no port."""
    server = parse(text, where="--server")
    assert (url, host) == (server.url, server.host)


@pytest.mark.parametrize(
    "text",
    [
        "http://acme.conductor.one",
        "http://127.0.0.1.example",
        "https://acme.conductor.one/api",
        "https://acme.conductor.one/?x=canary",
        "https://acme.conductor.one/#canary",
        "https://canary:pw@acme.conductor.one",
        "https://canary@acme.conductor.one",
        "acme.conductor.one@canary.example",
        "ftp://acme.conductor.one",
        "https://",
        "https://[canary",
        "https://a b",
        "https://acme..one",
        "https://-acme.one",
        "https://acme:port",
        "https://acme:99999",
        "file:///canary",
        "\x00",
        "a" * 300,
    ],
)
def test_not_an_origin(text: str) -> None:
    """Refused with what was expected; nothing of it is quoted."""
    with pytest.raises(UsageError) as caught:
        parse(text, where="--server")
    assert "--server" in caught.value.detail
    assert "canary" not in f"{caught.value.detail}{caught.value.hint}{caught.value.__context__!r}"


@pytest.mark.parametrize("client_id", ["", "x", "a@b", "@b/c", "a@/c", "a@b@c/d", "a@b c/d", "a@b/c\n"])
def test_not_a_client_id(client_id: str) -> None:
    """NAME@HOST/SUFFIX and nothing else."""
    with pytest.raises(SignInError):
        host_of(client_id)


@pytest.mark.parametrize(
    ("host", "tenant", "agree"),
    [
        ("acme.conductor.one", "acme", True),
        ("acme.conductor.one", "ACME", True),
        ("acme.conductorone.com", "acme", True),
        ("acme.conductor.one", "acme.conductor.one", True),
        ("acme.conductor.one", None, True),
        ("acme.conductor.one", "other", False),
        ("acme.evil.example", "acme", False),
        ("acme.conductor.one.evil.example", "acme", False),
        ("127.0.0.1", "acme", False),
    ],
)
def test_the_manifest_only_asserts(host: str, tenant: str | None, agree: bool) -> None:
    """Agreement changes nothing; disagreement stops, at the manifest's line."""
    server = parse(host, where="--server")
    mark = Mark(file="prod.yaml", line=4, column=11)
    if agree:
        assert_tenant(server, tenant, mark)
        return
    with pytest.raises(SignInError, match=r"^prod\.yaml:4:11: ") as caught:
        assert_tenant(server, tenant, mark)
    assert host in caught.value.detail


@pytest.mark.parametrize(
    "where", ["flag", "RECONCILER_SERVER", "CONDUCTORONE_SERVER_URL", "CONDUCTORONE_TENANT_DOMAIN"]
)
def test_a_tenant_may_be_named_by_a_word_wherever_it_is_named(where: str) -> None:
    """`acme` is the tenant's, not a machine of that name in this network."""
    env = {} if where == "flag" else {where: "acme"}
    server = resolve_server(flag="acme" if where == "flag" else None, env=env, client_id=None)
    assert "https://acme.conductor.one" == server.url
