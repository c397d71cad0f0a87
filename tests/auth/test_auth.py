"""Signing in over real loopback HTTP: each way, and each way of getting each wrong."""

from __future__ import annotations

import asyncio
import base64
import json
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from reconciler import auth
from reconciler.auth import ChosenCredential, CredentialSource, Way
from reconciler.auth.server import Server
from reconciler.errors import NoTokenError, ReconcilerError, RemoteError, SignInError
from reconciler.http.clock import ServerClock
from reconciler.http.retry import Budget
from reconciler.http.session import Session
from reconciler.http.waits import Patience
from tests.support.raw_server import Behaviour, RawServer, Reply, Seen, answer, in_turn, raw_server

pytestmark = pytest.mark.anyio

CANARY = "canarysecret"
CLIENT_ID = "clever-fox@acme.conductor.one/pcc"
ACCESS = "CONDUCTORONE_ACCESS_TOKEN"
OIDC = "CONDUCTORONE_OIDC_TOKEN"
ID = "CONDUCTORONE_CLIENT_ID"
SECRET = "CONDUCTORONE_CLIENT_SECRET"
CONE_ID = "CONE_CLIENT_ID"
CONE_SECRET = "CONE_CLIENT_SECRET"
GH_URL = "ACTIONS_ID_TOKEN_REQUEST_URL"
GH_TOKEN = "ACTIONS_ID_TOKEN_REQUEST_TOKEN"
SUBJECT = f"eyJ0.{CANARY}.c2ln"

KEY = Ed25519PrivateKey.generate()


def b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def jwk(**changes: object) -> dict[str, object]:
    return {
        "kty": "OKP",
        "crv": "Ed25519",
        "d": b64(KEY.private_bytes_raw()),
        "x": b64(KEY.public_key().public_bytes_raw()),
        **changes,
    }


def secret(record: object = None) -> str:
    return f"secret-token:conductorone.com:v1:{b64(json.dumps(record or jwk()).encode())}"


def shown(error: ReconcilerError) -> str:
    return f"{error} {error.detail} {error.expected} {error.hint} {error!r} {error.__cause__} {error.__context__}"


def issued(token: str = "at-1", **changes: object) -> bytes:
    return answer(200, {"access_token": token, "token_type": "Bearer", "expires_in": 3600, **changes})


@dataclass
class Signed:
    """Tokens from a server that answers what a test says."""

    tokens: CredentialSource
    server: RawServer
    waits: list[float]
    seconds: list[float]
    """The monotonic clock, to be moved by a test."""


@asynccontextmanager
async def signed_in(
    found: ChosenCredential, behaviour: Behaviour, *, machine: datetime | None = None
) -> AsyncIterator[Signed]:
    waits, seconds = list[float](), [0.0]

    async def sleep(wait: float) -> None:
        waits.append(wait)

    clock = ServerClock(machine=lambda: machine) if machine else ServerClock()
    session = Session()
    async with raw_server(behaviour) as server:
        there = Server(url=server.url, host="acme.conductor.one", where="--server")
        patience = Patience(budget=Budget(attempts=3), sleep=sleep, random=lambda: 0.5)
        tokens = auth.sign_in(
            found, session, there, clock=clock, patience=patience, monotonic=lambda: seconds[0]
        )
        try:
            yield Signed(tokens, server, waits, seconds)
        finally:
            await session.aclose()


def form(seen: Seen) -> dict[str, str]:
    assert seen.headers["content-type"] == "application/x-www-form-urlencoded"
    return {name: value for name, (value,) in parse_qs(seen.body.decode(), strict_parsing=True).items()}


CLIENT = auth.find_credential({ID: CLIENT_ID, SECRET: secret()})
WORKLOAD = auth.find_credential({ID: CLIENT_ID, OIDC: SUBJECT})


async def test_client_credentials_go_in_the_body_with_a_signed_assertion() -> None:
    """Ed25519, two minutes either side, the host as audience, a fresh nonce each time; no header, no secret."""
    async with signed_in(CLIENT, lambda _seen: issued()) as signed:
        assert (await signed.tokens.token()).reveal_text() == "at-1"
        await signed.tokens.renew(await signed.tokens.token())
        first, second = signed.server.requests
    assert (first.method, first.path) == ("POST", "/auth/v1/token")
    assert "authorization" not in first.headers
    sent = form(first)
    assertion = sent.pop("client_assertion")
    assert sent == {
        "client_id": CLIENT_ID,
        "grant_type": "client_credentials",
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
    }
    claims = jwt.decode(assertion, KEY.public_key(), algorithms=["EdDSA"], audience="acme.conductor.one")
    assert (claims["iss"], claims["sub"], claims["aud"]) == (CLIENT_ID, CLIENT_ID, ["acme.conductor.one"])
    assert (claims["iat"] - claims["nbf"], claims["exp"] - claims["iat"]) == (120, 120)
    assert abs(claims["iat"] - datetime.now(UTC).timestamp()) < 5
    nonces = [
        jwt.get_unverified_header(form(s)["client_assertion"] if s is second else assertion)["nonce"]
        for s in (first, second)
    ]
    assert len(set(nonces)) == 2
    assert all(len(base64.urlsafe_b64decode(nonce + "==")) == 16 for nonce in nonces)


async def test_a_workload_token_is_exchanged() -> None:
    """RFC 8693, with the client's ID."""
    async with signed_in(WORKLOAD, lambda _seen: issued()) as signed:
        assert (await signed.tokens.token()).reveal_text() == "at-1"
        assert form(signed.server.requests[0]) == {
            "client_id": CLIENT_ID,
            "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
            "subject_token": SUBJECT,
            "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
        }


def github(url: str) -> ChosenCredential:
    return auth.find_credential({ID: CLIENT_ID, GH_URL: url, GH_TOKEN: CANARY})


async def test_a_github_job_fetches_its_own_token_each_time() -> None:
    """Audience: the tenant's host. GitHub's bearer goes to GitHub and nowhere else."""
    async with raw_server(lambda _seen: answer(200, {"value": SUBJECT})) as actions:
        found = github(f"{actions.url}/token?api-version=2.0")
        assert found.way == Way.GITHUB_ACTIONS
        async with signed_in(found, lambda _seen: issued()) as signed:
            await signed.tokens.token()
            await signed.tokens.renew(await signed.tokens.token())
            assert actions.paths() == ["GET /token?api-version=2.0&audience=acme.conductor.one"] * 2
            assert f"Bearer {CANARY}" == actions.requests[0].headers["authorization"]
            assert form(signed.server.requests[0])["subject_token"] == SUBJECT
            assert all("authorization" not in seen.headers for seen in signed.server.requests)


@pytest.mark.parametrize(
    "reply",
    [
        answer(403),
        answer(200, {}),
        answer(200, {"value": 5}),
        answer(200, b"<html>", content_type="text/html"),
    ],
)
async def test_a_github_job_without_permission_is_told_so(reply: bytes) -> None:
    """The workflow's own line is the hint."""
    async with (
        raw_server(lambda _seen: reply) as actions,
        signed_in(github(actions.url), lambda _seen: issued()) as signed,
    ):
        with pytest.raises(SignInError) as caught:
            await signed.tokens.token()
        assert "id-token: write" in (caught.value.hint or "")
        assert signed.server.requests == []


async def test_githubs_token_goes_over_https_only() -> None:
    """A URL that is not https gets nothing."""
    async with signed_in(github(f"http://actions.example/{CANARY}"), lambda _seen: issued()) as signed:
        with pytest.raises(SignInError) as caught:
            await signed.tokens.token()
        assert CANARY not in shown(caught.value)


async def test_a_token_is_kept_until_shortly_before_its_end() -> None:
    """A minute before, or a fifth of a short life: also in the middle of a long run."""
    replies = in_turn(issued("at-1"), issued("at-2", expires_in="2"), issued("at-3", expires_in=None))
    async with signed_in(CLIENT, replies) as signed:
        for at, expected in [(0, 1), (3539, 1), (3540, 2), (3541.5, 2), (3541.7, 3), (1e9, 3)]:
            signed.seconds[0] = at
            assert f"at-{expected}" == (await signed.tokens.token()).reveal_text()
        assert len(signed.server.requests) == 3


async def test_many_refused_calls_make_one_new_token() -> None:
    """Ten calls met a 401 with one token: one renewal, and nobody renews the new one."""
    replies = in_turn(issued("at-1"), issued("at-2"), issued("at-3"))
    async with signed_in(CLIENT, replies) as signed:
        first = (await asyncio.gather(*[signed.tokens.token() for _ in range(10)]))[0]
        await asyncio.gather(*[signed.tokens.renew(first) for _ in range(10)])
        assert (await signed.tokens.token()).reveal_text() == "at-2"
        assert len(signed.server.requests) == 2


async def test_a_token_is_used_to_its_end_where_it_cannot_be_renewed_before() -> None:
    """Ten calls in its last minute make one request that is refused, and none of them fails; nor soon again."""
    replies = in_turn(issued("at-1"), answer(401, {"error": "invalid_client"}))
    async with signed_in(CLIENT, replies) as signed:

        async def together() -> set[str]:
            tokens = await asyncio.gather(*[signed.tokens.token() for _ in range(10)])
            return {token.reveal_text() for token in tokens}

        asked = [1, 2, 2, 3, 3]
        for at, requests in zip([0, 3541, 3545, 3547, 3550], asked, strict=True):
            signed.seconds[0] = at
            assert {"at-1"} == await together()
            assert requests == len(signed.server.requests)
        signed.seconds[0] = 3600
        with pytest.raises(SignInError):
            await signed.tokens.token()


async def test_a_renewal_in_time_keeps_nobody_waiting() -> None:
    """While one call asks for another token, the rest go on with the one that is still good."""
    asked, go_on = asyncio.Event(), asyncio.Event()

    async def slowly(writer: asyncio.StreamWriter) -> None:
        asked.set()
        await go_on.wait()
        writer.write(issued("at-2"))

    async with signed_in(CLIENT, in_turn(issued("at-1"), slowly)) as signed:
        await signed.tokens.token()
        signed.seconds[0] = 3541
        renewing = asyncio.create_task(signed.tokens.token())
        await asked.wait()
        assert "at-1" == (await signed.tokens.token()).reveal_text()
        go_on.set()
        assert "at-2" == (await renewing).reveal_text()
        assert "at-2" == (await signed.tokens.token()).reveal_text()


@pytest.mark.parametrize(
    ("reply", "requests"), [(answer(401, {"error": "invalid_client"}), 1), (answer(503), 3)]
)
async def test_all_who_wait_for_a_token_share_its_failure(reply: bytes, requests: int) -> None:
    """One request, however many ask; each has an error of its own, to which it can add words."""
    async with signed_in(CLIENT, in_turn(issued("at-1"), reply)) as signed:
        token = await signed.tokens.token()
        calls = [signed.tokens.renew(token) for _ in range(10)]
        errors: list[object] = await asyncio.gather(*calls, return_exceptions=True)
        errors += await asyncio.gather(*[signed.tokens.token() for _ in range(10)], return_exceptions=True)
        assert 1 + requests == len(signed.server.requests)
        assert 20 == len({id(error) for error in errors})
        assert 1 == len({str(error) for error in errors})
        assert all(isinstance(error, SignInError | NoTokenError) for error in errors)


async def test_a_failure_is_forgotten() -> None:
    """The next call that needs a token asks again."""
    async with signed_in(CLIENT, in_turn(answer(401), issued("at-1"))) as signed:
        with pytest.raises(SignInError):
            await signed.tokens.token()
        signed.seconds[0] = 6
        assert "at-1" == (await signed.tokens.token()).reveal_text()


async def test_a_wrong_clock_here_is_put_right_by_the_server() -> None:
    """An assertion of the wrong hour is refused; the second is signed with the server's time."""
    now = datetime(2026, 11, 2, 9, tzinfo=UTC)
    date = [("date", "Mon, 02 Nov 2026 09:00:00 GMT")]

    def check(seen: Seen) -> Reply:
        claims = jwt.decode(form(seen)["client_assertion"], options={"verify_signature": False})
        good = claims["nbf"] <= now.timestamp() <= claims["exp"]
        return issued() if good else answer(401, {"error": "invalid_client"}, headers=date)

    for off in (timedelta(hours=-1), timedelta(days=400)):
        async with signed_in(CLIENT, check, machine=now + off) as signed:
            assert (await signed.tokens.token()).reveal_text() == "at-1"
            assert len(signed.server.requests) == 2


@pytest.mark.parametrize(
    ("reply", "kind", "says"),
    [
        (
            answer(401, {"error": "invalid_client", "error_description": "no such client"}),
            SignInError,
            "no such client",
        ),
        (answer(400, {"code": 3, "message": "bad assertion"}), SignInError, "bad assertion"),
        (answer(403, b"<html>", content_type="text/html"), SignInError, "403"),
        (answer(302, headers=[("location", "http://127.0.0.1:9/")]), RemoteError, "302"),
        (answer(200, b"<html>", content_type="text/html"), RemoteError, "not JSON"),
        (answer(200, {"token_type": "Bearer"}), RemoteError, "no access token"),
        (answer(200, {"access_token": f"{CANARY}\r\nx: y"}), RemoteError, "no access token"),
        (answer(200, {"access_token": CANARY, "token_type": "mac"}), RemoteError, "bearer"),
        (answer(401, {"error": f"{CANARY}{'x' * 40}"}), SignInError, "401"),
    ],
)
async def test_a_refused_sign_in(reply: bytes, kind: type[ReconcilerError], says: str) -> None:
    """Said once, in the server's words where they are fit to be shown; nothing of ours in them."""
    for found in (CLIENT, WORKLOAD):
        async with signed_in(found, lambda _seen: reply) as signed:
            with pytest.raises(kind) as caught:
                await signed.tokens.token()
            text = shown(caught.value)
            assert says in text
            assert CANARY not in text
            assert len(signed.server.requests) == 1


@pytest.mark.parametrize("found", [CLIENT, WORKLOAD], ids=["assertion", "subject token"])
@pytest.mark.parametrize("size", [11, 12])
async def test_a_refusal_that_holds_a_piece_of_the_proof_is_not_shown(
    found: ChosenCredential, size: int
) -> None:
    """However it is cut: an assertion is good for another two minutes, a job's token for longer."""

    def echo(seen: Seen) -> Reply:
        sent = form(seen)
        proof = sent.get("client_assertion") or sent["subject_token"]
        piece = f"{proof[1 : 1 + size // 2]}\n{proof[1 + size // 2 : 1 + size]}"
        return answer(401, {"error": "invalid_grant", "error_description": f"not good: {piece}"})

    async with signed_in(found, echo) as signed:
        with pytest.raises(SignInError) as caught:
            await signed.tokens.token()
        assert "did not sign us in (401)" in shown(caught.value)
        assert ("not good" in shown(caught.value)) is (size < 12)


@pytest.mark.parametrize("reply", [b"", answer(500), answer(429, headers=[("retry-after", "1")])])
async def test_a_sign_in_that_broke_is_tried_again(reply: bytes) -> None:
    """It harms nobody to sign in twice; what stays broken is an error."""
    async with signed_in(CLIENT, in_turn(reply, issued())) as signed:
        assert (await signed.tokens.token()).reveal_text() == "at-1"
    async with signed_in(CLIENT, lambda _seen: reply) as signed:
        with pytest.raises(RemoteError):
            await signed.tokens.token()
        assert (len(signed.server.requests), len(signed.waits)) == (3, 2)


async def test_an_access_token_is_used_as_it_is_and_cannot_be_renewed() -> None:
    """No request is made for it; a 401 says what to do; its own end is read for `auth status`."""
    end = datetime(2030, 1, 1, tzinfo=UTC)
    token = jwt.encode({"exp": end}, KEY, algorithm="EdDSA")
    async with signed_in(auth.find_credential({ACCESS: f"{token}\n"}), lambda _seen: issued()) as signed:
        assert token == (await signed.tokens.token()).reveal_text()
        assert end == signed.tokens.expires
        with pytest.raises(SignInError, match=ACCESS) as caught:
            await signed.tokens.renew(await signed.tokens.token())
        assert token not in shown(caught.value)
        assert signed.server.requests == []
    async with signed_in(auth.find_credential({ACCESS: "opaque"}), lambda _seen: issued()) as signed:
        assert None is signed.tokens.expires


async def test_no_secret_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """Neither the assertion nor the token nor the client secret."""
    caplog.set_level(logging.DEBUG)
    async with signed_in(CLIENT, lambda _seen: issued(CANARY)) as signed:
        await signed.tokens.token()
        assertion = form(signed.server.requests[0])["client_assertion"]
    for hidden in (CANARY, assertion, str(jwk()["d"])):
        assert hidden not in caplog.text


@pytest.mark.parametrize(
    ("env", "way"),
    [
        ({ACCESS: "a", OIDC: SUBJECT, ID: CLIENT_ID, SECRET: secret()}, Way.ACCESS_TOKEN),
        ({OIDC: SUBJECT, ID: CLIENT_ID, SECRET: secret()}, Way.OIDC_TOKEN),
        ({ID: CLIENT_ID, SECRET: secret(), GH_URL: "https://x", GH_TOKEN: "t"}, Way.CLIENT_CREDENTIALS),
        ({ID: CLIENT_ID, GH_URL: "https://x", GH_TOKEN: "t"}, Way.GITHUB_ACTIONS),
        ({ACCESS: "", OIDC: "", ID: CLIENT_ID, SECRET: secret()}, Way.CLIENT_CREDENTIALS),
    ],
)
def test_the_order_is_the_vendors(env: Mapping[str, str], way: Way) -> None:
    """The first that is set; an empty variable is not set."""
    found = auth.find_credential(env)
    assert way == found.way
    assert not any(
        value in f"{found!r}" for value in env.values() if value and value != CLIENT_ID and len(value) > 3
    )


def test_an_access_token_goes_with_the_id_that_names_its_tenant() -> None:
    """The vendor's GitHub Action exports these two; a secret beside them changes nothing."""
    for env in ({ID: CLIENT_ID}, {ID: f" {CLIENT_ID}\n"}, {ID: CLIENT_ID, SECRET: secret()}):
        found = auth.find_credential({ACCESS: "a", **env})
        assert (Way.ACCESS_TOKEN, ACCESS, CLIENT_ID) == (found.way, found.where, found.client_id)
        assert (
            "https://acme.conductor.one"
            == auth.resolve_server(flag=None, env={}, client_id=found.client_id).url
        )
    for env in ({}, {ID: ""}, {ID: " "}):
        assert auth.find_credential({ACCESS: "a", **env}).client_id is None


def test_a_misshapen_id_beside_an_access_token_matters_where_it_is_asked() -> None:
    """A named server makes it needless; without one it is refused, unquoted."""
    found = auth.find_credential({ACCESS: "a", ID: CANARY})
    named = auth.resolve_server(flag="https://acme.conductor.one", env={}, client_id=found.client_id)
    assert "--server" == named.where
    with pytest.raises(SignInError) as caught:
        auth.resolve_server(flag=None, env={}, client_id=found.client_id)
    assert "NAME@TENANT" in shown(caught.value)
    assert CANARY not in shown(caught.value)


WRONG: dict[str, tuple[dict[str, str], str]] = {
    "nothing": ({}, "no C1 credential"),
    "only an id": ({ID: CLIENT_ID}, "no C1 credential"),
    "a secret without an id": ({SECRET: secret()}, f"{SECRET} is set, but {ID} is not"),
    "an OIDC token without an id": ({OIDC: SUBJECT}, f"{OIDC} is set, but {ID} is not"),
    "an OIDC token without an id, with a secret": ({OIDC: SUBJECT, SECRET: secret()}, OIDC),
    "a header as token": ({ACCESS: f"Bearer {CANARY}"}, "without `Bearer`"),
    "two lines as token": ({ACCESS: f"{CANARY}\nx"}, ACCESS),
    "a client secret as token": ({ACCESS: f"secret-token:conductorone.com:v1:{CANARY}"}, ACCESS),
    "not ASCII": ({ACCESS: f"{CANARY}ä"}, ACCESS),
    "not UTF-8": ({ACCESS: f"{CANARY}\udcff"}, ACCESS),
    "not a JWT": ({OIDC: CANARY, ID: CLIENT_ID}, "three parts"),
    "an id without a host": ({ID: f"{CANARY}", SECRET: secret()}, "NAME@TENANT"),
    "an id that is not ASCII": ({ID: f"a@{CANARY}ä.conductor.one/x", SECRET: secret()}, "NAME@TENANT"),
    "an id that is not UTF-8": (
        {ID: f"{CANARY}\udcff@acme.conductor.one/x", SECRET: secret()},
        "NAME@TENANT",
    ),
    "an id with a control": ({ID: f"{CANARY}\x1b@acme.conductor.one/x", SECRET: secret()}, "NAME@TENANT"),
    "an id with a path": ({ID: f"a@b@{CANARY}/x", SECRET: secret()}, "NAME@TENANT"),
    **{
        f"secret: {name}": ({ID: CLIENT_ID, SECRET: value}, "Ed25519")
        for name, value in {
            "bare": CANARY,
            "v1 only": f"v1:{CANARY}",
            "another version": secret().replace(":v1:", ":v2:"),
            "another vendor": secret().replace("conductorone", "example"),
            "not base64": f"secret-token:conductorone.com:v1:{CANARY}!",
            "not JSON": f"secret-token:conductorone.com:v1:{b64(CANARY.encode())}",
            "a list": secret([CANARY]),
            "a text": secret(CANARY),
            "nested": f"secret-token:conductorone.com:v1:{b64(b'[' * 100_000)}",
            "RSA": secret({"kty": "RSA", "n": CANARY, "e": "AQAB"}),
            "X25519": secret(jwk(crv="X25519")),
            "Ed448": secret(jwk(crv="Ed448")),
            "public only": secret({k: v for k, v in jwk().items() if k != "d"}),
            "short key": secret(jwk(d=CANARY)),
            "no public half": secret({k: v for k, v in jwk().items() if k != "x"}),
            "another public half": secret(jwk(x=b64(b"\1" * 32))),
            "padded": secret() + "==",
            "cut": secret()[:-9],
            "not ASCII": secret() + "ä",
            "not UTF-8": secret() + "\udcff",
        }.items()
    },
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_credential_says_what_was_expected_and_never_what_was_there(name: str) -> None:
    """A misshapen or incomplete credential is refused, not passed over for another identity."""
    env, says = WRONG[name]
    with pytest.raises(SignInError) as caught:
        auth.find_credential(env)
    text = shown(caught.value)
    assert says in text
    assert CANARY not in text
    assert str(jwk()["d"]) not in text
    assert env.get(SECRET, "…none…")[-30:] not in text


def test_a_github_job_is_told_of_the_missing_permission() -> None:
    """An ID on GitHub Actions, but no token to ask for."""
    with pytest.raises(SignInError) as caught:
        auth.find_credential({ID: CLIENT_ID, "GITHUB_ACTIONS": "true"})
    assert "id-token: write" in (caught.value.hint or "")


def write_config(home: Path, text: str) -> Path:
    file = home / ".conductorone" / "config.yaml"
    file.parent.mkdir()
    file.write_text(text)
    return file


def config(**profiles: Mapping[str, str]) -> str:
    return json.dumps({"profiles": profiles})


def test_the_login_of_the_c1_command_line(tmp_path: Path) -> None:
    """Its profiles, keys in any case; another profile by its own variable; another folder too."""
    file = write_config(
        tmp_path,
        f"profiles:\n  default:\n    client-id: {CLIENT_ID}\n    client-secret: {secret()}\n"
        f"  Other:\n    Client-ID: other@acme.conductor.one/x\n    CLIENT-SECRET: {secret()}\n",
    )
    before = file.read_bytes()
    found = auth.find_credential({}, home=tmp_path)
    assert (Way.CONE, str(file), CLIENT_ID) == (found.way, found.where, found.client_id)
    other = auth.find_credential({"CONE_PROFILE": "other"}, home=tmp_path)
    assert other.client_id == "other@acme.conductor.one/x"
    elsewhere = auth.find_credential({"CONE_CONFIG_PATH": str(file.parent)}, home=tmp_path / "nobody")
    assert elsewhere.client_id == CLIENT_ID
    assert before == file.read_bytes()
    assert auth.find_credential({ACCESS: "a"}, home=tmp_path).way == Way.ACCESS_TOKEN


OTHER = "other@acme.conductor.one/x"
NESTED = {"client-id": OTHER, "client-secret": secret()}
MINE = {"client-id": CLIENT_ID, "client-secret": secret()}


@pytest.mark.parametrize(
    ("document", "env", "client_id"),
    [
        ({"profiles": {"work": {"eu": NESTED}}}, {"CONE_PROFILE": "work.eu"}, OTHER),
        ({"profiles": {"work.eu": NESTED}}, {"CONE_PROFILE": "Work.EU"}, OTHER),
        ({"profiles": {"work": {"eu": MINE}, "work.eu": NESTED}}, {"CONE_PROFILE": "work.eu"}, OTHER),
        ({"profiles": {"a": {"b.c": NESTED}}}, {"CONE_PROFILE": "a.b.c"}, OTHER),
        ({"profiles": {"a.b": {"x": MINE}, "a": {"b": {"c": NESTED}}}}, {"CONE_PROFILE": "a.b.c"}, OTHER),
        ({"profiles.work": NESTED}, {"CONE_PROFILE": "work"}, OTHER),
        ({"profile": "work", "profiles": {"default": MINE, "work": NESTED}}, {}, OTHER),
        (
            {"profile": "work", "profiles": {"default": MINE, "work": NESTED}},
            {"CONE_PROFILE": "default"},
            CLIENT_ID,
        ),
        ({"profile": "", "profiles": {"default": MINE}}, {"CONE_PROFILE": ""}, CLIENT_ID),
    ],
)
def test_a_profile_is_found_as_cone_finds_it(
    tmp_path: Path, document: object, env: dict[str, str], client_id: str
) -> None:
    """A dot leads into a profile, as `cone login --profile a.b` writes it; the longest key comes first."""
    file = write_config(tmp_path, json.dumps(document))
    found = auth.find_credential(env, home=tmp_path)
    assert (Way.CONE, str(file), client_id) == (found.way, found.where, found.client_id)


@pytest.mark.parametrize(
    ("env", "client_id", "where"),
    [
        ({CONE_ID: OTHER, CONE_SECRET: secret()}, OTHER, f"{CONE_ID} and {CONE_SECRET}"),
        ({CONE_ID: OTHER}, OTHER, f"{CONE_ID} and FILE"),
        ({CONE_SECRET: secret() + "\n"}, CLIENT_ID, f"{CONE_SECRET} and FILE"),
        ({CONE_ID: "", CONE_SECRET: ""}, CLIENT_ID, "FILE"),
        (
            {CONE_ID: OTHER, CONE_SECRET: secret(), "CONE_PROFILE": "gone"},
            OTHER,
            f"{CONE_ID} and {CONE_SECRET}",
        ),
    ],
)
def test_cones_own_variables_come_before_its_file(
    tmp_path: Path, env: dict[str, str], client_id: str, where: str
) -> None:
    """Each by itself, as its flags would; a profile that is not there matters only where it is asked."""
    file = write_config(tmp_path, config(default=MINE))
    found = auth.find_credential(env, home=tmp_path)
    assert (Way.CONE, client_id) == (found.way, found.client_id)
    assert where.replace("FILE", str(file)) == found.where
    both = " and " in where and "FILE" not in where
    looked = [place for place in auth.looked_for(env, home=tmp_path) if place.way is Way.CONE]
    assert [(True, where if both else f"{file} (default)")] == [(p.found, p.where) for p in looked]
    assert auth.find_credential(env | {ACCESS: "a"}, home=tmp_path).way is Way.ACCESS_TOKEN


def test_cones_variables_need_no_home() -> None:
    """As in a container; a half of them is told by its name, and nothing of it."""
    found = auth.find_credential({CONE_ID: OTHER, CONE_SECRET: secret()}, home=None)
    assert (Way.CONE, OTHER) == (found.way, found.client_id)
    for env, says in (
        ({CONE_ID: f"{CANARY}@acme.conductor.one/x"}, f"{CONE_ID} is set, but {CONE_SECRET} is not"),
        ({CONE_SECRET: f"{CANARY}"}, f"{CONE_SECRET} is set, but {CONE_ID} is not"),
        ({CONE_ID: OTHER, CONE_SECRET: CANARY}, f"{CONE_SECRET} does not have the expected form"),
        ({CONE_ID: CANARY, CONE_SECRET: secret()}, f"{CONE_ID} does not have the expected form"),
    ):
        with pytest.raises(SignInError) as caught:
            auth.find_credential(env, home=None)
        assert says in shown(caught.value)
        assert CANARY not in shown(caught.value)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("profiles: [\n", "is not YAML"),
        (f"profiles:\n\tdefault: {CANARY}", "is not YAML"),
        ("profiles: {}", "no C1 credential"),
        ("", "no C1 credential"),
        ("[1]", "no C1 credential"),
        (config(default={"client-id": CLIENT_ID}), "no client-id and client-secret"),
        (config(default={"client-id": CLIENT_ID, "client-secret": CANARY}), "Ed25519"),
        (config(default={"client-id": CANARY, "client-secret": secret()}), "NAME@TENANT"),
    ],
)
def test_a_login_that_cannot_be_used(tmp_path: Path, text: str, says: str) -> None:
    """Named by its file; nothing of it is quoted."""
    write_config(tmp_path, text)
    with pytest.raises(SignInError) as caught:
        auth.find_credential({}, home=tmp_path)
    assert says in shown(caught.value)
    assert CANARY not in shown(caught.value)


def test_what_was_looked_for(tmp_path: Path) -> None:
    """Every place in order, what was there, and what would have been needed besides: names, no values."""
    write_config(tmp_path, config(default={"client-id": CLIENT_ID, "client-secret": secret()}))
    looked = auth.looked_for({ID: CLIENT_ID}, home=tmp_path)
    assert [(place.way, place.found, place.missing) for place in looked] == [
        (Way.ACCESS_TOKEN, False, ()),
        (Way.OIDC_TOKEN, False, (OIDC,)),
        (Way.CLIENT_CREDENTIALS, False, (SECRET,)),
        (Way.GITHUB_ACTIONS, False, (GH_URL, GH_TOKEN)),
        (Way.CONE, True, ()),
    ]
    assert CLIENT_ID not in repr(looked)


def test_somebody_without_a_home_can_name_the_folder(tmp_path: Path) -> None:
    """And where nothing is named there is no login to look for."""
    file = write_config(tmp_path, config(default={"client-id": CLIENT_ID, "client-secret": secret()}))
    env = {"CONE_CONFIG_PATH": str(file.parent)}
    assert Way.CONE is auth.find_credential(env, home=None).way
    assert [True] == [place.found for place in auth.looked_for(env, home=None) if place.way is Way.CONE]
    assert Way.CONE not in {place.way for place in auth.looked_for({}, home=None)}


def test_a_login_that_cannot_be_looked_at_was_not_found(tmp_path: Path) -> None:
    """A name that no file can have is the sign-in's problem, in words."""
    env = {"CONE_CONFIG_PATH": str(tmp_path / ("x" * 300))}
    assert [False] == [place.found for place in auth.looked_for(env, home=tmp_path) if place.way is Way.CONE]
    with pytest.raises(SignInError, match="cannot be read: File name too long"):
        auth.find_credential(env, home=tmp_path)


async def test_an_expired_token_meets_the_clients_401() -> None:
    """Through the whole client: a token that is refused midway is replaced, and the call succeeds."""
    from reconciler.c1.client import Client, Missing

    def tenant(seen: Seen) -> Reply:
        if seen.path == "/auth/v1/token":
            return issued(f"at-{sum(s.path == seen.path for s in server.requests)}")
        good = seen.headers["authorization"] == "Bearer at-2"
        return answer(404) if good else answer(401, {"message": "token expired"})

    async with raw_server(tenant) as server:
        session = Session()
        there = Server(url=server.url, host="acme.conductor.one", where="--server")
        client = Client(session, there, auth.sign_in(CLIENT, session, there))
        results: list[Any] = await asyncio.gather(*[client.get(f"v{n}") for n in range(20)])
        assert results == [Missing.GONE] * 20
        assert sum(seen.path == "/auth/v1/token" for seen in server.requests) == 2
        await client.aclose()
