"""Sign-in, as the tenant's side of it: client credentials in the body, and token exchange with a test issuer.

Assertions are checked with `cryptography` alone: signature, audience, times and nonce, each with a message of its
own in the event log; the caller learns no more than OAuth says.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qsl

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from reconciler.sandbox import clock, identities
from reconciler.sandbox.asgi import body_of
from reconciler.sandbox.store import Store
from reconciler.sensitive import Sensitive

ISSUER: Final = "https://issuer.sandbox.invalid"
SECRET_PREFIX: Final = "secret-token:conductorone.com:v1:"  # noqa: S105 - the form, not a secret
_ASSERTION_TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_EXCHANGE: Final = "urn:ietf:params:oauth:grant-type:token-exchange"
_SUBJECT_TYPE: Final = "urn:ietf:params:oauth:token-type:jwt"
_JWT_HEADER: Final = {"alg": "EdDSA", "typ": "JWT"}
_ASSERTION_LIFE_MAX: Final = 600
_SUBJECT_AGE_MAX: Final = 600
_SKEW: Final = 60


class _BadToken(Exception):  # noqa: N818 - turned into an OAuth answer
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """What a person would have got from the tenant to sign in with."""

    client_id: str
    client_secret: Sensitive


class Keys:
    """The Ed25519 keys of the identities and of the test issuer."""

    def __init__(self, known: dict[str, Any]) -> None:
        self._keys = {
            name: Ed25519PrivateKey.from_private_bytes(bytes.fromhex(about["key"]))
            for name, about in known.items()
        }

    def credential(self, name: str, host: str, *, kind: str = "spc") -> Credential:
        """Return an identity's client credential for the tenant at `host` (with port); `kind` ends its ID."""
        key = self._keys[name]
        jwk = {
            "kty": "OKP",
            "crv": "Ed25519",
            "x": _encode(key.public_key().public_bytes_raw()),
            "d": _encode(key.private_bytes_raw()),
        }
        secret = SECRET_PREFIX + _encode(json.dumps(jwk).encode())
        return Credential(client_id=f"{name}@{host}/{kind}", client_secret=Sensitive.of(secret))

    def workload_token(self, name: str, audience: str, now: int, **claims: object) -> Sensitive:
        """Return what the test issuer (a CI system) says of a job that may act as an identity."""
        seconds = now // clock.SECOND
        body = {
            "iss": ISSUER,
            "sub": f"job:{name}",
            "aud": audience,
            "iat": seconds,
            "exp": seconds + 300,
            **claims,
        }
        signed = ".".join(_encode(json.dumps(part).encode()) for part in (_JWT_HEADER, body))
        return Sensitive.of(f"{signed}.{_encode(self._keys['issuer'].sign(signed.encode()))}")

    def verified(self, name: str, token: str) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return header and claims of a token that `name` signed. Raises _BadToken."""
        try:
            head, body, signature = token.split(".")
            header, claims = json.loads(_decode(head)), json.loads(_decode(body))
            if header.get("alg") != "EdDSA":
                raise _BadToken("the algorithm is not EdDSA")
            self._keys[name].public_key().verify(_decode(signature), f"{head}.{body}".encode())
        except (ValueError, AttributeError, binascii.Error):
            raise _BadToken("it is not a JWT") from None
        except InvalidSignature:
            raise _BadToken("the signature is wrong") from None
        except KeyError:
            raise _BadToken("the client is unknown") from None
        return header, claims


class OauthError(Exception):
    """A refusal whose reason the caller is told (RFC 6749, 5.2)."""

    def __init__(self, error: str, description: str) -> None:
        super().__init__(description)
        self._body = {"error": error, "error_description": description}

    def answer(self) -> Response:
        """Return it as an answer."""
        return JSONResponse(self._body, status_code=400)


async def form_of(request: Request) -> dict[str, str]:
    """Return a form body; empty where the body is another kind."""
    body = await body_of(request)
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        return {}
    return dict(parse_qsl(body.decode("utf-8", "replace"), strict_parsing=False))


def endpoint(
    store: Store, redeem: Callable[[dict[str, str]], str], *, device_grant: str
) -> Callable[[Request], Awaitable[Response]]:
    """Return the handler of `POST /auth/v1/token`; `redeem` knows whose the codes of devices are."""
    keys = Keys(identities.prepare(store))

    async def token(request: Request) -> Response:
        form = await form_of(request)
        host = request.headers.get("host", "")
        try:
            if not form or "authorization" in request.headers:
                raise _BadToken("credentials belong in a form body")
            if form.get("grant_type") == device_grant:
                name = redeem(form)
            else:
                name = _client(form.get("client_id", ""), host)
                _grant(store, keys, name, form, host)
        except OauthError as error:
            return error.answer()
        except _BadToken as error:
            store.record("sign_in_refused", why=str(error))
            return JSONResponse(
                {"error": "invalid_client", "error_description": "sign-in failed"}, status_code=401
            )
        answer = identities.issue(store, name)
        life = clock.micros(store.settings.token_life) // clock.SECOND
        return JSONResponse(
            {"access_token": answer.reveal_text(), "token_type": "Bearer", "expires_in": life}
        )

    return token


def _client(client_id: str, host: str) -> str:
    name, _, rest = client_id.partition("@")
    at, _, suffix = rest.partition("/")
    if name not in identities.NAMES or not suffix or at not in (host, host.partition(":")[0]):
        raise _BadToken("the client is unknown")
    return name


def _grant(store: Store, keys: Keys, name: str, form: dict[str, str], host: str) -> None:
    match form.get("grant_type"):
        case "client_credentials":
            if form.get("client_assertion_type") != _ASSERTION_TYPE:
                raise _BadToken("the assertion type is wrong")
            _assertion(store, keys, name, form, host)
        case grant if grant == _EXCHANGE:
            if form.get("subject_token_type") != _SUBJECT_TYPE:
                raise _BadToken("the subject token type is wrong")
            _, claims = keys.verified("issuer", form.get("subject_token", ""))
            if claims.get("iss") != ISSUER or claims.get("sub") != f"job:{name}":
                raise _BadToken("the subject may not act as this client")
            _audience(claims, host)
            _times(store, claims)
            if store.now() // clock.SECOND - _time(claims, "iat") > _SUBJECT_AGE_MAX:
                raise _BadToken("it was issued too long ago")
        case _:
            raise _BadToken("the grant type is unknown")


def _assertion(store: Store, keys: Keys, name: str, form: dict[str, str], host: str) -> None:
    header, claims = keys.verified(name, form.get("client_assertion", ""))
    if not claims.get("iss") == claims.get("sub") == form["client_id"]:
        raise _BadToken("issuer and subject are not the client")
    if claims.get("aud") != [host.partition(":")[0]]:
        raise _BadToken("the audience is not this host")
    _times(store, claims)
    if _time(claims, "exp") - _time(claims, "iat") > _ASSERTION_LIFE_MAX:
        raise _BadToken("it lives too long")
    nonce = header.get("nonce")
    if not isinstance(nonce, str) or len(nonce) < 16:
        raise _BadToken("the nonce is missing")
    with store.transaction() as db:
        if db.execute("INSERT OR IGNORE INTO nonces (nonce) VALUES (?)", (nonce,)).rowcount != 1:
            raise _BadToken("the nonce was used before")


def _audience(claims: dict[str, Any], host: str) -> None:
    audience = claims.get("aud")
    given = audience if isinstance(audience, list) else [audience]
    if not {host, host.partition(":")[0], f"http://{host}", f"https://{host}"} & set(given):
        raise _BadToken("the audience is not this host")


def _times(store: Store, claims: dict[str, Any]) -> None:
    now = store.now() // clock.SECOND
    issued, expires = _time(claims, "iat"), _time(claims, "exp")
    not_before = _time(claims, "nbf") if "nbf" in claims else issued
    if not_before > now + _SKEW or issued > now + _SKEW:
        raise _BadToken("it is not valid yet")
    if expires <= now:
        raise _BadToken("it has expired")


def _time(claims: dict[str, Any], name: str) -> int:
    moment = claims.get(name)
    if not isinstance(moment, int):
        raise _BadToken("a time is missing")
    return moment


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
