"""What a recipient reads, byte for byte: `sandbox view`, and the judge's look that counts nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

from reconciler.errors import RemoteError
from reconciler.model.manifest import Sharing
from reconciler.sandbox import vaults, view
from reconciler.sandbox.refusals import Code, Refusal
from reconciler.sandbox.store import Store
from reconciler.sandbox.vault import Status, Stored, is_ready, status, stored


def read(store: Store, vault_id: str, *, who: str | None = None) -> Iterator[bytes]:
    """Yield what a recipient reads, counting one view, by the same rules as the API.

    `who` is a user's ID or e-mail address, or an address outside; None is the first recipient. Nothing is counted
    when this raises RemoteError, which it does before the first piece: the vault ended, has no content, or is not
    theirs.
    """
    try:
        vault = vaults.known(store, vault_id)
        person = _recipient(store, vault, who)
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
    return refusal.message if refusal.code is not Code.NOT_FOUND else "the tenant does not know this secret"
