"""Capability URLs on the second listener: whoever holds one may send (or fetch) one file, for a while."""

from __future__ import annotations

import hmac
import secrets
from typing import Final

from reconciler.sandbox import clock
from reconciler.sandbox.store import Store
from reconciler.sandbox.vault import Stored, stored

DOWNLOAD_LIFE: Final = 300 * clock.SECOND
"""The API's description says five minutes."""


def upload_url(store: Store, vault: Stored) -> str:
    """Return where the content of a FILE secret is to be PUT."""
    expires = _upload_expires(store, vault) // clock.SECOND
    return f"{store.upload_origin}/upload/{vault.vault_id}?expires={expires}&signature={vault.upload_key}"


def upload_target(store: Store, vault_id: str, signature: str) -> Stored | None:
    """Return the vault that an upload URL is for, or None where it is wrong or out of date."""
    row = store.row("SELECT * FROM vaults WHERE vault_id = ?", vault_id)
    if row is None or not row["upload_key"] or not _same(row["upload_key"], signature):
        return None
    vault = stored(row)
    return vault if store.now() < _upload_expires(store, vault) else None


def new_download(store: Store, vault_id: str) -> tuple[str, str]:
    """Return the ID and the URL of a copy that one reader may fetch within five minutes."""
    made, signature = secrets.token_hex(16), secrets.token_urlsafe(32)
    with store.transaction() as db:
        for row in db.execute("SELECT id FROM downloads WHERE expires <= ?", (store.now(),)).fetchall():
            store.download_path(row["id"]).unlink(missing_ok=True)
        db.execute("DELETE FROM downloads WHERE expires <= ?", (store.now(),))
        db.execute(
            "INSERT INTO downloads (id, signature, vault_id, expires) VALUES (?, ?, ?, ?)",
            (made, signature, vault_id, store.now() + DOWNLOAD_LIFE),
        )
    return made, f"{store.upload_origin}/download/{made}?signature={signature}"


def may_download(store: Store, download_id: str, signature: str) -> bool:
    """Return whether a download URL is right and not out of date."""
    row = store.row("SELECT * FROM downloads WHERE id = ?", download_id)
    return row is not None and _same(row["signature"], signature) and store.now() < row["expires"]


def _upload_expires(store: Store, vault: Stored) -> int:
    return vault.created + clock.micros(store.settings.upload_life)


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(), other.encode())
