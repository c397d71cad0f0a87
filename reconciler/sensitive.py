"""Bytes that must not be seen: a plaintext between its source and the encryptor, a token, an upload URL."""

from __future__ import annotations

from typing import NoReturn


class Sensitive:
    """Bytes that print as `<sensitive>` and can be neither formatted, pickled nor compared by accident.

    `reveal()` is the one way to the bytes, so that a search for it finds every place that uses them.
    """

    __slots__ = ("_value",)

    def __init__(self, value: bytes) -> None:
        self._value = value

    @classmethod
    def of(cls, text: str) -> Sensitive:
        """Hold a text's UTF-8 bytes. Raises ValueError, quoting nothing, for half a surrogate pair."""
        try:
            return cls(text.encode())
        except UnicodeEncodeError:
            pass  # Python's error carries the whole text: it must not become the context of ours
        raise ValueError("not a text that UTF-8 can carry")

    def reveal(self) -> bytes:
        """Return the bytes. Only for the place that encrypts, hashes or sends them."""
        return self._value

    def reveal_text(self) -> str:
        """Return the bytes as the UTF-8 text they were made from. Raises ValueError, quoting nothing."""
        try:
            return self._value.decode()
        except UnicodeDecodeError:
            pass
        raise ValueError("not UTF-8 text")

    def __len__(self) -> int:
        return len(self._value)

    def __repr__(self) -> str:
        return "<sensitive>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a sensitive value is not pickled")
