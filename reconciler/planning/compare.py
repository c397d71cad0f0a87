"""What differs between a vault of ours and what is declared, and when a share is due."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum

from reconciler.model.manifest import AgeSuite, Lead
from reconciler.model.state import Attributes, Share


class Value(StrEnum):
    """How a declared value compares with the one that was sent."""

    SAME = "same"
    CHANGED = "changed"
    UNKNOWN = "unknown"


def changed(old: Attributes, desired: Attributes) -> tuple[str, ...]:
    """Return the names of the attributes that differ, in the order of the class; `rotate` is not one of them.

    A defaulted label says nothing about what a person wants, and neither does a suite left to the server.
    People are compared by ID: a second spelling is the same person.
    """
    pairs: dict[str, tuple[object, object]] = {
        "kind": (old.kind, desired.kind),
        "format": (old.format, desired.format),
        "label": (old.label, old.label if desired.label_defaulted else desired.label),
        "sharing": (old.sharing, desired.sharing),
        "recipients": (old.who(), desired.who()),
        "expires_in": (old.expires_in, desired.expires_in),
        "max_views": (old.max_views, desired.max_views),
        "filename": (old.filename, desired.filename),
        "content_type": (old.content_type, desired.content_type),
        # A server that does not say the suite is of the time when there was only one.
        "suite": (old.suite or AgeSuite.X25519, desired.suite or old.suite or AgeSuite.X25519),
    }
    return tuple(name for name, (was, is_) in pairs.items() if was != is_)


def value(old: str | None, desired: str | None) -> Value:
    """Compare two fingerprints. Only those that one key made can tell anything."""
    if old is None or desired is None or _made_by(old) != _made_by(desired):
        return Value.UNKNOWN
    return Value.SAME if old == desired else Value.CHANGED


def _made_by(fingerprint: str) -> str:
    return fingerprint.rpartition(":")[0]


def due(now: datetime, share: Share, lead: Lead) -> bool:
    """Tell whether a share is within its lead of its end. `now` is the server's time, as both ends are."""
    life = int((share.expires - share.created).total_seconds())
    return now >= share.expires - timedelta(seconds=lead.of(life))
