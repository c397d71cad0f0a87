"""The API's listener: every call of the description, one line each."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from reconciler.errors import UsageError
from reconciler.model.manifest import Sharing
from reconciler.sandbox import audit, devices, directory, identities, openapi, search, signin, vaults, view
from reconciler.sandbox.asgi import Dated, json_of, refused, unrouted
from reconciler.sandbox.identities import Caller
from reconciler.sandbox.refusals import Refusal, invalid
from reconciler.sandbox.store import Store

Message: TypeAlias = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """Who asks, what the path names (empty where it names nothing), and the checked body."""

    store: Store
    who: Caller
    subject: str
    body: Message


Handler: TypeAlias = Callable[[Call], Message]

_CALLS: Final[dict[tuple[str, str], Handler]] = {
    ("GET", "/api/v1/auth/introspect"): lambda c: identities.introspect(c.store, c.who),
    ("POST", "/api/v1/search/users"): lambda c: directory.search(c.store, c.body),
    ("POST", "/api/v1/search/secrets/mine"): lambda c: search.mine(c.store, c.who, c.body),
    ("POST", "/api/v1/search/secrets/audit_events"): lambda c: audit.search(c.store, c.who, c.body),
    ("POST", "/api/v1/search/secrets-admin"): lambda c: search.everyone(c.store, c.who, c.body),
    ("POST", "/api/v1/search/secrets-admin/audit_events"): lambda c: audit.search_all(c.store, c.who, c.body),
    ("POST", "/api/v1/secrets/internal"): lambda c: vaults.create(c.store, c.who, Sharing.INTERNAL, c.body),
    ("POST", "/api/v1/secrets/external"): lambda c: vaults.create(c.store, c.who, Sharing.EXTERNAL, c.body),
    ("GET", "/api/v1/secrets/code/{share_code}"): lambda c: vaults.by_code(c.store, c.who, c.subject),
    ("GET", "/api/v1/secrets/{vault_id}"): lambda c: vaults.get(c.store, c.who, c.subject),
    ("DELETE", "/api/v1/secrets/{vault_id}"): lambda c: vaults.revoke(c.store, c.who, c.subject),
    ("POST", "/api/v1/secrets/{vault_id}/content"): lambda c: vaults.set_text(
        c.store, c.who, c.subject, c.body
    ),
    ("GET", "/api/v1/secrets-admin/{vault_id}"): lambda c: _as_admin(c, vaults.get),
    ("DELETE", "/api/v1/secrets-admin/{vault_id}"): lambda c: vaults.revoke(
        c.store, c.who, c.subject, as_admin=True
    ),
    ("POST", "/api/v1/secrets/{vault_id}/view"): lambda c: view.open_for(c.store, c.who, c.subject, c.body),
}
_IN_THREAD: Final = {("POST", "/api/v1/secrets/{vault_id}/view")}  # re-encrypting a file takes long


def application(store: Store) -> Dated:
    """Return the ASGI application of the API's listener."""
    routes = [Route(path, _endpoint(store, method, path), methods=[method]) for method, path in _CALLS]
    waiting = devices.Devices(store)
    token = signin.endpoint(store, waiting.redeem, device_grant=devices.GRANT)
    routes += [
        *devices.routes(store, waiting),
        Route("/api/v1/users/{user_id}", _user(store), methods=["GET"]),
        Route("/auth/v1/token", token, methods=["POST"]),
        Route("/sandbox/settings", _settings(store), methods=["GET", "PATCH"]),
    ]
    handlers: Any = {Refusal: refused, HTTPException: unrouted, ClientDisconnect: _gone}
    return Dated(Starlette(routes=routes, exception_handlers=handlers), store)


def _endpoint(store: Store, method: str, path: str) -> Callable[[Request], Awaitable[Response]]:
    handler = _CALLS[method, path]
    message, _ = openapi.operation(method, path)

    async def endpoint(request: Request) -> Response:
        if store.settings.log_requests:
            store.record("request", method=method, path=path)
        who = identities.authenticate(store, request.headers.get("authorization"))
        body = await json_of(request)
        if message is not None:
            body = openapi.checked(message, body, store.settings)
        subject = next(iter(request.path_params.values()), "")
        call = Call(store=store, who=who, subject=subject, body=body)
        threaded = (method, path) in _IN_THREAD
        return JSONResponse(await run_in_threadpool(handler, call) if threaded else handler(call))

    return endpoint


def _as_admin(call: Call, handler: Callable[[Store, Caller, str], Message]) -> Message:
    if not call.who.is_admin:
        raise vaults.hidden(call.store)
    return handler(call.store, call.who, call.subject)


def _user(store: Store) -> Callable[[Request], Awaitable[Response]]:
    """Not in the description that this project has; `cone whoami` asks it for the user that introspect names."""

    async def endpoint(request: Request) -> Response:
        identities.authenticate(store, request.headers.get("authorization"))
        return JSONResponse(directory.get(store, request.path_params["user_id"]))

    return endpoint


def _settings(store: Store) -> Callable[[Request], Awaitable[Response]]:
    """Not C1's: lets a test, or a user who tests a pipeline, turn a running sandbox (`{"clock_offset": "13d"}`)."""

    async def endpoint(request: Request) -> Response:
        identities.authenticate(store, request.headers.get("authorization"))
        if request.method == "PATCH":
            try:
                texts = {name: str(text) for name, text in (await json_of(request)).items()}
                store.settings = store.settings.with_texts(texts)
            except UsageError as error:
                raise invalid(error.detail) from None
        return JSONResponse(store.settings.as_texts())

    return endpoint


async def _gone(_: Request, __: Exception) -> Response:
    return Response(status_code=400)  # nobody is there to read it
