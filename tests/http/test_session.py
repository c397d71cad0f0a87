"""What each misbehaviour of a real socket means: certainly not sent, or unclear; and what never happens."""

from __future__ import annotations

import asyncio
import gzip
import logging
import socket
import ssl
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import httpcore
import httpx
import pytest

from reconciler.errors import UsageError
from reconciler.http.retry import Failure, FailureKind
from reconciler.http.session import BODY_MAX, Answer, Session, tls_context
from reconciler.sensitive import Sensitive
from tests.support.certificates import Authority
from tests.support.raw_server import Reply, answer, raw_server

CANARY = "canary-6f1d"

pytestmark = pytest.mark.anyio


async def send(
    url: str, *, deadline: float = 5, session: Session | None = None, ca: str | None = None
) -> Answer | Failure:
    session = session or Session(ca_file=ca)
    try:
        return await session.send(
            "POST",
            Sensitive.of(f"{url}/p?sig={CANARY}"),
            headers={"authorization": f"Bearer {CANARY}"},
            content=b"{}",
            deadline=deadline,
        )
    finally:
        await session.aclose()


def failure_of(result: Answer | Failure) -> Failure:
    assert isinstance(result, Failure), result
    assert CANARY not in repr(result)
    return result


def write_and(*parts: bytes, then: Callable[[asyncio.StreamWriter], Awaitable[None]] | None = None) -> Reply:
    async def reply(writer: asyncio.StreamWriter) -> None:
        for part in parts:
            writer.write(part)
            await writer.drain()
        if then:
            await then(writer)

    return reply


async def stall(_writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(60)


async def reset(writer: asyncio.StreamWriter) -> None:
    raw = writer.get_extra_info("socket")
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
    writer.transport.abort()


async def drip(writer: asyncio.StreamWriter) -> None:
    while True:
        writer.write(b" ")
        await writer.drain()
        await asyncio.sleep(0.02)


async def flood(writer: asyncio.StreamWriter) -> None:
    while True:
        writer.write(b"x" * 65536)
        await writer.drain()


OK = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"

UNCLEAR: dict[str, Reply] = {
    "closes after reading": b"",
    "resets after reading": write_and(then=reset),
    "stalls after reading": write_and(then=stall),
    "garbage": b"\x00\xff\x16\x03 not http at all\r\n\r\n",
    "half a status line": b"HTTP/1.1 20",
    "half the headers": OK + b"content-len",
    "half a body": OK + b'content-length: 100\r\n\r\n{"vault',
    "resets in the body": write_and(OK + b'content-length: 100\r\n\r\n{"vault', then=reset),
    "half a chunk": OK + b'transfer-encoding: chunked\r\n\r\nff\r\n{"vau',
    "a slow drip": write_and(OK + b"content-length: 100000\r\n\r\n", then=drip),
    "endless 100 Continue": write_and(*[b"HTTP/1.1 100 Continue\r\n\r\n"] * 50, then=stall),
    "a huge body": write_and(OK + b"content-length: 99999999999\r\n\r\n", then=flood),
    "an endless body": write_and(OK + b"transfer-encoding: chunked\r\n\r\n", then=stall),
    "a gzip bomb": answer(body=gzip.compress(b"\0" * 50_000_000), headers=[("content-encoding", "gzip")]),
    "100,000 headers": OK + b"".join(b"h%d: v\r\n" % n for n in range(100_000)) + b"\r\n{}",
    "two lengths": OK + b"content-length: 2\r\ncontent-length: 3\r\n\r\n{}",
}


@pytest.mark.parametrize("name", UNCLEAR)
async def test_a_server_that_read_the_request_leaves_it_unclear(name: str) -> None:
    """Once the request was sent, no failure may read as "not sent", and none takes long or much memory."""
    async with raw_server(lambda _seen: UNCLEAR[name]) as server:
        started = time.monotonic()
        failure = failure_of(await send(server.url, deadline=0.5))
        assert failure.kind == FailureKind.UNCLEAR
        assert not failure.permanent
        assert time.monotonic() - started < 4
        assert len(server.requests) == 1


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def test_refused_is_not_sent() -> None:
    """Nobody listens: proved not sent."""
    failure = failure_of(await send(f"http://127.0.0.1:{closed_port()}"))
    assert (failure.kind, failure.permanent) == (FailureKind.NOT_SENT, False)
    assert "refused" in failure.why


async def test_an_unknown_name_is_not_sent() -> None:
    """`.invalid` resolves nowhere (RFC 2606)."""
    failure = failure_of(await send("https://tenant.invalid"))
    assert failure.kind == FailureKind.NOT_SENT


async def test_no_connection_in_time_is_not_sent() -> None:
    """A full backlog never accepts: the deadline ends before anything was sent."""
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        port = full.getsockname()[1]
        clogs = [socket.socket() for _ in range(4)]
        try:
            for clog in clogs:
                clog.setblocking(False)
                clog.connect_ex(("127.0.0.1", port))
            failure = failure_of(await send(f"http://127.0.0.1:{port}", deadline=0.3))
        finally:
            for clog in clogs:
                clog.close()
    assert (failure.kind, failure.why) == (FailureKind.NOT_SENT, "no connection could be made in time")


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


BAD_CERTIFICATES: dict[str, Callable[[Authority], ssl.SSLContext]] = {
    "expired": lambda a: a.server(expired=True),
    "wrong host": lambda a: a.server(name="10.1.2.3"),
    "self-signed": lambda a: Authority(a.folder / "stranger").server(),
}


@pytest.mark.parametrize("name", BAD_CERTIFICATES)
async def test_a_bad_certificate_is_not_sent_and_stays_bad(name: str, authority: Authority) -> None:
    """Nothing is sent over TLS that is not verified, and it is not tried again."""
    async with raw_server(lambda _seen: answer(), tls=BAD_CERTIFICATES[name](authority)) as server:
        failure = failure_of(await send(server.url, ca=authority.file))
        assert (failure.kind, failure.permanent) == (FailureKind.NOT_SENT, True)
        assert failure.why.startswith("its certificate is not valid: ")
        assert server.requests == []


async def test_a_private_authority_is_trusted_when_named(authority: Authority) -> None:
    """`--ca-file` takes the place of the usual authorities; without it the same server is not trusted."""
    async with raw_server(lambda _seen: answer(), tls=authority.server()) as server:
        assert isinstance(await send(server.url, ca=authority.file), Answer)
        assert failure_of(await send(server.url)).permanent


async def test_a_server_without_tls_is_not_sent_to() -> None:
    """The handshake fails before the request leaves."""
    async with raw_server(lambda _seen: b"nope") as server:
        failure = failure_of(await send(f"https://127.0.0.1:{server.port}", deadline=2))
        assert failure.kind == FailureKind.NOT_SENT
        assert not any(CANARY in str(seen) for seen in server.requests)


class Says(httpx.AsyncBaseTransport):
    """A transport that raises what it is told, before or after the request was really processed."""

    def __init__(self, error: Exception, inner: httpx.AsyncBaseTransport | None = None) -> None:
        self.error = error
        self.inner = inner

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if self.inner:
            response = await self.inner.handle_async_request(request)
            await response.aclose()
        raise self.error

    async def aclose(self) -> None:
        if self.inner:
            await self.inner.aclose()


@pytest.mark.parametrize(
    "error",
    [
        httpx.ConnectError(CANARY),
        httpx.ConnectTimeout(CANARY),
        httpx.PoolTimeout(CANARY),
        httpx.ReadTimeout(CANARY),
        httpx.ProxyError(CANARY),
        httpx.UnsupportedProtocol(CANARY),
        ConnectionRefusedError(CANARY),
    ],
    ids=lambda error: type(error).__name__,
)
@pytest.mark.parametrize("after", [False, True])
async def test_the_class_of_an_exception_proves_nothing(error: Exception, after: bool) -> None:
    """Some transports call a close after sending a ConnectTimeout: only what was reported done counts."""
    async with raw_server(lambda _seen: answer()) as server:
        inner = httpx.AsyncHTTPTransport() if after else None
        failure = failure_of(await send(server.url, session=Session(transport=Says(error, inner))))
        assert failure.kind == FailureKind.UNCLEAR
        assert after == bool(server.requests)


async def test_waiting_for_a_connection_is_not_sent() -> None:
    """A request that never left the pool's queue was not sent."""
    error = httpx.PoolTimeout("full")
    error.__cause__ = httpcore.PoolTimeout("full")
    failure = failure_of(await send("http://127.0.0.1:1", session=Session(transport=Says(error))))
    assert failure.kind == FailureKind.NOT_SENT


async def test_a_kept_connection_that_was_closed_is_unclear_or_new() -> None:
    """A second request on a connection that the server closed is sent on a new one, or unclear: never lost."""
    session = Session()
    keep = answer(200, {}).replace(b"connection: close\r\n", b"")
    async with raw_server(lambda _seen: keep) as server:
        first = await session.send("GET", server.url, headers={})
        await asyncio.sleep(0.05)
        second = await session.send("GET", server.url, headers={})
        assert isinstance(first, Answer)
        assert isinstance(second, Answer)
    await session.aclose()


async def test_a_redirect_is_an_answer() -> None:
    """Nobody follows it, so the other host sees nothing."""
    async with raw_server(lambda _seen: answer()) as other:
        there = [("location", f"{other.url}/stolen"), ("set-cookie", "a=b")]
        async with raw_server(lambda _seen: answer(307, headers=there)) as server:
            result = await send(server.url)
            assert isinstance(result, Answer)
            assert result.status == 307
            assert other.requests == []


async def test_no_cookie_comes_back_and_nothing_compressed_is_asked_for() -> None:
    """Two answers set cookies; neither request carries one."""
    session = Session()
    async with raw_server(lambda _seen: answer(headers=[("set-cookie", "a=b; path=/")])) as server:
        for _ in range(2):
            await session.send("GET", server.url, headers={})
        assert [seen.headers.get("cookie") for seen in server.requests] == [None, None]
        assert [seen.headers["accept-encoding"] for seen in server.requests] == ["identity"] * 2
    await session.aclose()


async def test_a_body_up_to_the_cap_is_read() -> None:
    """1 MiB is an answer; a byte more is not."""
    for size, kind in ((BODY_MAX, Answer), (BODY_MAX + 1, Failure)):
        async with raw_server(lambda _seen, size=size: answer(body=b"x" * size)) as server:  # type: ignore[misc]
            assert isinstance(await send(server.url), kind)


async def test_nothing_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """Third-party loggers print URLs and headers: they are silent even when everything is turned up."""
    caplog.set_level(logging.DEBUG)
    session = Session()
    for name in ("httpx", "httpcore", "httpcore.http11", "httpcore.connection"):
        caplog.set_level(logging.DEBUG, logger=name)
    async with raw_server(lambda _seen: answer(headers=[("set-cookie", CANARY)])) as server:
        await send(server.url, session=session)
    assert [r for r in caplog.records if r.name.startswith("http")] == []
    assert CANARY not in caplog.text


async def test_a_proxy_is_used_but_never_for_this_machine(
    monkeypatch: pytest.MonkeyPatch, authority: Authority
) -> None:
    """HTTPS_PROXY gets a CONNECT and no request; loopback is reached directly; NO_PROXY is honoured."""
    async with raw_server(lambda _seen: answer(403)) as proxy, raw_server(lambda _seen: answer()) as server:
        for name in ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        assert isinstance(await send(server.url), Answer)
        assert proxy.requests == []
        failure = failure_of(await send("https://tenant.invalid"))
        assert (failure.kind, failure.why) == (FailureKind.NOT_SENT, "the proxy refused the connection")
        assert proxy.paths() == ["CONNECT tenant.invalid:443"]
        assert CANARY not in str(proxy.requests)
        monkeypatch.setenv("NO_PROXY", "tenant.invalid")
        failure_of(await send("https://tenant.invalid"))
        assert len(proxy.requests) == 1


@pytest.mark.parametrize(
    "proxy",
    [
        "http://user:CANARY@x:port",
        "https://user:CANARY@x:port",
        "socks5://user:CANARY@127.0.0.1:1",
        "ftp://CANARY",
    ],
)
def test_a_proxy_that_cannot_be_used_is_not_quoted(monkeypatch: pytest.MonkeyPatch, proxy: str) -> None:
    """A proxy's address may hold a password."""
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    with pytest.raises(UsageError) as caught:
        Session()
    assert "CANARY" not in f"{caught.value} {caught.value.hint}"


def test_tls_keys_are_never_written(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """SSLKEYLOGFILE is ignored, and verification cannot be weaker than the default."""
    monkeypatch.setenv("SSLKEYLOGFILE", str(tmp_path / "keys"))
    tls_context.cache_clear()
    context = tls_context(None)
    assert (context.check_hostname, context.verify_mode) == (True, ssl.CERT_REQUIRED)
    assert context.keylog_filename is None
    assert not (tmp_path / "keys").exists()


@pytest.mark.parametrize("content", [None, b"", b"not a certificate"])
def test_an_unusable_authority_is_a_usage_error(tmp_path: Path, content: bytes | None) -> None:
    """Named, with the flag that names it."""
    file = tmp_path / "ca.pem"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(UsageError, match="certificate"):
        tls_context(str(file))
