"""The address of an instance: what a person writes to mean one vault."""

from __future__ import annotations

import json
import re
import string
from dataclasses import dataclass
from typing import Final

NAME_PATTERN: Final = r"^[a-z0-9][a-z0-9._-]{0,62}$"
"""A stack's or resource's name: safe in a file name, a label and a shell word."""

_NAME: Final = re.compile(NAME_PATTERN)
_LOWER: Final = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)
_ADDRESS: Final = re.compile(rf'(?P<name>{NAME_PATTERN[1:-1]})(?:\[(?P<key>"(?:[^"\\]|\\.)*")\])?')


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
        match = _ADDRESS.fullmatch(text)
        if match is None:
            raise ValueError("not an address")
        key = match["key"]
        address = cls(match["name"], json.loads(key) if key else "")
        if str(address) != text:  # one spelling each: two could not stand beside each other in a state
            raise ValueError("not an address")
        return address


def is_name(text: str) -> bool:
    """Whether a text can be the name of a stack, a secret or an audience."""
    return _NAME.fullmatch(text) is not None


def fold(person: str) -> str:
    """Return the form in which two spellings of one person are equal: e-mails in lower case, IDs as they are.

    Lower case of ASCII alone: Unicode's case folding makes one person of two (`groß@` and `gross@`).
    """
    return person.translate(_LOWER) if "@" in person else person
