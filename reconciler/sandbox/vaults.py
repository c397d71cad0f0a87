"""The rules of a vault's life: create, set its content, look, revoke. Nothing ever changes one otherwise."""

from __future__ import annotations

import base64
from typing import Any, Final

from reconciler.model.manifest import Kind, Sharing
from reconciler.sandbox import ageio, agekeys, audit, clock, creation
from reconciler.sandbox.agekeys import AgeError
from reconciler.sandbox.identities import Caller, may_share
from reconciler.sandbox.refusals import Refusal, denied, impossible, invalid, not_found
from reconciler.sandbox.settings import Again, Answer, Hidden, Suites
from reconciler.sandbox.store import Store
from reconciler.sandbox.uploadlinks import upload_url
from reconciler.sandbox.vault import Status, Stored, filled, forgotten, is_ready, shown, status, stored

TEXT_SEALED_MAX: Final = 64 * 1024
"""Bytes of ciphertext that set-content takes."""


def create(store: Store, who: Caller, sharing: Sharing, body: dict[str, Any]) -> dict[str, object]:
    """Make a vault and the key that its content must be encrypted to."""
    may_share(store, who)
    columns = creation.row(store, who, creation.wish(store, sharing, body))
    names, marks = ", ".join(columns), ", ".join("?" * len(columns))
    with store.transaction() as db:
        db.execute(f"INSERT INTO vaults ({names}) VALUES ({marks})", tuple(columns.values()))  # noqa: S608
        vault = _load(store, str(columns["vault_id"]))
        audit.note(store, "created", vault.vault_id, who, name=vault.display_name, kind=str(vault.kind))
    answer: dict[str, object] = {
        "vaultId": vault.vault_id,
        "ageRecipient": agekeys.identity(vault.suite, vault.private_key).recipient,
        "ageSuite": f"AGE_SUITE_{vault.suite.name}",
        "uploadUrl": upload_url(store, vault) if vault.kind is Kind.FILE else "",
        "secret": shown(vault, store.now(), store.settings),
    }
    if store.settings.suites is Suites.OLDER:
        del answer["ageSuite"]
    return filled(answer, store.settings)


def get(store: Store, who: Caller, vault_id: str) -> dict[str, object]:
    """Show a vault to its creator or an administrator."""
    vault = known(store, vault_id)
    if who.user_id != vault.creator and not who.is_admin:
        raise hidden(store)
    return {"secret": shown(vault, store.now(), store.settings)}


def by_code(store: Store, who: Caller, code: str) -> dict[str, object]:
    """Show a vault to its creator, an administrator, or a user whom it is shared with."""
    row = store.row("SELECT vault_id FROM vaults WHERE share_code = ?", code.upper())
    vault = known(store, row["vault_id"] if row else "")
    internal = vault.sharing is Sharing.INTERNAL and vault.allows(who.user_id)
    if not (who.user_id == vault.creator or who.is_admin or internal):
        raise hidden(store)
    return {"secret": shown(vault, store.now(), store.settings)}


def set_text(store: Store, who: Caller, vault_id: str, body: dict[str, Any]) -> dict[str, object]:
    """Take the ciphertext of a TEXT secret, after opening it with the vault's key."""
    may_share(store, who)
    sealed = base64.b64decode(body.get("encryptedContent", ""))
    with store.transaction() as db:
        vault = _own(store, who, vault_id)
        at = store.now()
        if vault.kind is not Kind.TEXT:
            raise impossible("a file secret's content goes to its upload URL")
        require_active(store, vault)
        if is_ready(vault, at) and store.settings.second_content is Answer.REFUSE:
            raise impossible("the content has been set")
        size = _opened(vault, sealed)
        shape = body.get("inputFormat") or vault.input_format
        db.execute(
            "UPDATE vaults SET content = ?, input_format = ?, ready = coalesce(ready, ?), updated = ? WHERE n = ?",
            (sealed, shape, at, at, vault.n),
        )
        again = vault.ready is not None
        audit.note(store, "content_set", vault_id, who, again=again, size=size)
        return {"secret": shown(_load(store, vault_id), at, store.settings)}


def revoke(store: Store, who: Caller, vault_id: str, *, as_admin: bool = False) -> dict[str, object]:
    """End a vault and delete its content: its creator, or on the other path an administrator."""
    if as_admin and not who.is_admin:
        raise denied("administrators only")
    with store.transaction() as db:
        vault = known(store, vault_id) if as_admin else _own(store, who, vault_id)
        at = store.now()
        if vault.deleted is not None:
            if store.settings.revoke_again is Again.NOT_FOUND:
                raise not_found()
            return {"secret": shown(vault, at, store.settings)}
        db.execute(
            "UPDATE vaults SET deleted = ?, updated = ?, content = NULL WHERE n = ?", (at, at, vault.n)
        )
        store.content_path(vault_id).unlink(missing_ok=True)
        audit.note(store, "revoked", vault_id, who)
        return {"secret": shown(_load(store, vault_id), at, store.settings)}


def known(store: Store, vault_id: str) -> Stored:
    """Return a vault that the tenant still knows. Raises Refusal (404)."""
    row = store.row("SELECT * FROM vaults WHERE vault_id = ?", vault_id)
    if row is None:
        raise not_found()
    vault = stored(row)
    if forgotten(vault, store.now(), store.settings):
        raise not_found()
    return vault


def hidden(store: Store) -> Refusal:
    """Return the answer to someone whom a vault is none of their business."""
    return not_found() if store.settings.hidden is Hidden.NOT_FOUND else denied("permission denied")


def require_active(store: Store, vault: Stored) -> None:
    """Refuse (400) what only a living vault can do."""
    now = status(vault, store.now(), store.settings)
    if now is not Status.ACTIVE:
        raise impossible(f"the secret is {str(now).replace('_', ' ')}")


def delete_spent(store: Store) -> None:
    """Delete the content of vaults whose time for that has come."""
    kept = clock.micros(store.settings.content_kept)
    with store.transaction() as db:
        query = "SELECT vault_id FROM vaults WHERE expires <= ? AND (content IS NOT NULL OR kind = 'file')"
        for row in db.execute(query, (store.now() - kept,)).fetchall():
            store.content_path(row["vault_id"]).unlink(missing_ok=True)
        db.execute("UPDATE vaults SET content = NULL WHERE expires <= ?", (store.now() - kept,))


def _own(store: Store, who: Caller, vault_id: str) -> Stored:
    vault = known(store, vault_id)
    if who.user_id != vault.creator:
        raise hidden(store)
    return vault


def _load(store: Store, vault_id: str) -> Stored:
    row = store.row("SELECT * FROM vaults WHERE vault_id = ?", vault_id)
    assert row is not None
    return stored(row)


def _opened(vault: Stored, sealed: bytes) -> int:
    """Open a text to prove that its recipient could, and return its size."""
    if not sealed:
        raise invalid("encryptedContent: required")
    if len(sealed) > TEXT_SEALED_MAX:
        raise invalid("encryptedContent: more than 64 KiB after encryption")
    opener = ageio.Opener(agekeys.identity(vault.suite, vault.private_key))
    try:
        size = sum(map(len, opener.feed(sealed))) + len(opener.finish())
    except AgeError as error:
        raise invalid(f"encryptedContent: not an age file for this secret: {error}") from None
    if opener.header is not None and ageio.known_recipients(opener.header) != 1:
        raise invalid("encryptedContent: encrypted to further recipients")
    return size
