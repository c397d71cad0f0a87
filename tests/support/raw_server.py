"""A TCP server on loopback that does exactly what a test says, well or badly, and remembers what it read."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field


@dataclass
class Seen:
    """One request as it arrived."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    complete: bool = True

    @property
    def json(self) -> object:
        return json.loads(self.body)


Reply = bytes | Callable[[asyncio.StreamWriter], Awaitable[None]]
"""Bytes to write before closing, or what to do with the connection."""

Behaviour = Callable[[Seen], Reply]


@dataclass
class RawServer:
    """What is listening, and what it saw."""

    port: int
    scheme: str = "http"
    requests: list[Seen] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}"

    def paths(self) -> list[str]:
        return [f"{seen.method} {seen.path}" for seen in self.requests]


def answer(
    status: int = 200,
    body: object = None,
    *,
    content_type: str = "application/json",
    headers: Sequence[tuple[str, str]] = (),
) -> bytes:
    """A whole HTTP answer; a body that is not bytes is sent as JSON."""
    raw = body if isinstance(body, bytes) else json.dumps({} if body is None else body).encode()
    lines = [f"HTTP/1.1 {status} X", f"content-type: {content_type}", f"content-length: {len(raw)}"]
    lines += [f"{name}: {value}" for name, value in headers]
    return "\r\n".join([*lines, "connection: close", "", ""]).encode() + raw


def in_turn(*replies: Reply) -> Behaviour:
    """Answer with each reply once, the last one for ever."""
    left = list(replies)
    return lambda _seen: left.pop(0) if len(left) > 1 else left[0]


async def _read(reader: asyncio.StreamReader) -> Seen | None:
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    except (asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        return None
    first, *rest = head.split("\r\n")
    method, path, _ = first.split(" ", 2)
    headers = {k.strip().lower(): v.strip() for k, _, v in (line.partition(":") for line in rest if line)}
    length = int(headers.get("content-length", "0"))
    body = b""
    while len(body) < length:
        chunk = await reader.read(1 << 16)
        if not chunk:
            break
        body += chunk
    return Seen(method=method, path=path, headers=headers, body=body, complete=len(body) == length)


@asynccontextmanager
async def raw_server(behaviour: Behaviour, *, tls: ssl.SSLContext | None = None) -> AsyncIterator[RawServer]:
    """Serve on a free loopback port until the block ends."""
    served: RawServer
    tasks: set[asyncio.Task[None]] = set()
    writers: set[asyncio.StreamWriter] = set()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        writers.add(writer)
        with suppress(ConnectionError, ssl.SSLError):
            seen = await _read(reader)
            if seen is not None:
                served.requests.append(seen)
                reply = behaviour(seen)
                if isinstance(reply, bytes):
                    writer.write(reply)
                    await writer.drain()
                else:
                    await reply(writer)
        writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0, ssl=tls, limit=1 << 20)
    served = RawServer(server.sockets[0].getsockname()[1], "https" if tls else "http")
    try:
        yield served
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for writer in writers:
            writer.transport.abort()
            with suppress(ConnectionError, ssl.SSLError):
                await writer.wait_closed()
