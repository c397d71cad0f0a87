"""The second listener: the foreign host that file content goes to and comes from, by capability URL.

It never gets a bearer token or a cookie; one that arrives is refused and recorded as a violation.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, BinaryIO, Final

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from reconciler.model.manifest import FILE_MAX
from reconciler.sandbox import ageheader, ageio, agekeys, audit, clock, uploadlinks
from reconciler.sandbox.agekeys import AgeError
from reconciler.sandbox.asgi import Dated
from reconciler.sandbox.settings import Answer
from reconciler.sandbox.store import Store
from reconciler.sandbox.vault import Status, Stored, status

_BODY_MAX: Final = ageio.sealed_size(FILE_MAX) + ageheader.HEADER_MAX


class _No(Exception):  # noqa: N818 - an answer
    def __init__(self, status_code: int, code: str, message: str) -> None:
        super().__init__(message)
        self.response = Response(
            f'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{code}</Code><Message>{message}</Message></Error>',
            status_code=status_code,
            media_type="application/xml",
        )


def application(store: Store) -> Dated:
    """Return the ASGI application of the second listener."""
    routes = [
        Route("/upload/{vault_id}", _upload(store), methods=["PUT"]),
        Route("/download/{download_id}", _download(store), methods=["GET"]),
    ]
    handlers: Any = {_No: _answer, HTTPException: _unrouted}
    return Dated(Starlette(routes=routes, exception_handlers=handlers), store)


def _upload(store: Store) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        _log_request(store, request)
        _no_credentials(store, request)
        vault = _target(store, request)
        size = _declared_size(request)
        path = store.content_path(f"{vault.vault_id}.{secrets.token_hex(4)}.part")
        try:
            with path.open("wb") as file:
                problem = await _receive(request, vault, size, file)
            return _finish(store, vault, path, problem)
        except ClientDisconnect:
            store.record("upload_cut", vault=vault.vault_id)
            return Response(status_code=400)
        finally:
            path.unlink(missing_ok=True)

    return endpoint


def _download(store: Store) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        _log_request(store, request)
        _no_credentials(store, request)
        made = request.path_params["download_id"]
        if not uploadlinks.may_download(store, made, request.query_params.get("signature", "")):
            raise _No(403, "AccessDenied", "the link is wrong or has expired")
        return FileResponse(store.download_path(made), media_type="application/octet-stream")

    return endpoint


def _log_request(store: Store, request: Request) -> None:
    if store.settings.log_requests:
        store.record("request", method=request.method, path=request.url.path.rpartition("/")[0])


def _no_credentials(store: Store, request: Request) -> None:
    for name in ("authorization", "cookie"):
        if name in request.headers:
            store.violation(f"{name} sent to the upload host")
            raise _No(400, "InvalidArgument", f"unexpected header {name}")


def _target(store: Store, request: Request) -> Stored:
    signature = request.query_params.get("signature", "")
    vault = uploadlinks.upload_target(store, request.path_params["vault_id"], signature)
    if vault is None:
        raise _No(403, "AccessDenied", "the link is wrong or has expired")
    if status(vault, store.now(), store.settings) is not Status.ACTIVE:
        raise _No(403, "AccessDenied", "the secret has ended")
    return vault


def _declared_size(request: Request) -> int:
    length = request.headers.get("content-length")
    if length is None or "transfer-encoding" in request.headers:
        raise _No(411, "MissingContentLength", "a Content-Length is required")
    if request.headers.get("content-type") != "application/octet-stream":
        raise _No(400, "InvalidArgument", "expected content type application/octet-stream")
    if int(length) > _BODY_MAX:
        raise _No(413, "EntityTooLarge", "the file is too large")
    return int(length)


async def _receive(request: Request, vault: Stored, size: int, file: BinaryIO) -> str | None:
    """Write the body to a file while opening it; return what is wrong with it. Reads to the end either way."""
    opener = ageio.Opener(agekeys.identity(vault.suite, vault.private_key))
    problem: str | None = None
    async for piece in request.stream():
        file.write(piece)
        if problem is None:
            problem = _opened(opener, piece) or _misfit(opener, vault, size)
    if problem is None:
        problem = _opened(opener, None) or _misfit(opener, vault, size)
    return problem


def _opened(opener: ageio.Opener, piece: bytes | None) -> str | None:
    try:
        opener.finish() if piece is None else opener.feed(piece)
    except AgeError as error:
        return f"not an age file for this secret: {error}"
    return None


def _misfit(opener: ageio.Opener, vault: Stored, size: int) -> str | None:
    header = opener.header
    if header is None:
        return None
    if ageio.known_recipients(header) != 1:
        return "encrypted to further recipients"
    if size != header.length + ageio.sealed_size(vault.file_size):
        return "the size is not the declared fileSize"
    return None


def _finish(store: Store, vault: Stored, path: Path, problem: str | None) -> Response:
    if problem is not None:
        store.record("upload_refused", vault=vault.vault_id, problem=problem)
        if store.settings.bad_upload is Answer.REFUSE:
            raise _No(400, "InvalidArgument", problem)
        return Response(status_code=200)  # as plain storage would; the vault never becomes ready
    with store.transaction() as db:
        _target_again(store, vault)
        os.replace(path, store.content_path(vault.vault_id))  # noqa: PTH105 - the one call that replaces
        ready = store.now() + clock.micros(store.settings.ready_lag)
        db.execute(
            "UPDATE vaults SET ready = coalesce(ready, ?), updated = ? WHERE n = ?",
            (ready, store.now(), vault.n),
        )
        again = store.row(
            "SELECT 1 FROM audit WHERE vault_id = ? AND activity = 'content_set'", vault.vault_id
        )
        audit.note(store, "content_set", vault.vault_id, None, again=again is not None, size=vault.file_size)
    return Response(status_code=200)


def _target_again(store: Store, vault: Stored) -> None:
    """Look once more: it may have been revoked while the body was coming in."""
    row = store.row("SELECT deleted, expires FROM vaults WHERE n = ?", vault.n)
    if row is None or row["deleted"] is not None or row["expires"] <= store.now():
        raise _No(403, "AccessDenied", "the secret has ended")


async def _answer(_: Request, error: Exception) -> Response:
    assert isinstance(error, _No)
    return error.response


async def _unrouted(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return _No(error.status_code, "NoSuchKey", "there is nothing here").response
