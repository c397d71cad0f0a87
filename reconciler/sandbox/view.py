"""Opening a vault: who may, what it counts, and the content sealed again for one reader."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, BinaryIO, Final

from reconciler.model.manifest import Kind, Sharing
from reconciler.sandbox import ageio, agekeys, audit, clock, readers, uploadlinks
from reconciler.sandbox.identities import Caller, may_share
from reconciler.sandbox.readers import Reader
from reconciler.sandbox.refusals import impossible, invalid
from reconciler.sandbox.store import Store
from reconciler.sandbox.vault import Stored, is_ready, stored
from reconciler.sandbox.vaults import hidden, known, require_active

_PIECE: Final = 256 * 1024


def open_for(store: Store, who: Caller, vault_id: str, body: dict[str, Any]) -> dict[str, object]:
    """Answer `view`: the content, encrypted to the reader's own recipient. It may take long for a file."""
    may_share(store, who)
    try:
        reader = readers.parse(body.get("readerRecipient", ""))
    except ValueError:
        raise invalid("readerRecipient: expected an age1… or age1pq1… recipient") from None
    vault = known(store, vault_id)
    if vault.sharing is not Sharing.INTERNAL or not vault.allows(who.user_id):
        raise hidden(store)
    vault, sealed = taken(store, vault_id, who, who.email)
    answer: dict[str, object] = {
        "createdAt": clock.rfc3339(vault.created),
        "creatorUserId": vault.creator,
        "secretType": f"SECRET_TYPE_{vault.kind.name}",
        "inputFormat": vault.input_format,
        "filename": vault.filename,
        "viewsRemaining": vault.max_views - vault.views if vault.max_views else -1,
    }
    with closing(sealed):
        return answer | _for_reader(store, vault, sealed, reader)


def taken(store: Store, vault_id: str, who: Caller | None, email: str) -> tuple[Stored, Sealed]:
    """Count one view; return the vault after it and its content, which may already be gone for others."""
    with store.transaction() as db:
        vault = known(store, vault_id)
        require_active(store, vault)
        at = store.now()
        if not is_ready(vault, at):
            raise impossible("the secret has no content yet")
        sealed = Sealed(store, vault)
        burns = vault.views + 1 == vault.max_views
        db.execute(
            "UPDATE vaults SET views = views + 1, updated = ?, burned = ? WHERE n = ?",
            (at, at if burns else None, vault.n),
        )
        audit.note(store, "viewed", vault_id, who, email)
        if burns:
            _burn(store, vault, email)
        row = db.execute("SELECT * FROM vaults WHERE n = ?", (vault.n,)).fetchone()
        return stored(row), sealed


class Sealed:
    """A vault's ciphertext, held open: a file that is deleted meanwhile can still be read to its end."""

    def __init__(self, store: Store, vault: Stored) -> None:
        self._identity = agekeys.identity(vault.suite, vault.private_key)
        self._content = vault.content or b""
        self._file: BinaryIO | None = None
        if vault.kind is Kind.FILE:
            self._file = store.content_path(vault.vault_id).open("rb")

    def close(self) -> None:
        """Let go of the file."""
        if self._file is not None:
            self._file.close()

    def plaintext(self) -> Iterator[bytes]:
        """Yield the plaintext in pieces of at most 64 KiB."""
        return ageio.plaintext(self._identity, self._pieces())

    def _pieces(self) -> Iterator[bytes]:
        if self._file is None:
            yield self._content
            return
        while piece := self._file.read(_PIECE):
            yield piece


def _burn(store: Store, vault: Stored, email: str) -> None:
    with store.transaction() as db:
        db.execute("UPDATE vaults SET content = NULL WHERE n = ?", (vault.n,))
    store.content_path(vault.vault_id).unlink(missing_ok=True)
    audit.note(store, "burned", vault.vault_id, None, email)


def _for_reader(store: Store, vault: Stored, sealed: Sealed, reader: Reader) -> dict[str, object]:
    if vault.kind is Kind.TEXT:
        ciphertext = io.BytesIO()
        reader.seal(sealed.plaintext(), ciphertext)
        return {"encryptedContent": base64.b64encode(ciphertext.getvalue()).decode()}
    made, url = uploadlinks.new_download(store, vault.vault_id)
    _seal_file(sealed, store.download_path(made), reader)
    return {"downloadUrl": url}


def _seal_file(sealed: Sealed, path: Path, reader: Reader) -> None:
    with path.open("wb") as target:
        reader.seal(sealed.plaintext(), target)
