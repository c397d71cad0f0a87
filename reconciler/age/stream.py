"""Encrypting a stream beside the event loop: the source and the sink of an encryptor, which runs in its own thread.

The encryptor sees only its own errors. What the reader raised is kept and raised again to whoever awaits the pieces,
as itself; what the encryptor makes of it (pyrage: a text that quotes it) goes nowhere.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, Protocol

from reconciler.errors import Problem, SourceError

CHUNK: Final = 65_536
"""Bytes of plaintext in one age chunk."""
NONCE: Final = 16
TAG: Final = 16
_PIECE: Final = 2**20
_AHEAD: Final = 2
"""Pieces that may wait for their consumer: with those in hand on both sides some 5 MiB a stream."""


class Readable(Protocol):
    """A plaintext to be read once. At its end it may raise instead of returning b"" (see `sources.Reading`)."""

    def read(self, size: int, /) -> bytes:
        """Return at most `size` bytes, b"" only at the end."""
        ...


class _BrokenError(Exception):
    """What an encryptor sees of a failed source, or of a sink that nobody empties any more."""


class BoundedReader:
    """What an encryptor reads: exactly `size` bytes of the reader, or an error before its end."""

    def __init__(self, reader: Readable, size: int) -> None:
        self.failure: BaseException | None = None
        self._reader = reader
        self._left = size
        self._held = memoryview(b"")

    def read(self, size: int, /) -> bytes:
        """Return the next bytes, from a buffer: pyrage asks for 8 KiB at a time."""
        if not self._held:
            self._held = memoryview(self._next())
        piece = self._held[:size].tobytes()
        self._held = self._held[size:]
        return piece

    def _next(self) -> bytes:
        if self.failure is None:
            try:
                piece = self._reader.read(_PIECE)
            except BaseException as error:  # noqa: BLE001 - raised again where the pieces are awaited
                self.failure = error
            else:
                self._left -= len(piece)
                if self._left >= 0 and (piece or not self._left):
                    return piece
                self.failure = SourceError([_wrong_length()])
        raise _BrokenError


def _wrong_length() -> Problem:
    return Problem(
        mark=None,
        what="the size of the source changed after it was planned",
        hint="run the same command again; the incomplete share is revoked",
    )


class Sink:
    """What an encryptor writes to: the first write leaves at once (the header), the rest in pieces of about 1 MiB."""

    def __init__(self, put: Callable[[bytes], None]) -> None:
        self._put = put
        self._parts: list[bytes] = []
        self._size = 0
        self._begun = False

    def write(self, data: bytes, /) -> int:
        """Take an encryptor's bytes; blocks while the consumer is behind."""
        self._parts.append(data)
        self._size += len(data)
        if not self._begun or self._size + CHUNK + TAG > _PIECE:
            self.flush()
        return len(data)

    def flush(self) -> None:
        """Write what is held."""
        parts, self._parts, self._size, self._begun = self._parts, [], 0, True
        if parts:
            self._put(b"".join(parts))


class Pipe:
    """An encryptor at work in a thread of its own, not the loop's pool: there a resolver could wait for us forever."""

    def __init__(self, seal: Callable[[BoundedReader, Sink], None], reader: Readable, size: int) -> None:
        self._seal = seal
        self._source = BoundedReader(reader, size)
        self._sink = Sink(self._put)
        self._loop = asyncio.get_running_loop()
        self._pieces: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._room = threading.Semaphore(_AHEAD)
        self._stopped = False
        self._pool = ThreadPoolExecutor(1, "age")
        self._work = self._loop.run_in_executor(self._pool, self._run)
        self._work.add_done_callback(lambda _: self._pieces.put_nowait(None))

    async def get(self) -> bytes | None:
        """Return the next piece, None at the end. Raises what the reader or the encryptor raised."""
        piece = await self._pieces.get()
        if piece is None:
            self._pieces.put_nowait(None)  # the end stays the end, however often it is asked for
            self._work.result()
        else:
            self._room.release()
        return piece

    async def stop(self) -> None:
        """End the thread and wait for that, through a cancellation too: the reader is closed after this."""
        self._stopped = True
        self._room.release()
        self._pool.shutdown(wait=False)
        cancelled: asyncio.CancelledError | None = None
        while not self._work.done():
            try:
                await asyncio.wait({self._work})
            except asyncio.CancelledError as error:
                cancelled = error
        self._work.exception()  # seen: what came after the end interests nobody
        if cancelled:
            raise cancelled

    def _run(self) -> None:
        try:
            self._seal(self._source, self._sink)
            self._sink.flush()
        except BaseException:
            if self._source.failure is None:
                raise
        if self._source.failure is not None:
            raise self._source.failure

    def _put(self, piece: bytes) -> None:
        self._room.acquire()
        if self._stopped:
            raise _BrokenError
        self._loop.call_soon_threadsafe(self._pieces.put_nowait, piece)
