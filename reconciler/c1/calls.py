"""One authenticated call: JSON out, JSON in, as often as `retry` allows. Part of `client`."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias, TypeVar, assert_never

from reconciler.auth.interface import HINT, CredentialSource
from reconciler.auth.server import Server
from reconciler.errors import ReconcilerError, RemoteError, SignInError
from reconciler.http import answers
from reconciler.http.answers import BadAnswer, Json
from reconciler.http.clock import ServerClock
from reconciler.http.retry import (
    Call,
    Failure,
    FailureKind,
    GiveUp,
    InDoubt,
    Recreate,
    RenewToken,
    Retry,
    retry_after,
)
from reconciler.http.session import NOT_REACHED, PRIVATE_AUTHORITY, Answer, Session
from reconciler.http.waits import Patience
from reconciler.sensitive import Sensitive

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Unclear:
    """The call may have been processed; it was not repeated blindly, and must not be."""

    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """A call that certainly brought nothing, or a reading that never brought an answer."""

    failure: Failure
    message: str = ""
    """What the tenant said, fit to be shown."""
    by_api: bool = False
    """Whether this API itself said it: a 404 of something in between says nothing about a vault."""

    def says(self, *statuses: int) -> bool:
        """Whether the API itself answered one of these."""
        return self.by_api and self.failure.status in statuses


Outcome: TypeAlias = T | Refused | Unclear


class Exchange:
    """Calls to one tenant as one identity. The bearer token goes to `server` and nowhere else."""

    def __init__(
        self,
        session: Session,
        server: Server,
        credentials: CredentialSource,
        *,
        clock: ServerClock,
        patience: Patience,
    ) -> None:
        self._session = session
        self._server = server
        self._credentials = credentials
        self._clock = clock
        self._patience = patience

    async def call(
        self,
        call: Call,
        method: str,
        path: str,
        body: Json | None,
        read: Callable[[Json], T],
        *,
        heard: Callable[[int], None] = lambda _size: None,
    ) -> Outcome[T]:
        """Return what `read` makes of the answer, or the last failure. Raises SignInError without a token.

        `heard` is told the size of each answer.
        """
        renewed = False
        attempt = 0
        while True:
            attempt += 1
            token = await self._credentials.token()
            answer = await self._send(method, path, body, token)
            heard(len(answer.body) if isinstance(answer, Answer) else 0)
            result = self._understand(answer, read, token)
            if not isinstance(result, Refused):
                return result
            match self._patience.decide(call, result.failure, attempt=attempt, renewed=renewed):
                case Retry(after):
                    await self._patience.wait(after, result.failure.why)
                case RenewToken():
                    await self._credentials.renew(token)
                    renewed = True
                case GiveUp() | Recreate():  # the latter is for uploads only
                    return result
                case InDoubt():
                    return Unclear(why=result.failure.why)
                case never:
                    assert_never(never)

    def sure(self, outcome: Outcome[T], what: str) -> T:
        """Return the value, or raise what its absence means; `what` was being done."""
        if isinstance(outcome, Unclear):
            raise RemoteError(f"{what}: it is not known whether it was done: {outcome.why}")
        if isinstance(outcome, Refused):
            raise self.error(outcome, what)
        return outcome

    def error(self, refused: Refused, what: str) -> ReconcilerError:
        """Return the error that tells a person what was refused, and what to do."""
        failure, host = refused.failure, self._server.host
        said = f": {refused.message}" if refused.message else ""
        match failure.kind, failure.status:
            case FailureKind.ANSWERED, 401:
                return SignInError(f"{what}: {host} does not accept this credential (401){said}", hint=HINT)
            case FailureKind.ANSWERED, 403:
                return SignInError(f"{what}: this identity may not do that (403){said}", hint=HINT)
            case FailureKind.ANSWERED, 429:
                wait = f" for {failure.retry_after:.0f} s" if failure.retry_after else ""
                return RemoteError(
                    f"{what}: {host} asked to wait{wait}, longer than this run does (429){said}",
                    hint="run the same command again later; a lower --parallelism asks less",
                )
            case FailureKind.ANSWERED, status:
                hint: str | None = "is this the tenant's address? The C1 API answers with JSON"
                if refused.by_api:
                    hint = "run the same command again later" if (status or 0) >= 500 else None
                return RemoteError(f"{what}: {host} answered {status}{said}", hint=hint)
            case FailureKind.NOT_SENT, _:
                hint = PRIVATE_AUTHORITY if failure.permanent else NOT_REACHED
                return RemoteError(f"{what}: {host} was not reached: {failure.why}", hint=hint)
            case _:
                return RemoteError(f"{what}: {host}: {failure.why}", hint="run the same command again")

    async def _send(self, method: str, path: str, body: Json | None, token: Sensitive) -> Answer | Failure:
        headers = {"authorization": f"Bearer {token.reveal_text()}", "accept": "application/json"}
        content = b""
        if body is not None:
            headers["content-type"] = "application/json"
            content = json.dumps(body).encode()
        return await self._session.send(method, self._server.url + path, headers=headers, content=content)

    def _understand(
        self, answer: Answer | Failure, read: Callable[[Json], T], token: Sensitive
    ) -> T | Refused:
        if isinstance(answer, Failure):
            return Refused(failure=answer)
        self._clock.hear(answer)
        if 200 <= answer.status < 300:
            try:
                return read(answers.document(answer))
            except BadAnswer as bad:
                return Refused(failure=Failure(kind=FailureKind.UNCLEAR, why=str(bad)))
        failure = Failure(
            kind=FailureKind.ANSWERED,
            status=answer.status,
            why=f"it answered {answer.status}",
            retry_after=retry_after(answer.headers.get("retry-after"), self._clock.now),
        )
        return Refused(
            failure=failure, message=answers.message(answer, hide=token), by_api=answers.is_json(answer)
        )


def sharing_off(tenant: str) -> SignInError:
    """Return the error for a tenant in which nothing can be shared, whoever asks."""
    return SignInError(
        f"secret sharing is switched off for the tenant {tenant}",
        hint=f"an administrator of the tenant switches it on (module “Secret sharing”); {HINT}",
    )
