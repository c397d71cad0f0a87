"""The tag that every vault of ours bears at the end of its display name: `db-password [rc:S.A.G.D]`.

It is what finds a vault again when the answer to its create was lost, and the journal too:

* S  6 characters of SHA-256 of the stack's name: recomputed from the name alone
* A  6 of a keyed hash of the address: without the key nobody learns which secret it is
* G  the generation, in clear
* D  8 of a keyed hash of what is desired, content included: the same D is the same secret

Base32 is RFC 4648's. These bytes are frozen: they live on the server. docs/formats.md gives them exactly.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

from reconciler.model.address import Address
from reconciler.model.canonical import attributes_record, canonical
from reconciler.model.state import Attributes

NAME_MAX: Final = 80
"""Characters of a display name. The API states no limit; this is what we allow ourselves."""

_TAG: Final = re.compile(r"\[rc:([A-Z2-7]{6})\.([A-Z2-7]{6})\.([1-9][0-9]{0,8})\.([A-Z2-7]{8})\]\Z")

Mac: TypeAlias = Callable[[bytes], bytes]
"""HMAC-SHA256 with the stack's key, which the core never holds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tag:
    """A tag taken apart. Equal tags mean the same stack, address, generation and desired content."""

    stack: str
    address: str
    generation: int
    desired: str

    def __str__(self) -> str:
        return f"{self.stack}.{self.address}.{self.generation}.{self.desired}"


def stack_part(name: str) -> str:
    """Return S of a stack's name."""
    return _base32(hashlib.sha256(f"stack:{name}".encode()).digest(), 6)


def address_part(mac: Mac, stack: str, address: Address) -> str:
    """Return A of an address in the stack whose S is given."""
    return _base32(mac(f"address|{stack}|{address}".encode()), 6)


def make(
    mac: Mac, *, name: str, address: Address, generation: int, attributes: Attributes, content: str
) -> Tag:
    """Return the tag of a vault to be made. `content` is the hex HMAC of the plaintext.

    D covers what recipients get: not the label (it is cut to make room) nor the file's name (the server
    rewrites it), and people by ID in one order, so that two spellings of one address are the same desire.
    """
    stack = stack_part(name)
    record = attributes_record(attributes)
    for free in ("label", "label_defaulted", "filename"):
        del record[free]
    record["recipients"] = sorted(attributes.who())
    desired = b"|".join(
        (f"desired|{stack}|{address}|{generation}".encode(), canonical(record), content.encode())
    )
    return Tag(
        stack=stack,
        address=address_part(mac, stack, address),
        generation=generation,
        desired=_base32(mac(desired), 8),
    )


def proof(mac: Mac, uid: str, vault_id: str, tag: str) -> str:
    """Return what shows later, with the key, that a vault was made for an instance: it outlives moves and rekeying."""
    return mac(f"share|{uid}|{vault_id}|{tag}".encode()).hex()[:32]


def display_name(label: str, tag: Tag) -> str:
    """Return the display name of a vault: the label, cut where the whole would be too long, and the tag."""
    end = f" [rc:{tag}]"
    return label[: NAME_MAX - len(end)] + end


def find(display_name: str) -> Tag | None:
    """Return the tag at the end of a display name, or None where it bears none of ours."""
    match = _TAG.search(display_name)
    if match is None:
        return None
    return Tag(stack=match[1], address=match[2], generation=int(match[3]), desired=match[4])


def _base32(digest: bytes, length: int) -> str:
    return base64.b32encode(digest).decode()[:length]
