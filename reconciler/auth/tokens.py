"""Access tokens in memory: got when needed, renewed before they end, one renewal for many callers."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import jwt

from reconciler.auth.interface import HINT, AccessToken
from reconciler.errors import ReconcilerError, SignInError
from reconciler.http.clock import ServerClock
from reconciler.sensitive import Sensitive

_LEAD_MAX: Final = 60.0
_LEAD_SHARE: Final = 0.2
_PAUSE: Final = 5.0
"""Seconds for which a failure to get a token is taken for the answer to everybody who asks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Issued:
    """A fresh access token, and the seconds it lives where that was said."""

    token: Sensitive
    lifetime: float | None


class Fixed:
    """A token that someone else got (a `CredentialSource`)."""

    def __init__(self, credential: AccessToken, where: str) -> None:
        self._token = credential.value
        self._where = where

    async def token(self) -> Sensitive:
        """Return the token."""
        return self._token

    async def renew(self, refused: Sensitive) -> None:  # noqa: ARG002 - there is only one
        """Raise SignInError: there is no other."""
        raise SignInError(
            f"the tenant does not accept the token in {self._where}: it has ended, was revoked, or is for "
            "another tenant",
            hint=f"get a new one; it cannot be renewed from here; {HINT}",
        )

    @property
    def expires(self) -> datetime | None:
        """Return the token's own `exp`, where it is a JWT. Shown to a person, trusted by nobody."""
        try:
            claims = jwt.decode(self._token.reveal_text(), options={"verify_signature": False})
            return datetime.fromtimestamp(float(claims["exp"]), UTC)
        except (jwt.PyJWTError, KeyError, ValueError, TypeError, OverflowError, OSError):
            return None


class Renewing:
    """Tokens that `issue` gets (a `CredentialSource`).

    One is renewed a fifth of its life before its end, at most a minute: also in the middle of a long apply.
    Where that fails, it is used until its end. One request serves all who ask meanwhile, also when it fails.
    """

    def __init__(
        self,
        issue: Callable[[], Awaitable[Issued]],
        *,
        clock: ServerClock,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._issue = issue
        self._clock = clock
        self._monotonic = monotonic
        self._lock = asyncio.Lock()
        self._token: Sensitive | None = None
        self._renew_at: float | None = None
        self._ends: float | None = None
        self._rounds = 0
        """Requests that came to an end, good or bad."""
        self._failure: ReconcilerError | None = None
        self._failed_until = 0.0
        self._expires: datetime | None = None

    @property
    def expires(self) -> datetime | None:
        """Return when the token in hand ends (server time), where that was said."""
        return self._expires

    async def token(self) -> Sensitive:
        """Return a token that is good for a while, or at least still is."""
        asked = self._rounds
        token = self._good()
        if token is None and self._lock.locked():
            token = self._held()
        if token is not None:
            return token
        async with self._lock:
            try:
                return self._good() or await self._once(asked)
            except ReconcilerError:
                held = self._held()
                if held is None:
                    raise
                return held

    async def renew(self, refused: Sensitive) -> None:
        """Replace `refused`, unless another call has done so."""
        asked = self._rounds
        async with self._lock:
            if self._token is None or self._token.reveal() == refused.reveal():
                self._token = None
                await self._once(asked)

    def _good(self) -> Sensitive | None:
        """Return the token, unless it is time to renew it."""
        now = self._monotonic()
        due = self._renew_at is not None and now >= self._renew_at
        return self._held() if not due or now < self._failed_until else None

    def _held(self) -> Sensitive | None:
        """Return the token, unless it has ended."""
        ended = self._ends is not None and self._monotonic() >= self._ends
        return None if ended else self._token

    async def _once(self, asked: int) -> Sensitive:
        """Get a token, unless that failed just now, or since the caller `asked`: then it fails alike."""
        if self._failure and (self._rounds != asked or self._monotonic() < self._failed_until):
            raise self._failure.restated()  # one for each call: a raised error keeps where it came from
        try:
            token = await self._fresh()
        except ReconcilerError as error:
            self._rounds += 1
            self._failure = error.restated()
            self._failed_until = self._monotonic() + _PAUSE
            raise
        self._rounds += 1
        self._failure, self._failed_until = None, 0.0
        return token

    async def _fresh(self) -> Sensitive:
        started = self._monotonic()  # before the request: a slow answer shortens the life, never lengthens it
        issued = await self._issue()
        self._token = issued.token
        self._renew_at = self._ends = self._expires = None
        if issued.lifetime is not None:
            lead = min(_LEAD_MAX, _LEAD_SHARE * issued.lifetime)
            self._ends = started + issued.lifetime
            self._renew_at = self._ends - lead
            self._expires = self._clock.now + timedelta(seconds=issued.lifetime)
        return issued.token
