"""One comment of a pull request, made once and updated in place: GitHub's API, and nothing but what that takes."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, Final

from reconciler.errors import RemoteError, SignInError, UsageError
from reconciler.http.retry import Failure
from reconciler.http.session import Answer, Session
from reconciler.http.urls import check_url
from reconciler.sensitive import Sensitive

_MARKER: Final = re.compile(r"<!-- reconciler:plan stack=[^\s>]+ ")
"""The stack alone: a comparison knows less of the server than the plan that takes its place."""
_PAGE: Final = 10
"""Comments asked for at once: an answer may have 1 MiB, and one comment 64 KiB."""

_PAGES_MAX: Final = 200
_REPOSITORY: Final = re.compile(r"[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+\Z")
_CHARACTERS_MAX: Final = 65_536
"""What GitHub takes in a comment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PullRequest:
    """Where a comment goes: the API's address, `owner/name`, the number; and whose comment it is."""

    api: str
    repository: str
    number: int
    author: str

    def __post_init__(self) -> None:
        if check_url(self.api) is not None or not _REPOSITORY.match(self.repository):
            raise UsageError("GITHUB_API_URL and GITHUB_REPOSITORY do not name a repository")

    @property
    def comments(self) -> str:
        """Return the address of its comments."""
        return f"{self._issues}/{self.number}/comments"

    def comment(self, comment_id: int) -> str:
        """Return the address of one of them."""
        return f"{self._issues}/comments/{comment_id}"

    @property
    def _issues(self) -> str:
        return f"{self.api.rstrip('/')}/repos/{self.repository}/issues"


def marker_of(body: str) -> str:
    """Return by what a rendered plan is found again: its first line up to the stack. Raises UsageError."""
    found = _MARKER.match(body)
    if found is None:
        raise UsageError(
            "this is not a plan as markdown", hint="`reconciler plan --format markdown` prints one"
        )
    return found[0]


async def put(session: Session, at: PullRequest, token: Sensitive, body: str) -> bool:
    """Bring the pull request's comment up to date; true when it was new.

    Only a comment by `at.author` is taken for ours: anybody can write our marker, and could change the text
    later. Raises SignInError where the token may not comment, RemoteError for any other refusal.
    """
    if len(body) > _CHARACTERS_MAX:
        raise UsageError("this is longer than a comment may be", hint="--format markdown keeps to the limit")
    found = await _find(session, at, token, marker_of(body))
    content = json.dumps({"body": body}).encode()
    if found is None:
        await _call(session, "POST", at.comments, token, content)
    else:
        await _call(session, "PATCH", at.comment(found), token, content)
    return found is None


async def _find(session: Session, at: PullRequest, token: Sensitive, begins: str) -> int | None:
    async for comment in _all(session, at, token):
        user = comment.get("user")
        author = user.get("login") if isinstance(user, dict) else None
        body, number = comment.get("body"), comment.get("id")
        ours = author == at.author and isinstance(body, str) and body.startswith(begins)
        if ours and isinstance(number, int):
            return number
    return None


async def _all(session: Session, at: PullRequest, token: Sensitive) -> AsyncIterator[dict[str, Any]]:
    for page in range(1, _PAGES_MAX + 1):
        answer = await _call(session, "GET", f"{at.comments}?per_page={_PAGE}&page={page}", token)
        try:
            comments = json.loads(answer.body)
        except (ValueError, RecursionError):
            comments = None
        if not isinstance(comments, list):
            raise RemoteError("GitHub's answer is not a list of comments")
        for comment in comments:
            if isinstance(comment, dict):
                yield comment
        if len(comments) < _PAGE:
            return


async def _call(session: Session, method: str, url: str, token: Sensitive, content: bytes = b"") -> Answer:
    headers = {
        "authorization": f"Bearer {token.reveal_text()}",
        "accept": "application/vnd.github+json",
        "x-github-api-version": "2022-11-28",
        **({"content-type": "application/json"} if content else {}),
    }
    answer = await session.send(method, url, headers=headers, content=content)
    if isinstance(answer, Failure):
        raise RemoteError(f"GitHub could not be asked: {answer.why}")
    if answer.status in (401, 403, 404):
        raise SignInError(
            f"this job's token may not comment here (GitHub answered {answer.status})",
            hint="the job needs `permissions: {pull-requests: write}`; a fork's never may",
        )
    if answer.status not in (200, 201):
        raise RemoteError(f"GitHub did not take the comment (it answered {answer.status})")
    return answer
