"""Pages: an opaque token that says where the next one begins and belongs to one question."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from typing import Any, Final

from reconciler.sandbox.refusals import invalid

DEFAULT_SIZE: Final = 25


def page_size(asked: int, cap: int) -> int:
    """Return how many results a page has: the default for 0, never more than the cap."""
    if asked < 0:
        raise invalid("pageSize: must not be negative")
    return min(asked or DEFAULT_SIZE, cap)


def token(after: list[Any], question: dict[str, Any]) -> str:
    """Return the token of the page that begins after a place in the order."""
    text = json.dumps([after, _digest(question)], separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def place(given: str, question: dict[str, Any]) -> list[Any] | None:
    """Return where a page begins; None is the start. Raises Refusal for a token of another question."""
    if not given:
        return None
    try:
        after, digest = json.loads(base64.urlsafe_b64decode(given + "=" * (-len(given) % 4)))
    except (binascii.Error, ValueError, TypeError):
        raise invalid("pageToken: not one of ours") from None
    if digest != _digest(question) or not isinstance(after, list):
        raise invalid("pageToken: it belongs to another search")
    return after


def fuzzy(query: str, *texts: str) -> bool:
    """Return whether the query's letters occur in a text in that order: more than exact, as the API warns."""
    return any(_scattered(query.casefold(), text.casefold()) for text in texts)


def _scattered(query: str, text: str) -> bool:
    rest = iter(text)
    return all(letter in rest for letter in query if not letter.isspace())


def _digest(question: dict[str, Any]) -> str:
    kept = {name: value for name, value in question.items() if name not in ("pageToken", "pageSize")}
    return hashlib.sha256(json.dumps(kept, sort_keys=True).encode()).hexdigest()[:16]
