"""What any JSON service answers: a document, or a refusal in its own words. Nothing here knows whose API it is."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TypeAlias

from reconciler.http import redact
from reconciler.http.session import Answer
from reconciler.sensitive import Sensitive

Json: TypeAlias = Mapping[str, object]


class BadAnswer(Exception):  # noqa: N818 - an answer, not a fault of ours
    """An answer that is not one of this API's. The text names what is wrong and quotes nothing."""


def is_json(answer: Answer) -> bool:
    """Whether an answer says that it is JSON."""
    return answer.content_type == "application/json"


def document(answer: Answer) -> Json:
    """Return the JSON object that an answer carries."""
    if not is_json(answer):
        raise BadAnswer("the answer was not JSON")
    try:
        value = json.loads(answer.body)
    except (ValueError, RecursionError):  # a decoding error is a ValueError, and quotes its input
        raise BadAnswer("the answer was not valid JSON") from None
    if not isinstance(value, dict):
        raise BadAnswer("the answer was not a JSON object")
    return value


def message(answer: Answer, *, hide: Sensitive) -> str:
    """Return what a refusal says, fit for a message, or an empty text.

    Servers sometimes send a request back: `hide` (the token) is left out, and with it the whole text where that
    would show a part of it.
    """
    try:
        text = document(answer).get("message")
    except BadAnswer:
        return ""
    token = hide.reveal_text()
    return redact.shown(text.replace(token, "…"), hide=token) if isinstance(text, str) else ""
