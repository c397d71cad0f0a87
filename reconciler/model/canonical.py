"""JSON values, strictly read, and their one sequence of bytes: what state, journal, plan, tags and digests share.

Readers raise KeyError, TypeError or ValueError on anything that is not in the format; the file that holds the
value turns that into an error with its name.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final, NoReturn, TypeAlias, TypeVar

from reconciler.model.manifest import AgeSuite, Format, Kind, Sharing
from reconciler.model.state import Attributes, Recipient

Record: TypeAlias = "dict[str, object]"
T = TypeVar("T")
E = TypeVar("E", bound=StrEnum)


_TIME: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")

_YEARS: Final = range(1970, 3000)
"""Those that a time may have: what is reckoned with it, lifetimes too, stays between the first and the last one."""

LIFETIME_MAX: Final = 1000 * 366 * 86400
"""Seconds: more than lie between two times that a tenant may say."""

_SERIAL_MAX: Final = 10**12
_GENERATION_MAX: Final = 10**8

NUMBER_MAX: Final = 2**53 - 1
"""The largest number that every reader of JSON keeps as it is."""

LINK: Final = re.compile(r"https?://[!-~]{1,2000}\Z")  # printed and clicked: no cursor moves, no script


def canonical(value: object) -> bytes:
    """Return JSON as one sequence of bytes: sorted keys, no spaces, UTF-8."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def load(data: bytes) -> Record:
    """Read a JSON object strictly: UTF-8, every key once, no NaN. Raises ValueError or TypeError.

    `json` alone would let the later of two equal keys win, and take other encodings.
    """
    try:
        value = json.loads(data.decode(), object_pairs_hook=_once, parse_constant=_no_constant)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    return record(value)


def _once(pairs: list[tuple[str, object]]) -> Record:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice")
    return found


def _no_constant(_: str) -> NoReturn:
    raise ValueError("not a number of JSON")


def time_text(moment: datetime) -> str:
    """Return a time as every file keeps it: UTC, whole seconds, `Z`."""
    # not strftime: its %Y writes the year 1, an API's "no time", as a single digit
    return moment.astimezone(UTC).replace(microsecond=0, tzinfo=None).isoformat() + "Z"


def read_time(value: object) -> datetime:
    """Read a time as `time_text` writes it."""
    if not _TIME.fullmatch(text(value)):
        raise ValueError("a time was expected")
    moment = datetime.fromisoformat(text(value))
    if moment.year not in _YEARS:
        raise ValueError("a time of this age was expected")
    return moment


def text(value: object) -> str:
    """Return the value if it is a string."""
    if not isinstance(value, str):
        raise TypeError("a string was expected")
    return value


def link(value: object) -> str:
    """Return the value if it is a link, or empty."""
    if text(value) and not LINK.match(text(value)):
        raise ValueError("a link was expected")
    return text(value)


def number(value: object) -> int:
    """Return the value if it is a whole number, not negative, of those that every reader of JSON can hold."""
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= NUMBER_MAX:
        raise TypeError("a whole number was expected")
    return value


def serial(value: object) -> int:
    """Return the value if it is a state's serial: far from what no later one could exceed."""
    if number(value) > _SERIAL_MAX:
        raise ValueError("a serial was expected")
    return number(value)


def generation(value: object) -> int:
    """Return the value if it is a share's generation: a tag has nine digits for it."""
    if number(value) > _GENERATION_MAX:
        raise ValueError("a generation was expected")
    return number(value)


def lifetime(value: object) -> int:
    """Return the value if it is a number of seconds that can be added to a time."""
    if number(value) > LIFETIME_MAX:
        raise ValueError("a lifetime was expected")
    return number(value)


def flag(value: object) -> bool:
    """Return the value if it is true or false."""
    if not isinstance(value, bool):
        raise TypeError("true or false was expected")
    return value


def record(value: object) -> Record:
    """Return the value if it is a JSON object."""
    if not isinstance(value, dict):
        raise TypeError("an object was expected")
    return value


def items(value: object) -> list[object]:
    """Return the value if it is a JSON array."""
    if not isinstance(value, list):
        raise TypeError("an array was expected")
    return value


def member(kind: type[E]) -> Callable[[object], E]:
    """Return a reader of one enum's values."""
    return lambda value: kind(text(value))


def optional(read: Callable[[object], T], value: object) -> T | None:
    """Read a value that may be null."""
    return None if value is None else read(value)


def attributes_record(attributes: Attributes) -> dict[str, object]:
    """Return attributes as the JSON object that state, journal, plan, tags and digests share.

    Its canonical bytes are hashed into tags that live on the server: a field can be added only with a new
    format version.
    """
    return {
        "kind": attributes.kind.value,
        "format": attributes.format.value if attributes.format else None,
        "label": attributes.label,
        "label_defaulted": attributes.label_defaulted,
        "sharing": attributes.sharing.value,
        "recipients": [{"as_written": r.as_written, "id": r.id} for r in attributes.recipients],
        "expires_in": attributes.expires_in,
        "max_views": attributes.max_views,
        "filename": attributes.filename,
        "content_type": attributes.content_type,
        "suite": attributes.suite.value if attributes.suite else None,
        "rotate": attributes.rotate,
    }


def read_attributes(value: object) -> Attributes:
    """Read what `attributes_record` wrote."""
    it = record(value)
    return Attributes(
        kind=member(Kind)(it["kind"]),
        format=optional(member(Format), it["format"]),
        label=text(it["label"]),
        label_defaulted=flag(it["label_defaulted"]),
        sharing=member(Sharing)(it["sharing"]),
        recipients=tuple(_read_recipient(r) for r in items(it["recipients"])),
        expires_in=lifetime(it["expires_in"]),
        max_views=number(it["max_views"]),
        filename=optional(text, it["filename"]),
        content_type=optional(text, it["content_type"]),
        suite=optional(member(AgeSuite), it["suite"]),
        rotate=optional(text, it["rotate"]),
    )


def _read_recipient(value: object) -> Recipient:
    it = record(value)
    return Recipient(
        as_written=text(it["as_written"]),
        id=optional(text, it["id"]),
        person=optional(text, it.get("person")),  # in a plan alone
    )
