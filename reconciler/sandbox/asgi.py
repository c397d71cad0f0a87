"""What both listeners share: the sandbox's `Date`, its latency, and refusals as answers."""

from __future__ import annotations

import asyncio
import json
from typing import Any, Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from reconciler.sandbox import clock
from reconciler.sandbox.refusals import Code, Refusal, invalid
from reconciler.sandbox.store import Store

BODY_MAX: Final = 1024 * 1024
"""Bytes of a JSON or form body."""


class Dated:
    """Wraps an application: waits for the latency, then tells the sandbox's time in every answer."""

    def __init__(self, app: ASGIApp, store: Store) -> None:
        self._app = app
        self._store = store

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: D102 - ASGI
        async def dated(message: Message) -> None:
            if message["type"] == "http.response.start":
                date = clock.http_date(self._store.now()).encode()
                message["headers"] = [*message.get("headers", []), (b"date", date)]
            await send(message)

        if latency := self._store.settings.latency.total_seconds():
            await asyncio.sleep(latency)
        await self._app(scope, receive, dated)


async def refused(_: Request, error: Exception) -> Response:
    """Answer a Refusal as grpc-gateway does."""
    assert isinstance(error, Refusal)
    return JSONResponse(error.body(), status_code=error.status)


async def unrouted(_: Request, error: Exception) -> Response:
    """Answer a path or method that the API does not have as grpc-gateway does."""
    assert isinstance(error, HTTPException)
    if error.status_code == 405:
        return await refused(_, Refusal(Code.UNIMPLEMENTED, "Method Not Allowed"))
    return await refused(_, Refusal(Code.NOT_FOUND, "Not Found", status=error.status_code))


async def body_of(request: Request) -> bytes:
    """Return a small body. Raises Refusal (413) for one that is not small."""
    data = bytearray()
    async for piece in request.stream():
        data += piece
        if len(data) > BODY_MAX:
            raise Refusal(Code.RESOURCE_EXHAUSTED, "request body too large", status=413)
    return bytes(data)


async def json_of(request: Request) -> dict[str, Any]:
    """Return a JSON object body; an absent body is an empty object, as grpc-gateway has it."""
    data = await body_of(request)
    if not data:
        return {}
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise Refusal(Code.INVALID_ARGUMENT, "expected content type application/json", status=415)
    try:
        parsed = json.loads(data)
    except (ValueError, RecursionError):
        raise invalid("the body is not JSON") from None
    if not isinstance(parsed, dict):
        raise invalid("the body is not a JSON object")
    return parsed
