"""One vault: what is stored of it, what it is at a moment, and how the API shows it."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from reconciler.model.address import fold
from reconciler.model.manifest import AgeSuite, Kind, Sharing
from reconciler.sandbox import clock
from reconciler.sandbox.settings import Empty, Settings, Suites

SHARE_BASE: Final = "https://tenant.sandbox.invalid/secrets/"
"""`.invalid` never resolves (RFC 6761): nobody mistakes a sandbox link for one that can be sent."""

_KIND: Final = {kind: f"SECRET_TYPE_{kind.name}" for kind in Kind}
_SHARING: Final = {sharing: f"PAPER_VAULT_SHARING_MODE_{sharing.name}" for sharing in Sharing}
_SUITE: Final = {suite: f"AGE_SUITE_{suite.name}" for suite in AgeSuite}


class Status(StrEnum):
    """What a vault is, as computed from what happened and the time."""

    ACTIVE = "active"
    EXPIRED = "expired"
    BURNED = "burned"
    REVOKED = "revoked"
    DATA_DELETED = "data_deleted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """A row of `vaults`. Moments are microseconds; None means: has not happened."""

    n: int
    vault_id: str
    share_code: str
    creator: str
    kind: Kind
    sharing: Sharing
    display_name: str
    recipients: tuple[str, ...]
    """User IDs, or e-mail addresses in lower case."""
    input_format: str
    filename: str
    content_type: str
    file_size: int
    suite: AgeSuite
    private_key: bytes
    upload_key: str
    max_views: int
    views: int
    created: int
    updated: int
    expires: int
    ready: int | None
    burned: int | None
    deleted: int | None
    content: bytes | None

    def allows(self, person: str) -> bool:
        """Return whether a user ID, or an e-mail address outside, may open it."""
        return fold(person) in self.recipients


def stored(row: sqlite3.Row) -> Stored:
    """Return a row as what it means."""
    values: dict[str, Any] = dict(row)
    values["kind"] = Kind(values["kind"])
    values["sharing"] = Sharing(values["sharing"])
    values["suite"] = AgeSuite(values["suite"])
    values["recipients"] = tuple(json.loads(values["recipients"]))
    return Stored(**values)


def status(vault: Stored, at: int, settings: Settings) -> Status:
    """Return what a vault is at a moment: a revoke outweighs a burn, a burn outweighs the clock."""
    if _happened(vault.deleted, at):
        return Status.REVOKED
    if _happened(vault.burned, at):
        return Status.BURNED
    if at >= vault.expires + clock.micros(settings.content_kept):
        return Status.DATA_DELETED
    return Status.EXPIRED if at >= vault.expires else Status.ACTIVE


def ended(vault: Stored) -> int:
    """Return the moment at which it ended or will end."""
    return min(moment for moment in (vault.deleted, vault.burned, vault.expires) if moment is not None)


def forgotten(vault: Stored, at: int, settings: Settings) -> bool:
    """Return whether it ended so long ago that the tenant no longer knows it."""
    return at >= ended(vault) + clock.micros(settings.remembered)


def is_ready(vault: Stored, at: int) -> bool:
    """Return whether its content can be read as far as that depends on the upload."""
    return _happened(vault.ready, at)


def shown(vault: Stored, at: int, settings: Settings) -> dict[str, object]:
    """Return the API's `PaperSecret` as it was at a moment."""
    is_file = vault.kind is Kind.FILE
    now = status(vault, at, settings)
    ready = is_ready(vault, at)
    internal = vault.sharing is Sharing.INTERNAL
    secret: dict[str, object] = {
        "vaultId": vault.vault_id,
        "displayName": vault.display_name,
        "secretType": _KIND[vault.kind],
        "inputFormat": vault.input_format,
        "sharingMode": _SHARING[vault.sharing],
        "allowedUserIds": list(vault.recipients) if internal else [],
        "allowedEmails": [] if internal else list(vault.recipients),
        "status": f"SECRET_STATUS_{now.name}",
        "contentReady": ready,
        "contentDeleted": now in (Status.REVOKED, Status.BURNED, Status.DATA_DELETED),
        "contentExpiresAt": clock.rfc3339(vault.expires),
        "currentViews": vault.views,
        "maxViews": vault.max_views,
        "shareCode": vault.share_code,
        "shareUrl": SHARE_BASE + vault.share_code if ready else "",
        "filename": vault.filename,
        "contentType": vault.content_type,
        "fileSize": str(vault.file_size) if is_file else "0",
        "creatorUserId": vault.creator,
        "createdAt": clock.rfc3339(vault.created),
        "updatedAt": clock.rfc3339(vault.updated),
        "deletedAt": clock.rfc3339(vault.deleted) if _happened(vault.deleted, at) else None,
        "ageSuite": _SUITE[vault.suite],
    }
    if settings.suites is Suites.OLDER:
        del secret["ageSuite"]
    return filled(secret, settings)


def filled(message: dict[str, object], settings: Settings) -> dict[str, object]:
    """Return a message with its empty fields, or without: servers differ in that."""
    if settings.empty_fields is Empty.PRESENT:
        return message
    return {name: value for name, value in message.items() if value not in (None, "", "0", 0, False, [])}


def _happened(moment: int | None, at: int) -> bool:
    return moment is not None and moment <= at
