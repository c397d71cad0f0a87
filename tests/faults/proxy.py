"""A proxy on loopback between client and tenant that fails at the n-th request that a rule matches.

It speaks just enough HTTP/1.1 to know where a request ends. Everything it saw is kept, for the judge.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

_KEPT: Final = 1 << 20
"""Bytes of each body that are kept for the judge."""


@dataclass
class Request:
    """One request as it arrived. `via` is `api` or `upload`."""

    via: str
    method: str
    path: str
    head: bytes
    length: int
    body: bytes = b""
    """Of an upload only its beginning."""
    answered: bool = False
    """Whether the tenant has answered it."""
    delivered: bool = False
    """Whether an answer went back whole."""

    def header(self, name: str) -> str:
        for line in self.head.split(b"\r\n")[1:]:
            key, _, value = line.partition(b":")
            if key.strip().lower() == name.encode():
                return value.strip().decode("latin-1")
        return ""


Matches = Callable[[Request], bool]


def create(request: Request) -> bool:
    return request.method == "POST" and request.path.startswith(
        ("/api/v1/secrets/internal", "/api/v1/secrets/external")
    )


def content(request: Request) -> bool:
    return request.method == "POST" and request.path.endswith("/content")


def upload(request: Request) -> bool:
    return request.via == "upload" and request.method == "PUT"


def get(request: Request) -> bool:
    return request.method == "GET" and request.path.startswith("/api/v1/secrets/")


def search(request: Request) -> bool:
    return request.path == "/api/v1/search/secrets/mine"


def users(request: Request) -> bool:
    return request.path == "/api/v1/search/users"


def revoke(request: Request) -> bool:
    return request.method == "DELETE"


def introspect(request: Request) -> bool:
    return request.path == "/api/v1/auth/introspect"


CALLS: Final[dict[str, Matches]] = {
    "introspect": introspect,
    "search": search,
    "users": users,
    "create": create,
    "content": content,
    "upload": upload,
    "get": get,
    "revoke": revoke,
}


@dataclass
class Rule:
    """Do something at the requests `nth`, … `nth + times - 1` of those that match."""

    matches: Matches
    do: Action
    nth: int = 1
    times: int = 1
    at_byte: int | None = None
    """With this the action is done in the middle of the body, which goes on afterwards."""
    seen: int = 0
    fired: int = 0

    def due(self, request: Request) -> bool:
        if not self.matches(request):
            return False
        self.seen += 1
        if not self.nth <= self.seen < self.nth + self.times:
            return False
        self.fired += 1
        return True


class Gone(Exception):  # noqa: N818 - an end, not an error
    """This connection is over."""


class Exchange:
    """One request in the hands of an action."""

    def __init__(
        self, proxy: Proxy, request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.proxy = proxy
        self.request = request
        self._reader = reader
        self.writer = writer
        self._read = len(request.body)
        self._middle: Rule | None = None

    async def pieces(self) -> Any:
        """Yield the body, which may be larger than memory."""
        request = self.request
        if request.via == "api":
            yield request.body
            return
        middle = self._middle
        while self._read < request.length:
            all_desired = min(1 << 16, request.length - self._read)
            if middle and middle.at_byte is not None and self._read < middle.at_byte:
                all_desired = min(all_desired, middle.at_byte - self._read)
            piece = await self._reader.read(all_desired)
            if not piece:
                raise Gone
            self._read += len(piece)
            request.body = (request.body + piece)[:_KEPT]
            yield piece
            if middle and self._read == middle.at_byte:
                await middle.do(self)

    async def swallow(self) -> None:
        """Read the rest of the body, and give it to nobody."""
        async for _ in self.pieces():
            pass

    async def forward(self) -> bytes:
        """Ask the tenant; return its whole answer, with upload URLs that lead through the proxy."""
        host, port = self.proxy.upstream[self.request.via]
        reader, writer = await asyncio.open_connection(host, port)
        try:
            writer.write(_closing(self.request.head))
            try:
                async for piece in self.pieces():
                    writer.write(piece)
                    await writer.drain()
            except ConnectionError:  # an early refusal: the answer is there, the rest is nobody's
                await self.swallow()
            answer = await reader.read()
        finally:
            writer.transport.abort()
        self.request.answered = True
        return rebuilt(answer, lambda body: body.replace(*self.proxy.rewriting))

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    def reset(self) -> None:
        """End the connection at once."""
        self.writer.transport.abort()
        raise Gone


Action = Callable[[Exchange], Awaitable[None]]


class Proxy:
    """Two listeners, for the API and for uploads. `rules` are looked at in order; the first that is due acts."""

    def __init__(self, api: str, uploads: str) -> None:
        self.upstream = {"api": _address(api), "upload": _address(uploads)}
        self.rules: list[Rule] = []
        self.requests: list[Request] = []
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._uploads = uploads
        self._tasks: set[asyncio.Task[None]] = set()
        self._thread = threading.Thread(target=self._main, daemon=True, name="proxy")

    def start(self) -> None:
        self._thread.start()
        self._ready.wait()

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._stopped.set)
        self._thread.join()

    @property
    def rewriting(self) -> tuple[bytes, bytes]:
        return self._uploads.encode(), self.upload_url.encode()

    def plan(self, *rules: Rule) -> None:
        """Begin anew with these rules."""
        self.rules = list(rules)

    def clear(self) -> None:
        """Misbehave no more, and forget what was seen."""
        self.rules = []
        self.requests = []

    def _main(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._serve())
        self._loop.run_until_complete(self._loop.shutdown_default_executor())
        self._loop.close()

    async def _serve(self) -> None:
        self._stopped = asyncio.Event()
        servers = []
        for via in ("api", "upload"):
            server = await asyncio.start_server(partial(self._begin, via), "127.0.0.1", 0, limit=1 << 21)
            servers.append(server)
            url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
            setattr(self, "url" if via == "api" else "upload_url", url)
        self._ready.set()
        await self._stopped.wait()
        for server in servers:
            server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    url: str
    upload_url: str

    def _begin(self, via: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(self._connection(via, reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _connection(self, via: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with contextlib.suppress(Gone, ConnectionError, asyncio.IncompleteReadError):
                while await self._exchange(via, reader, writer):
                    pass
        finally:
            writer.transport.abort()

    async def _exchange(self, via: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        request = await _read(via, reader)
        self.requests.append(request)
        exchange = Exchange(self, request, reader, writer)
        action: Action = passes
        for rule in list(self.rules):
            if rule.due(request):
                if rule.at_byte is not None:
                    exchange._middle = rule
                else:
                    action = rule.do
                break
        await action(exchange)
        request.delivered = True
        return True


async def _read(via: str, reader: asyncio.StreamReader) -> Request:
    head = await reader.readuntil(b"\r\n\r\n")
    method, path, _ = head.split(b"\r\n", 1)[0].decode("latin-1").split(" ", 2)
    request = Request(via=via, method=method, path=path, head=head, length=0)
    request.length = int(request.header("content-length") or 0)
    if via == "api":
        request.body = await reader.readexactly(request.length)
    return request


def _closing(head: bytes) -> bytes:
    """Ask that the connection be closed after the answer, which then ends where the connection does."""
    lines = [line for line in head[:-4].split(b"\r\n") if not line.lower().startswith(b"connection:")]
    return b"\r\n".join([*lines, b"connection: close", b"", b""])


def _address(url: str) -> tuple[str, int]:
    host, _, port = url.removeprefix("http://").rpartition(":")
    return host, int(port)


def rebuilt(answer: bytes, change: Callable[[bytes], bytes]) -> bytes:
    """Return an answer with another body and its right length."""
    head, _, body = answer.partition(b"\r\n\r\n")
    body = change(body)
    lines = [
        line
        for line in head.split(b"\r\n")
        if not line.lower().startswith((b"content-length:", b"connection:"))
    ]
    return b"\r\n".join([*lines, b"content-length: %d" % len(body), b"", b""]) + body


def raw(
    status: int = 200, body: bytes = b"{}", *, kind: str = "application/json", headers: tuple[str, ...] = ()
) -> bytes:
    """Return a whole answer."""
    lines = [f"HTTP/1.1 {status} X", f"content-type: {kind}", f"content-length: {len(body)}", *headers]
    return "\r\n".join([*lines, "", ""]).encode() + body


# --- what can be done with a request ---------------------------------------------------------------------


async def passes(exchange: Exchange) -> None:
    """Behave."""
    await exchange.send(await exchange.forward())


async def drop(exchange: Exchange) -> None:
    """Read the request and close: the tenant never hears of it."""
    await exchange.swallow()
    exchange.reset()


async def lose(exchange: Exchange) -> None:
    """Let the tenant do it, and close without an answer."""
    await exchange.forward()
    exchange.reset()


async def stall(exchange: Exchange) -> None:
    """Let the tenant do it, and never answer."""
    await exchange.forward()
    await exchange._reader.read()
    exchange.reset()


async def deaf(exchange: Exchange) -> None:
    """Never answer, and never tell the tenant."""
    await exchange.swallow()
    await exchange._reader.read()
    exchange.reset()


async def drip(exchange: Exchange) -> None:
    """Answer a byte at a time: each read is in time, the whole never is."""
    for byte in await exchange.forward():
        await exchange.send(bytes([byte]))
        await asyncio.sleep(0.05)


def cut(at: float) -> Action:
    """Send a part of the answer (a share of it), then close."""

    async def act(exchange: Exchange) -> None:
        answer = await exchange.forward()
        await exchange.send(answer[: int(len(answer) * at)])
        exchange.reset()

    return act


def says(answer: bytes, *, effect: bool) -> Action:
    """Give this answer, with or without telling the tenant of the request."""

    async def act(exchange: Exchange) -> None:
        await (exchange.forward() if effect else exchange.swallow())
        with contextlib.suppress(ConnectionError):
            await exchange.send(answer)

    return act


def rewrites(change: Callable[[dict[str, Any]], None]) -> Action:
    """Change the JSON of the answer."""

    def changed(body: bytes) -> bytes:
        value = json.loads(body)
        change(value)
        return json.dumps(value).encode()

    async def act(exchange: Exchange) -> None:
        await exchange.send(rebuilt(await exchange.forward(), changed))

    return act


def calls(before: Callable[[], object] | None = None, after: Callable[[], object] | None = None) -> Action:
    """Do something elsewhere before the tenant hears of it, or when it has answered; then go on."""

    async def act(exchange: Exchange) -> None:
        loop = asyncio.get_running_loop()
        if before:
            await loop.run_in_executor(None, before)
        answer = await exchange.forward()
        if after:
            await loop.run_in_executor(None, after)
        await exchange.send(answer)

    return act


def meanwhile(do: Callable[[], None]) -> Action:
    """Do something in the middle of a body (a rule with `at_byte`)."""

    async def act(_exchange: Exchange) -> None:
        await asyncio.get_running_loop().run_in_executor(None, do)

    return act


@contextmanager
def between(api: str, uploads: str) -> Iterator[Proxy]:
    """Run a proxy until the block ends."""
    proxy = Proxy(api, uploads)
    proxy.start()
    try:
        yield proxy
    finally:
        proxy.stop()
