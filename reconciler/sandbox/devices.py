"""The device login of the vendor's command line (`cone login`), as its public client asks for it.

A device gets a code, a user approves it on a page, the device exchanges it for a token (RFC 8628), and with that
makes itself a personal client, which is what it keeps. On the page anybody may say who they are: nobody here has a
password. Codes live in memory: they are of one start.
"""

from __future__ import annotations

import html
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl, quote

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from reconciler.sandbox import clock, identities
from reconciler.sandbox.asgi import body_of, json_of
from reconciler.sandbox.creation import share_code
from reconciler.sandbox.refusals import invalid
from reconciler.sandbox.signin import Keys, OauthError, form_of
from reconciler.sandbox.store import Store

GRANT: Final = "urn:ietf:params:oauth:grant-type:device_code"
_LIFE: Final = 600
_INTERVAL: Final = 1
_HEADERS: Final = {
    "content-security-policy": "default-src 'none'; form-action 'self'; frame-ancestors 'none'",
    "cache-control": "no-store",
}


@dataclass(slots=True, kw_only=True)
class Device:
    """One that waits for a user."""

    client_id: str
    user_code: str
    ends: int
    name: str | None = None
    """The identity that approved it."""


class Devices:
    """Those that wait, by device code."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._waiting: dict[str, Device] = {}

    def begin(self, client_id: str) -> tuple[str, Device]:
        """Return a new device and its code."""
        code = secrets.token_urlsafe(32)
        now = self._store.now()
        self._waiting = {code: device for code, device in self._waiting.items() if device.ends > now}
        self._waiting[code] = Device(
            client_id=client_id, user_code=share_code(), ends=now + _LIFE * clock.SECOND
        )
        return code, self._waiting[code]

    def approve(self, user_code: str, name: str) -> bool:
        """Let the device of a user code act as an identity; whether there is one."""
        for device in self._waiting.values():
            if device.user_code == user_code and device.ends > self._store.now():
                device.name = name
                return True
        return False

    def redeem(self, form: dict[str, str]) -> str:
        """Return the identity that a device code stands for, once. Raises OauthError."""
        code = form.get("device_code", "")
        device = self._waiting.get(code)
        if device is None or device.client_id != form.get("client_id"):
            raise OauthError("invalid_grant", "the device code is unknown")
        if device.ends <= self._store.now():
            raise OauthError("expired_token", "the device code has expired")
        if device.name is None:
            raise OauthError("authorization_pending", "the user has not approved it yet")
        del self._waiting[code]
        return device.name


def routes(store: Store, devices: Devices) -> list[Route]:
    """Return the calls of the login, but for the token's."""
    return [
        Route("/auth/v1/device_authorization", _authorization(devices), methods=["POST"]),
        Route("/device", _page(devices), methods=["GET", "POST"]),
        Route("/api/v1/iam/personal_clients", _personal_client(store), methods=["POST"]),
    ]


def _authorization(devices: Devices) -> Callable[[Request], Awaitable[Response]]:
    async def authorization(request: Request) -> Response:
        client_id = (await form_of(request)).get("client_id", "")
        if not client_id:
            return OauthError("invalid_client", "the client is missing").answer()
        code, device = devices.begin(client_id)
        page = f"{request.url.scheme}://{request.headers.get('host', '')}/device"
        return JSONResponse(
            {
                "device_code": code,
                "user_code": device.user_code,
                "verification_uri": page,
                "verification_uri_complete": f"{page}?user_code={quote(device.user_code)}",
                "expires_in": _LIFE,
                "interval": _INTERVAL,
            }
        )

    return authorization


def _page(devices: Devices) -> Callable[[Request], Awaitable[Response]]:
    async def page(request: Request) -> Response:
        if request.method == "GET":
            return _html(_form(request.query_params.get("user_code", "")))
        form = dict(parse_qsl((await body_of(request)).decode("utf-8", "replace")))
        name = form.get("identity", "")
        if name not in identities.NAMES or not devices.approve(form.get("user_code", ""), name):
            return _html("<p>No device waits with this code.</p>", status=400)
        return _html(f"<p>The device acts as {name} from now on. You can close this page.</p>")

    return page


def _form(user_code: str) -> str:
    options = "".join(f"<option>{name}</option>" for name in identities.NAMES)
    return (
        f'<form method="post" action="/device"><p>A device asks to act for you. Its code: '
        f'<input name="user_code" value="{html.escape(user_code)}"></p>'
        f'<p>You are <select name="identity">{options}</select> <button>Approve</button></p></form>'
    )


def _html(body: str, *, status: int = 200) -> Response:
    title = "<!doctype html><meta charset=utf-8><title>Sandbox: device login</title>"
    return HTMLResponse(title + body, status_code=status, headers=_HEADERS)


def _personal_client(store: Store) -> Callable[[Request], Awaitable[Response]]:
    """Return the handler that hands out an identity's own client: here one key stands for all of its clients."""
    keys = Keys(identities.prepare(store))

    async def personal_client(request: Request) -> Response:
        who = identities.authenticate(store, request.headers.get("authorization"))
        body = await json_of(request)
        label = body.get("displayName", body.get("display_name", ""))
        if not isinstance(label, str) or not body.keys() <= {"displayName", "display_name"}:
            raise invalid("expected a displayName")
        made = keys.credential(who.name, request.headers.get("host", ""), kind="pcc")
        store.record("personal_client_made", who=who.name)
        client = {"clientId": made.client_id, "displayName": label, "userId": who.user_id}
        return JSONResponse({"client": client, "clientSecret": made.client_secret.reveal_text()})

    return personal_client
