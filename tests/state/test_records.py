"""State nouns <-> JSON values: round trips, and readers that take nothing else."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.model import canonical
from reconciler.model.state import Instance, Pending
from reconciler.state import records
from tests.support import strategies
from tests.support.plans import share


@given(strategies.instances)
def test_an_instance_survives_json(instance: Instance) -> None:
    """Every field, through real JSON."""
    written = json.loads(json.dumps(records.instance_record(instance)))
    assert instance == records.read_instance(written)


@given(strategies.pendings)
def test_a_pending_create_survives_json(pending: Pending) -> None:
    """Every field, through real JSON."""
    assert pending == records.read_pending(json.loads(json.dumps(records.pending_record(pending))))


@given(strategies.instances, st.data())
def test_a_field_of_another_type_is_refused(instance: Instance, data: st.DataObject) -> None:
    """Whatever field, whatever it is replaced by or when it is left out: no reader makes something up."""
    written = json.loads(json.dumps(records.instance_record(instance)))
    holder: Any = written
    path: list[Any] = []
    while isinstance(holder, dict | list) and holder:
        keys = sorted(holder) if isinstance(holder, dict) else range(len(holder))
        path.append(data.draw(st.sampled_from(list(keys))))
        inner = holder[path[-1]]
        if not isinstance(inner, dict | list) or not inner or data.draw(st.booleans()):
            break
        holder = inner
    old = holder[path[-1]]
    new = data.draw(st.sampled_from([None, True, -1, 1.5, "\x00other", ["x"], {"x": 1}]))
    holder[path[-1]] = new
    try:
        actual = records.read_instance(written)
    except (KeyError, TypeError, ValueError):
        return
    again = json.loads(json.dumps(records.instance_record(actual)))
    assert written == again, (path, old, new)


@pytest.mark.parametrize(
    "url",
    ["javascript:alert(1)", "ana", "https://", "https://a b", "https://a\x1b]0;x\x07", "file:///etc/passwd"],
)
def test_a_share_link_is_a_link(url: str) -> None:
    """It is printed and clicked, and a state or a journal in the repository can be edited."""
    written = records.share_record(replace(share("1vault"), share_url=url))
    with pytest.raises(ValueError, match="a link was expected"):
        records.read_share(written)


@given(st.datetimes(timezones=st.sampled_from([UTC, timezone(timedelta(hours=14))])))
def test_times_are_utc_to_the_second(moment: datetime) -> None:
    """Any time can be written, and any that an API may name read again; what no lifetime can be added to is refused."""
    try:
        utc = moment.astimezone(UTC)
    except OverflowError:
        return
    written = canonical.time_text(moment)
    assert len("2026-11-23T07:00:00Z") == len(written)
    if 1970 <= utc.year < 3000:
        assert moment.replace(microsecond=0) == canonical.read_time(written)
    else:
        with pytest.raises(ValueError, match="a time of this age was expected"):
            canonical.read_time(written)


@pytest.mark.parametrize(
    "value",
    [
        None,
        0,
        "",
        "2026-11-23",
        "2026-11-23 07:00:00Z",
        "2026-11-23T07:00:00",
        "2026-11-23T07:00:00z",
        "2026-11-23T07:00:00+00:00",
        "2026-11-23T07:00:00.5Z",
        "2026-1-3T7:0:0Z",
        "2026-02-30T07:00:00Z",
        "2026-11-23T07:00:60Z",
        "२०२६-11-23T07:00:00Z",
        "2026-11-23T07:00:00Z\n",
        "0001-01-01T00:00:00Z",
        "9999-12-31T23:59:59Z",
    ],
)
def test_other_times_are_refused(value: object) -> None:
    """One way to write a time."""
    with pytest.raises((TypeError, ValueError)):
        canonical.read_time(value)


@pytest.mark.parametrize("value", [True, -1, 1.0, "1", None])
def test_what_is_no_whole_number_is_refused(value: object) -> None:
    """True is 1 and 1.0 is 1 in Python; in a file neither is."""
    with pytest.raises(TypeError):
        canonical.number(value)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"null",
        b"[]",
        b'"text"',
        b'{"a": 1, "a": 1}',
        b'{"a": {"b": 1, "b": 2}}',
        b'{"a": NaN}',
        b'{"a": -Infinity}',
        b'{"a": 1} {}',
        b'\xef\xbb\xbf{"a": 1}',
        '{"a": 1}'.encode("utf-16"),
        b'{"a": "\xff"}',
        b'{"a": ' + b"1" * 5000 + b"}",
        b'{"a": ' + b"[" * 200_000,
        b'{"a": ' * 200_000,
    ],
    ids=lambda data: repr(data[:24]),
)
def test_json_is_read_strictly(data: bytes) -> None:
    """An object, UTF-8, each key once, real numbers, not too deep: anything else is one kind of error."""
    with pytest.raises((TypeError, ValueError)):
        canonical.load(data)


def test_a_share_of_an_older_file_is_read() -> None:
    """Without a word on renewals it is one that no night makes again; without a proof, its tag alone speaks."""
    written = records.share_record(replace(share("1vault"), renew=True, proof="9c41"))
    assert (True, "9c41") == (written.pop("renew"), written.pop("proof"))
    older = records.read_share(written)
    assert (False, None) == (older.renew, older.proof)
