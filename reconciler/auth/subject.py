"""What can be told of a workload token that the tenant refused, from the token itself. Nothing of it is quoted."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

import jwt

from reconciler.auth.server import Server
from reconciler.sensitive import Sensitive

AGE_MAX: Final = timedelta(minutes=10)
"""C1 exchanges no token that was issued longer ago, however long it is still valid."""

ADVICE: Final = "the client must trust this issuer and this job: compare the client's settings in C1"


def advice(token: Sensitive, server: Server, now: datetime) -> str:
    """Return the next step: what the token says of itself that cannot be right, else what to compare."""
    claims = _claims(token)
    ends = claims.get("exp")
    if isinstance(ends, int | float) and ends <= now.timestamp():
        return "the token had ended before it was used: a job must get one of its own, shortly before"
    issued = claims.get("iat")
    if isinstance(issued, int | float) and now.timestamp() - issued > AGE_MAX.total_seconds():
        return (
            "the token was issued more than 10 minutes ago, and C1 exchanges none that is older: "
            "a job must get one of its own, shortly before"
        )
    audience = claims.get("aud")
    given = audience if isinstance(audience, list) else [audience]
    if not {server.host, server.name, server.url, f"https://{server.host}"} & {
        one for one in given if isinstance(one, str)
    }:
        return f"the token is made out to another audience: ask its issuer for {server.host}"
    return ADVICE


def _claims(token: Sensitive) -> Mapping[str, object]:
    """Return what the token says, unverified: it is shown to nobody and decides nothing but an advice."""
    try:
        claims: Mapping[str, object] = jwt.decode(
            token.reveal_text(), options={"verify_signature": False, "verify_exp": False, "verify_aud": False}
        )
    except (jwt.PyJWTError, ValueError):
        return {}
    return claims
