"""Sending a file's ciphertext to its upload URL: a capability on a foreign host.

No bearer token, no cookie, no redirect. The body counts for itself, because a transport may cut what is too
long and report success: its last part is held back until the whole is known to have the announced length.
"""

from __future__ import annotations

from asyncio import CancelledError
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from datetime import UTC, datetime
from typing import Final

from reconciler.errors import RemoteError
from reconciler.http.retry import Failure, FailureKind, http_date, retry_after
from reconciler.http.session import Answer, Session
from reconciler.http.urls import check_url
from reconciler.sensitive import Sensitive

_PATIENCE: Final = 60.0
_SLOWEST: Final = 256 * 1024
"""Bytes per second below which an upload is given up: 1 GiB may take 69 minutes."""


class Uploader:
    """Uploads over a session of its own. Trying again is the caller's, because the body is made anew.

    Without `local` nothing is sent to this machine itself: only a tenant on this machine may ask for that.
    """

    def __init__(
        self,
        session: Session,
        *,
        local: bool = True,
        on_progress: Callable[[int], None] = lambda _done: None,
    ) -> None:
        self._session = session
        self._local = local
        self._on_progress = on_progress

    async def put(
        self,
        url: Sensitive,
        *,
        length: int,
        body: AsyncIterator[bytes],
        on_progress: Callable[[int], None] | None = None,
    ) -> Failure | None:
        """Send exactly `length` bytes once, and return what went wrong; `on_progress` is told how many have left.

        What `body` raises breaks the connection, so that no complete upload is ever seen, and is raised as it
        is. Raises RemoteError where the URL may not be used.
        """
        refusal = check_url(url.reveal_text(), local=self._local)
        if refusal is not None:
            raise RemoteError(f"the upload address cannot be used: {refusal}")
        counted = _Counted(body, length, on_progress or self._on_progress)
        answer = await self._session.send(
            "PUT",
            url,
            headers={"content-type": "application/octet-stream", "content-length": str(length)},
            content=counted,
            deadline=_PATIENCE + length / _SLOWEST,
        )
        if counted.error is not None:
            raise counted.error
        return _failure(answer)

    async def aclose(self) -> None:
        """Close the session's connections."""
        await self._session.aclose()


def _failure(answer: Answer | Failure) -> Failure | None:
    if isinstance(answer, Failure):
        return answer
    if 200 <= answer.status < 300:
        return None
    now = http_date(answer.headers.get("date")) or datetime.now(UTC)  # this host's, not the tenant's
    return Failure(
        kind=FailureKind.ANSWERED,
        status=answer.status,
        why=f"the upload was answered {answer.status}",
        retry_after=retry_after(answer.headers.get("retry-after"), now),
    )


class _Counted:
    """A body that never lets its last part go before the whole is known to be as long as announced."""

    def __init__(self, body: AsyncIterator[bytes], length: int, on_progress: Callable[[int], None]) -> None:
        self.error: BaseException | None = None
        self._body = body
        self._length = length
        self._on_progress = on_progress

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async with aclosing(self._exact()) as parts:
            try:
                async for part in parts:
                    yield part
            except (CancelledError, GeneratorExit):  # the deadline's or the transport's, not the body's
                raise
            except BaseException as error:
                self.error = error
                raise

    async def _exact(self) -> AsyncGenerator[bytes, None]:
        held, read = b"", 0
        async for chunk in self._body:
            read += len(chunk)
            if read > self._length:
                raise RemoteError(_wrong_length(self._length, "more"))
            if not chunk:
                continue
            if held:
                yield held
                self._on_progress(read - len(chunk))
            held = chunk
        if read < self._length:
            raise RemoteError(_wrong_length(self._length, f"{read}"))
        if held:
            yield held
        self._on_progress(read)


def _wrong_length(announced: int, found: str) -> str:
    return f"the upload stopped before its end: {announced} bytes were announced, the body had {found}"
