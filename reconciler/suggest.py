"""Words for messages that may stand next to something secret: what may be shown of an input, and what was meant."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection
from typing import Final

from reconciler.model.address import is_name

_IDENTIFIER: Final = re.compile(r"[A-Za-z0-9_.-]{1,40}")
_WORD_MAX: Final = 60
"""Characters of what difflib is asked about: its time grows with the square."""

_OFFERED_MAX: Final = 500
"""Words to compare with: a hint is not worth more time."""


def shown_key(key: str, otherwise: str = "this key") -> str:
    """Return a mapping's key if it looks like an identifier; a value pasted where a key belongs is not shown."""
    return key if _IDENTIFIER.fullmatch(key) else otherwise


def named(name: str) -> str:
    """Return a secret's or audience's name for a message, or a stand-in for what cannot be one."""
    return name if is_name(name) else "<name>"


def near(word: object, offered: Collection[str]) -> str | None:
    """Return the likeliest of what was offered, if any is like `word`."""
    if not isinstance(word, str) or len(word) > _WORD_MAX or len(offered) > _OFFERED_MAX:
        return None
    spellings = {each.casefold().replace("-", "_"): each for each in offered}
    matches = difflib.get_close_matches(word.casefold().replace("-", "_"), spellings, n=1, cutoff=0.7)
    return spellings[matches[0]] if matches else None


def did_you_mean(word: object, offered: Collection[str]) -> str | None:
    """Return a question that names the likeliest of what was offered. It never shows `word`."""
    likeliest = near(word, offered)
    return f"did you mean {likeliest}?" if likeliest else None


def one_of(offered: Collection[str], *, at_most: int = 20) -> str:
    """Return what was expected: the words offered, or the first of them."""
    words = sorted(offered)
    if len(words) == 1:
        return f"expected {words[0]}"
    rest = f" and {len(words) - at_most} more" if len(words) > at_most else ""
    return f"expected one of {', '.join(words[:at_most])}{rest}"
