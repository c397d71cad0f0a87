"""Where a request may go: over TLS, or to this machine; an upload also not to what only this machine can reach.

What is judged comes from a tenant's answer or a person; it may be a capability, so nothing of it is quoted.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from typing import Final

import httpx

_HOST: Final = re.compile(r"[A-Za-z0-9._-]{1,253}\Z|[0-9A-Fa-f:.]{2,45}\Z")


def is_loopback(host: str) -> bool:
    """Whether a host is this machine: `localhost` or a loopback address, no name resolving to one."""
    if host.casefold() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _is_near(host: str) -> bool:
    """Whether a host leads to this machine, or to what answers on its own link, however it is spelt.

    A resolver takes more than `is_loopback` does: fewer parts, other bases, a final dot, an address in another.
    """
    name = host.strip("[]").rstrip(".").casefold()
    if name == "localhost" or name.endswith(".localhost"):
        return True
    address: ipaddress.IPv4Address | ipaddress.IPv6Address
    try:
        address = ipaddress.IPv4Address(socket.inet_aton(name))
    except OSError:
        try:
            address = ipaddress.IPv6Address(name)
        except ValueError:
            return False
        address = address.ipv4_mapped or address
    return address.is_loopback or address.is_unspecified or address.is_link_local


def check_url(text: str, *, local: bool = True) -> str | None:
    """Return why a request may not go to this URL, or None when it may. Quotes nothing of it.

    Without `local` it may not go to this machine either, which trusts its own, nor to its link, where a cloud
    tells a machine its secrets (169.254.169.254). Private networks may hold the storage.
    """
    try:
        url = httpx.URL(text)
    except (httpx.InvalidURL, ValueError):
        return "it is not a URL"
    if not _HOST.match(url.host) or not 0 < (url.port or 443) < 65536:
        return "it names no host"
    if url.userinfo:
        return "it holds a user name"
    if not local and _is_near(url.host):
        return "it is this machine"
    if url.scheme == "https" or (url.scheme == "http" and is_loopback(url.host)):
        return None
    return "it is not https"
