"""What can be turned: how the sandbox plays the answers that nobody knows of the real tenant.

Every setting has one text form, used by the environment (`RECONCILER_SANDBOX_SEARCH_LAG=30s`), by the command
line's `NAME=VALUE` and by the control call of a running sandbox.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final

from reconciler.errors import UsageError

ENVIRONMENT_PREFIX: Final = "RECONCILER_SANDBOX_"

_SPAN: Final = re.compile(r"(-?)([0-9]{1,16}(?:\.[0-9]{1,6})?)(us|ms|s|m|h|d|w)?\Z")
_UNITS: Final = {
    "us": timedelta(microseconds=1),
    "ms": timedelta(milliseconds=1),
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
}


class Suites(StrEnum):
    """Whether the tenant knows the fields that name an age suite."""

    NEWER = "newer"
    OLDER = "older"


class Answer(StrEnum):
    """What the tenant does with something it need not accept."""

    REFUSE = "refuse"
    IGNORE = "ignore"
    ACCEPT = "accept"


class Hidden(StrEnum):
    """How someone else's vault looks."""

    NOT_FOUND = "404"
    FORBIDDEN = "403"


class Again(StrEnum):
    """What a second revoke answers."""

    OK = "200"
    NOT_FOUND = "404"


class Empty(StrEnum):
    """Whether a field that is empty is in an answer at all."""

    PRESENT = "present"
    ABSENT = "absent"


def _span(**parts: float) -> timedelta:
    return timedelta(**parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All of them, with what the sandbox does unless told otherwise."""

    latency: timedelta = timedelta()
    """Added before every answer of the API."""
    clock_offset: timedelta = timedelta()
    """Added to the machine's clock; the `Date` header tells it."""
    search_lag: timedelta = timedelta()
    """Search shows the tenant as it was this long ago."""
    ready_lag: timedelta = timedelta()
    """How long after an upload the vault says that its content is ready."""
    suites: Suites = Suites.NEWER
    """Whether the tenant knows the fields that name an age suite."""
    unknown_fields: Answer = Answer.REFUSE
    """refuse or ignore a field that the request does not have."""
    second_content: Answer = Answer.ACCEPT
    """accept (replace) or refuse a second text for the same vault."""
    bad_upload: Answer = Answer.REFUSE
    """refuse a file that cannot be opened, or accept it and never be ready, as plain storage would."""
    hidden: Hidden = Hidden.NOT_FOUND
    """How someone else's vault looks to a caller who may not see it."""
    revoke_again: Again = Again.OK
    """What a second revoke of the same vault answers."""
    empty_fields: Empty = Empty.PRESENT
    """Whether a field that is empty is in an answer at all."""
    module: bool = True
    """Whether secret sharing is switched on."""
    identity: str = "owner"
    """Whose token the embedded sandbox hands to the command line."""
    page_cap: int = 100
    """The most results that one page of a search holds."""
    name_max: int = 256
    """Characters of a display name; a longer one is cut without a word."""
    content_kept: timedelta = field(default_factory=lambda: _span(hours=24))
    """After this long past its expiry a vault's content is deleted, and its status says so."""
    remembered: timedelta = field(default_factory=lambda: _span(days=90))
    """After this long past its end GET answers 404 and search no longer lists it."""
    upload_life: timedelta = field(default_factory=lambda: _span(hours=1))
    """How long an upload URL can be used."""
    token_life: timedelta = field(default_factory=lambda: _span(hours=1))
    """Of tokens that sign-in issues; those handed out with the sandbox do not expire."""
    log_sync: bool = False
    """fsync every line of the event log: for tests that kill processes."""
    log_requests: bool = False
    """Write a line for every request too."""

    def with_texts(self, texts: Mapping[str, str]) -> Settings:
        """Return these settings changed by name. Raises UsageError that names what is not offered."""
        known = {f.name for f in fields(self)}
        changes: dict[str, Any] = {}
        for name, text in texts.items():
            if name not in known:
                raise UsageError(
                    f"the sandbox has no setting {name!r}", hint=f"it has: {', '.join(sorted(known))}"
                )
            changes[name] = _parse(name, text, getattr(Settings(), name))
        return replace(self, **changes)

    def as_texts(self) -> dict[str, str]:
        """Return every setting in its text form."""
        return {f.name: _text(getattr(self, f.name)) for f in fields(self)}


def from_environment(environ: Mapping[str, str]) -> Settings:
    """Return the settings that `RECONCILER_SANDBOX_*` asks for."""
    size = len(ENVIRONMENT_PREFIX)
    texts = {
        name[size:].lower(): text for name, text in environ.items() if name.startswith(ENVIRONMENT_PREFIX)
    }
    return Settings().with_texts(texts)


def parse_span(text: str) -> timedelta:
    """Read `13d`, `-1h`, `250ms`, `1.5s` or plain seconds. Raises ValueError."""
    match = _SPAN.match(text.strip())
    if match is None:
        raise ValueError("not a span of time")
    number = Decimal(match[2]) * (_UNITS[match[3] or "s"] // _UNITS["us"])
    try:
        return timedelta(microseconds=int(-number if match[1] else number))
    except OverflowError:
        raise ValueError("too long a span of time") from None


def _parse(name: str, text: str, default: object) -> object:
    try:
        match default:
            case bool():
                return {"on": True, "off": False}[text.strip().lower()]
            case int():
                return _positive(text)
            case timedelta():
                return parse_span(text)
            case StrEnum():
                return type(default)(text.strip().lower())
            case _:
                return text
    except (ValueError, KeyError):
        raise UsageError(
            f"the sandbox setting {name} cannot be {text!r}", expected=_expected(default)
        ) from None


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError("not positive")
    return number


def _expected(default: object) -> str:
    match default:
        case bool():
            return "on or off"
        case int():
            return "a whole number from 1"
        case timedelta():
            return "a time such as 250ms, 30s, -1h or 13d"
        case StrEnum():
            return f"one of: {', '.join(type(default))}"
        case _:
            return "a text"


def _text(value: object) -> str:
    match value:
        case bool():
            return "on" if value else "off"
        case timedelta():
            return f"{value // timedelta(microseconds=1)}us"
        case _:
            return str(value)
