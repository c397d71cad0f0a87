"""The table "What may be retried", cell by cell, and the arithmetic of waiting."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.http.retry import (
    Budget,
    Call,
    Failure,
    FailureKind,
    GiveUp,
    InDoubt,
    Recreate,
    RenewToken,
    Retry,
    decide,
    http_date,
    retry_after,
)

NOW = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
NOT_SENT = Failure(kind=FailureKind.NOT_SENT, why="refused")
UNCLEAR = Failure(kind=FailureKind.UNCLEAR, why="reset")


def answered(status: int, retry_after: float | None = None) -> Failure:
    return Failure(kind=FailureKind.ANSWERED, why="", status=status, retry_after=retry_after)


def verdict(call: Call, failure: Failure, **changes: object) -> type:
    given_: dict[str, object] = {
        "attempt": 1,
        "spent": 0.0,
        "renewed": False,
        "jitter": 0.5,
        "budget": Budget(),
    }
    return type(decide(call, failure, **{**given_, **changes}))  # type: ignore[arg-type]


CREATE_REFUSED = (400, 403, 404, 409, 413, 422)
IN_DOUBT = (200, 101, 301, 302, 307, 402, 405, 408, 410, 418, 425, 499, 500, 502, 503, 504, 599)


@pytest.mark.parametrize("call", Call)
def test_what_was_not_sent_may_always_be_sent_again(call: Call) -> None:
    """Proof that nothing left is the one thing that makes every call repeatable."""
    assert Retry is verdict(call, NOT_SENT)
    assert GiveUp is verdict(call, NOT_SENT, attempt=Budget().attempts)


@pytest.mark.parametrize("call", Call)
def test_what_cannot_get_better_is_not_tried_again(call: Call) -> None:
    """A certificate that is not valid stays so."""
    assert GiveUp is verdict(call, Failure(kind=FailureKind.NOT_SENT, why="", permanent=True))


@pytest.mark.parametrize("status", CREATE_REFUSED)
def test_a_create_is_refused_by_these_only(status: int) -> None:
    """These statuses prove that nothing was made."""
    assert GiveUp is verdict(Call.CREATE, answered(status))


@pytest.mark.parametrize("status", IN_DOUBT)
def test_everything_else_leaves_a_create_in_doubt(status: int) -> None:
    """No other answer of a create is ever followed by a second create."""
    assert InDoubt is verdict(Call.CREATE, answered(status))


@pytest.mark.parametrize("call", [Call.CREATE, Call.SET_CONTENT, Call.UPLOAD])
def test_an_unclear_change_is_looked_at_first(call: Call) -> None:
    """A broken connection says nothing about what the server did."""
    assert InDoubt is verdict(call, UNCLEAR)


@pytest.mark.parametrize("call", [Call.GET, Call.SEARCH, Call.REVOKE, Call.INTROSPECT, Call.TOKEN])
@pytest.mark.parametrize("failure", [UNCLEAR, answered(408), answered(500), answered(503)])
def test_reading_and_revoking_are_repeated(call: Call, failure: Failure) -> None:
    """A second one changes nothing that the first did not, until patience ends."""
    assert Retry is verdict(call, failure)
    assert GiveUp is verdict(call, failure, attempt=6)


@pytest.mark.parametrize("call", sorted(set(Call) - {Call.CREATE, Call.SET_CONTENT}))
@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_not_followed_nor_repeated(call: Call, status: int) -> None:
    """It would only be answered the same again."""
    assert GiveUp is verdict(call, answered(status))


@pytest.mark.parametrize("status", [403, 404, 410])
def test_an_upload_url_can_be_dead(status: int) -> None:
    """Then another vault has another one; no other call has a place that ends."""
    assert Recreate is verdict(Call.UPLOAD, answered(status), attempt=6)
    assert {GiveUp} == {verdict(call, answered(status)) for call in set(Call) - {Call.UPLOAD}} - {InDoubt}


@pytest.mark.parametrize("call", Call)
def test_429_was_not_processed(call: Call) -> None:
    """Too many requests: wait, within reason."""
    assert Retry is verdict(call, answered(429))
    assert Retry is verdict(call, answered(429, 1))
    assert GiveUp is verdict(call, answered(429, 3600))


@pytest.mark.parametrize("call", sorted(set(Call) - {Call.UPLOAD, Call.TOKEN}))
def test_401_gets_one_new_token(call: Call) -> None:
    """One, then stop; an upload and a sign-in carry no token of ours."""
    assert RenewToken is verdict(call, answered(401))
    assert GiveUp is verdict(call, answered(401), renewed=True)


@given(
    call=st.sampled_from([Call.CREATE, Call.SET_CONTENT, Call.UPLOAD]),
    status=st.integers(100, 599),
    wait=st.none() | st.floats(0, 1e6),
    attempt=st.integers(1, 9),
    spent=st.floats(0, 1000),
    renewed=st.booleans(),
)
def test_no_answer_but_429_repeats_a_change(
    call: Call, status: int, wait: float | None, attempt: int, spent: float, renewed: bool
) -> None:
    """Whatever comes back, a change is sent again blindly only after 429, or once with a new token."""
    chosen = verdict(call, answered(status, wait), attempt=attempt, spent=spent, renewed=renewed)
    assert (chosen is Retry) <= (status == 429)
    assert (chosen is RenewToken) <= (status == 401 and not renewed)


@given(st.integers(1, 5), st.floats(0, 0.999), st.none() | st.floats(0, 200), st.floats(0, 900))
def test_waits_are_capped_and_never_sooner_than_asked(
    attempt: int, jitter: float, asked: float | None, spent: float
) -> None:
    """Backoff doubles up to its cap; Retry-After is kept to; the run's budget holds."""
    budget = Budget()
    match decide(
        Call.GET,
        answered(503, asked),
        attempt=attempt,
        spent=spent,
        renewed=False,
        jitter=jitter,
        budget=budget,
    ):
        case Retry(after):
            assert after >= (asked or 0)
            assert after <= (budget.backoff_max if asked is None else budget.wait_max)
            assert spent + after <= budget.total
        case other:
            assert other == GiveUp()
            assert (asked or 0) + jitter > budget.wait_max or spent + (asked or 20) + 1 > budget.total


def test_backoff_doubles() -> None:
    """Half a second, then twice that each time, at jitter 1/2 three quarters of it."""
    waits = [
        decide(Call.GET, UNCLEAR, attempt=n, spent=0, renewed=False, jitter=0.5, budget=Budget(attempts=9))
        for n in range(1, 9)
    ]
    assert [Retry(0.75 * full) for full in (0.5, 1, 2, 4, 8, 16, 20, 20)] == waits


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("0", 0),
        ("1", 1),
        (" 3600 ", 3600),
        ("Mon, 02 Nov 2026 09:00:30 GMT", 30),
        ("Mon, 02 Nov 2026 08:00:00 GMT", 0),
        ("Monday, 02-Nov-26 09:00:30 GMT", 30),
        (None, None),
        ("", None),
        ("soon", None),
        ("-1", None),
        ("1.5", None),
        ("1e3", None),
        ("９", None),
        ("9" * 400, None),
        ("Mon, 99 Nov 2026 09:00:30 GMT", None),
    ],
)
def test_retry_after_in_every_form(header: str | None, seconds: float | None) -> None:
    """Seconds, a date by the server's clock, or nothing that says anything."""
    assert seconds == retry_after(header, NOW)


@given(st.text())
def test_no_header_is_an_error(text: str) -> None:
    """Headers are foreign text: the worst they do is say nothing."""
    wait = retry_after(text, NOW)
    assert wait is None or wait >= 0
    when = http_date(text)
    assert when is None or when.tzinfo is not None
