"""A tenant, or what stands in front of it, can answer anything: no answer crashes a run or acts on who reads it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from reconciler.c1 import wire
from reconciler.c1.upload import Uploader
from reconciler.errors import RemoteError
from reconciler.http.answers import BadAnswer
from reconciler.http.clock import ServerClock
from reconciler.http.session import Answer, Session
from reconciler.http.urls import check_url
from reconciler.model.manifest import Lead
from reconciler.planning.verify import seen_attributes, share_of
from reconciler.sensitive import Sensitive
from reconciler.state.tags import Tag

NOW = datetime(2026, 11, 23, tzinfo=UTC)

LINKS = (
    "javascript:alert(document.domain)",
    "data:text/html,x",
    "https://c1.example/s/\x1b]8;;https://evil.example\x07",
    "https://c1.example/s/\u202egpj",
    "https://c1.example/s/a b",
    "https://c1.example/s/a\n::add-mask::x",
    "-rf",
)


@pytest.mark.parametrize("link", LINKS)
def test_a_share_link_is_a_link(link: str) -> None:
    """It is printed, kept and clicked; `open $(reconciler output x)` must not get an option or a script."""
    with pytest.raises(BadAnswer, match="shareUrl was not a link"):
        wire.vault({"vaultId": "v1", "shareUrl": link})


@pytest.mark.parametrize(
    "time", ["0001-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00"]
)
def test_the_ends_of_all_time_are_no_time(time: str) -> None:
    """Go's zero time says that there is none. What is kept of such a vault can be reckoned with."""
    vault = wire.vault({"vaultId": "v1", "createdAt": time, "contentExpiresAt": time})
    tag = Tag(stack="A", address="B", generation=1, desired="C")
    kept = share_of(vault, tag, seen_attributes(vault), now=NOW)
    assert kept.due(NOW, Lead(seconds=86400))


@pytest.mark.parametrize("date", ["Fri, 31 Dec 9999 23:59:59 GMT", "Mon, 01 Jan 1900 00:00:00 GMT"])
def test_a_clock_at_the_end_of_all_time_is_not_believed(date: str) -> None:
    """Any sum with it would overflow, in the middle of a run."""
    clock = ServerClock(machine=lambda: NOW)
    clock.hear(Answer(status=200, headers={"date": date}, body=b""))
    assert NOW == clock.now
    assert clock.now + timedelta(days=31)


@pytest.mark.anyio
@pytest.mark.parametrize(
    "host",
    [
        *("127.0.0.1", "127.9.9.9", "127.1", "2130706433", "0x7f.1", "017700000001", "127.0.0.1."),
        *("localhost", "LOCALHOST", "localhost.", "foo.localhost", "foo.localhost."),
        *("0.0.0.0", "0", "[::]", "[::1]", "[::ffff:127.0.0.1]", "[::ffff:0.0.0.0]"),
        *("169.254.169.254", "0xa9fea9fe", "[fe80::1]", "[::ffff:169.254.169.254]"),
    ],
)
@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_a_tenant_elsewhere_sends_nothing_to_this_machine(scheme: str, host: str) -> None:
    """An upload address of its choice would reach what listens here, or on the link, for its own machine only."""

    async def nothing() -> AsyncIterator[bytes]:
        raise AssertionError("nothing is read either")
        yield b""

    uploader = Uploader(Session(), local=False)
    try:
        with pytest.raises(RemoteError, match="it is this machine"):
            await uploader.put(Sensitive.of(f"{scheme}://{host}:9/x"), length=1, body=nothing())
    finally:
        await uploader.aclose()


@pytest.mark.parametrize(
    "host", ["storage.example", "localhost.example", "10.0.0.1", "192.168.1.5", "[fd00::1]", "127.1.example"]
)
def test_storage_may_stand_in_a_private_network(host: str) -> None:
    """A tenant's own, on its premises."""
    assert None is check_url(f"https://{host}/x", local=False)


@pytest.mark.parametrize("number", [2**53, 10**30, "9999999999999999999"])
@pytest.mark.parametrize("name", ["maxViews", "currentViews"])
def test_a_count_that_no_file_keeps_is_refused(name: str, number: object) -> None:
    """Else a state or a saved plan were written that nothing reads again."""
    with pytest.raises(BadAnswer, match=f"{name} was not a number"):
        wire.vault({"vaultId": "v1", name: number})


@pytest.mark.parametrize("name", ["displayName", "filename", "shareCode", "status"])
def test_a_text_without_end_is_refused(name: str) -> None:
    """An answer may have a mebibyte, and ten thousand of them are kept."""
    with pytest.raises(BadAnswer, match=f"{name} was too long"):
        wire.vault({"vaultId": "v1", name: "x" * 10_000})


@pytest.mark.parametrize("people", [["x"] * 3000, ["x" * 200] * 1000])
def test_a_list_without_end_is_refused(people: list[str]) -> None:
    with pytest.raises(BadAnswer, match="allowedUserIds was too long"):
        wire.vault({"vaultId": "v1", "allowedUserIds": people})
