"""What a recipient reads, byte for byte: `sandbox view`, and the judge's look that counts nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing
from typing import Final

from reconciler.errors import RemoteError
from reconciler.model.manifest import Sharing
from reconciler.sandbox import vaults, view
from reconciler.sandbox.refusals import Code, Refusal
from reconciler.sandbox.store import Store
from reconciler.sandbox.vault import Status, Stored, is_ready, status, stored

_REFERENCE: Final = re.compile(
    r"(?:https?://[^\s?#]+/)?(?P<code>[0-9A-Za-z]{4}(?:-[0-9A-Za-z]{4}){2})/?(?:[?#]\S*)?\Z|[0-9A-Za-z]{27}\Z"
)
_UNKNOWN: Final = "the tenant does not know this secret"


def read(store: Store, vault_id: str, *, who: str | None = None) -> Iterator[bytes]:
    """Yield what a recipient reads, counting one view, by the same rules as the API.

    `who` is a user's ID or e-mail address, or an address outside; None is the first recipient. Nothing is counted
    when this raises RemoteError, which it does before the first piece: the vault ended, has no content, or is not
    theirs.
    """
    try:
        person = recipient(store, vault_id, who)
        _, sealed = view.taken(store, vault_id, None, person)
    except Refusal as refusal:
        raise RemoteError(_sentence(refusal)) from None
    return _all_of(sealed)


def peek(store: Store, vault_id: str) -> Iterator[bytes]:
    """Yield the plaintext without counting a view or asking who looks. Raises RemoteError as `read` does."""
    try:
        vault = vaults.known(store, vault_id)
        vaults.require_active(store, vault)
    except Refusal as refusal:
        raise RemoteError(_sentence(refusal)) from None
    if not is_ready(vault, store.now()):
        raise RemoteError("the secret has no content yet")
    return _all_of(view.Sealed(store, vault))


def live(store: Store) -> dict[str, Stored]:
    """Return every vault that is active now, by ID: the judge's view of the whole tenant."""
    found = (stored(row) for row in store.rows("SELECT * FROM vaults ORDER BY n"))
    return {v.vault_id: v for v in found if status(v, store.now(), store.settings) is Status.ACTIVE}


def is_reference(text: str) -> bool:
    """Return whether a text has the form of a vault's ID, a share code or a share link."""
    return _REFERENCE.match(text) is not None


def referred(store: Store, text: str) -> str:
    """Return the ID of the vault that an ID, a share code or a share link names. Raises RemoteError."""
    match = _REFERENCE.match(text)
    code = match["code"] if match else ""
    row = store.row(
        "SELECT vault_id FROM vaults WHERE vault_id = ? OR share_code = ?", text, code and code.upper()
    )
    if row is None:
        raise RemoteError(_UNKNOWN)
    vault_id: str = row["vault_id"]
    return vault_id


def recipient(store: Store, vault_id: str, who: str | None) -> str:
    """Return the e-mail address of the recipient that is meant: the first, where nobody is named.

    Raises RemoteError for anybody else, and for a vault that is not known.
    """
    try:
        return _recipient(store, vaults.known(store, vault_id), who)
    except Refusal as refusal:
        raise RemoteError(_sentence(refusal)) from None


def _all_of(sealed: view.Sealed) -> Iterator[bytes]:
    with closing(sealed):
        yield from sealed.plaintext()


def _recipient(store: Store, vault: Stored, who: str | None) -> str:
    """Return the e-mail address of the recipient that is meant. Raises RemoteError for anybody else."""
    if vault.sharing is Sharing.EXTERNAL:
        person = who or vault.recipients[0]
        if not vault.allows(person):
            raise RemoteError("this person is not a recipient of the secret")
        return person
    meant = who or vault.recipients[0]
    rows = store.rows(
        "SELECT user_id, email, status FROM people WHERE user_id = ? OR lower(email) = lower(?)", meant, meant
    )
    theirs = [row for row in rows if vault.allows(row["user_id"])]
    if not theirs:
        raise RemoteError("this person is not a recipient of the secret")
    if theirs[0]["status"] != "ENABLED":
        raise RemoteError("this person is no longer an enabled user")
    email: str = theirs[0]["email"]
    return email


def _sentence(refusal: Refusal) -> str:
    return refusal.message if refusal.code is not Code.NOT_FOUND else _UNKNOWN
