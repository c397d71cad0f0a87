"""State nouns <-> JSON values, shared by the state file, the journal and the saved plan.

Readers raise KeyError, TypeError or ValueError on anything that is not in the format; the file that holds the
record turns that into an error with its name.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final, NoReturn, TypeAlias, TypeVar

from reconciler.addresses import Address
from reconciler.manifest import AgeSuite, Format, Kind, Sharing
from reconciler.state import (
    Attributes,
    Deposed,
    End,
    Ended,
    Instance,
    Object,
    Pending,
    Recipient,
    attributes_record,
)

Record: TypeAlias = "dict[str, object]"
T = TypeVar("T")
E = TypeVar("E", bound=StrEnum)


_TIME: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")

LINK: Final = re.compile(r"https?://[!-~]{1,2000}\Z")  # printed and clicked: no cursor moves, no script


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
    return datetime.fromisoformat(text(value))


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
    """Return the value if it is a whole number, not negative."""
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise TypeError("a whole number was expected")
    return value


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


def read_attributes(value: object) -> Attributes:
    """Read what `state.attributes_record` wrote."""
    it = record(value)
    return Attributes(
        kind=member(Kind)(it["kind"]),
        format=optional(member(Format), it["format"]),
        label=text(it["label"]),
        label_defaulted=flag(it["label_defaulted"]),
        sharing=member(Sharing)(it["sharing"]),
        recipients=tuple(_read_recipient(r) for r in items(it["recipients"])),
        expires_in=number(it["expires_in"]),
        max_views=number(it["max_views"]),
        filename=optional(text, it["filename"]),
        content_type=optional(text, it["content_type"]),
        suite=optional(member(AgeSuite), it["suite"]),
        rotate=optional(text, it["rotate"]),
    )


def _read_recipient(value: object) -> Recipient:
    it = record(value)
    return Recipient(as_written=text(it["as_written"]), id=optional(text, it["id"]))


def object_record(thing: Object) -> Record:
    """Return one of our vaults as JSON."""
    return {
        "vault_id": thing.vault_id,
        "generation": thing.generation,
        "tag": thing.tag,
        "share_code": thing.share_code,
        "share_url": thing.share_url,
        "attributes": attributes_record(thing.attributes),
        "fingerprint": thing.fingerprint,
        "source": thing.source,
        "created": time_text(thing.created),
        "expires": time_text(thing.expires),
        "ready": thing.ready,
    }


def read_object(value: object) -> Object:
    """Read what `object_record` wrote."""
    it = record(value)
    return Object(
        vault_id=text(it["vault_id"]),
        generation=number(it["generation"]),
        tag=text(it["tag"]),
        share_code=text(it["share_code"]),
        share_url=link(it["share_url"]),
        attributes=read_attributes(it["attributes"]),
        fingerprint=optional(text, it["fingerprint"]),
        source=text(it["source"]),
        created=read_time(it["created"]),
        expires=read_time(it["expires"]),
        ready=flag(it["ready"]),
    )


def instance_record(instance: Instance) -> Record:
    """Return one address's memory as JSON."""
    ended = instance.ended
    return {
        "uid": instance.uid,
        "prevent_revoke": instance.prevent_revoke,
        "current": object_record(instance.current) if instance.current else None,
        "deposed": [
            object_record(old.object)
            | {"revoke_after": time_text(old.revoke_after) if old.revoke_after else None}
            for old in instance.deposed
        ],
        "ended": {
            "how": ended.how.value,
            "seen": time_text(ended.seen),
            "object": object_record(ended.object),
        }
        if ended
        else None,
    }


def read_instance(value: object) -> Instance:
    """Read what `instance_record` wrote."""
    it = record(value)
    return Instance(
        uid=text(it["uid"]),
        prevent_revoke=flag(it["prevent_revoke"]),
        current=optional(read_object, it["current"]),
        deposed=tuple(_read_deposed(old) for old in items(it["deposed"])),
        ended=optional(_read_ended, it["ended"]),
    )


def _read_deposed(value: object) -> Deposed:
    return Deposed(object=read_object(value), revoke_after=optional(read_time, record(value)["revoke_after"]))


def _read_ended(value: object) -> Ended:
    it = record(value)
    return Ended(how=member(End)(it["how"]), seen=read_time(it["seen"]), object=read_object(it["object"]))


def pending_record(pending: Pending) -> Record:
    """Return a create that may still land as JSON."""
    return {
        "op": pending.op,
        "address": str(pending.address),
        "generation": pending.generation,
        "tag": pending.tag,
        "at": time_text(pending.at),
        "until": time_text(pending.until),
    }


def read_pending(value: object) -> Pending:
    """Read what `pending_record` wrote."""
    it = record(value)
    return Pending(
        op=text(it["op"]),
        address=Address.parse(text(it["address"])),
        generation=number(it["generation"]),
        tag=text(it["tag"]),
        at=read_time(it["at"]),
        until=read_time(it["until"]),
    )
