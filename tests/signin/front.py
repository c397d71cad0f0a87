"""What can stand between a program and its tenant: a gateway with or without TLS, a proxy, GitHub's token endpoint.

Each is a real server on loopback in threads of its own, so that the command line runs beside it unchanged.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import select
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

Rewrite = Callable[[str, str, dict[str, Any]], None]
"""Gets method, path and a JSON body, which it may change in place."""

Instead = Callable[[str], tuple[int, bytes, list[tuple[str, str]]] | None]
"""Gets `METHOD path`, and may return an answer that the tenant never gave: status, JSON, headers."""

_DROPPED: Final = {"content-length", "connection", "transfer-encoding"}


@dataclass
class Served:
    """Where a server listens, and what it was asked: `METHOD path`, or `CONNECT host:port`."""

    host: str
    port: int
    scheme: str = "http"
    asked: list[str] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)

    @property
    def authority(self) -> str:
        return f"{self.host}:{self.port}"

    @property
    def url(self) -> str:
        return f"{self.scheme}://{self.authority}"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    served: Served

    def setup(self) -> None:
        super().setup()
        self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def log_message(self, format: str, *args: object) -> None: ...

    def note(self) -> None:
        self.served.asked.append(f"{self.command} {self.path}")
        self.served.headers.append({name.lower(): value for name, value in self.headers.items()})

    def reply(self, status: int, body: bytes, headers: list[tuple[str, str]]) -> None:
        self.send_response_only(status)
        for name, value in [*headers, ("content-length", str(len(body)))]:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 256

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hangs up in the middle of a handshake is part of some tests."""


@contextlib.contextmanager
def _serving(handler: type[_Handler], host: str, tls: ssl.SSLContext | None = None) -> Iterator[Served]:
    server = _Server((host, 0), handler)
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    served = Served(host, server.server_address[1], "https" if tls else "http")
    handler.served = served
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield served
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextlib.contextmanager
def gateway(
    upstream: str,
    *,
    rewrite: Rewrite | None = None,
    ask: Rewrite | None = None,
    before: Callable[[str], None] | None = None,
    instead: Instead | None = None,
    tls: ssl.SSLContext | None = None,
    host: str = "127.0.0.1",
) -> Iterator[Served]:
    """Pass every call on to the tenant at `upstream`, `Host` and all.

    `before` is told `METHOD path` first, one call at a time; `ask` changes requests and `rewrite` answers;
    `instead` answers in the tenant's place.
    """
    in_order = threading.Lock()

    class Gateway(_Handler):  # one for each connection
        def setup(self) -> None:
            super().setup()
            self.tenant = http.client.HTTPConnection(upstream.removeprefix("http://"), timeout=30)

        def finish(self) -> None:
            self.tenant.close()
            super().finish()

        def pass_on(self) -> None:
            self.note()
            if before:
                with in_order:
                    before(f"{self.command} {self.path}")
            body = self.rfile.read(int(self.headers.get("content-length", "0")))
            answered = instead(f"{self.command} {self.path}") if instead else None
            if answered:
                status, said, more = answered
                self.reply(status, said, [("content-type", "application/json"), *more])
                return
            if ask and self.headers.get("content-type") == "application/json":
                body = _changed(ask, self.command, self.path, body)
            headers = {k: v for k, v in self.headers.items() if k.lower() not in _DROPPED}
            self.tenant.request(self.command, self.path, body, headers)
            answer = self.tenant.getresponse()
            content = answer.read()
            if rewrite and answer.status == 200:
                content = _changed(rewrite, self.command, self.path, content)
            kept = [(k, v) for k, v in answer.getheaders() if k.lower() not in _DROPPED]
            self.reply(answer.status, content, kept)

        do_GET = do_POST = do_DELETE = pass_on  # noqa: N815 - the names of http.server

    with _serving(Gateway, host, tls) as served:
        yield served


def _changed(rewrite: Rewrite, method: str, path: str, body: bytes) -> bytes:
    value = json.loads(body)
    rewrite(method, path, value)
    return json.dumps(value).encode()


@contextlib.contextmanager
def answering(
    answer: Callable[[], tuple[int, bytes]], content_type: str = "application/json"
) -> Iterator[Served]:
    """Answer every call alike: GitHub's token endpoint, or a server that is not C1 at all."""

    class Stub(_Handler):
        def say(self) -> None:
            self.note()
            self.rfile.read(int(self.headers.get("content-length", "0")))
            self.reply(*answer(), [("content-type", content_type)])

        do_GET = do_POST = say  # noqa: N815

    with _serving(Stub, "127.0.0.1") as served:
        yield served


@contextlib.contextmanager
def proxy(leads_to: str = "", *, tls: ssl.SSLContext | None = None) -> Iterator[Served]:
    """Run a proxy that tunnels (`CONNECT`) to what it is asked for, or wherever `leads_to` says."""

    class Proxy(_Handler):
        def do_CONNECT(self) -> None:
            self.note()
            self.close_connection = True
            host, _, port = (leads_to or self.path).rpartition(":")
            with socket.create_connection((host, int(port)), timeout=10) as there:
                self.send_response_only(200)
                self.end_headers()
                _pump(self.connection, there)

    with _serving(Proxy, "127.0.0.1", tls) as served:
        yield served


def _pump(here: socket.socket, there: socket.socket) -> None:
    ends = {here: there, there: here}
    while True:
        ready, _, _ = select.select(list(ends), [], [], 10)
        for end in ready:
            try:
                data = end.recv(1 << 16)
                if not data:
                    return
                ends[end].sendall(data)
            except OSError:
                return
        if not ready:
            return
