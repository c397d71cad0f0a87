"""Plaintexts to read, and what the tests do with an encryption."""

from __future__ import annotations

import asyncio
import threading

from reconciler.age import AgeRecipient, Readable, encrypt_file, parse_recipient
from tests.age.reference import HybridIdentity, Identity, X25519Identity

IDENTITIES: dict[str, Identity] = {
    "x25519": X25519Identity(bytes(range(1, 33))),
    "mlkem768x25519": HybridIdentity(bytes(range(1, 33))),
}
SUITES = tuple(IDENTITIES)


def recipient_of(suite: str) -> AgeRecipient:
    return parse_recipient(IDENTITIES[suite].recipient)


class Reader:
    """A reader of `data` that may answer short, and raises `failure` instead of the end, or at byte `at`."""

    def __init__(
        self, data: bytes, *, most: int = 2**62, failure: BaseException | None = None, at: int | None = None
    ) -> None:
        self._data = memoryview(data)
        self._most = most
        self._failure = failure
        self._at = len(data) if at is None else at
        self.done = 0

    def read(self, size: int, /) -> bytes:
        if self._failure and self.done >= self._at:
            raise self._failure
        piece = self._data[self.done : self.done + min(size, self._most)].tobytes()
        self.done += len(piece)
        return piece


class Zeros:
    """A reader of many zeros that holds none of them but one MiB."""

    def __init__(self, size: int) -> None:
        self.left = size
        self._block = bytes(2**20)

    def read(self, size: int, /) -> bytes:
        count = min(size, self.left, len(self._block))
        self.left -= count
        return self._block if count == len(self._block) else self._block[:count]


async def pieces_of(recipient: AgeRecipient, reader: Readable, size: int, into: list[bytes]) -> int:
    """Go through an encryption, keeping its pieces, and return the length it announced."""
    async with encrypt_file(recipient, reader, size) as out:
        async for piece in out:
            into.append(piece)
        return out.length


def encrypted(suite: str, reader: Readable, size: int) -> bytes:
    """Return a whole encryption, its length checked."""
    pieces: list[bytes] = []
    length = asyncio.run(pieces_of(recipient_of(suite), reader, size, pieces))
    assert length == sum(map(len, pieces))
    return b"".join(pieces)


async def no_threads() -> None:
    """Wait until no encryptor's thread is left; fails after five seconds."""
    for _ in range(500):
        if not any(thread.name.startswith("age") for thread in threading.enumerate()):
            return
        await asyncio.sleep(0.01)
    raise AssertionError("an encryptor's thread is still there")
