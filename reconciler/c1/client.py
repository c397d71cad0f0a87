"""The C1 API as plan and apply use it: one tenant, one identity.

`retry` decides what may be sent again, `exchange` loops, `wire` translates. A create answers a value or
*unclear*, and is never repeated unless the first is proved not to have been processed.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Final, TypeVar

from reconciler.auth.interface import CredentialSource
from reconciler.auth.server import Server
from reconciler.c1 import wire
from reconciler.c1.allowance import Allowance
from reconciler.c1.calls import Exchange, Refused, Unclear
from reconciler.c1.wire import Created
from reconciler.errors import NotYoursError, RemoteError
from reconciler.http import answers
from reconciler.http.clock import ServerClock
from reconciler.http.retry import Budget, Call, Failure, FailureKind, Retry
from reconciler.http.session import Session
from reconciler.http.waits import OnWait, Patience, Sleep
from reconciler.model.manifest import Format
from reconciler.model.state import Attributes
from reconciler.model.vault import Identity, Status, User, Vault

__all__ = ["Client", "Created", "Missing", "Unclear"]

T = TypeVar("T")

_PAGES_MAX: Final = 2000
"""Pages that one listing may have: far above what a month of shares fills, so that a server that always
names another page cannot hold a run."""

_USERS_PAGE: Final = 100
_EVERY_STATUS: Final = ["ENABLED", "DISABLED", "DELETED"]

_ENDED: Final = (Status.EXPIRED, Status.BURNED, Status.REVOKED, Status.DATA_DELETED)


class Missing(StrEnum):
    """Why a vault cannot be read."""

    GONE = "gone"  # 404
    HIDDEN = "hidden"  # 403: it may well exist, for another identity


class Client:
    """One tenant, one identity. Safe for many calls at a time on one event loop.

    `sleep` may raise to end a wait early; `random` gives jitter in [0, 1); `on_wait` is told of every wait;
    `patience` takes the place of all these, where signing in shares it.
    Any call may raise SignInError (401, 403, no token) and RemoteError (refused, or not reached).
    """

    def __init__(
        self,
        session: Session,
        server: Server,
        credentials: CredentialSource,
        *,
        clock: ServerClock | None = None,
        budget: Budget | None = None,
        sleep: Sleep = asyncio.sleep,
        random: Callable[[], float] = random.random,
        on_wait: OnWait = lambda _seconds, _why: None,
        patience: Patience | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.server = server
        self._session = session
        self._allowance = Allowance(monotonic=monotonic)
        self._clock = clock or ServerClock()
        self.patience = patience or Patience(budget=budget, sleep=sleep, random=random, on_wait=on_wait)
        """This run's: one budget over everything that it waits for, uploads and signing in as well."""
        self._api = Exchange(session, server, credentials, clock=self._clock, patience=self.patience)

    @property
    def now(self) -> datetime:
        """Return the server's clock (UTC); the machine's before anything was answered."""
        return self._clock.now

    async def aclose(self) -> None:
        """Close the session's connections."""
        await self._session.aclose()

    async def introspect(self) -> Identity:
        """Return who the credential is."""
        outcome = await self._api.call(Call.INTROSPECT, "GET", "/api/v1/auth/introspect", None, wire.identity)
        return self._api.sure(outcome, "asking who this credential is")

    async def create(
        self, *, display_name: str, attributes: Attributes, file_size: int | None
    ) -> Created | Unclear:
        """Make one vault, once. `file_size` is the plaintext's, in bytes, for a file.

        A definite refusal raises: then nothing was made.
        """
        path, body = wire.create_request(
            display_name=display_name, attributes=attributes, file_size=file_size
        )
        outcome = await self._api.call(Call.CREATE, "POST", path, body, wire.created)
        return outcome if isinstance(outcome, Unclear) else self._api.sure(outcome, "making the secret")

    async def set_content(self, vault_id: str, ciphertext: bytes, format: Format) -> Vault:
        """Set a text's content and return the vault.

        When it is unclear whether that was done, look; when it is not there, send the same bytes again.
        Raises RemoteError when it is certainly not set, or still in doubt after every attempt.
        """
        what = "setting the content"
        body = wire.content_request(ciphertext, format)
        attempt = 0
        while True:
            attempt += 1
            outcome = await self._api.call(
                Call.SET_CONTENT, "POST", f"{_path(vault_id)}/content", body, _only(vault_id)
            )
            if isinstance(outcome, Vault):
                return outcome
            if isinstance(outcome, Unclear) or attempt > 1:
                found = await self.get(vault_id)  # an earlier one may have landed, and made this a refusal
                if isinstance(found, Vault) and found.was_filled:
                    return found
            if isinstance(outcome, Refused):
                raise self._api.error(outcome, what)
            failure = Failure(kind=FailureKind.UNCLEAR, why=outcome.why)
            match self.patience.decide(Call.GET, failure, attempt=attempt):
                case Retry(after):
                    await self.patience.wait(after, outcome.why)
                case _:
                    raise RemoteError(f"{what}: it did not get there: {outcome.why}")

    async def get(self, vault_id: str) -> Vault | Missing:
        """Return one vault's metadata, or why it cannot be read."""
        outcome = await self._api.call(
            Call.GET, "GET", _path(vault_id), None, _only(vault_id), heard=self._allowance.hear
        )
        self._allowance.check("reading a secret")
        if isinstance(outcome, Refused) and outcome.says(404):
            return Missing.GONE
        if isinstance(outcome, Refused) and outcome.says(403):
            return Missing.HIDDEN
        return self._api.sure(outcome, "reading a secret")

    async def revoke(self, vault_id: str) -> None:
        """Revoke a vault. One that is gone or has ended already is done."""
        outcome = await self._api.call(Call.REVOKE, "DELETE", _path(vault_id), {}, lambda _body: None)
        if not isinstance(outcome, Refused):
            return self._api.sure(outcome, "revoking")
        if outcome.says(404):
            return None
        if outcome.says(400, 409, 410, 412, 422):  # how a second revoke is answered is not known
            found = await self.get(vault_id)
            if found is Missing.GONE or (isinstance(found, Vault) and found.status in _ENDED):
                return None
        error = self._api.error(outcome, "revoking")
        if outcome.failure.status == 403:
            hint = "restore its right to that in C1, and run the same command again"
            raise NotYoursError(error.detail, hint=hint)
        raise error

    async def mine(self, *, page_size: int = 100) -> AsyncIterator[Vault]:
        """Yield the vaults that this identity made, whatever their status, newest first, each once."""
        seen: set[str] = set()
        body: dict[str, object] = {"pageSize": page_size, "sortBy": "SEARCH_SORT_BY_CREATED_DESC"}
        async for vault in self._pages("/api/v1/search/secrets/mine", body, wire.vault, "listing secrets"):
            if vault.vault_id not in seen:
                seen.add(vault.vault_id)
                yield vault

    async def users(self, email: str) -> tuple[User, ...]:
        """Return the people who have exactly this address, be it their second, whatever their status."""
        found = {user.user_id: user async for user in self._people({"email": email}) if user.has(email)}
        return tuple(found.values())

    async def users_by_id(self, ids: Sequence[str]) -> tuple[User, ...]:
        """Return the people with these IDs, whatever their status, in no order; unknown IDs are left out."""
        found: dict[str, User] = {}
        all_desired = sorted(set(ids))
        for start in range(0, len(all_desired), _USERS_PAGE):
            some = all_desired[start : start + _USERS_PAGE]
            async for user in self._people({"refs": [{"id": id_} for id_ in some]}):
                if user.user_id in some:  # a server that ignores the filter answers everybody
                    found[user.user_id] = user
        return tuple(found.values())

    async def _people(self, body: Mapping[str, object]) -> AsyncIterator[User]:
        whole = {**body, "userStatuses": _EVERY_STATUS, "pageSize": _USERS_PAGE}
        async for person in self._pages("/api/v1/search/users", whole, wire.user, "looking up people"):
            if person is not None:
                yield person

    async def _pages(
        self, path: str, body: Mapping[str, object], item: Callable[[Mapping[str, object]], T], what: str
    ) -> AsyncIterator[T]:
        def read(answer: Mapping[str, object]) -> tuple[list[T], str]:
            items, following = wire.page(answer)
            return [item(one) for one in items], following

        token, used = "", {""}
        for _ in range(_PAGES_MAX):
            whole = {**body, "pageToken": token} if token else body
            with self._allowance.asking(what):
                outcome = await self._api.call(
                    Call.SEARCH, "POST", path, whole, read, heard=self._allowance.hear
                )
            items, token = self._api.sure(outcome, what)
            self._allowance.take(len(items))
            self._allowance.check(what)
            for one in items:
                yield one
            if token in used:  # empty on the last page; a repeated one would go round for ever
                return
            used.add(token)
        raise RemoteError(f"{what}: the tenant always named another page")


def _path(vault_id: str) -> str:
    if not wire.is_id(vault_id):
        raise RemoteError("a vault id does not have the expected form")
    return f"/api/v1/secrets/{vault_id}"


def _only(vault_id: str) -> Callable[[Mapping[str, object]], Vault]:
    """Return a reader that takes an answer about this vault and no other."""

    def read(body: Mapping[str, object]) -> Vault:
        vault = wire.secret(body)
        if vault.vault_id != vault_id:
            raise answers.BadAnswer("the answer was about another secret")
        return vault

    return read
