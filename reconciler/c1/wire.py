"""The API's JSON <-> our types. Part of `client`: wire JSON never leaves these two modules.

Fields may be null or absent alike, enums may grow values, int64 travels as text. What is not shaped like an
answer of this API is a `BadAnswer`, which says nothing of its content.
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from reconciler.http.answers import BadAnswer, Json
from reconciler.http.retry import YEARS
from reconciler.model.address import fold
from reconciler.model.canonical import LINK, NUMBER_MAX
from reconciler.model.manifest import AgeSuite, Format, Kind, Sharing
from reconciler.model.state import Attributes
from reconciler.model.vault import Identity, Status, User, Vault
from reconciler.sensitive import Sensitive

_ID: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.~=-]{0,199}\Z")
"""An ID goes into a URL's path, so nothing that means something there may be in it."""

_TEXT_MAX: Final = 8192
"""Characters of one text. An upload URL, the longest, has some two thousand."""

_TEXTS_MAX: Final = 2000
"""Texts in one list: a share has 128 recipients, an identity some hundred permissions."""

_KINDS: Final = {f"SECRET_TYPE_{kind.name}": kind for kind in Kind}
_FORMATS: Final = {f"SECRET_INPUT_FORMAT_{format_.name}": format_ for format_ in Format}
_SHARING: Final = {f"PAPER_VAULT_SHARING_MODE_{sharing.name}": sharing for sharing in Sharing}
_SUITES: Final = {f"AGE_SUITE_{suite.name}": suite for suite in AgeSuite}
_STATUS: Final = {f"SECRET_STATUS_{s.name}": s for s in Status if s is not Status.UNKNOWN}

_SHARING_MODULE: Final = "MODULE_ID_SECRET_SHARING"


@dataclass(frozen=True, slots=True, kw_only=True)
class Created:
    """What create answered. The upload URL is a capability: it is never written anywhere.

    `recipient` and `display_name` are empty where the answer had none: the caller checks both.
    """

    vault_id: str
    recipient: str
    suite: AgeSuite | None
    upload_url: Sensitive | None
    vault: Vault | None
    display_name: str


def create_request(
    *, display_name: str, attributes: Attributes, file_size: int | None
) -> tuple[str, dict[str, object]]:
    """Return the path and body of a create: exactly the fields that are needed.

    A server of before mid-2026 does not know `requiredAgeSuite`, so it is sent only when a suite is named.
    """
    body: dict[str, object] = {
        "displayName": display_name,
        "secretType": f"SECRET_TYPE_{attributes.kind.name}",
        "expiresIn": f"{attributes.expires_in}s",
        "maxViews": attributes.max_views,
    }
    ids = [recipient.id or recipient.as_written for recipient in attributes.recipients]
    body["allowedEmails" if attributes.sharing is Sharing.EXTERNAL else "allowedUserIds"] = ids
    if attributes.kind is Kind.TEXT:
        body["inputFormat"] = input_format(attributes.format or Format.PLAINTEXT)
    else:
        body["filename"] = attributes.filename or ""
        body["contentType"] = attributes.content_type or "application/octet-stream"
        body["fileSize"] = str(file_size or 0)
    if attributes.suite is not None:
        body["requiredAgeSuite"] = f"AGE_SUITE_{attributes.suite.name}"
    return f"/api/v1/secrets/{attributes.sharing.value}", body


def content_request(ciphertext: bytes, format_: Format) -> dict[str, object]:
    """Return the body that sets a text's content."""
    return {
        "encryptedContent": base64.b64encode(ciphertext).decode(),
        "inputFormat": input_format(format_),
    }


def input_format(format_: Format) -> str:
    """Return a text's format as the API spells it."""
    return f"SECRET_INPUT_FORMAT_{format_.name}"


def is_id(text: str) -> bool:
    """Whether a text may stand in a URL's path as an ID."""
    return _ID.match(text) is not None


def created(body: Json) -> Created:
    """Read a create's answer. Only the vault's ID is indispensable: with it the vault can be revoked."""
    url = _text(body, "uploadUrl")
    try:
        vault_ = _maybe_secret(body)
    except BadAnswer:
        vault_ = None
    return Created(
        vault_id=_id(body, "vaultId"),
        recipient=_recipient(body),
        suite=_SUITES.get(_text(body, "ageSuite")),
        upload_url=Sensitive.of(url) if url else None,
        vault=vault_,
        display_name=vault_.display_name if vault_ else "",
    )


def _recipient(body: Json) -> str:
    """Return the recipient, of any length: whoever checks it refuses one that is too long, and the vault is revoked."""
    value = body.get("ageRecipient")
    return value if isinstance(value, str) else _text(body, "ageRecipient")


def secret(body: Json) -> Vault:
    """Read the vault that get and set-content answer."""
    found = _maybe_secret(body)
    if found is None:
        raise BadAnswer("the answer held no secret")
    return found


def _maybe_secret(body: Json) -> Vault | None:
    inner = body.get("secret")
    return None if inner is None else vault(_object(inner))


def vault(item: Json) -> Vault:
    """Read one secret's metadata."""
    return Vault(
        vault_id=_id(item, "vaultId"),
        display_name=_text(item, "displayName"),
        status=_STATUS.get(_text(item, "status"), Status.UNKNOWN),
        content_ready=_flag(item, "contentReady"),
        kind=_KINDS.get(_text(item, "secretType")),
        format=_FORMATS.get(_text(item, "inputFormat")),
        sharing=_SHARING.get(_text(item, "sharingMode")),
        user_ids=frozenset(_texts(item, "allowedUserIds")),
        emails=frozenset(fold(email) for email in _texts(item, "allowedEmails")),
        current_views=_count(item, "currentViews"),
        max_views=_count(item, "maxViews"),
        created=_time(item, "createdAt"),
        expires=_time(item, "contentExpiresAt"),
        share_code=_text(item, "shareCode"),
        share_url=_url(item, "shareUrl"),
        filename=_text(item, "filename"),
        creator=_text(item, "creatorUserId"),
    )


def page(body: Json) -> tuple[tuple[Json, ...], str]:
    """Return one page's items and the token of the next, empty on the last."""
    items = body.get("list")
    if items is None:
        items = []
    if not isinstance(items, list):
        raise BadAnswer("the answer's list was not a list")
    return tuple(_object(item) for item in items), _text(body, "nextPageToken")


def user(view: Json) -> User | None:
    """Read a person; None for a view that shows nobody."""
    if view.get("user") is None:
        return None
    inner = _object(view["user"])
    email = _text(inner, "email")
    return User(
        user_id=_id(inner, "id"),
        email=email,
        display_name=_text(inner, "displayName"),
        enabled=_text(inner, "status") == "ENABLED",
        aliases=frozenset(fold(e) for e in _texts(inner, "emails") if e) - {fold(email)},
    )


def identity(body: Json) -> Identity:
    """Read who the credential is. An unknown module that is off says nothing about ours."""
    return Identity(
        user_id=_id(body, "userId"),
        tenant_id=_text(body, "tenantId"),
        roles=_texts(body, "roles"),
        permissions=_texts(body, "permissions"),
        sharing_enabled=_SHARING_MODULE not in _texts(body, "disabledModules"),
    )


def _object(value: object) -> Json:
    if not isinstance(value, dict):
        raise BadAnswer("the answer had something else where an object belongs")
    return value


def _text(body: Json, name: str) -> str:
    value = body.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise BadAnswer(f"the answer's {name} was not a text")
    if len(value) > _TEXT_MAX:
        raise BadAnswer(f"the answer's {name} was too long")
    return value


def _url(body: Json, name: str) -> str:
    value = _text(body, name)
    if value and not LINK.match(value):
        raise BadAnswer(f"the answer's {name} was not a link")
    return value


def _texts(body: Json, name: str) -> tuple[str, ...]:
    value = body.get(name)
    if value is None:
        return ()
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise BadAnswer(f"the answer's {name} was not a list of texts")
    if len(value) > _TEXTS_MAX or sum(map(len, value)) > _TEXTS_MAX * 64:
        raise BadAnswer(f"the answer's {name} was too long")
    return tuple(value)


def _id(body: Json, name: str) -> str:
    value = _text(body, name)
    if not is_id(value):
        raise BadAnswer(f"the answer had no usable {name}")
    return value


def _flag(body: Json, name: str) -> bool:
    value = body.get(name)
    if value is not None and not isinstance(value, bool):
        raise BadAnswer(f"the answer's {name} was neither true nor false")
    return bool(value)


def _count(body: Json, name: str) -> int:
    value = body.get(name)
    if isinstance(value, str) and re.fullmatch(r"[0-9]{1,19}", value):
        value = int(value)
    if value is None:
        return 0
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= NUMBER_MAX:
        raise BadAnswer(f"the answer's {name} was not a number")
    return value


def _time(body: Json, name: str) -> datetime | None:
    text = _text(body, name)
    if not text:
        return None
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        raise BadAnswer(f"the answer's {name} was not a time") from None
    if when.year not in YEARS:  # Go's zero time, in the year 1, says that there is none
        return None
    return when.astimezone(UTC) if when.tzinfo else when.replace(tzinfo=UTC)
