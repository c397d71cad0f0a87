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
from reconciler.clock import ServerClock
from reconciler.errors import SignInError
from reconciler.sensitive import Sensitive

_LEAD_MAX: Final = 60.0
_LEAD_SHARE: Final = 0.2


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
        """Say that there is no other."""
        raise SignInError(
            f"The tenant does not accept the token in {self._where}: it has ended, was revoked, or is for "
            "another tenant.",
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
        self._good_until: float | None = None
        self._expires: datetime | None = None

    @property
    def expires(self) -> datetime | None:
        """Return when the token in hand ends (server time), where that was said."""
        return self._expires

    async def token(self) -> Sensitive:
        """Return a token that is good for a while."""
        token = self._good()
        if token is not None:
            return token
        async with self._lock:
            return self._good() or await self._fresh()

    async def renew(self, refused: Sensitive) -> None:
        """Replace `refused`, unless another call has done so."""
        async with self._lock:
            if self._token is None or self._token.reveal() == refused.reveal():
                await self._fresh()

    def _good(self) -> Sensitive | None:
        ended = self._good_until is not None and self._monotonic() >= self._good_until
        return None if ended else self._token

    async def _fresh(self) -> Sensitive:
        started = self._monotonic()  # before the request: a slow answer shortens the life, never lengthens it
        issued = await self._issue()
        self._token = issued.token
        self._good_until = self._expires = None
        if issued.lifetime is not None:
            lead = min(_LEAD_MAX, _LEAD_SHARE * issued.lifetime)
            self._good_until = started + issued.lifetime - lead
            self._expires = self._clock.now + timedelta(seconds=issued.lifetime)
        return issued.token
