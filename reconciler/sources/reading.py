"""Reading a source: once to know it (its keyed hash, its size), once more to encrypt exactly that."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from reconciler.errors import Problem, SourceError
from reconciler.files import reason
from reconciler.fingerprint import Key
from reconciler.model.manifest import FILE_MAX, TEXT_MAX, Kind, Source
from reconciler.sensitive import Sensitive
from reconciler.sources.confine import Allowed, Confinement, NotReadableError
from reconciler.sources.interface import ReadableSource, SourceAccess, Stream

_PIECE: Final = 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What a plaintext is known by. `mac` is its hex HMAC, None without a key; `size` is in bytes.

    `ends_with_newline` is pointed out to people: most editors add one, few passwords have one.
    """

    mac: str | None
    size: int
    ends_with_newline: bool


class SourceReader:
    """Reads what manifests name, one for a run. Every error is a SourceError with its line."""

    def __init__(
        self, confinement: Confinement, environ: Mapping[str, str], *, allowed: Allowed = None
    ) -> None:
        self._access = SourceAccess(confinement=confinement, environ=environ, allowed=allowed)

    def look(self, source: Source, kind: Kind, key: Key | None) -> Content:
        """Read a source through, and return what it is known by. Raises SourceError."""
        mac = key.content() if key else None
        tail = b""
        with self.open(source, kind) as reading:
            while piece := reading.read(_PIECE):
                if mac:
                    mac.update(piece)
                tail = tail + piece if kind is Kind.TEXT else piece
            if kind is Kind.TEXT:
                _check_text(source, tail)
        return Content(
            mac=mac.hexdigest() if mac else None,
            size=reading.size,
            ends_with_newline=tail.endswith(b"\n"),
        )

    def text(self, source: Source, key: Key, expected: str) -> Sensitive:
        """Return a text's bytes if they are the ones that were planned. Raises SourceError."""
        with self.open(source, Kind.TEXT, key=key, expected=expected) as reading:
            pieces = b""
            while piece := reading.read(_PIECE):
                pieces += piece
            return Sensitive(pieces)

    def open(
        self, source: Source, kind: Kind, *, key: Key | None = None, expected: str | None = None
    ) -> Reading:
        """Open a source to be read in pieces; see `Reading`. Raises SourceError."""
        stream = self._stream(source)
        try:
            size = _size(source, stream, kind)
            reading = Reading(source, stream, size=size, key=key, expected=expected)
            reading.check_plain()
        except BaseException:
            stream.close()
            raise
        return reading

    def _stream(self, source: Source) -> Stream:
        # The noun of the core has no `open`; whatever a manifest declares is of a kind, and has one.
        assert isinstance(source, ReadableSource)
        try:
            return source.open(self._access)
        except NotReadableError as error:
            raise _refused(source, error.what, error.hint) from None
        except OSError as error:
            raise _unreadable(source, error) from None


class Reading:
    """A plaintext being read. With `expected`, the last `read` raises unless the HMAC of all is that one.

    Whoever encrypts from it sends the last piece only after that read, so that what was
    uploaded whole is what was planned.
    """

    def __init__(
        self, source: Source, stream: Stream, *, size: int, key: Key | None, expected: str | None
    ) -> None:
        self.size = size
        self._source = source
        self._stream = stream
        self._left = size
        self._mac = key.content() if key else None
        self._expected = expected

    def __enter__(self) -> Reading:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._stream.close()

    def read(self, size: int = -1, /) -> bytes:
        """Return up to `size` bytes, b"" at the end. SourceError where the source is not what it was."""
        all_desired = self._left if size < 0 else min(size, self._left)
        if not all_desired:
            return b""
        try:
            piece = self._stream.read(all_desired)
            grown = self._left == len(piece) and bool(self._after_end())
        except OSError as error:
            raise _unreadable(self._source, error) from None
        if not piece:
            raise self._changed("became shorter while it was read")
        if grown:
            raise self._changed("grew while it was read")
        self._left -= len(piece)
        if self._mac:
            self._mac.update(piece)
            if self._left == 0 and self._expected and self._mac.hexdigest() != self._expected:
                raise self._changed("no longer has the value that was planned")
        return piece

    def _after_end(self) -> bytes:
        """Look past the planned end. A newline that `trim` leaves out is no growth."""
        rest = self._stream.read(3)
        trim = self._source.trim_newline and rest in (b"\n", b"\r\n")
        self._stream.seek(-len(rest), os.SEEK_CUR)
        return b"" if trim else rest

    def _changed(self, how: str) -> SourceError:
        return _refused(
            self._source,
            f"{self._source} {how}",
            "run the same command again; the incomplete share is revoked",
        )

    def check_plain(self) -> None:
        """Refuse ciphertext and pointers: somebody forgot to decrypt. Leaves the position at the start."""
        try:
            head = self._stream.read(_PIECE)
            self._stream.seek(0)
        except OSError as error:
            raise _unreadable(self._source, error) from None
        what = _ciphertext(head)
        if what:
            raise _refused(
                self._source, f"{self._source} is {what}, not plaintext", "use the decrypted value"
            )


def _ciphertext(head: bytes) -> str | None:
    armor = head.removeprefix(b"\xef\xbb\xbf").lstrip()  # age itself reads past what stands before it
    if head.startswith(b"age-encryption.org/") or armor.startswith(b"-----BEGIN AGE ENCRYPTED FILE-----"):
        return "an age-encrypted file"
    if head.startswith(b"version https://git-lfs.github.com/spec/"):
        return "a Git LFS pointer (run `git lfs pull`)"
    if b"ENC[AES256_GCM,data:" in head and b"sops" in head:
        return "a SOPS-encrypted file"
    return None


def _size(source: Source, stream: Stream, kind: Kind) -> int:
    """Return the size of what is to be read, without the newline that is trimmed. Leaves the position at the start."""
    limit = TEXT_MAX if kind is Kind.TEXT else FILE_MAX
    try:
        size = stream.seek(0, os.SEEK_END)
        # A text is read at most to its limit, whatever grew meanwhile; `_check_size` refuses the rest.
        if source.trim_newline and 0 < size <= limit + 2:
            stream.seek(max(0, size - 2))
            size = _trimmed(stream.read(2), size)
        stream.seek(0)
    except OSError as error:
        raise _unreadable(source, error) from None
    _check_size(source, kind, size)
    return size


def _trimmed(tail: bytes, size: int) -> int:
    if tail.endswith(b"\r\n"):
        return size - 2
    return size - 1 if tail.endswith(b"\n") else size


def _check_size(source: Source, kind: Kind, size: int) -> None:
    if size == 0:
        raise _refused(
            source,
            f"{source} is empty",
            "CI passes a missing secret as an empty one",
        )
    if kind is Kind.TEXT and size > TEXT_MAX:
        raise _refused(
            source, f"{source} is larger than a text secret may be ({TEXT_MAX} bytes)", "use `kind: file`"
        )
    if size > FILE_MAX:
        raise _refused(source, f"{source} is larger than a file secret may be ({FILE_MAX} bytes)")


def _check_text(source: Source, value: bytes) -> None:
    if not _is_utf8(value):
        raise _refused(source, f"{source} is not UTF-8 text", "use `kind: file` for other bytes")


def _is_utf8(value: bytes) -> bool:
    # by itself, so that Python's error, which carries the value, is not the context of ours
    try:
        value.decode()
    except UnicodeDecodeError:
        return False
    return True


def _unreadable(source: Source, error: OSError) -> SourceError:
    return _refused(source, f"{source} cannot be read: {reason(error)}")


def _refused(source: Source, what: str, hint: str | None = None) -> SourceError:
    return SourceError([Problem(mark=source.mark, what=what, hint=hint)])
