"""The one seam to the network: a session with total deadlines, size caps, and a verdict on every failure.

`Session.send` never raises for what the network does. It returns an `Answer`, whatever its status, or a
`Failure` that says whether the request certainly never left. That verdict is made in one place, `_meaning`,
from what the transport *reported doing* (httpcore's trace), never from the class of an exception: some
transports call a connection that was closed after the request was read a "connect timeout".

Neither tokens nor URLs (an upload URL is a capability) may reach a log, so the loggers of httpx and httpcore
are switched off, and no text of theirs is passed on.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
import urllib.request
from collections.abc import AsyncIterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from http.cookiejar import CookieJar, DefaultCookiePolicy
from pathlib import Path
from typing import Final

import certifi
import httpcore
import httpx

from reconciler.errors import UsageError
from reconciler.http.retry import Failure, FailureKind
from reconciler.sensitive import Sensitive

DEADLINE: Final = 30.0
"""Seconds for one small request, answer included. A read timeout alone lets a slow drip through."""

PRIVATE_AUTHORITY: Final = "for a private authority, name its file with --ca-file"
"""What helps where a certificate cannot be verified."""

NOT_REACHED: Final = "check the address and the network, and run the same command again"
"""What helps where nobody answers."""

CONNECT: Final = 10.0
"""Seconds for a connection, and as many again for its handshake."""

BODY_MAX: Final = 1 << 20
"""Bytes of an answer's body. Answers are asked for uncompressed, so this bounds memory as well."""

_KEEPALIVE: Final = 4.0
"""Seconds an idle connection is kept: below the 5 s after which common servers close theirs, because a
request that meets such a close is unclear."""

_LOGGERS: Final = (
    *("httpx", "httpcore", "httpcore.connection", "httpcore.http11", "httpcore.http2", "httpcore.proxy"),
    "httpcore.socks",
    "asyncio",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A complete answer. `headers` have lower-case names; `body` is at most BODY_MAX bytes."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def content_type(self) -> str:
        """Return the media type, without parameters, in lower case."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()


class Session:
    """HTTP without surprises: no redirects, no cookies, TLS verified, plain http on loopback only."""

    def __init__(
        self, *, ca_file: str | None = None, transport: httpx.AsyncBaseTransport | None = None
    ) -> None:
        _silence()
        context = tls_context(ca_file)
        limits = httpx.Limits(max_connections=100, keepalive_expiry=_KEEPALIVE)
        direct = transport or httpx.AsyncHTTPTransport(verify=context, limits=limits, trust_env=False)
        loopback = {f"all://{host}": direct for host in ("localhost", "127.0.0.1", "[::1]")}
        try:
            self._client = httpx.AsyncClient(
                transport=transport,
                mounts={}
                if transport
                else {**_secure_proxies(context, limits), **loopback, "http://": direct},
                verify=context,
                limits=limits,
                trust_env=transport is None,  # for HTTPS_PROXY, ALL_PROXY and NO_PROXY: the context is ours
                follow_redirects=False,
                cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
                headers={"accept-encoding": "identity", "user-agent": "c1-reconciler"},
            )
        except (ValueError, ImportError, httpx.InvalidURL):
            raise UsageError(
                "the proxy named by HTTPS_PROXY or ALL_PROXY cannot be used",
                expected="http://HOST:PORT or https://HOST:PORT",
            ) from None

    async def send(
        self,
        method: str,
        url: Sensitive | str,
        *,
        headers: Mapping[str, str],
        content: bytes | AsyncIterable[bytes] = b"",
        deadline: float = DEADLINE,
    ) -> Answer | Failure:
        """Send one request once. `url` must have passed `destination.check_url`."""
        trace = _Trace()
        address = url if isinstance(url, str) else url.reveal_text()
        try:
            async with asyncio.timeout(deadline):
                request = self._client.build_request(
                    method,
                    address,
                    headers=dict(headers),
                    content=content,
                    timeout=_timeout(deadline),
                    extensions={"trace": trace},
                )
                response = await self._client.send(request, stream=True)
                try:
                    return await _read(response)
                finally:
                    await response.aclose()
        except (
            httpx.HTTPError,
            httpx.StreamError,
            httpx.InvalidURL,
            OSError,
            ValueError,
            OverflowError,
        ) as e:
            return _meaning(e, trace)  # the last two: a host or port that no resolver takes

    async def aclose(self) -> None:
        """Close every connection."""
        await self._client.aclose()


def _secure_proxies(context: ssl.SSLContext, limits: httpx.Limits) -> dict[str, httpx.AsyncBaseTransport]:
    """Return what takes the place of the environment's proxies that are spoken to over TLS.

    httpx would meet them with a context that is not ours, which knows no `--ca-file` and honours SSLKEYLOGFILE.
    NO_PROXY stays httpx's: what it names is more specific than these.
    """
    named = urllib.request.getproxies()
    if "*" in (host.strip() for host in named.get("no", "").split(",")):
        return {}
    return {
        f"{scheme}://": httpx.AsyncHTTPTransport(
            verify=context,
            limits=limits,
            trust_env=False,
            proxy=httpx.Proxy(named[scheme], ssl_context=context),
        )
        for scheme in ("https", "all")
        if named.get(scheme, "").casefold().startswith("https://")
    }


def _timeout(deadline: float) -> httpx.Timeout:
    """Return timeouts by which connecting ends before the deadline: a cancelled handshake leaks its socket."""
    return httpx.Timeout(None, connect=min(CONNECT, 0.9 * deadline), pool=0.9 * deadline)


async def _read(response: httpx.Response) -> Answer | Failure:
    if response.headers.get("content-encoding", "identity").lower() != "identity":
        return _unclear("the answer was compressed, though it was asked not to be")
    body = bytearray()
    async for chunk in response.aiter_bytes(1 << 16):
        body += chunk
        if len(body) > BODY_MAX:
            return _unclear("the answer was larger than 1 MiB")
    headers = {name.lower(): value for name, value in response.headers.items()}
    return Answer(status=response.status_code, headers=headers, body=bytes(body))


class _Trace:
    """What the transport reported doing for one request."""

    __slots__ = ("connecting", "sending")

    def __init__(self) -> None:
        self.connecting = False
        self.sending = False

    async def __call__(self, name: str, info: Mapping[str, object]) -> None:
        """Take one event of httpcore's `trace` extension."""
        if name == "connection.connect_tcp.started":
            self.connecting = True
        elif name.endswith("send_request_headers.started"):
            # a proxy's CONNECT carries nothing of the request
            self.sending |= getattr(info.get("request"), "method", None) != b"CONNECT"


def _meaning(error: Exception, trace: _Trace) -> Failure:
    """Decide what a failed exchange means: certainly not sent, or unclear.

    Not sent needs proof: the transport said that it began to connect, and never that it began to send; or
    that the request never left the queue for a connection. A transport that reports nothing proves nothing.
    """
    queued = isinstance(error, httpx.PoolTimeout) and isinstance(error.__cause__, httpcore.PoolTimeout)
    if trace.sending or not (trace.connecting or queued):
        return _unclear(_words_after(error))
    causes = tuple(_causes(error))
    refused = next((c for c in causes if isinstance(c, ssl.SSLCertVerificationError)), None)
    return Failure(
        kind=FailureKind.NOT_SENT,
        why=_words_before(error, causes, refused),
        permanent=refused is not None,
    )


def _unclear(why: str) -> Failure:
    return Failure(kind=FailureKind.UNCLEAR, why=why)


def _words_before(
    error: Exception, causes: tuple[BaseException, ...], refused: ssl.SSLCertVerificationError | None
) -> str:
    if refused is not None:
        return f"its certificate is not valid: {refused.verify_message}"
    if any(isinstance(c, socket.gaierror) for c in causes):
        return "its name cannot be resolved"
    if any(isinstance(c, ConnectionRefusedError) for c in causes):
        return "nothing listens there (connection refused)"
    if any(isinstance(c, ssl.SSLError) for c in causes):
        return "no TLS connection could be made"
    if isinstance(error, httpx.ProxyError):
        return "the proxy refused the connection"
    if isinstance(error, httpx.TimeoutException | TimeoutError):
        return "no connection could be made in time"
    return "no connection could be made"


def _words_after(error: Exception) -> str:
    if isinstance(error, httpx.TimeoutException | TimeoutError):
        return "no complete answer came in time"
    if isinstance(error, httpx.RemoteProtocolError | httpx.DecodingError):
        return "the answer was cut off or was not HTTP"
    return "the connection broke"


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        if isinstance(error, BaseExceptionGroup):
            for inner in error.exceptions:
                yield from _causes(inner)
        error = error.__cause__ or error.__context__


@cache
def tls_context(ca_file: str | None) -> ssl.SSLContext:
    """Return the context for every TLS connection: verified, and never writing its keys to SSLKEYLOGFILE.

    `ca_file` (`--ca-file` or SSL_CERT_FILE) takes the place of the usual authorities. Sign-in, API and uploads
    share one: reading the authorities takes longer than all else that a small plan does (40 ms of 160).
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # create_default_context honours SSLKEYLOGFILE
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        if ca_file and Path(ca_file).is_dir():
            context.load_verify_locations(capath=ca_file)
        else:
            context.load_verify_locations(cafile=ca_file or certifi.where())
    except OSError:  # ssl.SSLError is one
        raise UsageError(
            f"the certificate file {ca_file} cannot be read, or holds no certificate",
            hint="--ca-file, RECONCILER_CA_FILE and SSL_CERT_FILE name a PEM file of certificate authorities",
        ) from None
    return context


def _silence() -> None:
    """Switch off loggers that print URLs (httpx), headers (httpcore) or exceptions and arguments (asyncio)."""
    for name in _LOGGERS:
        logger = logging.getLogger(name)
        logger.setLevel(logging.CRITICAL + 1)
        logger.propagate = False
        logger.disabled = True
