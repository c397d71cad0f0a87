"""The words for a plan's facts: durations, views, and text that came from a manifest."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from reconciler.model.hidden import without_hidden
from reconciler.model.manifest import DAY, HOUR

SUBSTITUTE: Final = "\N{REPLACEMENT CHARACTER}"

COMMAND: Final = re.compile(r"##(?=\w*\[)")
"""How a command to a pipeline begins that stands anywhere in a line: `##[add-mask]` to GitHub's runner, `##vso[…]`
to Azure's agent, `##teamcity[…]`."""


def clean(text: str) -> str:
    """Return a text in which nothing moves the cursor, reverses the line or hides.

    Each such character becomes a visible one: a reviewer of a name must see that there was something. A `COMMAND`
    gets one too.
    """
    text = COMMAND.sub(f"##{SUBSTITUTE}", text)
    if text.isascii() and text.isprintable():
        return text
    return without_hidden(text, SUBSTITUTE)


def line(text: str) -> str:
    """Return a text fit for a line of its own: cleaned, and no workflow command (`::add-mask::`) either."""
    cleaned = clean(text)
    return f"{SUBSTITUTE}{cleaned}" if cleaned.lstrip().startswith("::") else cleaned


def person(text: str) -> str:
    """Return a recipient, cleaned, with the code points of letters that may look like others beside them."""
    strange = dict.fromkeys(char for char in text if not char.isascii())
    points = ", ".join(f"{_alone(char)}U+{ord(char):04X}" for char in strange)
    return f"{clean(text)} ({points})" if points else clean(text)


def _alone(char: str) -> str:
    """Return a letter for the list of code points; a mark that needs another letter has none of its own."""
    return "" if unicodedata.category(char).startswith("M") else f"{clean(char)} is "


def duration(seconds: int) -> str:
    """Return a duration as it is usually written: `90m`, `72h`, `14d`. Hours up to three days."""
    if seconds % DAY == 0 and seconds > 3 * DAY:
        return f"{seconds // DAY}d"
    if seconds % HOUR == 0:
        return f"{seconds // HOUR}h"
    return f"{seconds // 60}m" if seconds % 60 == 0 else f"{seconds}s"


def views(count: int) -> str:
    """Return how often a share may be opened."""
    if count == 0:
        return "unlimited views"
    return counted(count, "view")


def counted(count: int, one: str, many: str | None = None) -> str:
    """Return `1 secret`, `2 secrets`."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"
