"""Keyed fingerprints: the frozen bytes, and a key that is never shown."""

from __future__ import annotations

import hashlib
import hmac
import pickle
import traceback

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.fingerprint import Key
from reconciler.sensitive import Sensitive

_SECRET = bytes(range(32))
_KEY = Key.from_text(_SECRET.hex())


def test_a_fingerprint_is_the_one_that_the_format_describes() -> None:
    """Recomputed by hand from docs/formats.md, and pinned: state files live for years."""
    content = hmac.new(_SECRET, b"hunter2", "sha256").hexdigest()
    key_id = hashlib.sha256(_SECRET).hexdigest()[:8]
    inner = hmac.new(_SECRET, f"content|uid-1|{content}".encode(), "sha256").hexdigest()[:32]
    mac = _KEY.content()
    mac.update(b"hunter2")
    assert f"hmac-sha256:{key_id}:{inner}" == _KEY.fingerprint("uid-1", mac.hexdigest())
    pinned = "hmac-sha256:630dcd29:13d2cb7faa6711d960a7bbd381e221b7"
    assert pinned == _KEY.fingerprint("uid-1", mac.hexdigest())
    assert key_id == _KEY.id


@given(st.lists(st.binary(max_size=20), max_size=5))
def test_pieces_do_not_matter(pieces: list[bytes]) -> None:
    """The HMAC of a plaintext is the same however it was read."""
    mac = _KEY.content()
    for piece in pieces:
        mac.update(piece)
    assert hmac.new(_SECRET, b"".join(pieces), "sha256").hexdigest() == mac.hexdigest()


def test_equal_values_of_two_secrets_do_not_show_as_equal() -> None:
    """The uid is in it; the key is in it."""
    other = Key.from_text("ab" * 32)
    content = _KEY.content().hexdigest()
    three = {_KEY.fingerprint("a", content), _KEY.fingerprint("b", content), other.fingerprint("a", content)}
    assert len(three) == 3


def test_a_key_survives_its_text() -> None:
    """64 lower-case hex characters, and back."""
    assert _SECRET.hex() == Key.from_text(_KEY.to_text()).to_text()


@pytest.mark.parametrize("text", ["", "ab", "AB" * 32, "ab" * 33, "zz" * 32, "ab" * 32 + "\n", "０" * 64])
def test_anything_else_is_no_key_and_is_not_quoted(text: str) -> None:
    """The error names the shape, never the text."""
    with pytest.raises(ValueError) as caught:
        Key.from_text(text)
    assert not text or text not in "".join(traceback.format_exception(caught.value))


def test_a_key_of_another_length_is_refused() -> None:
    """32 bytes, no more and no less."""
    with pytest.raises(ValueError, match="32 bytes"):
        Key(Sensitive(b"k" * 31))


def test_a_key_shows_only_its_id() -> None:
    """Neither repr nor pickle gives the secret away."""
    assert _SECRET.hex() not in repr(_KEY)
    with pytest.raises(TypeError):
        pickle.dumps(_KEY)
