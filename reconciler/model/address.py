"""The address of an instance: what a person writes to mean one vault."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Final

NAME_PATTERN: Final = r"^[a-z0-9][a-z0-9._-]{0,62}$"
"""A stack's or resource's name: safe in a file name, a label and a shell word."""

UNSEEN: Final = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u2800\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
"""Characters that nobody sees, though some count as printable: Unicode's default-ignorable ones, blank Braille."""

_ADDRESS: Final = re.compile(r'^(?P<name>[a-z0-9][a-z0-9._-]{0,62})(?:\[(?P<key>"(?:[^"\\]|\\.)*")\])?\Z')


@dataclass(frozen=True, slots=True, order=True)
class Address:
    """`db-password`, or `db-password["ana@example.com"]` where each recipient has a vault of their own."""

    name: str
    key: str = ""

    def __str__(self) -> str:
        return f"{self.name}[{json.dumps(self.key, ensure_ascii=False)}]" if self.key else self.name

    @classmethod
    def parse(cls, text: str) -> Address:
        """Read an address as `str` writes it; raises ValueError for anything else."""
        match = _ADDRESS.match(text)
        if match is None:
            raise ValueError("not an address")
        key = match["key"]
        address = cls(match["name"], json.loads(key) if key else "")
        if str(address) != text:  # one spelling each: two could not stand beside each other in a state
            raise ValueError("not an address")
        return address


def fold(person: str) -> str:
    """Return the form in which two spellings of one person are equal: e-mails casefolded, IDs as they are."""
    return person.casefold() if "@" in person else person
