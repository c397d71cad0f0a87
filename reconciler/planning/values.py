"""What a plan may know of a value: a fingerprint and a size in words, or why there is none. Never the value."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, TypeAlias

from reconciler.errors import Problem
from reconciler.model.envvars import FINGERPRINT_KEY


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """A source that was read: its fingerprint for the address's uid, and its size as a bucket in words.

    `content` is the value's hex HMAC, for the tag of a share whose fingerprint is not recorded.
    """

    fingerprint: str
    size: str
    content: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unchecked:
    """A source whose value was not compared, and why not: what follows "value not checked: ".

    `size` is a bucket in words if it was read all the same: that takes no key.
    """

    why: str
    size: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreadable:
    """A source that could not be read: attention if its value is not needed, the caller's error if it is."""

    problem: Problem


Known: TypeAlias = Checked | Unchecked | Unreadable

NOT_READ: Final = Unchecked(why="apply does that")
NO_KEY: Final = Unchecked(why=f"set {FINGERPRINT_KEY} to the key that this stack was made with")
"""Without the stack's key no fingerprint can be made that the state's would compare with."""

NOT_RECORDED: Final = Unchecked(
    why="no fingerprint of what was sent is recorded; `apply --replace` sends the value again"
)
"""Of a share that was imported, or whose fingerprint a rekeying could not make again: no key helps."""

_KIB: Final = 1024
_BUCKETS: Final = (
    (_KIB, "up to 1 KiB"),
    (4 * _KIB, "1-4 KiB"),
    (16 * _KIB, "4-16 KiB"),
    (64 * _KIB, "16-64 KiB"),
    (_KIB**2, "64 KiB-1 MiB"),
    (16 * _KIB**2, "1-16 MiB"),
    (256 * _KIB**2, "16-256 MiB"),
)
_OVER: Final = "over 256 MiB"
SIZES: Final = frozenset((*(words for _, words in _BUCKETS), _OVER))
"""All that a plan may say of a size."""


def size_bucket(size: int) -> str:
    """Return a size as a plan may show it: the exact length of a password says too much."""
    return next((words for limit, words in _BUCKETS if size <= limit), _OVER)
