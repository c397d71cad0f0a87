"""Who may read: a recipient as the tenant returned it, checked before anything is encrypted to it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from reconciler.age import bech32, hybrid, x25519
from reconciler.errors import RemoteError
from reconciler.model.manifest import AgeSuite

_LONGEST: Final = 1959  # an age1pq1… recipient; an age1… one has 62 characters
_PLUGIN: Final = re.compile(r"age1[a-z0-9-]{1,20}\Z")


class RecipientError(RemoteError):
    """A recipient that nothing may be encrypted to: of another type, damaged, or chosen to be weak."""

    summary = "an age recipient cannot be used"

    def __init__(self, why: str) -> None:
        super().__init__(
            f"the age recipient {why}",
            hint="nothing was encrypted to it; if this happens again, ask the tenant's administrator",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class AgeRecipient:
    """A public key to encrypt to. Made by `parse_recipient`; `text` is as received and safe to show."""

    suite: AgeSuite
    text: str


def parse_recipient(text: str) -> AgeRecipient:
    """Return the recipient that a text stands for: `age1…` (X25519) or `age1pq1…` (hybrid). Raises RecipientError.

    Stricter than pyrage, which takes upper case and panics on points of low order.
    """
    try:
        suite = _suite_of(text)
    except ValueError as error:  # every one of our own words
        why = str(error)
    else:
        return AgeRecipient(suite=suite, text=text)
    raise RecipientError(why)


def _suite_of(text: str) -> AgeSuite:
    if text.startswith(("ssh-", "ecdsa-")):
        raise ValueError("is an SSH key, not age1… or age1pq1…")
    if not text.startswith("age1"):
        raise ValueError("does not begin with age1, in lower case")
    if len(text) > _LONGEST:
        raise ValueError(f"has {len(text)} characters, more than any that is known")
    prefix, key = bech32.decode(text)
    match prefix:
        case "age":
            x25519.check_key(key)
            return AgeSuite.X25519
        case "age1pq":
            hybrid.public_key(key)
            return AgeSuite.MLKEM768X25519
        case _:
            kind = f"type {prefix}1…" if _PLUGIN.match(prefix) else "an unknown type"
            raise ValueError(f"is of {kind}, not age1… or age1pq1…")
