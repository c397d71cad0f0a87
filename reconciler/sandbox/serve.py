"""Running the sandbox: embedded in a thread, or in the foreground.

Two listeners on loopback, because the real tenant's uploads go to a foreign host and a test must be able to see
which of the two got the token.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
import ssl
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from types import TracebackType
from typing import Final

import uvicorn
from starlette.types import ASGIApp

from reconciler.errors import UsageError
from reconciler.sandbox import app, blobs, directory, identities, reader, store, tls, vaults
from reconciler.sandbox.settings import Settings
from reconciler.sandbox.signin import Credential, Keys
from reconciler.sandbox.store import Store, reset
from reconciler.sensitive import Sensitive

__all__ = ["Embedded", "Endpoints", "reader", "reset", "run", "store"]

_LOOPBACK: Final = "127.0.0.1"
_DEFAULTS: Final = Settings()
_PATIENCE: Final = 0.1
"""Seconds that requests in flight get to end by themselves when the sandbox stops."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoints:
    """Where a running sandbox is and how to sign in to it. `host` is what a client ID names: address and port."""

    url: str
    upload_url: str
    host: str
    tokens: Mapping[str, Sensitive]
    """By identity: owner, second, admin, ana, bo, cy, robot."""
    credentials: Mapping[str, Credential]
    keys: Keys
    job_token: Sensitive
    """What a CI system would give a job that may act as the owner: an OIDC token, good for five minutes."""
    authority: Path | None
    """The certificate of the authority to trust, where the listeners speak TLS."""


class Embedded:
    """A sandbox in a thread of this process: `with Embedded(directory) as tenant: …`; ready when entered."""

    def __init__(
        self,
        data_dir: Path,
        *,
        settings: Settings = _DEFAULTS,
        people: Iterable[str] = (),
        secure: bool = False,
    ) -> None:
        self._data_dir = data_dir
        self._secure = secure
        self._settings = settings
        self._people = tuple(people)

    def __enter__(self) -> Embedded:
        with contextlib.ExitStack() as undo:
            self.store = undo.enter_context(
                contextlib.closing(_opened(self._data_dir, self._settings, self._people))
            )
            sockets = [undo.enter_context(contextlib.closing(_listener((_LOOPBACK, 0)))) for _ in range(2)]
            self._tls = tls.secured(self._data_dir) if self._secure else None
            self.endpoints = _endpoints(self.store, *sockets, secure=self._secure)
            self._running: Future[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = Future()
            self._thread = threading.Thread(target=self._main, args=(sockets,), name="sandbox", daemon=True)
            self._thread.start()
            self._running.result()
            undo.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        loop, stop = self._running.result()
        loop.call_soon_threadsafe(stop.set)
        self._thread.join()
        self.store.close()

    @property
    def url(self) -> str:
        """The API's origin."""
        return self.endpoints.url

    @property
    def upload_url(self) -> str:
        """The origin of the host that uploads go to."""
        return self.endpoints.upload_url

    @property
    def tokens(self) -> Mapping[str, Sensitive]:
        """A bearer token for each identity."""
        return self.endpoints.tokens

    @property
    def token(self) -> Sensitive:
        """The bearer token of the identity that the settings choose: the owner unless told otherwise."""
        return self.tokens[self._settings.identity]

    def workload_token(self, identity: str, *, audience: str | None = None, **claims: object) -> Sensitive:
        """Return what the test issuer says of a job that may act as an identity, for token exchange."""
        audience = audience or self.url
        return self.endpoints.keys.workload_token(identity, audience, self.store.now(), **claims)

    def _main(self, sockets: Sequence[socket.socket]) -> None:
        async def main() -> None:
            about = asyncio.get_running_loop(), asyncio.Event()
            await _serve(self.store, sockets, self._tls, about[1], lambda: self._running.set_result(about))

        try:
            asyncio.run(main())
        except BaseException as error:
            if self._running.done():
                raise
            self._running.set_exception(error)  # the thread that waits tells the person


def run(
    data_dir: Path,
    *,
    host_port: tuple[str, int] = (_LOOPBACK, 0),
    settings: Settings = _DEFAULTS,
    people: Iterable[str] = (),
    secure: bool = False,
    on_ready: Callable[[Endpoints], None],
) -> None:
    """Serve in the foreground until SIGINT or SIGTERM. Prints nothing: `on_ready` gets the endpoints.

    The second listener takes a free port; both speak TLS where it is `secure`.
    Raises UsageError for an address that is not loopback or is taken.
    """
    with contextlib.closing(_opened(data_dir, settings, people)) as data:
        sockets = (_listener(host_port), _listener((host_port[0], 0)))
        context = tls.secured(data_dir) if secure else None
        endpoints = _endpoints(data, *sockets, secure=secure)

        async def main() -> None:
            stop = asyncio.Event()
            for number in (signal.SIGINT, signal.SIGTERM):
                asyncio.get_running_loop().add_signal_handler(number, stop.set)
            await _serve(data, sockets, context, stop, lambda: on_ready(endpoints))

        asyncio.run(main())


def _opened(data_dir: Path, settings: Settings, people: Iterable[str]) -> Store:
    if settings.identity not in identities.NAMES:
        raise UsageError(
            f"the sandbox has no identity {settings.identity!r}",
            hint=f"it has: {', '.join(identities.NAMES)}",
        )
    opened = Store(data_dir, settings)
    directory.ensure_people(opened, people)
    vaults.delete_spent(opened)
    return opened


def _listener(host_port: tuple[str, int]) -> socket.socket:
    host, port = host_port
    try:
        if not ip_address(_LOOPBACK if host == "localhost" else host).is_loopback:
            raise UsageError("the sandbox listens on loopback only", hint="use 127.0.0.1 or ::1")
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listener = socket.create_server((host, port), family=family, backlog=512)
    except ValueError:
        raise UsageError("the sandbox needs a loopback address", hint="use 127.0.0.1 or ::1") from None
    except OSError:
        raise UsageError(
            f"port {port} cannot be used", hint="choose another one, or 0 for any free one"
        ) from None
    listener.setblocking(False)
    # asyncio sets this only on sockets made with an explicit protocol; without it each answer waits 40 ms
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def _endpoints(data: Store, api: socket.socket, uploads: socket.socket, *, secure: bool) -> Endpoints:
    known = identities.prepare(data)
    keys = Keys(known)
    host = _host(api)
    scheme = "https" if secure else "http"
    url = f"{scheme}://{host}"
    data.upload_origin = f"{scheme}://{_host(uploads)}"
    return Endpoints(
        url=url,
        upload_url=data.upload_origin,
        host=host,
        tokens={name: Sensitive.of(known[name]["token"]) for name in identities.NAMES},
        credentials={name: keys.credential(name, host) for name in identities.NAMES},
        keys=keys,
        job_token=keys.workload_token("owner", url, data.now()),
        authority=data.directory / tls.FILE if secure else None,
    )


def _host(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


async def _serve(
    data: Store,
    sockets: Sequence[socket.socket],
    context: ssl.SSLContext | None,
    stop: asyncio.Event,
    ready: Callable[[], None],
) -> None:
    applications = (app.application(data), blobs.application(data))
    servers = [_Server(application, context) for application in applications]
    for server, listener in zip(servers, sockets, strict=True):
        await server.begin(listener)
    try:
        ready()
        await stop.wait()
    finally:
        for server in servers:
            await server.end()


class _Server(uvicorn.Server):
    """uvicorn without its own signal handling and without its pauses of a tenth of a second when it stops."""

    def __init__(self, application: ASGIApp, context: ssl.SSLContext | None) -> None:
        self._context = context
        super().__init__(
            uvicorn.Config(
                application,
                http="h11",
                ws="none",
                lifespan="off",
                log_config=None,
                log_level="error",
                access_log=False,
                date_header=False,
                server_header=False,
                timeout_keep_alive=60,
            )
        )

    async def begin(self, listener: socket.socket) -> None:
        """Start to answer on a socket that already listens."""
        self.config.load()
        self.config.ssl = self._context  # made without files: no option of uvicorn takes one
        self.lifespan = self.config.lifespan_class(self.config)
        await self.startup(sockets=[listener])

    async def end(self) -> None:
        """Stop: idle connections at once, busy ones after a moment."""
        for server in self.servers:
            server.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        tasks = set(self.server_state.tasks)
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=_PATIENCE)
            for task in late:
                task.cancel()
            if late:
                await asyncio.wait(late, timeout=_PATIENCE)
        for connection in list(self.server_state.connections):
            if connection.transport is not None:
                connection.transport.abort()
        await asyncio.sleep(0)
