"""Who may call: a handful of identities, each a user of the directory with a token of its own.

The tokens that come with the sandbox are random, live as long as its data and lie in `identities.json`, 0600.
Those that sign-in issues expire. The database holds only their digests.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from dataclasses import dataclass
from typing import Any, Final

from reconciler.sandbox import clock, directory
from reconciler.sandbox.refusals import denied, unauthenticated
from reconciler.sandbox.store import Store
from reconciler.sensitive import Sensitive

_PEOPLE: Final = {
    "owner": "owner@example.com",
    "second": "second@example.com",
    "admin": "admin@example.com",
    "ana": "ana@example.com",
    "bo": "bo@example.com",
    "cy": "cy@example.com",
    "robot": "robot@example.com",
}
NAMES: Final = tuple(_PEOPLE)
TENANT_ID: Final = directory.user_id("tenant")


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """The identity behind a request."""

    name: str
    user_id: str
    email: str

    @property
    def is_admin(self) -> bool:
        """Administrators see every vault."""
        return self.name == "admin"


def caller(name: str) -> Caller:
    """Return an identity by name. Raises KeyError."""
    email = _PEOPLE[name]
    return Caller(name=name, user_id=directory.user_id(email), email=email)


def prepare(store: Store) -> dict[str, Any]:
    """Return what each identity can sign in with (`token`, `key`: Ed25519), made when first asked for."""
    path = store.directory / "identities.json"
    with store.transaction() as db:  # the write lock also keeps two processes from making two sets
        if not path.exists():
            made = {
                name: {"token": secrets.token_urlsafe(32), "key": secrets.token_hex(32)}
                for name in (*NAMES, "issuer")
            }
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                json.dump(made, file)
        known: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        for name in NAMES:
            db.execute(
                "INSERT OR IGNORE INTO tokens (digest, identity) VALUES (?, ?)",
                (_digest(known[name]["token"]), name),
            )
    return known


def issue(store: Store, name: str) -> Sensitive:
    """Make a token that expires, for one identity."""
    token = secrets.token_urlsafe(32)
    expires = store.now() + clock.micros(store.settings.token_life)
    with store.transaction() as db:
        db.execute(
            "INSERT INTO tokens (digest, identity, expires) VALUES (?, ?, ?)", (_digest(token), name, expires)
        )
    store.record("token_issued", who=name)
    return Sensitive.of(token)


def revoke_tokens(store: Store, name: str) -> None:
    """Make every token of an identity useless from now on, those that came with the sandbox too."""
    with store.transaction() as db:
        db.execute("UPDATE tokens SET revoked = 1 WHERE identity = ?", (name,))
    store.record("tokens_revoked", who=name)


def authenticate(store: Store, authorization: str | None) -> Caller:
    """Return who a bearer token is. Raises Refusal (401)."""
    scheme, _, token = (authorization or "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise unauthenticated()
    row = store.row("SELECT identity, expires, revoked FROM tokens WHERE digest = ?", _digest(token.strip()))
    if row is None or row["revoked"] or (row["expires"] is not None and row["expires"] <= store.now()):
        raise unauthenticated()
    return caller(row["identity"])


def may_share(store: Store, who: Caller) -> None:
    """Refuse (403) where secret sharing is switched off or the caller is no longer an enabled user."""
    if not store.settings.module:
        raise denied("secret sharing is disabled for this tenant")
    person = directory.find(store, who.user_id)
    if person is None or person.status != "ENABLED":
        raise denied("the user is not enabled")


def introspect(store: Store, who: Caller) -> dict[str, object]:
    """Answer `/api/v1/auth/introspect`."""
    permissions = ["secrets:read", "secrets:write", "users:read"]
    return {
        "userId": who.user_id,
        "principleId": who.user_id,
        "tenantId": TENANT_ID,
        "roles": ["super_admin"] if who.is_admin else ["basic_user"],
        "permissions": [*permissions, "secrets:admin"] if who.is_admin else permissions,
        "features": [],
        "disabledModules": [] if store.settings.module else ["MODULE_ID_SECRET_SHARING"],
        "deviceClientId": "",
    }


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
