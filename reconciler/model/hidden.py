"""Characters that a reader does not see, or that show a text in another order than it has: every set of them."""

from __future__ import annotations

import re
from typing import Final
from unicodedata import category

_SEPARATORS: Final = "\u2028\u2029"
_OVERRIDES: Final = "\u202a-\u202e\u2066-\u2069"
_DIRECTION_MARKS: Final = "\u061c\u200e\u200f"
_CONTROLS: Final = frozenset({"Cc", "Cs", "Zl", "Zp"})
"""Unicode categories: control characters, halves of surrogate pairs, line and paragraph breaks."""

_UNPRINTED: Final = _CONTROLS | {"Cf"}
"""Those, and Unicode's format characters."""

UNSEEN: Final = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u2800\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
"""Characters that nobody sees, though some count as printable: Unicode's default-ignorable ones, blank Braille."""

REFUSED_IN_FILES: Final = re.compile(
    f"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f{_SEPARATORS}{_OVERRIDES}\ufeff\ufffe\uffff]|\r(?!\n)"
)
"""In a manifest's text: control characters, line breaks that YAML 1.1 knows and editors do not, direction overrides.

The marks that a text in Hebrew or Arabic needs are allowed there, and refused in what names something.
"""

_DIRECTION: Final = re.compile(f"[{_DIRECTION_MARKS}{_OVERRIDES}]")


def has_control(text: str) -> bool:
    """Whether a text holds a line break, a control character or a text direction mark."""
    return bool(_DIRECTION.search(text)) or any(category(each) in _CONTROLS for each in text)


def without_hidden(text: str, substitute: str) -> str:
    """Return a text in which a substitute stands for every character that hides, or moves what is around it."""
    text = UNSEEN.sub(substitute, text)
    return "".join(substitute if category(c) in _UNPRINTED else c for c in text)
