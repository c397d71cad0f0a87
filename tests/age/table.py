"""What every vector came to, for the reference reader and for pyrage. `python -m tests.age.table` prints it."""

from __future__ import annotations

import functools
import hashlib
import io
from collections import Counter

import pyrage

from tests.age import reference
from tests.age.cctv import ALL, BINARY, Vector

ANY = "AGE-SECRET-KEY-1EGTZVFFV20835NWYV6270LXYVK2VKNX2MMDKWYKLMGR48UAWX40Q2P2LM0"
"""The identity of most vectors, for those that name none."""

_LENIENT = (
    "takes a stanza whose body lacks its short last line; only a reader's matter, and we write that line"
)
PYRAGE_DEVIATIONS = {
    "stanza_missing_body": _LENIENT,
    "stanza_missing_final_line": _LENIENT,
}
"""Where pyrage 1.4 says otherwise than the vectors, and why that does not matter here."""


@functools.cache
def reference_outcome(vector: Vector) -> str:
    """Return `success`, or the kind of failure; `payload differs` where what was released is wrong."""
    identities = [reference.identity(text) for text in vector.identities or (ANY,)]
    try:
        released, outcome = reference.decrypt(vector.data, *identities), "success"
    except reference.HeaderError:
        return "header failure"
    except reference.NoMatchError:
        return "no match"
    except reference.HmacError:
        return "HMAC failure"
    except reference.PayloadError as error:
        released, outcome = error.released, "payload failure"
    return outcome if _is_payload(vector, released) else "payload differs"


@functools.cache
def pyrage_outcome(vector: Vector) -> str:
    """Return `success` or `failure`: pyrage tells no kinds apart."""
    identities = [pyrage.x25519.Identity.from_str(text) for text in vector.identities or (ANY,)]
    released = io.BytesIO()
    try:
        pyrage.decrypt_io(io.BytesIO(vector.data), released, identities)
    except (pyrage.DecryptError, OSError):  # the payload's failures arrive as OSError
        outcome = "failure"
    else:
        outcome = "success"
    if vector.payload and not _is_payload(vector, released.getvalue()):
        return "payload differs"
    return outcome


def pyrage_can(vector: Vector) -> bool:
    """Say whether pyrage has the identities of a vector: there is none of the hybrid suite."""
    return not any(text.startswith("AGE-SECRET-KEY-PQ-") for text in vector.identities)


def table() -> str:
    """Return what was run, what passed, and every deviation by name."""
    pyrage_run = [vector for vector in BINARY if pyrage_can(vector)]
    deviating = [v.name for v in pyrage_run if pyrage_outcome(v) != accept_or_reject(v)]
    passed = sum(reference_outcome(v) == v.expect for v in BINARY)
    needs = Counter(vector.needs for vector in ALL if vector.needs)
    return "\n".join(
        [
            f"CCTV age vectors: {len(ALL)}",
            *(f"  need {what}, not run: {count}" for what, count in sorted(needs.items())),
            f"{'reader':<12}{'run':>5}{'passed':>8}  known deviations",
            f"{'reference':<12}{len(BINARY):>5}{passed:>8}  none",
            f"{'pyrage':<12}{len(pyrage_run):>5}{len(pyrage_run) - len(deviating):>8}"
            f"  {', '.join(deviating) or 'none'}",
            "",
        ]
    )


def accept_or_reject(vector: Vector) -> str:
    return "success" if vector.expect == "success" else "failure"


def _is_payload(vector: Vector, released: bytes) -> bool:
    return hashlib.sha256(released).hexdigest() == vector.payload


if __name__ == "__main__":
    print(table(), end="")
