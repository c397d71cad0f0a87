"""Opening a vault: who may, what it counts, and the content sealed again for one reader."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, BinaryIO, Final

import pyrage

from reconciler.model.manifest import Kind, Sharing
from reconciler.sandbox import ageio, agekeys, audit, clock, uploadlinks
from reconciler.sandbox.identities import Caller, may_share
from reconciler.sandbox.refusals import impossible, invalid
from reconciler.sandbox.store import Store
from reconciler.sandbox.vault import Stored, is_ready, stored
from reconciler.sandbox.vaults import hidden, known, require_active

_PIECE: Final = 256 * 1024


def open_for(store: Store, who: Caller, vault_id: str, body: dict[str, Any]) -> dict[str, object]:
    """Answer `view`: the content, encrypted to the reader's own recipient. It may take long for a file."""
    may_share(store, who)
    reader = body.get("readerRecipient", "")
    if not agekeys.usable_reader(reader):
        raise invalid("readerRecipient: expected an age1… recipient")
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
        return answer | _for_reader(store, vault, sealed, pyrage.x25519.Recipient.from_str(reader))


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


def _for_reader(store: Store, vault: Stored, sealed: Sealed, reader: Any) -> dict[str, object]:
    if vault.kind is Kind.TEXT:
        ciphertext = pyrage.encrypt(b"".join(sealed.plaintext()), [reader])
        return {"encryptedContent": base64.b64encode(ciphertext).decode()}
    made, url = uploadlinks.new_download(store, vault.vault_id)
    _seal_file(sealed, store.download_path(made), reader)
    return {"downloadUrl": url}


def _seal_file(sealed: Sealed, path: Path, reader: Any) -> None:
    with path.open("wb") as target:
        pyrage.encrypt_io(_Readable(sealed.plaintext()), target, [reader])


class _Readable:
    """An iterator of bytes as the file object that pyrage wants."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._rest = b""

    def read(self, size: int = -1) -> bytes:
        """Return up to `size` bytes, none at the end; everything left where `size` is negative."""
        if size < 0:
            return self._rest + b"".join(self._pieces)
        if not self._rest:
            self._rest = next(self._pieces, b"")
        piece, self._rest = self._rest[:size], self._rest[size:]
        return piece
