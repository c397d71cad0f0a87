"""Texts and files encrypted to a recipient: what arrives, how long it is, and how it fails."""

import asyncio
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pyrage
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.age import FileEncryption, RecipientError, encrypt_file, encrypt_text
from reconciler.age.recipient import AgeRecipient
from reconciler.age.stream import BoundedReader, Pipe, Sink
from reconciler.errors import Problem, ReconcilerError, SourceError
from reconciler.model.manifest import TEXT_MAX, AgeSuite
from reconciler.sensitive import Sensitive
from tests.age import reference
from tests.age.reference import X25519Identity, bech32_encode
from tests.age.streams import (
    IDENTITIES,
    SUITES,
    Reader,
    Zeros,
    encrypted,
    no_threads,
    pieces_of,
    recipient_of,
)

CHUNK = 65_536
BORDERS = (0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 15 * CHUNK, 16 * CHUNK, 16 * CHUNK + 1, 33 * CHUNK)
both_suites = pytest.mark.parametrize("suite", SUITES)


def sample(size: int) -> bytes:
    return (bytes(range(251)) * (size // 251 + 1))[:size]


def planned(text: str = "it is not what was planned: hunter2") -> SourceError:
    return SourceError([Problem(mark=None, what=text)])


@both_suites
@pytest.mark.parametrize("size", [0, 1, 61_439, TEXT_MAX])
def test_text(suite: str, size: int) -> None:
    """A text of every allowed size comes out as a binary age file of at most 64 KiB, and back."""
    sealed = encrypt_text(recipient_of(suite), Sensitive(sample(size)))
    assert sealed.startswith(b"age-encryption.org/v1\n")
    assert len(sealed) <= 65_536
    assert sample(size) == reference.decrypt(sealed, IDENTITIES[suite])


@both_suites
def test_text_too_long(suite: str) -> None:
    """A ciphertext over 64 KiB is refused before anybody sends it."""
    with pytest.raises(SourceError, match="over 64 KiB"):
        encrypt_text(recipient_of(suite), Sensitive(bytes(65_536)))


@both_suites
@pytest.mark.parametrize("size", BORDERS)
def test_file(suite: str, size: int) -> None:
    """A file comes back byte for byte, whatever its size; its length is known before its first byte."""
    assert sample(size) == reference.decrypt(encrypted(suite, Reader(sample(size)), size), IDENTITIES[suite])


@settings(max_examples=60, deadline=None)
@given(
    suite=st.sampled_from(SUITES),
    repeated=st.binary(min_size=1, max_size=300),
    size=st.integers(0, 200_000),
    most=st.integers(1_000, 2**21),
)
def test_writers_and_readers_agree(suite: str, repeated: bytes, size: int, most: int) -> None:
    """Text writer, file writer, the reference reader and, for its suite, pyrage mean the same by every plaintext."""
    plaintext = (repeated * (size // len(repeated) + 1))[:size]
    whole = encrypted(suite, Reader(plaintext, most=most), size)
    short = encrypt_text(recipient_of(suite), Sensitive(plaintext[:TEXT_MAX]))
    assert plaintext == reference.decrypt(whole, IDENTITIES[suite])
    assert plaintext[:TEXT_MAX] == reference.decrypt(short, IDENTITIES[suite])
    if suite == "x25519":
        identity = pyrage.x25519.Identity.from_str(str(IDENTITIES[suite]))
        assert plaintext == pyrage.decrypt(whole, [identity])
        assert plaintext[:TEXT_MAX] == pyrage.decrypt(short, [identity])


@both_suites
def test_nothing_is_reused(suite: str) -> None:
    """Two encryptions of one plaintext share nothing after the words of the format."""
    one, two = (encrypt_text(recipient_of(suite), Sensitive(bytes(1000))) for _ in range(2))
    assert one[-1000:] != two[-1000:]
    assert one.splitlines()[1][:80] != two.splitlines()[1][:80]


@both_suites
def test_another_identity_reads_nothing(suite: str) -> None:
    """Only the recipient's identity opens it."""
    sealed = encrypt_text(recipient_of(suite), Sensitive(b"x"))
    with pytest.raises(reference.NoMatchError):
        reference.decrypt(sealed, type(IDENTITIES[suite])())


@both_suites
@pytest.mark.parametrize("size", BORDERS)
def test_a_reader_that_fails_at_its_end(suite: str, size: int) -> None:
    """The error comes out as itself, and the last chunk has not been given out: what was sent does not open."""
    failure, pieces = planned(), list[bytes]()
    reader = Reader(sample(size), failure=failure)
    with pytest.raises(SourceError) as caught:
        asyncio.run(pieces_of(recipient_of(suite), reader, size, pieces))
    assert caught.value is failure
    assert caught.value.__context__ is None
    with pytest.raises((reference.PayloadError, reference.HeaderError)) as torn:
        reference.decrypt(b"".join(pieces), IDENTITIES[suite])
    if isinstance(torn.value, reference.PayloadError):
        assert len(torn.value.released) < max(size, 1)


@both_suites
@pytest.mark.parametrize("failure", [ValueError("hunter2"), InterruptedError("hunter2"), MemoryError()])
@pytest.mark.parametrize("at", [0, CHUNK, 3 * CHUNK])
def test_a_reader_that_fails_on_the_way(suite: str, failure: Exception, at: int) -> None:
    """Whatever is raised, once and for all, is what is awaited: no encryptor retries or rewords it."""
    reader = Reader(sample(4 * CHUNK), most=CHUNK, failure=failure, at=at)
    with pytest.raises(type(failure)) as caught:
        asyncio.run(pieces_of(recipient_of(suite), reader, 4 * CHUNK, []))
    assert caught.value is failure


@both_suites
@pytest.mark.parametrize("size", [1, CHUNK - 1, CHUNK, 2 * CHUNK, 17 * CHUNK])
@pytest.mark.parametrize("off", [-CHUNK, -1, 1, CHUNK])
def test_a_reader_of_another_length(suite: str, size: int, off: int) -> None:
    """More or fewer bytes than announced: an error before the last byte of the announced length."""
    pieces: list[bytes] = []
    with pytest.raises(SourceError, match="size of the source changed"):
        asyncio.run(pieces_of(recipient_of(suite), Reader(sample(max(0, size + off))), size, pieces))
    announced = reference.parse_header(pieces[0]).size + 16 + size + 16 * -(-size // CHUNK)
    assert len(b"".join(pieces)) < announced


@both_suites
def test_a_consumer_that_stops(suite: str) -> None:
    """Leaving early ends the thread at once; most of the source stays unread."""

    async def first_only() -> int:
        reader = Zeros(2**30)
        async with encrypt_file(recipient_of(suite), reader, 2**30) as out:
            async for _ in out:
                break
        left = reader.left
        await no_threads()
        assert left == reader.left
        return left

    assert asyncio.run(first_only()) > 2**30 - 16 * 2**20


@both_suites
def test_a_consumer_that_never_starts(suite: str) -> None:
    """Entering and leaving is enough; the length is right without a piece being asked for."""

    async def enter() -> int:
        async with encrypt_file(recipient_of(suite), Zeros(2**30), 2**30) as out:
            length = out.length
        await no_threads()
        return length

    assert 2**30 + 16 + 16 * 2**14 < asyncio.run(enter()) < 2**30 + 16 * 2**14 + 2_000


@both_suites
def test_a_consumer_that_is_cancelled(suite: str) -> None:
    """A cancelled task leaves no thread and no warning, and stays cancelled."""

    async def cancelled() -> None:
        async def upload() -> None:
            async with encrypt_file(recipient_of(suite), Zeros(2**40), 2**40) as out:
                async for _ in out:
                    started.set()

        started = asyncio.Event()
        task = asyncio.create_task(upload())
        await started.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await no_threads()

    asyncio.run(cancelled())


def test_cancelled_twice_still_waits_for_the_thread() -> None:
    """While the reader is slow to return, a second cancellation neither abandons its thread nor is lost."""
    go_on = threading.Event()

    class Slow(Zeros):
        def read(self, size: int, /) -> bytes:
            if self.left < 2**30:
                go_on.wait()
            return super().read(size)

    async def cancelled() -> None:
        async def upload() -> None:
            async with encrypt_file(recipient_of("x25519"), Slow(2**30), 2**30):
                started.set()
                await asyncio.Event().wait()

        started = asyncio.Event()
        task = asyncio.create_task(upload())
        await started.wait()
        for _ in range(3):
            task.cancel()
            await asyncio.sleep(0)
            await asyncio.sleep(0)
        still_there = not task.done()
        go_on.set()
        await asyncio.wait({task})
        assert (still_there, task.cancelled()) == (True, True)
        await no_threads()

    asyncio.run(cancelled())


@both_suites
def test_a_slow_consumer(suite: str) -> None:
    """The reader is never read far ahead of what was taken: that is what bounds memory."""

    async def look() -> int:
        reader, before = Zeros(2**30), 0
        async with encrypt_file(recipient_of(suite), reader, 2**30) as out:
            await anext(out)
            while reader.left != before:
                before = reader.left
                await asyncio.sleep(0.05)
        return 2**30 - before

    assert asyncio.run(look()) < 8 * 2**20


@pytest.mark.parametrize("off", [-1, 1])
def test_an_encryptor_of_another_length(off: int) -> None:
    """Should an encryptor ever write more or less than its format says, the announced last byte is kept back."""

    pieces: list[bytes] = []

    def encryptor(_: BoundedReader, sink: Sink) -> None:
        for _part in range(3):
            sink.write(bytes(100))

    async def odd() -> None:
        pipe = Pipe(encryptor, Reader(b""), 0)
        try:
            async for piece in FileEncryption(pipe, b"", length=300 + off):
                pieces.append(piece)
        finally:
            await pipe.stop()

    with pytest.raises(ReconcilerError, match="length that was announced"):
        asyncio.run(odd())
    assert len(b"".join(pieces)) < 300 + off


@both_suites
def test_an_error_of_the_consumer(suite: str) -> None:
    """What the consumer raises in between comes out as it is."""

    async def failing() -> None:
        async with encrypt_file(recipient_of(suite), Zeros(2**30), 2**30) as out:
            async for _ in out:
                raise ConnectionResetError("gone")

    with pytest.raises(ConnectionResetError, match="gone"):
        asyncio.run(failing())


@both_suites
def test_the_end_stays_the_end(suite: str) -> None:
    """Going through it again yields nothing, and after a failure raises that failure again: never a short body."""

    async def twice(reader: Reader) -> list[object]:
        seen: list[object] = []
        async with encrypt_file(recipient_of(suite), reader, 10) as out:
            for _ in range(2):
                try:
                    seen.append(len([piece async for piece in out]))
                except SourceError as error:
                    seen.append(error)
        return seen

    first, again = asyncio.run(twice(Reader(bytes(10))))
    assert first != 0
    assert again == 0
    failure = planned()
    assert [failure, failure] == asyncio.run(twice(Reader(bytes(10), failure=failure)))


def test_pieces_are_small_and_the_header_is_first() -> None:
    """No piece is over 1 MiB; the first is the header with its nonce, so that an upload can begin."""
    for suite in SUITES:
        pieces: list[bytes] = []
        asyncio.run(pieces_of(recipient_of(suite), Zeros(5 * 2**20), 5 * 2**20, pieces))
        assert max(map(len, pieces)) <= 2**20
        assert len(pieces[0]) == reference.parse_header(pieces[0]).size + 16


def test_many_at_once_do_not_wait_for_each_other() -> None:
    """More streams than the loop's pool has threads: the pool stays free for others, such as name look-ups."""

    async def crowd() -> None:
        loop = asyncio.get_running_loop()
        with ThreadPoolExecutor(1) as pool:
            loop.set_default_executor(pool)
            ready, all_ready = 0, asyncio.Event()

            async def upload() -> int:
                nonlocal ready
                async with encrypt_file(recipient_of("x25519"), Zeros(2**23), 2**23) as out:
                    ready += 1
                    if ready == 12:
                        all_ready.set()
                    await all_ready.wait()
                    await loop.run_in_executor(None, int)
                    return sum([len(piece) async for piece in out]) - out.length

            assert await asyncio.gather(*(upload() for _ in range(12))) == [0] * 12

    asyncio.run(crowd())


def test_a_panic_in_the_thread_is_an_error() -> None:
    """A key that makes pyrage panic is a RecipientError here too, and leaves no thread."""
    weak = AgeRecipient(suite=AgeSuite.X25519, text=bech32_encode("age", bytes(32)))

    async def encrypt() -> None:
        with pytest.raises(RecipientError, match="cannot be encrypted to"):
            await pieces_of(weak, Reader(b"x"), 1, [])
        await no_threads()

    asyncio.run(encrypt())


_GIBIBYTE = """
import asyncio, pathlib, resource, sys
from tests.age.streams import Zeros, recipient_of
from reconciler.age import encrypt_file

async def main():
    total = 0
    async with encrypt_file(recipient_of(sys.argv[1]), Zeros(2**30), 2**30) as out:
        async for piece in out:
            total += len(piece)
    assert total == out.length
asyncio.run(main())
status = pathlib.Path("/proc/self/status")  # Linux counts a parent's peak into ru_maxrss
if status.exists():
    print(next(int(line.split()[1]) for line in status.open() if line.startswith("VmHWM:")) * 1024)
else:
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024))
"""


@pytest.mark.slow
@both_suites
def test_a_gibibyte_in_bounded_memory(suite: str, pytestconfig: pytest.Config) -> None:
    """1 GiB passes through a process whose peak stays below 100 MiB."""
    ran = subprocess.run(
        [sys.executable, "-c", _GIBIBYTE, suite],
        cwd=pytestconfig.rootpath,
        capture_output=True,
        check=True,
        text=True,
    )
    assert int(ran.stdout) < 100 * 2**20


def test_a_generated_identity_is_pyrages_own() -> None:
    """The reference's keys are the ones that pyrage derives: the tests do not only agree with themselves."""
    identity = X25519Identity()
    assert identity.recipient == str(pyrage.x25519.Identity.from_str(str(identity)).to_public())
