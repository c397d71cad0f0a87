"""The client against servers that answer what a test says: requests byte for byte, and every way to fail."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import count
from typing import Any

import pytest

from reconciler.auth.server import Server
from reconciler.c1.client import Client, Created, Missing, Unclear
from reconciler.errors import ReconcilerError, RemoteError, SignInError
from reconciler.http.retry import Budget
from reconciler.http.session import Session
from reconciler.model.manifest import AgeSuite, Format, Kind, Sharing
from reconciler.model.state import Attributes, Recipient
from reconciler.model.vault import Identity, Status, User, Vault
from reconciler.sensitive import Sensitive
from tests.support.plans import attributes
from tests.support.raw_server import Behaviour, RawServer, Reply, Seen, answer, in_turn, raw_server

pytestmark = pytest.mark.anyio

CANARY = "canary-token-5e2a"
RENEWED = "canary-token-5e2a-second"


@dataclass
class Tokens:
    """A credential that counts what is asked of it."""

    renewals: int = 0

    @property
    def expires(self) -> datetime | None:
        return None

    async def token(self) -> Sensitive:
        return Sensitive.of(RENEWED if self.renewals else CANARY)

    async def renew(self, refused: Sensitive) -> None:
        self.renewals += 1


@dataclass
class Tried:
    """A client, what it talks to, and how long it thought it waited."""

    client: Client
    server: RawServer
    tokens: Tokens
    waits: list[float] = field(default_factory=list)


@asynccontextmanager
async def client(
    behaviour: Behaviour, *, monotonic: Callable[[], float] = time.monotonic
) -> AsyncIterator[Tried]:
    async with raw_server(behaviour) as server:
        tokens, waits = Tokens(), list[float]()

        async def sleep(seconds: float) -> None:
            waits.append(seconds)

        there = Client(
            Session(),
            Server(url=server.url, host="127.0.0.1", where="--server"),
            tokens,
            budget=Budget(attempts=3),
            sleep=sleep,
            random=lambda: 0.5,
            monotonic=monotonic,
        )
        try:
            yield Tried(there, server, tokens, waits)
        finally:
            await there.aclose()


TEXT = attributes(
    format=Format.KEY_VALUE,
    label="db",
    label_defaulted=False,
    recipients=(Recipient(as_written="Ana@example.com", id="user-ana"),),
    expires_in=3600,
    max_views=5,
)
FILE = replace(
    TEXT,
    kind=Kind.FILE,
    format=None,
    sharing=Sharing.EXTERNAL,
    recipients=(Recipient(as_written="Ops@Partner.example", id="ops@partner.example"),),
    filename="bundle.p12",
    content_type="application/x-pkcs12",
    suite=AgeSuite.MLKEM768X25519,
)
SECRET = {
    "vaultId": "v1",
    "displayName": "db [rc:A]",
    "status": "SECRET_STATUS_ACTIVE",
    "contentReady": True,
    "secretType": "SECRET_TYPE_TEXT",
    "inputFormat": "SECRET_INPUT_FORMAT_JSON",
    "sharingMode": "PAPER_VAULT_SHARING_MODE_INTERNAL",
    "allowedUserIds": ["user-ana"],
    "allowedEmails": None,
    "currentViews": 1,
    "maxViews": 5,
    "createdAt": "2026-11-02T09:00:00.123456789Z",
    "contentExpiresAt": "2026-11-09T10:00:00+01:00",
    "shareCode": "ABCD-EFGH-JKLM",
    "shareUrl": "https://acme.conductor.one/s/ABCD-EFGH-JKLM",
    "creatorUserId": "user-me",
    "newField": {"from": "the future"},
}
VAULT = Vault(
    vault_id="v1",
    display_name="db [rc:A]",
    status=Status.ACTIVE,
    content_ready=True,
    kind=Kind.TEXT,
    format=Format.JSON,
    sharing=Sharing.INTERNAL,
    user_ids=frozenset({"user-ana"}),
    emails=frozenset(),
    current_views=1,
    max_views=5,
    created=datetime(2026, 11, 2, 9, 0, 0, 123456, tzinfo=UTC),
    expires=datetime(2026, 11, 9, 9, 0, tzinfo=UTC),
    share_code="ABCD-EFGH-JKLM",
    share_url="https://acme.conductor.one/s/ABCD-EFGH-JKLM",
    filename="",
    creator="user-me",
)
READY = answer(200, {"secret": SECRET})
NOT_READY = answer(200, {"secret": {**SECRET, "contentReady": False}})
CREATED = answer(200, {"vaultId": "v1", "ageRecipient": "age1abc", "secret": SECRET})


def shown(error: ReconcilerError) -> str:
    return f"{error} {error.detail} {error.expected} {error.hint} {error!r} {error.__cause__} {error.__context__}"


async def create(tried: Tried, attributes: Attributes = TEXT) -> Created | Unclear:
    return await tried.client.create(display_name="db [rc:A]", attributes=attributes, file_size=7)


async def test_a_text_create_sends_exactly_what_is_needed() -> None:
    """No field of the newer API unless a suite is named; no field of a file."""
    async with client(lambda _seen: CREATED) as tried:
        made = await create(tried)
        assert isinstance(made, Created)
        assert (
            made.vault_id,
            made.recipient,
            made.suite,
            made.upload_url,
            made.vault,
            made.display_name,
        ) == ("v1", "age1abc", None, None, VAULT, "db [rc:A]")
        (seen,) = tried.server.requests
        assert (seen.method, seen.path) == ("POST", "/api/v1/secrets/internal")
        assert seen.json == {
            "displayName": "db [rc:A]",
            "secretType": "SECRET_TYPE_TEXT",
            "expiresIn": "3600s",
            "maxViews": 5,
            "allowedUserIds": ["user-ana"],
            "inputFormat": "SECRET_INPUT_FORMAT_KEY_VALUE",
        }
        assert f"Bearer {CANARY}" == seen.headers["authorization"]
        assert seen.headers["content-type"] == "application/json"


async def test_a_file_create_and_its_capability() -> None:
    """int64 as text, the suite by name, addresses outside as their IDs; the upload URL is hidden."""
    body = {
        "vaultId": "v2",
        "ageRecipient": "age1pq1x",
        "ageSuite": "AGE_SUITE_MLKEM768X25519",
        "uploadUrl": f"https://bucket.example/x?sig={CANARY}",
        "secret": None,
    }
    async with client(lambda _seen: answer(200, body)) as tried:
        made = await create(tried, FILE)
        assert isinstance(made, Created)
        assert (made.suite, made.vault, made.display_name) == (AgeSuite.MLKEM768X25519, None, "")
        assert made.upload_url is not None
        assert CANARY in made.upload_url.reveal_text()
        assert CANARY not in repr(made)
        (seen,) = tried.server.requests
        assert seen.path == "/api/v1/secrets/external"
        assert seen.json == {
            "displayName": "db [rc:A]",
            "secretType": "SECRET_TYPE_FILE",
            "expiresIn": "3600s",
            "maxViews": 5,
            "allowedEmails": ["ops@partner.example"],
            "filename": "bundle.p12",
            "contentType": "application/x-pkcs12",
            "fileSize": "7",
            "requiredAgeSuite": "AGE_SUITE_MLKEM768X25519",
        }


IN_DOUBT: dict[str, Reply] = {
    "closed after reading": b"",
    "garbage": b"\x00\x01\x02\r\n\r\n",
    "cut": CREATED[:-20],
    "bad JSON": answer(200, b'{"vaultId": '),
    "HTML": answer(200, b"<html>", content_type="text/html"),
    "a list": answer(200, [1]),
    "no vault id": answer(200, {"ageRecipient": "age1abc"}),
    "null vault id": answer(200, {"vaultId": None}),
    "an id that is a path": answer(200, {"vaultId": "../../x"}),
    "a number for an id": answer(200, {"vaultId": 5}),
    "nested too deep": answer(200, b'{"a":' + b"[" * 200_000),
    **{str(s): answer(s, {"message": "no"}) for s in (204, 301, 307, 308, 405, 408, 418, 500, 502, 503, 504)},
    "a redirect elsewhere": answer(302, headers=[("location", "http://127.0.0.1:9/")]),
    "503 with Retry-After": answer(503, headers=[("retry-after", "0")]),
}


@pytest.mark.parametrize("name", IN_DOUBT)
async def test_a_create_in_doubt_is_never_repeated(name: str) -> None:
    """One request, whatever comes back: a second create could make a second vault."""
    async with client(lambda _seen: IN_DOUBT[name]) as tried:
        outcome = await create(tried)
        assert isinstance(outcome, Unclear)
        assert outcome.why
        assert tried.server.paths() == ["POST /api/v1/secrets/internal"]
        assert CANARY not in repr(outcome)


@pytest.mark.parametrize("status", [400, 404, 409, 413, 422])
async def test_a_refused_create_made_nothing(status: int) -> None:
    """The tenant's own message is shown, cut and cleaned; the request is not."""
    said = f"label too long\x1b[31m\r\n{CANARY * 9} " + "why " * 200
    async with client(lambda _seen: answer(status, {"code": 3, "message": said})) as tried:
        with pytest.raises(RemoteError) as caught:
            await create(tried)
        text = shown(caught.value)
        assert len(tried.server.requests) == 1
        assert "label too long" in text
        assert str(status) in text
        assert len(caught.value.detail) < 500
        assert "\x1b" not in text
        assert CANARY not in text
        assert "rc:A" not in text


@pytest.mark.parametrize("between", [" ", "\n", "\u200b", "\x00"])
async def test_a_token_in_pieces_is_not_shown_either(between: str) -> None:
    """Nothing is: put together again it would be one. What says nothing of it is told as it was."""
    said = f"you sent {between.join((CANARY[:7], CANARY[7:]))}, which"
    async with client(in_turn(answer(400, {"message": said}), answer(400, {"message": "too long"}))) as tried:
        with pytest.raises(RemoteError) as caught:
            await create(tried)
        assert "you sent" not in shown(caught.value)
        with pytest.raises(RemoteError, match="too long"):
            await create(tried)


async def test_403_is_a_matter_of_sign_in() -> None:
    """It leads to `auth status`."""
    async with client(lambda _seen: answer(403, {"message": "not allowed"})) as tried:
        with pytest.raises(SignInError, match="not allowed") as caught:
            await create(tried)
        assert "reconciler auth status" in (caught.value.hint or "")


async def test_401_renews_once_then_stops() -> None:
    """One new token; a second 401 ends it. A create refused by 401 was not processed."""
    async with client(in_turn(answer(401), CREATED)) as tried:
        assert isinstance(await create(tried), Created)
        assert [f"Bearer {CANARY}", f"Bearer {RENEWED}"] == [
            s.headers["authorization"] for s in tried.server.requests
        ]
    async with client(lambda _seen: answer(401, {"message": "expired"})) as tried:
        with pytest.raises(SignInError, match="does not accept this credential") as caught:
            await create(tried)
        assert (len(tried.server.requests), tried.tokens.renewals) == (2, 1)
        assert CANARY not in shown(caught.value)


@pytest.mark.parametrize(
    ("header", "waits"),
    [
        ("0", [0.5]),
        ("1", [1.5]),
        ("Mon, 02 Nov 2026 09:00:07 GMT", [7.5]),
        ("garbage", [0.375]),
        (None, [0.375]),
    ],
)
async def test_429_waits_as_asked(header: str | None, waits: list[float]) -> None:
    """By the server's own clock where it names a date."""
    date = ("date", "Mon, 02 Nov 2026 09:00:00 GMT")
    headers = [date, ("retry-after", header)] if header else [date]
    async with client(in_turn(answer(429, headers=headers), CREATED)) as tried:
        assert isinstance(await create(tried), Created)
        assert waits == [pytest.approx(wait, abs=0.05) for wait in tried.waits]


@pytest.mark.parametrize("after", ["0", "3600"])
async def test_429_for_ever_fails_cleanly(after: str) -> None:
    """Within the budget of attempts, or at once where the wait is longer than a run should take."""
    async with client(lambda _seen: answer(429, headers=[("retry-after", after)])) as tried:
        with pytest.raises(RemoteError, match="429"):
            await create(tried)
        assert (3 if after == "0" else 1) == len(tried.server.requests)


async def test_nobody_there_is_not_in_doubt() -> None:
    """Refused connections are proved not sent: tried again, then a clear failure."""
    async with client(lambda _seen: CREATED) as tried:
        port = tried.server.port
    there = Client(
        Session(),
        Server(url=f"http://127.0.0.1:{port}", host="127.0.0.1", where="--server"),
        Tokens(),
        budget=Budget(attempts=3, backoff=0.01),
    )
    with pytest.raises(RemoteError, match="was not reached: nothing listens") as caught:
        await there.create(display_name="x", attributes=TEXT, file_size=None)
    assert "check the address" in (caught.value.hint or "")
    await there.aclose()


async def test_content_is_sent_as_base64() -> None:
    """The raw age file, and how to show it."""
    async with client(lambda _seen: READY) as tried:
        assert await tried.client.set_content("v1", b"age!", Format.YAML) == VAULT
        (seen,) = tried.server.requests
        assert (seen.method, seen.path) == ("POST", "/api/v1/secrets/v1/content")
        assert seen.json == {"encryptedContent": "YWdlIQ==", "inputFormat": "SECRET_INPUT_FORMAT_YAML"}


@pytest.mark.parametrize(
    ("replies", "methods"),
    [
        ([b"", READY], ["POST", "GET"]),
        ([b"", NOT_READY, READY], ["POST", "GET", "POST"]),
        ([answer(500), NOT_READY, b"", NOT_READY, READY], ["POST", "GET", "POST", "GET", "POST"]),
        ([answer(200, {}), NOT_READY, answer(409), READY], ["POST", "GET", "POST", "GET"]),
    ],
)
async def test_unclear_content_is_looked_at_then_sent_again(replies: list[Reply], methods: list[str]) -> None:
    """Ready is done; otherwise the same bytes go again; a refusal because an earlier one landed is done too."""
    async with client(in_turn(*replies)) as tried:
        assert await tried.client.set_content("v1", b"age!", Format.JSON) == VAULT
        assert methods == [seen.method for seen in tried.server.requests]
        bodies = {seen.body for seen in tried.server.requests if seen.method == "POST"}
        assert len(bodies) == 1


async def test_refused_content_is_an_error_and_doubt_ends() -> None:
    """A definite refusal at once; doubt after the budget's attempts."""
    async with client(lambda _seen: answer(413, {"message": "too large"})) as tried:
        with pytest.raises(RemoteError, match="too large"):
            await tried.client.set_content("v1", b"age!", Format.JSON)
        assert len(tried.server.requests) == 1
    async with client(lambda s: NOT_READY if s.method == "GET" else answer(500)) as tried:
        with pytest.raises(RemoteError, match="did not get there"):
            await tried.client.set_content("v1", b"age!", Format.JSON)
        assert sum(seen.method == "POST" for seen in tried.server.requests) == 3


async def test_reading_a_vault_and_why_it_cannot_be_read() -> None:
    """404 is gone, 403 hidden."""
    for reply, expected in (
        (READY, VAULT),
        (answer(404), Missing.GONE),
        (answer(403), Missing.HIDDEN),
    ):
        async with client(lambda _seen, reply=reply: reply) as tried:  # type: ignore[misc]
            assert expected == await tried.client.get("v1")
            assert tried.server.paths() == ["GET /api/v1/secrets/v1"]


async def test_a_404_of_something_in_between_is_not_gone() -> None:
    """A gateway's own page says nothing about a vault; believing it would make the secret again."""
    page = answer(404, b"<html>nginx</html>", content_type="text/html")
    async with client(lambda _seen: page) as tried:
        with pytest.raises(RemoteError, match="404"):
            await tried.client.get("v1")
        with pytest.raises(RemoteError, match="404"):
            await tried.client.revoke("v1")


@pytest.mark.parametrize("reply", [b"", answer(500), answer(200, b"<html>", content_type="text/html")])
async def test_reading_is_repeated(reply: Reply) -> None:
    """What broke once is asked again; what stays broken is an error, not a vault that is gone."""
    async with client(in_turn(reply, READY)) as tried:
        assert await tried.client.get("v1") == VAULT
        assert len(tried.waits) == 1
    async with client(lambda _seen: reply) as tried:
        with pytest.raises(RemoteError):
            await tried.client.get("v1")
        assert len(tried.server.requests) == 3


async def test_an_answer_about_another_vault_is_not_taken() -> None:
    """A mixed-up cache in between must not be believed."""
    async with client(lambda _seen: READY) as tried:
        with pytest.raises(RemoteError, match="another secret"):
            await tried.client.get("v2")


@pytest.mark.parametrize("vault_id", ["", "..", ".", "a/b", "a?b", "a#b", "a%2e", "a b", "ä"])
async def test_an_id_cannot_lead_elsewhere(vault_id: str) -> None:
    """An ID from a state file goes into a path."""
    async with client(lambda _seen: READY) as tried:
        with pytest.raises(RemoteError):
            await tried.client.revoke(vault_id)
        assert tried.server.requests == []


ENDED = answer(200, {"secret": {**SECRET, "status": "SECRET_STATUS_REVOKED"}})


@pytest.mark.parametrize(
    "replies",
    [
        [answer(200, {"secret": SECRET})],
        [answer(404)],
        [b"", answer(404)],
        [answer(503), answer(200)],
        [answer(400, {"message": "already revoked"}), ENDED],
        [answer(409), answer(404)],
    ],
)
async def test_revoking_what_is_gone_or_ended_is_done(replies: list[Reply]) -> None:
    """Repeated at will; however a second revoke is answered, the vault's own status decides."""
    async with client(in_turn(*replies)) as tried:
        await tried.client.revoke("v1")
        assert tried.server.requests[0].method == "DELETE"
        assert tried.server.requests[0].json == {}


async def test_a_refused_revoke_is_an_error() -> None:
    """Not permitted, or refused while the vault lives."""
    async with client(lambda _seen: answer(403)) as tried:
        with pytest.raises(SignInError):
            await tried.client.revoke("v1")
    async with client(lambda s: READY if s.method == "GET" else answer(409)) as tried:
        with pytest.raises(RemoteError, match="409"):
            await tried.client.revoke("v1")


def pages(*contents: tuple[list[dict[str, Any]], str]) -> Behaviour:
    """Answer the page whose token is asked for: "" is the first, then "1", "2" …"""

    def behave(seen: Seen) -> Reply:
        number = int(json.loads(seen.body).get("pageToken") or 0)
        items, following = contents[number]
        return answer(200, {"list": items, "nextPageToken": following})

    return behave


def item(vault_id: str) -> dict[str, Any]:
    return {**SECRET, "vaultId": vault_id}


@pytest.mark.parametrize(
    ("contents", "found", "asked"),
    [
        ([([item("a"), item("b")], "1"), ([item("b"), item("c")], "")], ["a", "b", "c"], 2),
        ([([item("a")], "1"), ([item("b")], "1")], ["a", "b"], 2),
        ([([item("a")], "1"), ([item("b")], "2"), ([item("c")], "1")], ["a", "b", "c"], 3),
        ([([item("a")], "1"), ([], "2"), ([item("b")], "")], ["a", "b"], 3),
        ([([], "")], [], 1),
    ],
    ids=["an item twice", "its own token", "a circle of tokens", "an empty page", "nothing"],
)
async def test_listing_ends_and_is_exact(
    contents: list[tuple[list[dict[str, Any]], str]], found: list[str], asked: int
) -> None:
    """Every vault once, and an end, whatever the pages do."""
    async with client(pages(*contents)) as tried:
        assert found == [vault.vault_id async for vault in tried.client.mine()]
        assert asked == len(tried.server.requests)
        first = json.loads(tried.server.requests[0].body)
        assert first == {"pageSize": 100, "sortBy": "SEARCH_SORT_BY_CREATED_DESC"}


async def test_listing_ends_when_the_tenant_takes_for_ever() -> None:
    """Pages that each come in time could hold a run for a day; the last page counts, however late."""
    number, minutes = count(1), count()

    def another(_seen: Seen) -> Reply:
        page = next(number)
        return answer(200, {"list": [item(f"v{page}")], "nextPageToken": f"{page}"})

    async with client(another, monotonic=lambda: 60.0 * next(minutes)) as tried:
        with pytest.raises(
            RemoteError, match=r"listing secrets: .* not named its last page after 10 minutes"
        ):
            _ = [vault async for vault in tried.client.mine()]
        assert 10 == len(tried.server.requests)
    hours = count()
    last = pages(([item("a")], ""))
    async with client(last, monotonic=lambda: 3600.0 * next(hours)) as tried:
        assert 1 == len([vault async for vault in tried.client.mine()])


async def test_listing_stops_when_the_caller_does() -> None:
    """Newest first, so a caller stops past its horizon and no further page is asked for."""
    async with client(pages(([item("a"), item("b")], "1"), ([item("c")], ""))) as tried:
        async for vault in tried.client.mine():
            if vault.vault_id == "b":
                break
        assert len(tried.server.requests) == 1


@pytest.mark.parametrize("body", [{"list": {}}, {"list": [1]}, {"list": [{}]}, {"nextPageToken": 5}])
async def test_a_page_that_is_none_is_an_error(body: dict[str, object]) -> None:
    """A list that cannot be trusted whole must not read as "nothing there"."""
    async with client(lambda _seen: answer(200, body)) as tried:
        with pytest.raises(RemoteError):
            _ = [vault async for vault in tried.client.mine()]


def person(id_: str, email: str, status: str = "ENABLED", emails: list[str] | None = None) -> dict[str, Any]:
    user = {"id": id_, "email": email, "displayName": id_, "status": status, "emails": emails}
    return {"user": user, "userId": id_}


async def test_people_by_address_are_exact() -> None:
    """A server that answers more than was asked for changes nothing; the disabled are reported as such."""
    people = [
        person("1", "Ana@Example.com"),
        person("2", "ana@example.community"),
        person("3", "other@example.com", "DISABLED", ["ANA@example.com"]),
        {"user": None},
    ]
    async with client(lambda _seen: answer(200, {"list": people})) as tried:
        found = await tried.client.users("ana@example.com")
        assert (
            User(user_id="1", email="Ana@Example.com", display_name="1", enabled=True),
            User(
                user_id="3",
                email="other@example.com",
                display_name="3",
                enabled=False,
                aliases=frozenset({"ana@example.com"}),
            ),
        ) == found
        assert tried.server.requests[0].json == {
            "email": "ana@example.com",
            "userStatuses": ["ENABLED", "DISABLED", "DELETED"],
            "pageSize": 100,
        }


async def test_people_by_id_are_asked_for_in_bulk() -> None:
    """A hundred at a time; unknown IDs are simply not there."""

    def directory(seen: Seen) -> Reply:
        ids = [ref["id"] for ref in json.loads(seen.body)["refs"]]
        return answer(200, {"list": [person(id_, f"{id_}@x.example") for id_ in ids if id_ != "u007"]})

    all_desired = [f"u{n:03}" for n in range(250)]
    async with client(directory) as tried:
        found = await tried.client.users_by_id([*all_desired, "u001"])
        assert sorted({*all_desired} - {"u007"}) == sorted(user.user_id for user in found)
        assert len(tried.server.requests) == 3


async def test_who_am_i() -> None:
    """Roles, permissions, and whether secret sharing is switched on; unknown modules say nothing."""
    body = {"userId": "me", "tenantId": "t", "roles": None, "disabledModules": ["MODULE_ID_OTHER"]}
    async with client(
        in_turn(answer(200, body), answer(200, {**body, "disabledModules": ["MODULE_ID_SECRET_SHARING"]}))
    ) as tried:
        expected = Identity(user_id="me", tenant_id="t", roles=(), permissions=(), sharing_enabled=True)
        assert expected == await tried.client.introspect()
        assert replace(expected, sharing_enabled=False) == await tried.client.introspect()


async def test_unknown_values_are_carried() -> None:
    """Enums grow and fields are null or absent: neither is fatal."""
    odd = {
        "vaultId": "v1",
        "status": "SECRET_STATUS_ARCHIVED",
        "secretType": "X",
        "maxViews": "12",
        "createdAt": None,
    }
    async with client(lambda _seen: answer(200, {"secret": odd})) as tried:
        vault = await tried.client.get("v1")
        assert isinstance(vault, Vault)
        assert (
            vault.status,
            vault.kind,
            vault.max_views,
            vault.created,
            vault.display_name,
        ) == (Status.UNKNOWN, None, 12, None, "")


@pytest.mark.parametrize(
    "change",
    [
        {"createdAt": "yesterday"},
        {"maxViews": -1},
        {"maxViews": True},
        {"currentViews": 1.5},
        {"contentReady": "yes"},
        {"allowedUserIds": "user-ana"},
        {"allowedUserIds": [1]},
        {"displayName": ["x"]},
        {"shareUrl": "javascript:alert(1)"},
        {"shareUrl": "https://c1.example/s/\x1b[2J"},
    ],
    ids=str,
)
async def test_a_field_of_the_wrong_type_is_no_answer(change: dict[str, object]) -> None:
    """Not a crash, and not a guess."""
    async with client(lambda _seen: answer(200, {"secret": {**SECRET, **change}})) as tried:
        with pytest.raises(RemoteError, match=next(iter(change))):
            await tried.client.get("v1")


async def test_the_clock_is_the_servers() -> None:
    """`now` follows the last Date header."""
    date = [("date", "Mon, 02 Nov 2026 09:00:00 GMT")]
    async with client(lambda _seen: answer(200, {"secret": SECRET}, headers=date)) as tried:
        assert abs((tried.client.now - datetime.now(UTC)).total_seconds()) < 5
        await tried.client.get("v1")
        assert abs((tried.client.now - datetime(2026, 11, 2, 9, tzinfo=UTC)).total_seconds()) < 5


async def test_a_redirect_gets_no_token() -> None:
    """Reads are refused with an error; the other host sees nothing at all."""
    async with raw_server(lambda _seen: READY) as other:
        away = answer(307, headers=[("location", f"{other.url}/api/v1/secrets/v1")])
        async with client(lambda _seen: away) as tried:
            with pytest.raises(RemoteError, match="307"):
                await tried.client.get("v1")
            assert len(tried.server.requests) == 1
            assert other.requests == []


CALLS: dict[str, Callable[[Client], Coroutine[None, None, object]]] = {
    "introspect": lambda c: c.introspect(),
    "create": lambda c: c.create(display_name="x", attributes=TEXT, file_size=None),
    "set_content": lambda c: c.set_content("v1", b"age", Format.JSON),
    "get": lambda c: c.get("v1"),
    "revoke": lambda c: c.revoke("v1"),
    "users": lambda c: c.users("ana@example.com"),
    "users_by_id": lambda c: c.users_by_id(["u"]),
}


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("status", [0, 302, 400, 401, 403, 404, 429, 500])
async def test_no_token_in_any_error_or_log(call: str, status: int, caplog: pytest.LogCaptureFixture) -> None:
    """Whatever fails, and even when the server sends our token back."""
    caplog.set_level(logging.DEBUG)

    def echo(seen: Seen) -> Reply:
        token = seen.headers["authorization"]
        return answer(status, {"message": f"you sent {token} and {'x' * 40}{CANARY}"}) if status else b""

    async with client(echo) as tried:
        (result,) = await asyncio.gather(CALLS[call](tried.client), return_exceptions=True)
        text = shown(result) if isinstance(result, ReconcilerError) else repr(result)
        assert CANARY not in text
        assert all(seen.headers["authorization"].startswith("Bearer ") for seen in tried.server.requests)
    assert CANARY not in caplog.text
