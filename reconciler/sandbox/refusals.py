"""How the tenant says no: gRPC's codes as grpc-gateway turns them into HTTP.

A message names fields and rules; it never quotes what was sent.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final


class Code(IntEnum):
    """The gRPC codes that the sandbox uses."""

    INVALID_ARGUMENT = 3
    NOT_FOUND = 5
    PERMISSION_DENIED = 7
    RESOURCE_EXHAUSTED = 8
    FAILED_PRECONDITION = 9
    UNIMPLEMENTED = 12
    UNAUTHENTICATED = 16


_STATUS: Final = {
    Code.INVALID_ARGUMENT: 400,
    Code.NOT_FOUND: 404,
    Code.PERMISSION_DENIED: 403,
    Code.RESOURCE_EXHAUSTED: 429,
    Code.FAILED_PRECONDITION: 400,
    Code.UNIMPLEMENTED: 501,
    Code.UNAUTHENTICATED: 401,
}


class Refusal(Exception):  # noqa: N818 - an answer, not a failure of this program
    """The tenant will not do this. `status` is the HTTP status."""

    def __init__(self, code: Code, message: str, *, status: int | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = _STATUS[code] if status is None else status

    def body(self) -> dict[str, object]:
        """Return what grpc-gateway writes."""
        return {"code": int(self.code), "message": self.message, "details": []}


def invalid(message: str) -> Refusal:
    """Return the refusal of a request that is wrong in itself (400)."""
    return Refusal(Code.INVALID_ARGUMENT, message)


def impossible(message: str) -> Refusal:
    """Return the refusal of a request that does not fit the vault's present state (400)."""
    return Refusal(Code.FAILED_PRECONDITION, message)


def not_found() -> Refusal:
    """Return the answer for what does not exist, or not for this caller (404)."""
    return Refusal(Code.NOT_FOUND, "secret not found")


def denied(message: str) -> Refusal:
    """Return the answer for what this caller may not do (403)."""
    return Refusal(Code.PERMISSION_DENIED, message)


def unauthenticated() -> Refusal:
    """Return the answer to a missing, unknown, expired or revoked token (401); it does not say which."""
    return Refusal(Code.UNAUTHENTICATED, "unauthenticated")
