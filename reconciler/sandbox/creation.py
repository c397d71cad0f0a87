"""What a create request asks for, checked: the rules that the schema cannot say."""

from __future__ import annotations

import json
import re
import secrets
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from reconciler.model.manifest import (
    DAY,
    EMAILS_MAX,
    FILE_MAX,
    HOUR,
    LIFE_DEFAULT,
    USERS_MAX,
    AgeSuite,
    Kind,
    Sharing,
)
from reconciler.sandbox import agekeys, clock
from reconciler.sandbox.directory import base62
from reconciler.sandbox.identities import Caller
from reconciler.sandbox.refusals import invalid
from reconciler.sandbox.store import Store

_LIFE_MIN: Final = HOUR
_LIFE_MAX: Final = 30 * DAY
_EMAIL: Final = re.compile(r"[^@\s\x00-\x1f]{1,64}@[^@\s\x00-\x1f]+\.[^@\s\x00-\x1f.]+\Z")
_CODE_LETTERS: Final = "ABCDEFGHJKMNPQRSTUVWXYZ23456789"
_UNSAFE: Final = re.compile(r'[\x00-\x1f\x7f<>:"|?*]')
_FILENAME_MAX: Final = 255
_KINDS: Final = {"SECRET_TYPE_TEXT": Kind.TEXT, "SECRET_TYPE_FILE": Kind.FILE}
_SUITES: Final = {"AGE_SUITE_MLKEM768X25519": AgeSuite.MLKEM768X25519}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """A create request that can be granted."""

    kind: Kind
    sharing: Sharing
    recipients: tuple[str, ...]
    display_name: str
    input_format: str
    filename: str
    content_type: str
    file_size: int
    life: int
    """Microseconds."""
    max_views: int
    suite: AgeSuite


def wish(store: Store, sharing: Sharing, body: dict[str, Any]) -> Wish:
    """Read a request that the schema has accepted. Raises Refusal (400)."""
    kind = _KINDS.get(body.get("secretType", ""))
    if kind is None:
        raise invalid("secretType: required")
    is_file = kind is Kind.FILE
    return Wish(
        kind=kind,
        sharing=sharing,
        recipients=_users(store, body) if sharing is Sharing.INTERNAL else _emails(body),
        display_name=body.get("displayName", "")[: store.settings.name_max],
        input_format="" if is_file else body.get("inputFormat", "SECRET_INPUT_FORMAT_UNSPECIFIED"),
        filename=sanitized(body.get("filename", "")) if is_file else "",
        content_type=(body.get("contentType") or "application/octet-stream") if is_file else "",
        file_size=_file_size(body) if is_file else 0,
        life=_life(body.get("expiresIn")),
        max_views=body.get("maxViews", 0),
        suite=_SUITES.get(body.get("requiredAgeSuite", ""), AgeSuite.X25519),
    )


def row(store: Store, who: Caller, asked: Wish) -> dict[str, object]:
    """Return the columns of the new vault, with a key of its own."""
    at = store.now()
    return {
        "vault_id": base62(secrets.token_bytes(20)),
        "share_code": share_code(),
        "creator": who.user_id,
        "kind": str(asked.kind),
        "sharing": str(asked.sharing),
        "display_name": asked.display_name,
        "recipients": json.dumps(asked.recipients),
        "input_format": asked.input_format or "SECRET_INPUT_FORMAT_UNSPECIFIED",
        "filename": asked.filename,
        "content_type": asked.content_type,
        "file_size": asked.file_size,
        "suite": str(asked.suite),
        "private_key": agekeys.new_secret(),
        "upload_key": secrets.token_urlsafe(32) if asked.kind is Kind.FILE else "",
        "max_views": asked.max_views,
        "created": at,
        "updated": at,
        "expires": at + asked.life,
    }


def share_code() -> str:
    """Return a new `XXXX-XXXX-XXXX` without letters that look alike."""
    letters = "".join(secrets.choice(_CODE_LETTERS) for _ in range(12))
    return f"{letters[:4]}-{letters[4:8]}-{letters[8:]}"


def sanitized(filename: str) -> str:
    """Return a file name without directories and without what some file system refuses."""
    base = filename.replace("\\", "/").rpartition("/")[2]
    return _UNSAFE.sub("_", base).strip(" .")[:_FILENAME_MAX] or "file"


def _life(text: str | None) -> int:
    seconds = Decimal(text.removesuffix("s")) if text else Decimal(LIFE_DEFAULT)
    if not _LIFE_MIN <= seconds <= _LIFE_MAX:
        raise invalid("expiresIn: expected one hour to thirty days")
    return int(seconds * clock.SECOND)


def _file_size(body: dict[str, Any]) -> int:
    size = int(body.get("fileSize", "0"))
    if not 1 <= size <= FILE_MAX:
        raise invalid(f"fileSize: expected 1 to {FILE_MAX} bytes")
    return size


def _users(store: Store, body: dict[str, Any]) -> tuple[str, ...]:
    ids = tuple(dict.fromkeys(body.get("allowedUserIds") or ()))
    if not 1 <= len(ids) <= USERS_MAX:
        raise invalid(f"allowedUserIds: expected 1 to {USERS_MAX}")
    marks = ",".join("?" * len(ids))
    query = f"SELECT user_id FROM people WHERE status = 'ENABLED' AND user_id IN ({marks})"  # noqa: S608
    enabled = {found["user_id"] for found in store.rows(query, *ids)}
    for place, user in enumerate(ids):
        if user not in enabled:
            raise invalid(f"allowedUserIds.{place}: not an enabled user")
    return ids


def _emails(body: dict[str, Any]) -> tuple[str, ...]:
    emails = tuple(dict.fromkeys(email.lower() for email in body.get("allowedEmails") or ()))
    if not 1 <= len(emails) <= EMAILS_MAX:
        raise invalid(f"allowedEmails: expected 1 to {EMAILS_MAX}")
    for place, email in enumerate(emails):
        if not _EMAIL.match(email):
            raise invalid(f"allowedEmails.{place}: not an e-mail address")
    return emails
