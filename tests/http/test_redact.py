"""A server's words never show a token, however the server writes it; and are shown where they hold none."""

from __future__ import annotations

import base64
import html
import json
import random
from collections.abc import Callable
from typing import Final
from urllib.parse import quote

import pytest

from reconciler.http import redact

TOKEN: Final = "eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJhbmEifQ.c2lnbmF0dXJl-_x~42/+Zk=="

_ENCODINGS: Final[dict[str, Callable[[str], str]]] = {
    "as it is": str,
    "in the other case": str.swapcase,
    "backwards": lambda text: text[::-1],
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "base64 for URLs": lambda text: base64.urlsafe_b64encode(text.encode()).decode().rstrip("="),
    "base64, percent-encoded": lambda text: quote(base64.b64encode(text.encode()).decode(), safe=""),
    "base32": lambda text: base64.b32encode(text.encode()).decode(),
    "hexadecimal": lambda text: text.encode().hex(),
    "hexadecimal in capitals": lambda text: text.encode().hex().upper(),
    "hexadecimal with colons": lambda text: text.encode().hex(":"),
    "hexadecimal with 0x": lambda text: " ".join(f"{byte:#x}" for byte in text.encode()),
    "decimal": lambda text: str(list(text.encode())),
    "percent-encoded": lambda text: "".join(f"%{byte:02X}" for byte in text.encode()),
    "percent-encoded here and there": lambda text: "".join(
        f"%{ord(c):02x}" if i % 3 else c for i, c in enumerate(text)
    ),
    "percent-encoded twice": lambda text: quote("".join(f"%{ord(c):02x}" for c in text)),
    "JSON": lambda text: json.dumps(text.replace("/", "\\/")),
    "JSON, all escaped": lambda text: "".join(f"\\u{ord(c):04x}" for c in text),
    "JSON, here and there": lambda text: "".join(
        f"\\u{ord(c):04X}" if i % 2 else c for i, c in enumerate(text)
    ),
    "JSON within JSON": lambda text: json.dumps("".join(f"\\u{ord(c):04x}" for c in text)),
    "a text of Python or C": lambda text: "".join(
        f"\\x{ord(c):02x}" if i % 2 else c for i, c in enumerate(text)
    ),
    "a text of Rust": lambda text: "".join(f"\\u{{{ord(c):x}}}" if i % 2 else c for i, c in enumerate(text)),
    "HTML": lambda text: "".join(f"&#{ord(c)};" if i % 2 else c for i, c in enumerate(text)),
    "HTML in hexadecimal": lambda text: "".join(
        f"&#x{ord(c):x};" if i % 2 else c for i, c in enumerate(text)
    ),
    "HTML, as usual": html.escape,
    "quoted-printable": lambda text: "".join(f"={ord(c):02X}" if i % 2 else c for i, c in enumerate(text)),
    "with spaces": " ".join,
    "with dashes": "-".join,
}


def _pieces(text: str) -> list[str]:
    """Return a text as words that are short enough to be shown, and as one that is long."""
    return [text, *(" ".join(text[i : i + size] for i in range(0, len(text), size)) for size in (30, 39))]


def _shows(said: str, encoded: str) -> bool:
    """Return whether twelve characters in a row of what the server wrote of the token can be read."""
    solid, written = "".join(said.split()), "".join(encoded.split())
    return any(written[start : start + 12] in solid for start in range(len(written) - 11))


@pytest.mark.parametrize("around", ["{}", "refused: Bearer {} is not known", "{}.", 'token="{}"'])
@pytest.mark.parametrize("name", _ENCODINGS)
def test_a_token_is_shown_in_no_encoding(name: str, around: str) -> None:
    """Cut into words that would be shown each by itself; a text around it too."""
    encoded = _ENCODINGS[name](TOKEN)
    for words in _pieces(encoded):
        assert not _shows(redact.shown(around.format(words), hide=TOKEN), encoded)


@pytest.mark.parametrize("name", [name for name in _ENCODINGS if name.startswith("base")])
def test_nor_where_more_was_encoded_with_it(name: str) -> None:
    """The token may begin at any byte of a group."""
    encode = _ENCODINGS[name]
    for before in range(6):
        whole = encode("x" * before + TOKEN + "tail")
        for words in _pieces(whole)[1:]:
            assert "" == redact.shown(words, hide=TOKEN)


@pytest.mark.parametrize("name", _ENCODINGS)
def test_nor_a_part_of_it(name: str) -> None:
    """Any sixteen characters, from any place, where they are more than punctuation."""
    for start in range(len(TOKEN) - 16):
        part = TOKEN[start : start + 16]
        if sum(map(str.isalnum, part)) < 14:
            continue
        encoded = _ENCODINGS[name](part)
        for words in _pieces(encoded)[1:]:
            assert not _shows(redact.shown(f"not {words} known", hide=TOKEN), encoded), start


def test_what_holds_no_token_is_shown() -> None:
    """Sentences, identifiers, times and digests of others: chance puts no piece of a token there."""
    source = random.Random(1)
    for _ in range(300):
        words = [
            "the client clever-fox@acme.conductor.one/pcc is not known",
            f"request {source.randbytes(16).hex()}",
            f"code%20{source.randrange(10**15)}",
            base64.b64encode(source.randbytes(24)).decode(),
        ]
        assert words[0] in redact.shown(": ".join(words), hide=TOKEN)
    assert "\\u{110000} &#xfffffff; %ff" == redact.shown("\\u{110000} &#xfffffff; %ff", hide=TOKEN)
    assert "a short one" == redact.shown("a short one", hide="")


def test_a_long_answer_takes_no_time() -> None:
    """The work is bounded by what is shown, not by what came."""
    assert len(redact.shown("%25" * 10**6 + " a" * 10**6, hide=TOKEN * 40)) <= 301
