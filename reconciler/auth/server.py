"""Which tenant a run talks to. Nothing in the repository under review selects it: a manifest only asserts."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import httpx

from reconciler.auth.interface import HINT, wrong_shape
from reconciler.errors import Mark, SignInError, UsageError
from reconciler.http.urls import is_loopback
from reconciler.model.envvars import CLIENT_ID, RECONCILER_SERVER, SERVER_URL, TENANT_DOMAIN

_DOMAIN: Final = "conductor.one"
_VENDOR_DOMAINS: Final = ("conductor.one", "conductorone.com")
_LABEL: Final = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_HOST: Final = re.compile(rf"(?:{_LABEL}\.)*{_LABEL}\Z|\[[0-9a-fA-F:.]{{2,45}}\]\Z")
_CLIENT_ID: Final = re.compile(r"(?=[!-~]+\Z)[^@/]+@(?P<host>[^@/]+)/[^@]+\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A tenant's API. `url` is an origin without a path; `host` is without its port; `where` is what said so."""

    url: str
    host: str
    where: str

    @property
    def name(self) -> str:
        """What a state calls the tenant: host and port, without the scheme."""
        return self.url.partition("://")[2]


def resolve_server(*, flag: str | None, env: Mapping[str, str], client_id: str | None) -> Server:
    """Return the tenant: `--server`, the environment, else the host inside the client id.

    Raises UsageError where one of them is malformed, SignInError where none says.
    """
    if flag:
        return server_named(flag, where="--server")
    for name in (RECONCILER_SERVER, SERVER_URL):
        if url := env.get(name, ""):
            return server_named(url, where=name)
    if domain := env.get(TENANT_DOMAIN, ""):
        return server_named(domain, where=TENANT_DOMAIN)
    if client_id:
        return parse(host_of(client_id), where="the client id")
    raise SignInError(
        "nothing says which tenant this is",
        hint=f"pass --server https://TENANT.{_DOMAIN}, or set {TENANT_DOMAIN}=TENANT or {CLIENT_ID}",
    )


def server_named(text: str, *, where: str) -> Server:
    """Read a tenant as people name it: its address, or the first word of that alone (`acme`)."""
    tenant = text.strip()
    is_word = re.fullmatch(_LABEL, tenant) is not None and not is_loopback(tenant)
    return parse(f"{tenant}.{_DOMAIN}" if is_word else text, where=where)


def parse(text: str, *, where: str) -> Server:
    """Read a tenant's address: `https://host[:port]` or `host[:port]`; raises UsageError, quoting nothing."""
    expected = f"https://TENANT.{_DOMAIN}: no path, user or query; plain http only on this machine"
    wrong = UsageError(f"{where} is not a tenant's address", expected=expected)
    try:
        url = httpx.URL(text.strip() if "://" in text else f"https://{text.strip()}")
        port = url.port
    except (httpx.InvalidURL, ValueError):
        raise wrong from None
    host = url.host
    literal = f"[{host}]" if ":" in host else host
    if not _HOST.match(literal) or url.userinfo or url.query or url.fragment or url.path not in ("", "/"):
        raise wrong
    if port is not None and not 0 < port < 65536:
        raise wrong
    if url.scheme != "https" and not (url.scheme == "http" and is_loopback(host)):
        raise wrong
    return Server(url=f"{url.scheme}://{literal}{f':{port}' if port else ''}", host=host, where=where)


def host_of(client_id: str, name: str = "the client id") -> str:
    """Return the host inside a client id (`name@host/suffix`); raises SignInError, quoting nothing of it.

    `name` is where the client id was.
    """
    match = _CLIENT_ID.match(client_id)
    if match is None:
        raise wrong_shape(name, "NAME@TENANT.conductor.one/SUFFIX, as C1 shows it")
    return match["host"]


def assert_tenant(server: Server, tenant: str | None, mark: Mark | None) -> None:
    """Stop unless `server` is the tenant that the manifest asserts; None asserts nothing."""
    if tenant is None:
        return
    wanted = tenant.casefold()
    names = {wanted} if "." in wanted else {f"{wanted}.{domain}" for domain in _VENDOR_DOMAINS}
    if server.host.casefold() in names:
        return
    place = f"{mark}: " if mark else ""
    raise SignInError(
        f"{place}the manifest is for the tenant {tenant}, but {server.where} leads to {server.host}",
        hint=f"use that tenant's credential or --server, or correct `target`; {HINT}",
    )
