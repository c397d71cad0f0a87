"""Bytes that must not be seen: every way by which a value usually shows itself."""

from __future__ import annotations

import copy
import dataclasses
import json
import logging
import pickle
import pprint
import traceback

import pytest

from reconciler.sensitive import Sensitive

_CANARY = "hunter2-canary"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Holder:
    url: Sensitive
    more: tuple[Sensitive, ...]


def _secret() -> Sensitive:
    return Sensitive.of(_CANARY)


def test_every_way_to_text_shows_a_placeholder() -> None:
    """repr, str, f-strings, % and format, alone and inside other things."""
    it = _secret()
    holder = _Holder(url=it, more=(it, it))
    texts = [
        repr(it),
        str(it),
        f"{it}",
        f"{it!r}",
        f"{it!s}",
        f"{it!a}",
        "%s %r" % (it, it),  # noqa: UP031
        "{}".format(it),  # noqa: UP032
        repr([it, {"k": it}]),
        repr(holder),
        pprint.pformat(holder),
        ascii(it),
    ]
    for text in texts:
        assert _CANARY not in text
        assert "<sensitive>" in text


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_it_is_not_pickled(protocol: int) -> None:
    """Neither by any protocol nor inside something else; the error does not show the value."""
    for share in (_secret(), [_secret()], _Holder(url=_secret(), more=())):
        with pytest.raises(TypeError) as caught:
            pickle.dumps(share, protocol)
        assert _CANARY not in str(caught.value)


@pytest.mark.parametrize(
    "use",
    [
        copy.copy,
        copy.deepcopy,
        json.dumps,
        bytes,
        iter,
        lambda it: dataclasses.asdict(_Holder(url=it, more=())),
        lambda it: it[0],
        lambda it: it + b"",
        lambda it: "" + it,
        lambda it: f"{it:>20}",
        lambda it: b"c" in it,
        vars,
    ],
)
def test_it_is_nothing_else_by_accident(use: object) -> None:
    """Copies, JSON, bytes, iteration, slices, sums: refused, and the refusal does not show the value."""
    assert callable(use)
    with pytest.raises(TypeError) as caught:
        use(_secret())
    assert _CANARY not in "".join(traceback.format_exception(caught.value))


def test_equal_values_are_not_equal() -> None:
    """Two holders of one value do not compare equal, so that no test of equality leaks by its timing."""
    assert _secret() != _secret()


def test_a_traceback_with_locals_shows_a_placeholder() -> None:
    """Tools that print local variables print the repr."""

    def fails(token: Sensitive) -> None:
        raise RuntimeError(f"failed with {token}")

    with pytest.raises(RuntimeError) as caught:
        fails(_secret())
    shown = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    assert _CANARY not in "".join(shown.format())


def test_logging_shows_a_placeholder(caplog: pytest.LogCaptureFixture) -> None:
    """As an argument and inside one."""
    logging.getLogger("t").warning("got %s in %r", _secret(), {"token": _secret()})
    assert _CANARY not in caplog.text


def test_what_is_asked_for_by_name_is_given() -> None:
    """`reveal` and its text are the one way to the bytes."""
    assert _CANARY.encode() == _secret().reveal()
    assert _secret().reveal_text() == _CANARY
    assert len(_CANARY) == len(_secret())


def test_what_is_no_text_is_refused_without_showing_it() -> None:
    """Python's own Unicode errors carry their input; none of ours does."""
    for make in (
        lambda: Sensitive.of(f"{_CANARY}\udc80"),
        lambda: Sensitive(_CANARY.encode() + b"\xff").reveal_text(),
    ):
        with pytest.raises(ValueError) as caught:
            make()
        error = caught.value
        while error is not None:
            assert not isinstance(error, UnicodeError)
            error = error.__cause__ or error.__context__  # type: ignore[assignment]
