"""Encrypting a text or a file to a recipient. Failures are ours: a source's as itself, an encryptor's rebuilt."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from reconciler.age import hybrid, x25519
from reconciler.age.recipient import AgeRecipient, RecipientError
from reconciler.age.stream import CHUNK, NONCE, TAG, BoundedReader, Pipe, Readable, Sink
from reconciler.errors import Problem, ReconcilerError, SourceError
from reconciler.model.manifest import AgeSuite
from reconciler.sensitive import Sensitive

__all__ = ["FileEncryption", "Readable", "encrypt_file", "encrypt_text"]

_TEXT_MAX: Final = 65_536
"""What the API takes as a text's ciphertext; a plaintext of `manifest.TEXT_MAX` bytes stays below in both suites."""
_HEADER_END: Final = re.compile(rb"\n--- [A-Za-z0-9+/]{43}\n")
_UNUSABLE: Final = "cannot be encrypted to"


def encrypt_text(recipient: AgeRecipient, plaintext: Sensitive) -> bytes:
    """Return the binary age file of a text. Raises RecipientError, and SourceError where that is over 64 KiB."""
    try:
        match recipient.suite:
            case AgeSuite.X25519:
                sealed = x25519.seal_text(recipient.text, plaintext)
            case AgeSuite.MLKEM768X25519:
                sealed = hybrid.seal_text(recipient.text, plaintext)
    except x25519.PyrageError:
        raise RecipientError(_UNUSABLE) from None
    if len(sealed) > _TEXT_MAX:
        raise SourceError(
            [Problem(mark=None, what="the encrypted text is over 64 KiB", hint="use `kind: file`")]
        )
    return sealed


@asynccontextmanager
async def encrypt_file(recipient: AgeRecipient, reader: Readable, size: int) -> AsyncIterator[FileEncryption]:
    """Encrypt a stream of `size` bytes in bounded memory. Close the reader after, not within, this context.

    Raises RecipientError, and, here or from the pieces, whatever the reader raises: then the last chunk has not been
    given out, so that what was sent whole is whole. A reader of another length is a SourceError.
    """
    pipe = Pipe(lambda source, sink: _seal(recipient, source, sink), reader, size)
    try:
        begin = b""
        while not (header := _HEADER_END.search(begin)):
            begin += await pipe.get() or _end_of_header()
        chunks = max(1, -(-size // CHUNK))
        yield FileEncryption(pipe, begin, length=header.end() + NONCE + size + TAG * chunks)
    finally:
        await pipe.stop()


class FileEncryption:
    """An age file on its way: an async iterator over pieces of at most 1 MiB, to be gone through once.

    `length` is the exact number of bytes of all pieces: pyrage's header varies, so it is known only now.
    """

    def __init__(self, pipe: Pipe, begin: bytes, *, length: int) -> None:
        self.length = length
        self._pipe = pipe
        self._begin = begin
        self._left = length

    def __aiter__(self) -> FileEncryption:
        return self

    async def __anext__(self) -> bytes:
        piece, self._begin = self._begin or await self._pipe.get(), b""
        if self._left < len(piece or b"") or (piece is None and self._left):
            raise ReconcilerError("the age file does not have the length that was announced")
        if piece is None:
            raise StopAsyncIteration
        self._left -= len(piece)
        return piece


def _seal(recipient: AgeRecipient, source: BoundedReader, sink: Sink) -> None:
    """Run in the encryptor's thread."""
    try:
        match recipient.suite:
            case AgeSuite.X25519:
                x25519.seal(recipient.text, source, sink)
            case AgeSuite.MLKEM768X25519:
                hybrid.seal(recipient.text, source, sink)
    except x25519.PyrageError:
        raise RecipientError(_UNUSABLE) from None


def _end_of_header() -> bytes:
    raise ReconcilerError("the age file has no header")
