"""Uploads over real sockets: exact or broken, never cut; and nothing of ours goes to the foreign host."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator

import httpx
import pytest

from reconciler.c1.upload import Uploader
from reconciler.errors import ReconcilerError, RemoteError, SourceError
from reconciler.http.retry import Failure, FailureKind
from reconciler.http.session import Session
from reconciler.sensitive import Sensitive
from tests.support.raw_server import RawServer, Reply, answer, raw_server

pytestmark = pytest.mark.anyio

CANARY = "canary-signature-77"


async def chunks(*parts: bytes, error: BaseException | None = None) -> AsyncIterator[bytes]:
    for part in parts:
        yield part
    if error:
        raise error


async def put(
    server: RawServer, body: AsyncIterator[bytes], length: int, progress: list[int] | None = None
) -> Failure | None:
    uploader = Uploader(Session(), on_progress=(progress if progress is not None else []).append)
    try:
        url = Sensitive.of(f"{server.url}/bucket/x?X-Signature={CANARY}")
        return await uploader.put(url, length=length, body=body)
    finally:
        await uploader.aclose()


async def test_the_bytes_arrive_with_their_length_and_nothing_else() -> None:
    """A Content-Length (presigned uploads refuse chunks), no token, no cookie; progress to the end."""
    progress: list[int] = []
    async with raw_server(lambda _seen: answer()) as server:
        outcome = await put(server, chunks(b"age-encryption.org/v1\n", b"", b"abc", b"d"), 26, progress)
        (seen,) = server.requests
    assert outcome is None
    assert (seen.method, seen.body) == ("PUT", b"age-encryption.org/v1\nabcd")
    assert f"/bucket/x?X-Signature={CANARY}" == seen.path
    assert (
        seen.headers["content-length"],
        seen.headers["content-type"],
    ) == ("26", "application/octet-stream")
    assert not {"authorization", "cookie", "transfer-encoding"} & set(seen.headers)
    assert progress == [22, 25, 26]


class Indifferent(httpx.AsyncBaseTransport):
    """A transport that takes whatever body comes and answers 200, as some do."""

    def __init__(self) -> None:
        self.got = b""
        self.complete = False

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        assert isinstance(request.stream, httpx.AsyncByteStream)
        async for part in request.stream:
            self.got += part
        self.complete = True
        return httpx.Response(200)


@pytest.mark.parametrize("parts", [(b"abc", b"d"), (b"abc", b"def"), (b"abcdef",), (), (b"abc", b"de", b"f")])
async def test_a_body_of_the_wrong_length_never_completes(parts: tuple[bytes, ...]) -> None:
    """Five bytes were announced: shorter or longer fails before the last byte, whatever the transport."""
    transport = Indifferent()
    uploader = Uploader(Session(transport=transport))
    with pytest.raises(RemoteError, match="5 bytes were announced"):
        await uploader.put(Sensitive.of("https://bucket.example/x"), length=5, body=chunks(*parts))
    assert not transport.complete
    assert len(transport.got) < 5
    async with raw_server(lambda _seen: answer()) as server:
        with pytest.raises(RemoteError, match="5 bytes were announced"):
            await put(server, chunks(*parts), 5)
        await asyncio.sleep(0.05)
        assert all(not seen.complete for seen in server.requests)


@pytest.mark.parametrize(
    "error",
    [SourceError([]), OSError("EIO"), TimeoutError("slow disk"), ValueError("x"), httpx.ReadTimeout("odd")],
    ids=lambda error: type(error).__name__,
)
async def test_what_the_body_raises_breaks_the_upload_and_is_raised_as_itself(error: Exception) -> None:
    """A source that changed must never become a complete upload, nor a network failure in the telling."""
    async with raw_server(lambda _seen: answer()) as server:
        with pytest.raises(type(error)) as caught:
            await put(server, chunks(b"abc", b"de", error=error), 5)
        assert error is caught.value
        await asyncio.sleep(0.05)
        assert all(not seen.complete for seen in server.requests)


OUTCOMES: dict[str, tuple[Reply, FailureKind | None]] = {
    **{str(s): (answer(s), None) for s in (200, 201, 204)},
    **{
        str(s): (answer(s), FailureKind.ANSWERED)
        for s in (400, 401, 403, 404, 408, 410, 411, 413, 429, 500, 503)
    },
    "closed after reading": (b"", FailureKind.UNCLEAR),
    "garbage": (b"\x00\x01", FailureKind.UNCLEAR),
    "half an answer": (b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nx", FailureKind.UNCLEAR),
}


@pytest.mark.parametrize("name", OUTCOMES)
async def test_what_an_answer_means(name: str) -> None:
    """Done, or what is known, for `retry` to decide. One request each, never two."""
    reply, expected = OUTCOMES[name]
    async with raw_server(lambda _seen: reply) as server:
        failure = await put(server, chunks(b"abcde"), 5)
        assert expected == (failure.kind if failure else None)
        assert CANARY not in repr(failure)
        assert len(server.requests) == 1


@pytest.mark.parametrize("status", [301, 302, 307])
async def test_a_redirect_is_not_followed(status: int) -> None:
    """The other host never sees the ciphertext, nor the URL."""
    async with raw_server(lambda _seen: answer()) as other:
        reply = answer(status, headers=[("location", other.url)])
        async with raw_server(lambda _seen: reply) as server:
            failure = await put(server, chunks(b"abcde"), 5)
        assert failure is not None
        assert status == failure.status
        assert other.requests == []


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ([("retry-after", "7")], 7),
        (
            [("retry-after", "Mon, 02 Nov 2026 09:00:30 GMT"), ("date", "Mon, 02 Nov 2026 09:00:00 GMT")],
            30,
        ),
        ([("retry-after", "soon")], None),
        ([], None),
    ],
)
async def test_how_long_the_host_asks_to_wait(headers: list[tuple[str, str]], seconds: float | None) -> None:
    """Seconds, or a date by its own clock."""
    async with raw_server(lambda _seen: answer(429, headers=headers)) as server:
        failure = await put(server, chunks(b"abcde"), 5)
    assert failure is not None
    assert seconds == failure.retry_after


async def test_nobody_there_is_known_not_to_have_been_sent() -> None:
    """So that it may go again."""
    async with raw_server(lambda _seen: answer()) as server:
        pass
    failure = await put(server, chunks(b"abcde"), 5)
    assert failure is not None
    assert FailureKind.NOT_SENT == failure.kind


@pytest.mark.parametrize(
    "url",
    [
        f"http://bucket.example/x?sig={CANARY}",
        f"ftp://bucket.example/{CANARY}",
        f"https://user:{CANARY}@bucket.example/",
        f"/relative/{CANARY}",
        f"file:///{CANARY}",
    ],
)
async def test_an_upload_goes_over_https_only(url: str, caplog: pytest.LogCaptureFixture) -> None:
    """Refused before a byte is sent, and without showing the address."""
    caplog.set_level(logging.DEBUG)
    with pytest.raises(ReconcilerError) as caught:
        await Uploader(Session()).put(Sensitive.of(url), length=5, body=chunks(b"abcde"))
    assert CANARY not in f"{caught.value!r} {caught.value.detail} {caught.value.hint}{caplog.text}"


async def test_memory_stays_bounded_and_the_last_part_waits() -> None:
    """One part is held back: when the last is asked for, all but one have gone."""
    transport = Indifferent()
    sent_when_asked: list[int] = []

    async def body() -> AsyncIterator[bytes]:
        for _ in range(5):
            sent_when_asked.append(len(transport.got))
            yield b"x" * 10
        sent_when_asked.append(len(transport.got))

    outcome = await Uploader(Session(transport=transport)).put(
        Sensitive.of("https://bucket.example/x"), length=50, body=body()
    )
    assert outcome is None
    assert sent_when_asked == [0, 0, 10, 20, 30, 40]
