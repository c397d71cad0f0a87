"""The real client and uploader against the sandbox, two independent readings of one API, over loopback."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyrage
import pytest

from reconciler import auth
from reconciler.auth import CredentialSource, Fixed
from reconciler.auth.interface import AccessToken
from reconciler.auth.server import parse
from reconciler.c1.client import Client, Created, Missing
from reconciler.c1.upload import Uploader
from reconciler.errors import SignInError
from reconciler.http.session import Session
from reconciler.model.manifest import AgeSuite, Format, Kind, Sharing
from reconciler.model.state import Attributes, Recipient
from reconciler.model.vault import Status, Vault
from reconciler.sandbox import directory, reader
from reconciler.sandbox.serve import Embedded
from reconciler.sandbox.settings import Again, Answer, Empty, Hidden, Settings, Suites
from reconciler.sensitive import Sensitive
from tests.support.plans import attributes

pytestmark = pytest.mark.anyio

ANA, BO = (directory.user_id(f"{name}@example.com") for name in ("ana", "bo"))
TEXT = attributes(
    format=Format.JSON,
    label="db",
    label_defaulted=False,
    recipients=(Recipient(as_written="ana@example.com", id=ANA), Recipient(as_written=BO, id=BO)),
    expires_in=7200,
    max_views=3,
)
FILE = replace(
    TEXT,
    kind=Kind.FILE,
    format=None,
    sharing=Sharing.EXTERNAL,
    recipients=(Recipient(as_written="Ops@partner.example", id="ops@partner.example"),),
    filename="bundle.p12",
    content_type="application/x-pkcs12",
)


@asynccontextmanager
async def client(
    tenant: Embedded, *, who: str = "owner", tokens: CredentialSource | None = None
) -> AsyncIterator[Client]:
    fixed = Fixed(AccessToken(value=tenant.tokens[who]), "a test")
    there = Client(Session(), parse(tenant.url, where="a test"), tokens or fixed)
    try:
        yield there
    finally:
        await there.aclose()


async def make(
    client: Client, attributes: Attributes = TEXT, name: str = "db", size: int | None = None
) -> Created:
    made = await client.create(display_name=name, attributes=attributes, file_size=size)
    assert isinstance(made, Created)
    return made


def sealed(made: Created, plaintext: bytes) -> bytes:
    return pyrage.encrypt(plaintext, [pyrage.x25519.Recipient.from_str(made.recipient)])


SETTINGS = {
    "as it is": Settings(),
    "an older tenant, sparing with fields": Settings(suites=Suites.OLDER, empty_fields=Empty.ABSENT),
    "another way for every unknown": Settings(
        second_content=Answer.REFUSE, hidden=Hidden.FORBIDDEN, revoke_again=Again.NOT_FOUND, page_cap=2
    ),
}


@pytest.mark.parametrize("name", SETTINGS)
async def test_a_text_from_create_to_revoke(name: str, tmp_path: Path) -> None:
    """Created as asked, filled, read back byte for byte, found, revoked twice; hidden from others."""
    with Embedded(tmp_path, settings=SETTINGS[name]) as tenant:
        async with client(tenant) as owner, client(tenant, who="second") as other:
            made = await make(owner)
            assert made.display_name == "db"
            shell = await owner.get(made.vault_id)
            assert isinstance(shell, Vault)
            assert (shell.content_ready, shell.status) == (False, Status.ACTIVE)
            vault = await owner.set_content(made.vault_id, sealed(made, b'{"a": 1}'), Format.JSON)
            assert (vault.vault_id, vault.content_ready, vault.kind) == (made.vault_id, True, Kind.TEXT)
            assert (vault.user_ids, vault.max_views, vault.format) == (frozenset({ANA, BO}), 3, Format.JSON)
            assert vault.share_url
            assert vault.expires is not None
            assert abs(vault.expires - owner.now - timedelta(hours=2)) < timedelta(seconds=5)
            assert b"".join(reader.peek(tenant.store, made.vault_id)) == b'{"a": 1}'
            assert [found.vault_id async for found in owner.mine()] == [made.vault_id]
            assert [found async for found in other.mine()] == []
            assert await other.get(made.vault_id) in (Missing.GONE, Missing.HIDDEN)
            await owner.revoke(made.vault_id)
            await owner.revoke(made.vault_id)
            ended = await owner.get(made.vault_id)
            assert isinstance(ended, Vault)
            assert ended.status is Status.REVOKED


async def test_a_file_over_its_capability(tmp_path: Path) -> None:
    """Streamed to the other origin with an exact length and no token; an URL that is dead says so."""
    plaintext = bytes(range(256)) * 2000
    with Embedded(tmp_path) as tenant:
        async with client(tenant) as owner:
            made = await make(owner, FILE, size=len(plaintext))
            assert made.upload_url is not None
            assert made.upload_url.reveal_text().startswith(tenant.upload_url)
            ciphertext = sealed(made, plaintext)

            async def body() -> AsyncIterator[bytes]:
                for start in range(0, len(ciphertext), 10_000):
                    yield ciphertext[start : start + 10_000]

            uploader = Uploader(Session())
            outcome = await uploader.put(made.upload_url, length=len(ciphertext), body=body())
            assert outcome is None
            vault = await owner.get(made.vault_id)
            assert isinstance(vault, Vault)
            assert (vault.content_ready, vault.kind) == (True, Kind.FILE)
            assert (vault.emails, vault.filename) == (frozenset({"ops@partner.example"}), "bundle.p12")
            assert b"".join(reader.peek(tenant.store, made.vault_id)) == plaintext
            await owner.revoke(made.vault_id)
            again = await uploader.put(made.upload_url, length=len(ciphertext), body=body())
            assert again is not None
            assert 403 == again.status
            await uploader.aclose()


async def test_a_named_suite_is_asked_for(tmp_path: Path) -> None:
    """The newer tenant answers with it."""
    with Embedded(tmp_path) as tenant:
        async with client(tenant) as owner:
            made = await make(owner, replace(TEXT, suite=AgeSuite.MLKEM768X25519))
            assert made.suite is AgeSuite.MLKEM768X25519
            assert made.recipient.startswith("age1pq1")


async def test_many_vaults_over_many_pages(tmp_path: Path) -> None:
    """Newest first, each once, whatever page size the tenant allows."""
    with Embedded(tmp_path, settings=Settings(page_cap=7)) as tenant:
        async with client(tenant) as owner:
            made = [(await make(owner, name=f"s{n}")).vault_id for n in range(30)]
            found = [vault.vault_id async for vault in owner.mine()]
            assert sorted(found) == sorted(made)
            assert found[0] == made[-1]


async def test_people(tmp_path: Path) -> None:
    """By address in any case, by ID, and with the status that they have."""
    with Embedded(tmp_path, people=["dora@example.com"]) as tenant:
        directory.set_status(tenant.store, BO, "DISABLED")
        async with client(tenant) as owner:
            (ana,) = await owner.users("ANA@example.com")
            assert (ana.user_id, ana.enabled) == (ANA, True)
            (bo,) = await owner.users("bo@example.com")
            assert (bo.user_id, bo.enabled) == (BO, False)
            assert await owner.users("nobody@example.com") == ()
            assert {user.user_id for user in await owner.users_by_id([ANA, BO, "nobody"])} == {ANA, BO}


async def test_who_am_i_and_whether_sharing_is_on(tmp_path: Path) -> None:
    """Introspection, with the module switched off."""
    with Embedded(tmp_path, settings=Settings(module=False)) as tenant:
        async with client(tenant) as owner:
            me = await owner.introspect()
            assert (me.user_id, me.sharing_enabled) == (directory.user_id("owner@example.com"), False)


async def test_the_clock_is_the_tenants(tmp_path: Path) -> None:
    """A day off here or there: `now` is theirs."""
    with Embedded(tmp_path, settings=Settings(clock_offset=timedelta(days=1))) as tenant:
        async with client(tenant) as owner:
            await owner.introspect()
            assert abs(owner.now - datetime.now(UTC) - timedelta(days=1)) < timedelta(seconds=5)


async def test_what_the_tenant_deletes_and_forgets(tmp_path: Path) -> None:
    """An hour after its end the content is gone, two hours later nobody remembers the vault."""
    settings = Settings(content_kept=timedelta(hours=1), remembered=timedelta(hours=3))
    with Embedded(tmp_path, settings=settings) as tenant:
        async with client(tenant) as owner:
            made = await make(owner)
            await owner.set_content(made.vault_id, sealed(made, b"{}"), Format.JSON)
            seen = []
            for step in (timedelta(seconds=TEXT.expires_in), timedelta(minutes=59), timedelta(minutes=1)):
                tenant.store.advance(step)
                vault = await owner.get(made.vault_id)
                assert isinstance(vault, Vault)
                seen.append(vault.status)
            assert [Status.EXPIRED, Status.EXPIRED, Status.DATA_DELETED] == seen
            tenant.store.advance(timedelta(hours=2))
            assert isinstance(await owner.get(made.vault_id), Missing)


@pytest.mark.parametrize("way", ["client credentials", "workload identity"])
@pytest.mark.parametrize("offset", [timedelta(), timedelta(hours=-1), timedelta(hours=1)])
async def test_signing_in(way: str, offset: timedelta, tmp_path: Path) -> None:
    """Verified by the tenant: signature, audience, times, nonce; also when its clock is an hour from ours."""
    with Embedded(tmp_path, settings=Settings(clock_offset=offset)) as tenant:
        credential = tenant.endpoints.credentials["owner"]
        env = {"CONDUCTORONE_CLIENT_ID": credential.client_id}
        if way == "client credentials":
            env["CONDUCTORONE_CLIENT_SECRET"] = credential.client_secret.reveal_text()
        else:
            env["CONDUCTORONE_OIDC_TOKEN"] = tenant.workload_token("owner").reveal_text()
        session, server = Session(), parse(tenant.url, where="a test")
        tokens = auth.sign_in(auth.find_credential(env), session, server)
        async with client(tenant, tokens=tokens) as owner:
            assert (await owner.introspect()).user_id == directory.user_id("owner@example.com")
            assert tokens.expires is not None
        await session.aclose()


async def test_a_wrong_key_is_told_apart(tmp_path: Path) -> None:
    """Another identity's key under our client's ID: refused, and nothing of it shown."""
    with Embedded(tmp_path) as tenant:
        owner, second = (tenant.endpoints.credentials[name] for name in ("owner", "second"))
        env = {
            "CONDUCTORONE_CLIENT_ID": owner.client_id,
            "CONDUCTORONE_CLIENT_SECRET": second.client_secret.reveal_text(),
        }
        session = Session()
        tokens = auth.sign_in(auth.find_credential(env), session, parse(tenant.url, where="a test"))
        with pytest.raises(SignInError, match=r"did not sign us in \(401\)"):
            await tokens.token()
        await session.aclose()


async def test_tokens_that_live_two_seconds(tmp_path: Path) -> None:
    """A long run renews before the end: no call fails, and few sign-ins are made."""
    with Embedded(tmp_path, settings=Settings(token_life=timedelta(seconds=2))) as tenant:
        credential = tenant.endpoints.credentials["owner"]
        env = {
            "CONDUCTORONE_CLIENT_ID": credential.client_id,
            "CONDUCTORONE_CLIENT_SECRET": credential.client_secret.reveal_text(),
        }
        session = Session()
        tokens = auth.sign_in(auth.find_credential(env), session, parse(tenant.url, where="a test"))
        async with client(tenant, tokens=tokens) as owner:
            for _ in range(10):
                await asyncio.gather(*[owner.introspect() for _ in range(5)])
                await asyncio.sleep(0.4)
        await session.aclose()
    events = [json.loads(line) for line in (tmp_path / "events.jsonl").read_text().splitlines()]
    sign_ins = [event for event in events if "token_issued" in event.values()]
    assert 2 <= len(sign_ins) <= 5
    assert "refused" not in json.dumps(events)


async def test_a_token_revoked_midway_ends_the_run(tmp_path: Path) -> None:
    """One that cannot be renewed stops with exit 4's error."""
    with Embedded(tmp_path) as tenant:
        async with client(tenant, tokens=Fixed(AccessToken(value=Sensitive.of("gone")), "a test")) as owner:
            with pytest.raises(SignInError, match="does not accept the token"):
                await owner.introspect()
