"""Getting a token over the network: the tenant's token endpoint, and the OIDC token of a GitHub Actions job."""

from __future__ import annotations

import os
import re
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import quote, urlencode

from reconciler.auth import subject
from reconciler.auth.assertion import assertion
from reconciler.auth.interface import (
    HINT,
    AccessToken,
    ClientCredentials,
    Credential,
    GithubWorkload,
    WorkloadToken,
)
from reconciler.auth.server import Server
from reconciler.auth.tokens import Issued
from reconciler.errors import NoTokenError, SignInError
from reconciler.http import answers, redact
from reconciler.http.clock import ServerClock
from reconciler.http.retry import Call, Failure, FailureKind, Retry, retry_after
from reconciler.http.session import NOT_REACHED, PRIVATE_AUTHORITY, Answer, Session
from reconciler.http.urls import check_url
from reconciler.http.waits import Patience
from reconciler.sensitive import Sensitive

TOKEN: Final = re.compile(r"[A-Za-z0-9._~+/=-]+\Z")
"""What a bearer token may be made of (RFC 6750, 2.1); nothing in it can break out of a header."""

JWT: Final = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\Z")

_SKEW: Final = timedelta(minutes=1)
_LIFE_MAX: Final = 10 * 365 * 86400


class Issuer:
    """Gets access tokens for one credential from one tenant."""

    def __init__(
        self,
        credential: Credential,
        session: Session,
        server: Server,
        *,
        clock: ServerClock,
        patience: Patience,
    ) -> None:
        self._credential = credential
        self._session = session
        self._server = server
        self._clock = clock
        self._patience = patience
        self._proof = ""
        """What the last request proved the identity with."""

    async def issue(self) -> Issued:
        """Return a fresh token. Raises SignInError when it is refused, NoTokenError when nobody is there."""
        answer = await self._request()
        if answer.status in (400, 401) and self._off_by(answer) > _SKEW:
            answer = await self._request()  # this machine's clock is wrong: sign again with the server's time
        self._clock.hear(answer)
        if answer.status != 200:
            refused = 400 <= answer.status < 500 and answer.status not in (408, 429)
            detail = (
                f"{self._server.host} did not sign us in ({answer.status}){_said(answer, hide=self._proof)}"
            )
            if refused:
                raise SignInError(detail, hint=f"{self._next()}; {HINT}")
            raise NoTokenError(detail, hint="is this the tenant's address? If so, run the same command again")
        try:
            return _issued(answer)
        except answers.BadAnswer as bad:
            raise NoTokenError(f"signing in at {self._server.host}: {bad}") from None

    def _next(self) -> str:
        """Return what is likely wrong with a credential that was refused: OAuth's answers do not say."""
        match self._credential:
            case ClientCredentials():
                return "the client may be of another tenant or gone, or its secret was replaced: make a new one in C1"
            case WorkloadToken(value=token):
                return subject.advice(token, self._server, self._clock.now)
            case _:
                return subject.ADVICE

    def _off_by(self, answer: Answer) -> timedelta:
        before = self._clock.now
        self._clock.hear(answer)
        return abs(self._clock.now - before)

    async def _request(self) -> Answer:
        async def send() -> Answer | Failure:
            form = await self._form(self._clock.now)
            self._proof = form.get("client_assertion") or form.get("subject_token", "")
            return await self._session.send(
                "POST",
                f"{self._server.url}/auth/v1/token",
                headers={
                    "content-type": "application/x-www-form-urlencoded",
                    "accept": "application/json",
                },
                content=urlencode(form).encode(),
            )

        return await self._asked(send, self._server.host)

    async def _form(self, now: datetime) -> dict[str, str]:
        match self._credential:
            case ClientCredentials(client_id=client_id, key=key):
                return {
                    "client_id": client_id,
                    "grant_type": "client_credentials",
                    "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
                    "client_assertion": assertion(
                        client_id, key, host=self._server.host, now=now, nonce=os.urandom(16)
                    ),
                }
            case WorkloadToken(client_id=client_id, value=value):
                return _exchange(client_id, value)
            case GithubWorkload(client_id=client_id):
                return _exchange(client_id, await self._github(self._credential))
            case AccessToken():
                raise AssertionError("an access token is not exchanged")

    async def _github(self, job: GithubWorkload) -> Sensitive:
        """Return the job's OIDC token, made out to the tenant's host."""
        base = job.url.reveal_text()
        if check_url(base) is not None:
            raise SignInError("ACTIONS_ID_TOKEN_REQUEST_URL is not an https URL", hint=HINT)
        url = f"{base}{'&' if '?' in base else '?'}audience={quote(self._server.host, safe='')}"
        headers = {
            "authorization": f"Bearer {job.request_token.reveal_text()}",
            "accept": "application/json",
        }

        async def send() -> Answer | Failure:
            return await self._session.send("GET", Sensitive.of(url), headers=headers)

        answer = await self._asked(send, "GitHub")
        try:
            token = answers.document(answer).get("value") if answer.status == 200 else None
        except answers.BadAnswer:
            token = None
        if not isinstance(token, str) or not JWT.match(token):
            raise SignInError(
                f"GitHub gave no OIDC token (it answered {answer.status})",
                hint="the job needs `permissions: {id-token: write}`",
            )
        return Sensitive.of(token)

    async def _asked(self, send: Callable[[], Awaitable[Answer | Failure]], who: str) -> Answer:
        """Send until there is an answer that says something. Signing in twice harms nobody."""
        attempt = 0
        while True:
            attempt += 1
            answer = await send()
            failure = answer if isinstance(answer, Failure) else self._failure(answer)
            if failure is None:
                assert isinstance(answer, Answer)
                return answer
            match self._patience.decide(Call.TOKEN, failure, attempt=attempt):
                case Retry(after):
                    await self._patience.wait(after, failure.why)
                case _ if isinstance(answer, Answer):
                    return answer
                case _:
                    hint = PRIVATE_AUTHORITY if failure.permanent else NOT_REACHED
                    raise NoTokenError(f"signing in: {who} was not reached: {failure.why}", hint=hint)

    def _failure(self, answer: Answer) -> Failure | None:
        if answer.status == 200:
            return None
        return Failure(
            kind=FailureKind.ANSWERED,
            status=answer.status,
            why=f"signing in was answered {answer.status}",
            retry_after=retry_after(answer.headers.get("retry-after"), self._clock.now),
        )


def _exchange(client_id: str, subject: Sensitive) -> dict[str, str]:
    return {
        "client_id": client_id,
        "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
        "subject_token": subject.reveal_text(),
        "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
    }


def _issued(answer: Answer) -> Issued:
    body: Mapping[str, object] = answers.document(answer)
    token, kind, life = body.get("access_token"), body.get("token_type"), body.get("expires_in")
    if not isinstance(token, str) or not TOKEN.match(token):
        raise answers.BadAnswer("the answer held no access token")
    if isinstance(kind, str) and kind.casefold() != "bearer":
        raise answers.BadAnswer("the token is of a kind other than bearer")
    if isinstance(life, str) and re.fullmatch(r"[0-9]{1,9}", life):
        life = int(life)
    known = isinstance(life, int | float) and not isinstance(life, bool) and 0 < life < _LIFE_MAX
    return Issued(token=Sensitive.of(token), lifetime=float(life) if known else None)  # type: ignore[arg-type]


def _said(answer: Answer, *, hide: str) -> str:
    """Return OAuth's own words (RFC 6749, 5.2), or the API's, cleaned; empty where there are none.

    Or where they would show a part of `hide`, which was sent: an identity's proof is good for another two minutes.
    """
    try:
        body = answers.document(answer)
    except answers.BadAnswer:
        return ""
    words = redact.shown(body.get("error"), body.get("error_description"), body.get("message"), hide=hide)
    return f": {words}" if words else ""
