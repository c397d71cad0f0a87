"""What every way of signing in offers: an access token, and another one when the first was refused."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final, Protocol, TypeAlias

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from reconciler.errors import SignInError
from reconciler.sensitive import Sensitive

HINT: Final = "`reconciler auth status` shows what was found and where"


class CredentialSource(Protocol):
    """Access tokens for one tenant. Kept in memory only."""

    async def token(self) -> Sensitive:
        """Return a token that is good now; raises SignInError."""
        ...

    async def renew(self, refused: Sensitive) -> None:
        """Replace `refused`, which the API answered 401 to; raises SignInError where that is not possible.

        When another call has replaced it already, nothing happens: many 401s make one new token.
        """
        ...

    @property
    def expires(self) -> datetime | None:
        """When the token in hand ends, where that is known."""
        ...


class Way(StrEnum):
    """How a credential becomes a token; the words are for a person."""

    ACCESS_TOKEN = "access token"  # noqa: S105 - the name of a way
    OIDC_TOKEN = "workload identity"  # noqa: S105
    CLIENT_CREDENTIALS = "client credentials"
    GITHUB_ACTIONS = "workload identity of GitHub Actions"
    CONE = "login of the C1 command line"


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessToken:
    """A token that someone else got; it cannot be renewed."""

    value: Sensitive
    client_id: str | None = None
    """The client that it was issued to, where that is known: it says which tenant, and is not checked before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkloadToken:
    """An OIDC token of the machine's own issuer, to be exchanged (RFC 8693)."""

    client_id: str
    value: Sensitive


@dataclass(frozen=True, slots=True, kw_only=True)
class GithubWorkload:
    """Where a GitHub Actions job asks for its OIDC token; a new one for every exchange."""

    client_id: str
    url: Sensitive
    request_token: Sensitive


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientCredentials:
    """A client and the private key that signs its assertions."""

    client_id: str
    key: Ed25519PrivateKey


Credential: TypeAlias = AccessToken | WorkloadToken | GithubWorkload | ClientCredentials


@dataclass(frozen=True, slots=True, kw_only=True)
class ChosenCredential:
    """The credential that will be used, and where it was found."""

    way: Way
    where: str
    """The names of the variables, or the file: never a value."""
    credential: Credential

    @property
    def client_id(self) -> str | None:
        """Return the client's ID, which names the tenant's host; an access token may have none."""
        return self.credential.client_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """One place where a credential could have been, for `auth status`."""

    way: Way
    where: str
    found: bool
    missing: tuple[str, ...] = ()
    """Names that would be needed, where some of them are there."""


def wrong_shape(name: str, expected: str) -> SignInError:
    """Return the error for a secret of the wrong shape: what was expected, never what was there."""
    return SignInError(f"{name} does not have the expected form", expected=expected)
