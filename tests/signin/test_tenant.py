"""Which tenant, and the way there: what a manifest may say, private authorities, proxies, never less than TLS."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from reconciler.sandbox.serve import Embedded
from tests.signin.front import Served, answering, gateway, proxy
from tests.signin.machine import ACCESS, ID, OIDC, SERVER, Machine, credential
from tests.support.certificates import Authority

HERE = "127.0.0.2"
"""Loopback too, but not an address that is always asked directly: what is said of proxies holds for it."""


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "authority")


@contextmanager
def secured(tenant: Embedded, machine: Machine, authority: Authority, **how: bool) -> Iterator[Served]:
    """Put TLS before the tenant; the client's ID alone says where that is."""
    with gateway(tenant.url, tls=authority.server(name=HERE, **how), host=HERE) as front:
        machine.set(**credential(tenant, host=front.authority))
        machine.manifest()
        yield front


@pytest.mark.parametrize("how", ["option", "variable"])
def test_a_private_authority_is_trusted_when_it_is_named(
    machine: Machine, tenant: Embedded, authority: Authority, how: str
) -> None:
    """By `--ca-file` or SSL_CERT_FILE; then everything goes over TLS, from sign-in to plan."""
    with secured(tenant, machine, authority) as front:
        options = ["--ca-file", authority.file] if how == "option" else []
        if how == "variable":
            machine.set(SSL_CERT_FILE=authority.file)
        machine.done(*options, "auth", "status")
        machine.done(*options, "apply", "--auto-approve")
        assert "POST /auth/v1/token" in front.asked
        assert "POST /api/v1/secrets/internal" in front.asked


def test_the_option_comes_before_the_variable(
    machine: Machine, tenant: Embedded, authority: Authority, tmp_path: Path
) -> None:
    """What is named for this run wins over what the machine says."""
    machine.set(SSL_CERT_FILE=Authority(tmp_path / "other").file)
    with secured(tenant, machine, authority):
        machine.done("--ca-file", authority.file, "auth", "status")
        assert 1 == machine.run("plan").code


@pytest.mark.parametrize(
    ("trusted", "expired", "says"),
    [
        (False, False, "unable to get local issuer certificate"),
        (True, True, "certificate has expired"),
    ],
    ids=["unknown authority", "expired"],
)
def test_a_certificate_that_is_not_valid_is_never_accepted(
    machine: Machine, tenant: Embedded, authority: Authority, trusted: bool, expired: bool, says: str
) -> None:
    """Nothing is sent, it is not tried again, and the way out is named. No option relaxes it."""
    with secured(tenant, machine, authority, expired=expired) as front:
        options = ["--ca-file", authority.file] if trusted else []
        ran = machine.run(*options, "plan")
        status = machine.run(*options, "auth", "status")
        assert (1, 4, []) == (ran.code, status.code, front.asked)
    assert says in ran.err
    assert says in status.out
    assert "--ca-file" in ran.err


def test_a_certificate_of_another_host_is_never_accepted(
    machine: Machine, tenant: Embedded, authority: Authority
) -> None:
    """Even from a trusted authority."""
    with gateway(tenant.url, tls=authority.server(name="127.0.0.3"), host=HERE) as front:
        machine.set(**credential(tenant, host=front.authority))
        ran = machine.run("--ca-file", authority.file, "auth", "status")
        assert (4, []) == (ran.code, front.asked)
        assert "certificate is not valid" in ran.out


@pytest.mark.parametrize("name", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY"])
def test_a_proxy_is_used_and_sees_no_token(
    machine: Machine, tenant: Embedded, authority: Authority, name: str
) -> None:
    """It tunnels TLS: it learns the host and nothing else, and the tenant's name need not resolve here."""
    with secured(tenant, machine, authority) as front, proxy() as between:
        machine.set(SSL_CERT_FILE=authority.file, **{name: between.url})
        machine.apply()
        assert {f"CONNECT {front.authority}"} == set(between.asked)
        assert not any("authorization" in headers for headers in between.headers)


@pytest.mark.parametrize("name", ["HTTPS_PROXY", "ALL_PROXY"])
def test_a_proxy_behind_tls_is_trusted_as_the_tenant_is(
    machine: Machine, tenant: Embedded, authority: Authority, tmp_path: Path, name: str
) -> None:
    """`--ca-file` holds for it too, NO_PROXY as well; and no key of any connection is written down."""
    keys = tmp_path / "keys"
    context = authority.server(name="127.0.0.1")
    with secured(tenant, machine, authority) as front, proxy(tls=context) as between:
        machine.set(SSLKEYLOGFILE=str(keys), **{name: between.url})
        machine.done("--ca-file", authority.file, "auth", "status")
        assert {f"CONNECT {front.authority}"} == set(between.asked)
        between.asked.clear()
        for direct in (HERE, "*"):
            machine.set(NO_PROXY=direct)
            machine.done("--ca-file", authority.file, "auth", "status")
        assert [] == between.asked
    assert not keys.exists()


def test_a_proxy_of_an_unknown_authority_is_not_used(
    machine: Machine, tenant: Embedded, authority: Authority, tmp_path: Path
) -> None:
    """Not even its CONNECT is sent."""
    context = Authority(tmp_path / "other").server(name="127.0.0.1")
    with secured(tenant, machine, authority), proxy(tls=context) as between:
        machine.set(HTTPS_PROXY=between.url)
        ran = machine.run("--ca-file", authority.file, "plan")
        assert (1, []) == (ran.code, between.asked)
    assert "certificate is not valid" in ran.err


def test_a_tenant_that_only_the_proxy_can_reach(
    machine: Machine, tenant: Embedded, authority: Authority
) -> None:
    """192.0.2.1 is nobody's address: the proxy knows where that is."""
    context = authority.server(name="192.0.2.1")
    with gateway(tenant.url, tls=context) as front, proxy(leads_to=front.authority) as between:
        machine.set(SSL_CERT_FILE=authority.file, HTTPS_PROXY=between.url)
        machine.set(**credential(tenant, host="192.0.2.1"))
        machine.done("auth", "status")
        assert {"CONNECT 192.0.2.1:443"} == set(between.asked)


def test_no_proxy_names_what_is_asked_directly(
    machine: Machine, tenant: Embedded, authority: Authority
) -> None:
    """The proxy sees nothing of it."""
    with secured(tenant, machine, authority), proxy() as between:
        machine.set(SSL_CERT_FILE=authority.file, HTTPS_PROXY=between.url, NO_PROXY=HERE)
        machine.done("auth", "status")
        assert [] == between.asked


def test_loopback_is_never_asked_through_a_proxy(machine: Machine, tenant: Embedded) -> None:
    """Plain http on this machine stays on this machine."""
    with proxy() as between:
        machine.set(HTTPS_PROXY=between.url, HTTP_PROXY=between.url, ALL_PROXY=between.url)
        machine.sign_in_as(tenant)
        machine.manifest()
        machine.apply()
        assert [] == between.asked


@pytest.mark.parametrize(
    ("asserted", "code"), [("127.0.0.1", 0), ("acme", 4), ("acme.conductor.one", 4), ("127.0.0.2", 4)]
)
def test_a_manifest_asserts_its_tenant_and_never_selects_it(
    machine: Machine, tenant: Embedded, asserted: str, code: int
) -> None:
    """A mismatch stops before any request, names the manifest's line and what led elsewhere."""
    with gateway(tenant.url) as front:
        machine.sign_in_as(tenant, url=front.url)
        machine.manifest(head=f"target: {{tenant: {asserted}}}\n")
        for command in (("plan",), ("apply", "--auto-approve"), ("destroy", "--auto-approve")):
            ran = machine.run(*command)
            assert code == ran.code, ran.said
            if code:
                assert f"reconciler.yaml:3:18: the manifest is for the tenant {asserted}," in ran.err
                assert f"{SERVER} leads to 127.0.0.1" in ran.err
                assert [] == front.asked


def test_a_manifest_alone_leads_nowhere(machine: Machine, tenant: Embedded) -> None:
    """Who can write to the repository cannot send the token to a tenant of their own."""
    machine.set(**{ACCESS: tenant.tokens["owner"].reveal_text()})
    with answering(lambda: (200, b"{}")) as elsewhere:
        machine.manifest(head=f"target: {{tenant: {elsewhere.host}}}\n")
        ran = machine.run("plan")
        assert (4, []) == (ran.code, elsewhere.asked)
    assert "nothing says which tenant this is" in ran.err


def test_a_credential_and_a_server_that_differ_is_the_tenants_to_refuse(
    machine: Machine, tenant: Embedded
) -> None:
    """`--server` selects; a client of another tenant is refused there, and its secret never leaves."""
    machine.set(**credential(tenant, host="acme.conductor.one"))
    ran = machine.run("--server", tenant.url, "auth", "status")
    assert 4 == ran.code
    assert "did not sign us in (401)" in ran.out


def test_a_server_that_is_not_c1_is_said_to_be_none(machine: Machine, tenant: Embedded) -> None:
    """A captive portal or a wrong address: an error that asks for the address, never a traceback."""
    with answering(lambda: (200, b"<html>hello</html>"), "text/html") as portal:
        machine.set(**{SERVER: portal.url, ID: "owner@acme.conductor.one/spc", OIDC: "a.b.c"})
        ran = machine.run("auth", "status")
    assert 4 == ran.code
    assert "Problem:        signing in at 127.0.0.1: the answer was not JSON" in ran.out
