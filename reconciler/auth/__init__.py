"""Signing in to C1: find a credential, say which tenant, get tokens.

The order, and the names, are the vendor's:

1. CONDUCTORONE_ACCESS_TOKEN                              a token that someone else got
2. CONDUCTORONE_OIDC_TOKEN and CONDUCTORONE_CLIENT_ID     workload identity, exchanged (RFC 8693)
3. CONDUCTORONE_CLIENT_ID and CONDUCTORONE_CLIENT_SECRET  client credentials
4. a GitHub Actions job with `id-token: write`, and CONDUCTORONE_CLIENT_ID: its token is fetched by itself
5. the login of C1's command line, on a laptop, or its own variables (CONE_CLIENT_ID, CONE_CLIENT_SECRET)

What is set on purpose comes before what a machine offers by itself. A variable that is empty counts as not
set, because CI passes missing secrets so. Tokens stay in memory.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import reconciler.http  # noqa: F401 - before httpx, of which it leaves out the command line
from reconciler.auth import cone
from reconciler.auth.assertion import EXPECTED, parse_secret
from reconciler.auth.interface import (
    HINT,
    AccessToken,
    ChosenCredential,
    ClientCredentials,
    CredentialSource,
    GithubWorkload,
    Looked,
    Way,
    WorkloadToken,
    wrong_shape,
)
from reconciler.auth.issuer import JWT, TOKEN, Issuer
from reconciler.auth.server import Server, assert_tenant, host_of, resolve_server
from reconciler.auth.tokens import Fixed, Renewing
from reconciler.errors import SignInError
from reconciler.http.clock import ServerClock
from reconciler.http.session import Session
from reconciler.http.waits import Patience
from reconciler.model.envvars import ACCESS_TOKEN, CLIENT_ID, CLIENT_SECRET, OIDC_TOKEN
from reconciler.sensitive import Sensitive

__all__ = [
    "ChosenCredential",
    "CredentialSource",
    "Fixed",
    "Looked",
    "Server",
    "Way",
    "assert_tenant",
    "find_credential",
    "looked_for",
    "resolve_server",
    "sign_in",
]

_GITHUB_URL: Final = "ACTIONS_ID_TOKEN_REQUEST_URL"
_GITHUB_TOKEN: Final = "ACTIONS_ID_TOKEN_REQUEST_TOKEN"  # noqa: S105 - the name of a variable

_VISIBLE: Final = re.compile(r"[!-~]+\Z")
_NEEDS: Final = {
    Way.ACCESS_TOKEN: (ACCESS_TOKEN,),
    Way.OIDC_TOKEN: (OIDC_TOKEN, CLIENT_ID),
    Way.CLIENT_CREDENTIALS: (CLIENT_SECRET, CLIENT_ID),
    Way.GITHUB_ACTIONS: (_GITHUB_URL, _GITHUB_TOKEN, CLIENT_ID),
}
"""In order; a way is meant when the first of its names is set."""


def find_credential(env: Mapping[str, str], *, home: Path | None = None) -> ChosenCredential:
    """Return the credential to use: the first of the list above.

    Raises SignInError where there is none, or the first one meant is incomplete or misshapen: it is not
    passed over, because what came after could be another identity.
    """
    for way, names in _NEEDS.items():
        missing = [name for name in names if not env.get(name)]
        if not missing:
            return _from_env(way, env)
        if names[0] not in missing and way is not Way.GITHUB_ACTIONS:  # every job may have the latter
            raise SignInError(f"{names[0]} is set, but {' and '.join(missing)} is not", hint=HINT)
    file = cone.path(env, home)
    if login := cone.find_login(env, file):
        return ChosenCredential(way=Way.CONE, where=login.where, credential=login.credential)
    raise SignInError("no C1 credential was found", hint=_how_to(env))


def looked_for(env: Mapping[str, str], *, home: Path | None = None) -> tuple[Looked, ...]:
    """Return every place where a credential could be, in order, for `auth status`."""
    found = []
    for way, names in _NEEDS.items():
        missing = tuple(name for name in names if not env.get(name))
        partly = missing if len(missing) < len(names) else ()
        found.append(Looked(way=way, where=" and ".join(names), found=not missing, missing=partly))
    file = cone.path(env, home)
    names = (cone.CLIENT_ID, cone.CLIENT_SECRET)
    if all(env.get(name) for name in names):
        found.append(Looked(way=Way.CONE, where=" and ".join(names), found=True))
    elif file is not None:
        where = f"{file} ({cone.profile_name(env, file)})"
        found.append(Looked(way=Way.CONE, where=where, found=_is_file(file)))
    return tuple(found)


def _is_file(file: Path) -> bool:
    """Whether a file is there, as far as this user can see."""
    try:
        return file.is_file()
    except OSError:  # a directory that may not be searched, or a name that is too long
        return False


def sign_in(
    found: ChosenCredential,
    session: Session,
    server: Server,
    *,
    clock: ServerClock | None = None,
    patience: Patience | None = None,
    monotonic: Callable[[], float] = time.monotonic,
) -> CredentialSource:
    """Return tokens for `server` from a credential that was found. Sends nothing yet."""
    if isinstance(found.credential, AccessToken):
        return Fixed(found.credential, found.where)
    clock = clock or ServerClock()
    issuer = Issuer(found.credential, session, server, clock=clock, patience=patience or Patience())
    return Renewing(issuer.issue, clock=clock, monotonic=monotonic)


def _from_env(way: Way, env: Mapping[str, str]) -> ChosenCredential:
    where = " and ".join(_NEEDS[way])
    if way is Way.ACCESS_TOKEN:
        token = _shaped(env, ACCESS_TOKEN, TOKEN, "the bare access token, without `Bearer`")
        # The vendor's GitHub Action exports both. A server that is named beside them makes the ID needless.
        client_id = env.get(CLIENT_ID, "").strip() or None
        return ChosenCredential(
            way=way, where=where, credential=AccessToken(value=token, client_id=client_id)
        )
    client = env[CLIENT_ID].strip()
    host_of(client, CLIENT_ID)
    credential: WorkloadToken | ClientCredentials | GithubWorkload
    match way:
        case Way.OIDC_TOKEN:
            value = _shaped(env, OIDC_TOKEN, JWT, "a JWT: three parts with dots between")
            credential = WorkloadToken(client_id=client, value=value)
        case Way.CLIENT_CREDENTIALS:
            secret = _shaped(env, CLIENT_SECRET, _VISIBLE, EXPECTED)
            credential = ClientCredentials(client_id=client, key=parse_secret(secret, CLIENT_SECRET))
        case _:
            credential = GithubWorkload(
                client_id=client,
                url=_shaped(env, _GITHUB_URL, _VISIBLE, "the URL that GitHub sets"),
                request_token=_shaped(env, _GITHUB_TOKEN, TOKEN, "the token that GitHub sets"),
            )
    return ChosenCredential(way=way, where=where, credential=credential)


def _shaped(env: Mapping[str, str], name: str, shape: re.Pattern[str], expected: str) -> Sensitive:
    text = env[name].strip()  # a stored secret often ends in a newline
    if not shape.match(text):
        raise wrong_shape(name, expected)
    return Sensitive.of(text)


def _how_to(env: Mapping[str, str]) -> str:
    if env.get("GITHUB_ACTIONS") and env.get(CLIENT_ID):
        return f"the job needs `permissions: {{id-token: write}}`, or set {CLIENT_SECRET}; {HINT}"
    return f"set {CLIENT_ID} and {CLIENT_SECRET}, or {ACCESS_TOKEN}; or use --sandbox; {HINT}"
