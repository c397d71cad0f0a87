"""Reading a source: limits, encodings, ciphertext, and a file that changes under our hands."""

from __future__ import annotations

import base64
import hmac
import os
import traceback
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.errors import Mark, SourceError
from reconciler.fingerprint import Key
from reconciler.model.manifest import FILE_MAX, TEXT_MAX, Kind, Source
from reconciler.sources import Confinement, Content, SourceReader
from reconciler.sources.env import Encoding, EnvSource
from reconciler.sources.file import FileSource

_SECRET = bytes(range(32))
_KEY = Key.from_text(_SECRET.hex())
_MARK = Mark(file="m.yaml", line=7, column=5)
_CANARY = b"hunter2-canary"
_MIB = 2**20


def _mac(value: bytes) -> str:
    return hmac.digest(_SECRET, value, "sha256").hex()


def _file(path: str = "value", *, trim: bool = False) -> FileSource:
    return FileSource(path=path, trim_newline=trim, mark=_MARK)


def _env(*, trim: bool = False, encoding: Encoding = Encoding.UTF8) -> EnvSource:
    return EnvSource(name="VALUE", encoding=encoding, trim_newline=trim, mark=_MARK)


def _reader(base: Path, **environ: str) -> SourceReader:
    return SourceReader(Confinement(root=base, base=base), environ)


@pytest.fixture(params=["file", "env"])
def give(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[..., tuple[SourceReader, Source]]:
    """Give a value to a reader, as a file and as a variable."""

    def as_file(value: bytes, *, trim: bool = False) -> tuple[SourceReader, Source]:
        (tmp_path / "value").write_bytes(value)
        return _reader(tmp_path), _file(trim=trim)

    def as_variable(value: bytes, *, trim: bool = False) -> tuple[SourceReader, Source]:
        return _reader(tmp_path, VALUE=os.fsdecode(value)), _env(trim=trim)

    return as_file if request.param == "file" else as_variable


_Give = Callable[..., tuple[SourceReader, Source]]


def _refused(call: Callable[[], object]) -> str:
    """Return what the error says: with its line, and nothing of a value, its causes included."""
    descriptors = len(list(Path("/proc/self/fd").iterdir()))
    with pytest.raises(SourceError) as caught:
        call()
    assert descriptors == len(list(Path("/proc/self/fd").iterdir()))
    error: BaseException | None = caught.value
    assert [_MARK] == [problem.mark for problem in caught.value.problems]
    said = f"{caught.value.detail} {caught.value.hint}"
    while error is not None:
        said += "".join(traceback.format_exception_only(error))
        assert not isinstance(error, UnicodeError), "Python's Unicode errors carry their input"
        error = error.__cause__ or error.__context__
    assert _CANARY.decode() not in said
    return caught.value.detail


@pytest.mark.parametrize("value", [b"v", b"v\n", b"\n\n", "Größe\r\n".encode(), b" \t ", b"x" * 5000])
@pytest.mark.parametrize("kind", Kind)
def test_a_source_is_known_by_its_bytes(give: _Give, value: bytes, kind: Kind) -> None:
    """Exact bytes, nothing trimmed unasked; without the key its size only."""
    reader, source = give(value)
    newline = value.endswith(b"\n")
    assert Content(mac=_mac(value), size=len(value), ends_with_newline=newline) == reader.look(
        source, kind, _KEY
    )
    assert Content(mac=None, size=len(value), ends_with_newline=newline) == reader.look(source, kind, None)
    if kind is Kind.TEXT:
        assert value == reader.text(source, _KEY, _mac(value)).reveal()


@pytest.mark.parametrize(
    ("value", "trimmed"),
    [
        (b"v\n", b"v"),
        (b"v\r\n", b"v"),
        (b"v", b"v"),
        (b"v\n\n", b"v\n"),
        (b"v\r\n\r\n", b"v\r\n"),
        (b"v\r", b"v\r"),
        (b"v\n\r", b"v\n\r"),
        (b"\nv", b"\nv"),
        (b"v \n", b"v "),
        (b"\n\n", b"\n"),
        (b"\r\n\n", b"\r\n"),
    ],
)
def test_one_newline_is_trimmed(give: _Give, value: bytes, trimmed: bytes) -> None:
    """`trim: newline` takes one `\\n` or `\\r\\n` from the end, and nothing else."""
    reader, source = give(value, trim=True)
    content = reader.look(source, Kind.TEXT, _KEY)
    assert (_mac(trimmed), len(trimmed), trimmed.endswith(b"\n")) == (
        content.mac,
        content.size,
        content.ends_with_newline,
    )
    assert trimmed == reader.text(source, _KEY, _mac(trimmed)).reveal()


@pytest.mark.parametrize(("value", "trim"), [(b"", False), (b"", True), (b"\n", True), (b"\r\n", True)])
def test_an_empty_value_is_refused(give: _Give, value: bytes, trim: bool) -> None:
    """CI passes a secret that is not there as an empty one."""
    reader, source = give(value, trim=trim)
    for kind in Kind:
        assert "is empty" in _refused(partial(reader.look, source, kind, _KEY))


def test_an_unset_variable_is_refused(tmp_path: Path) -> None:
    """Named, with CI's habit as the hint."""
    said = _refused(lambda: _reader(tmp_path).look(_env(), Kind.TEXT, _KEY))
    assert "environment variable VALUE is not set" in said


def test_a_denied_variable_is_refused_set_or_not(tmp_path: Path) -> None:
    """Before anybody looks whether it is there."""
    source = EnvSource(name="GITHUB_TOKEN", encoding=Encoding.UTF8, trim_newline=False, mark=_MARK)
    for environ in ({}, {"GITHUB_TOKEN": _CANARY.decode()}):
        reader = _reader(tmp_path, **environ)
        assert "never read as a source" in _refused(partial(reader.look, source, Kind.TEXT, _KEY))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("aHVudGVyMg==", b"hunter2"),
        (" aHVu\ndGVy\r\n\tMg==\n", b"hunter2"),
        ("AP/+", b"\x00\xff\xfe"),
        (base64.encodebytes(bytes(range(256))).decode(), bytes(range(256))),
    ],
)
def test_base64_carries_any_bytes(tmp_path: Path, text: str, value: bytes) -> None:
    """In lines or not, as tools print it."""
    content = _reader(tmp_path, VALUE=text).look(_env(encoding=Encoding.BASE64), Kind.FILE, _KEY)
    assert (_mac(value), len(value)) == (content.mac, content.size)


@pytest.mark.parametrize(
    "text",
    [
        "hunter2-canary",
        "aHVudGVyMg",
        "aHVudGVyMg=",
        "aHVudGVyMg===",
        "AP_-",
        "aHVu=dGVyMg==",
        "aGk=aGk=",
        "é",
        "=",
        "====",
        "a",
    ],
)
def test_what_is_nearly_base64_is_refused(tmp_path: Path, text: str) -> None:
    """Half a key is no key; the other alphabet decodes to other bytes."""
    reader = _reader(tmp_path, VALUE=text)
    said = _refused(lambda: reader.look(_env(encoding=Encoding.BASE64), Kind.FILE, _KEY))
    assert "is not base64" in said


@pytest.mark.parametrize("text", ["", "  \n"])
def test_base64_of_nothing_is_empty(tmp_path: Path, text: str) -> None:
    """As any empty value."""
    reader = _reader(tmp_path, VALUE=text)
    assert "is empty" in _refused(lambda: reader.look(_env(encoding=Encoding.BASE64), Kind.TEXT, _KEY))


def test_a_text_may_be_60_kib_and_no_more(give: _Give) -> None:
    """Its ciphertext then stays under the API's limit in every suite."""
    reader, source = give(b"x" * TEXT_MAX)
    assert reader.look(source, Kind.TEXT, _KEY).size == 61_440
    reader, source = give(b"x" * (TEXT_MAX + 1))
    assert "larger than a text secret may be (61440 bytes)" in _refused(
        lambda: reader.look(source, Kind.TEXT, _KEY)
    )
    assert reader.look(source, Kind.FILE, _KEY).size == 61_441
    for newline in (b"\n", b"\r\n"):
        reader, source = give(b"x" * TEXT_MAX + newline, trim=True)
        assert reader.look(source, Kind.TEXT, _KEY).size == 61_440
    reader, source = give(b"x" * TEXT_MAX + b"\n\n", trim=True)
    assert "larger" in _refused(lambda: reader.look(source, Kind.TEXT, _KEY))


def test_a_file_may_be_a_gibibyte_and_no_more(tmp_path: Path) -> None:
    """Refused by its size, before a byte is read: the file is sparse."""
    reader = _reader(tmp_path)
    for size, trim, good in (
        (FILE_MAX, False, True),
        (FILE_MAX + 1, False, False),
        (2**40, False, False),
        (2**40, True, False),
    ):
        with (tmp_path / "value").open("wb") as file:
            file.truncate(size)
        if good:
            with reader.open(_file(trim=trim), Kind.FILE) as reading:
                assert size == reading.size
        else:
            said = _refused(partial(reader.open, _file(trim=trim), Kind.FILE))
            assert "larger than a file secret may be (1073741824 bytes)" in said
    assert "larger than a text" in _refused(lambda: reader.open(_file(), Kind.TEXT))


@pytest.mark.parametrize(
    "value", [_CANARY + b"\xff", b"\xed\xa0\x80" + _CANARY, _CANARY.decode().encode("utf-16")]
)
def test_a_text_is_utf8(give: _Give, value: bytes) -> None:
    """Other bytes are a file's; the error shows none of them."""
    if b"\0" in value:
        value = value.replace(b"\0", b"\x80")
    reader, source = give(value)
    assert "is not UTF-8 text" in _refused(lambda: reader.look(source, Kind.TEXT, _KEY))
    assert _mac(value) == reader.look(source, Kind.FILE, _KEY).mac


@pytest.mark.parametrize(
    ("value", "what"),
    [
        (b"age-encryption.org/v1\n-> X25519 abc\n" + _CANARY, "age-encrypted"),
        (b"-----BEGIN AGE ENCRYPTED FILE-----\n" + _CANARY, "age-encrypted"),
        (b"\n\r\n  -----BEGIN AGE ENCRYPTED FILE-----\n" + _CANARY, "age-encrypted"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 5\n", "Git LFS pointer"),
        (b"a: ENC[AES256_GCM,data:abc=,iv:x,tag:y,type:str]\nsops:\n    mac: x\n", "SOPS-encrypted"),
        (b'{"data":"ENC[AES256_GCM,data:abc","sops":{"mac":"x"}}', "SOPS-encrypted"),
        (b"A=ENC[AES256_GCM,data:abc,type:str]\nsops_mac=ENC[AES256_GCM,data:x]\n", "SOPS-encrypted"),
    ],
)
def test_ciphertext_is_not_a_plaintext(give: _Give, value: bytes, what: str) -> None:
    """Somebody forgot to decrypt, or to pull: for both kinds, at every opening."""
    reader, source = give(value)
    for kind in Kind:
        for call in (
            lambda kind=kind: reader.look(source, kind, _KEY),
            lambda kind=kind: reader.open(source, kind, key=_KEY, expected=_mac(value)),
        ):
            assert what in _refused(call)


@pytest.mark.parametrize(
    "value",
    [
        b"read about age-encryption.org/v1 first",
        b"sops is a tool",
        b"ENC[AES256_GCM,data:abc]",
        b"see version https://git-lfs.github.com/spec/v1",
        b"AGE-SECRET-KEY-1ABC",
    ],
)
def test_what_only_speaks_of_ciphertext_is_a_plaintext(give: _Give, value: bytes) -> None:
    """A note about a tool can be shared."""
    reader, source = give(value)
    assert _mac(value) == reader.look(source, Kind.TEXT, _KEY).mac


@pytest.mark.parametrize("path", ["../value", "absent", ".git/config", "directory", "value/x", "x\0y"])
def test_a_file_that_may_not_be_read_has_its_line(tmp_path: Path, path: str) -> None:
    """Confinement's reasons, as problems of the manifest."""
    (tmp_path / "value").write_bytes(_CANARY)
    (tmp_path / "directory").mkdir()
    _refused(lambda: _reader(tmp_path).look(_file(path), Kind.TEXT, _KEY))


# --- a source that is not what it was


_VALUE = bytes(range(256)) * (10 * 1024) + b"the end"
"""Two and a half MiB: several pieces."""


def _pieces(reader: SourceReader, source: Source, value: bytes, size: int) -> Iterator[bytes]:
    with reader.open(source, Kind.FILE, key=_KEY, expected=_mac(value)) as reading:
        assert len(value) == reading.size
        while piece := reading.read(size):
            yield piece


@pytest.mark.parametrize("size", [-1, 1, 7, 65_536, _MIB, 2**30])
def test_what_is_read_is_what_was_planned(tmp_path: Path, size: int) -> None:
    """In pieces of any size, byte for byte; after the end there is nothing."""
    value = _VALUE if size < 0 or size > 1000 else _VALUE[:3000]
    (tmp_path / "value").write_bytes(value)
    assert value == b"".join(_pieces(_reader(tmp_path), _file(), value, size))


def test_reading_past_the_end_is_empty(tmp_path: Path) -> None:
    """Again and again, as any file."""
    (tmp_path / "value").write_bytes(b"v")
    with _reader(tmp_path).open(_file(), Kind.FILE, key=_KEY, expected=_mac(b"v")) as reading:
        assert [reading.read(0), reading.read(5), reading.read(5), reading.read()] == [b"", b"v", b"", b""]


def _rewritten(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(-3, os.SEEK_END)
        file.write(b"END")


def _rewritten_before(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(2 * _MIB)
        file.write(b"!")


def _grown(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"!")


def _grown_by_a_newline(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"\n")


def _cut(path: Path) -> None:
    os.truncate(path, len(_VALUE) - 1)


def _cut_to_nothing(path: Path) -> None:
    os.truncate(path, 0)


def _cut_and_grown(path: Path) -> None:
    os.truncate(path, len(_VALUE) - 5)
    os.truncate(path, len(_VALUE))


_CHANGES = [_rewritten, _rewritten_before, _grown, _grown_by_a_newline, _cut, _cut_to_nothing, _cut_and_grown]


@pytest.mark.parametrize("change", _CHANGES)
@pytest.mark.parametrize("size", [65_536, _MIB, 3 * _MIB, -1])
def test_a_file_that_changes_while_it_is_read_is_never_whole(
    tmp_path: Path, change: Callable[[Path], None], size: int
) -> None:
    """The last read raises before its piece is handed over: what was sent cannot be complete."""
    path = tmp_path / "value"
    path.write_bytes(_VALUE)
    handed = 0

    def read() -> None:
        nonlocal handed
        with _reader(tmp_path).open(_file(), Kind.FILE, key=_KEY, expected=_mac(_VALUE)) as reading:
            changed = False
            while True:
                if changed or size < 0 or size > 2 * _MIB:
                    change(path) if not changed else None
                    changed = True
                piece = reading.read(size)
                if not piece:
                    return
                handed += len(piece)
                if not changed:
                    change(path)
                    changed = True

    _refused(read)
    assert handed < len(_VALUE)


@pytest.mark.parametrize("change", [*_CHANGES, Path.unlink])
def test_a_file_that_changed_before_it_is_read_again_is_refused(
    tmp_path: Path, change: Callable[[Path], None]
) -> None:
    """Between the look and the upload: no later than by the last read."""
    path = tmp_path / "value"
    path.write_bytes(_VALUE)
    reader = _reader(tmp_path)
    planned = reader.look(_file(), Kind.FILE, _KEY)
    change(path)
    handed = 0

    def read() -> None:
        nonlocal handed
        with reader.open(_file(), Kind.FILE, key=_KEY, expected=planned.mac) as reading:
            size = reading.size
            while piece := reading.read(_MIB):
                handed += len(piece)
                assert handed < size

    _refused(read)


@pytest.mark.parametrize("kind", ["link", "directory", "fifo"])
def test_a_file_that_was_swapped_is_refused(tmp_path: Path, kind: str) -> None:
    """Also for a link to the very same bytes."""
    path = tmp_path / "value"
    path.write_bytes(_CANARY)
    reader = _reader(tmp_path)
    planned = reader.look(_file(), Kind.TEXT, _KEY)
    path.rename(tmp_path / "real")
    match kind:
        case "link":
            path.symlink_to("real")
        case "directory":
            path.mkdir()
        case "fifo":
            os.mkfifo(path)
    _refused(lambda: reader.text(_file(), _KEY, planned.mac or ""))


def test_a_text_that_changed_is_refused(give: _Give) -> None:
    """`text` gives the planned value or none."""
    reader, source = give(b"other")
    said = _refused(lambda: reader.text(source, _KEY, _mac(_CANARY)))
    assert "no longer has the value that was planned" in said


@pytest.mark.parametrize(
    ("before", "after", "good"),
    [
        (b"v\n", b"v", True),
        (b"v", b"v\n", True),
        (b"v\n", b"v\r\n", True),
        (b"v\n", b"v\n\n", False),
        (b"v\n", b"v\nw", False),
        (b"v\r\n", b"v\r\nw", False),
        (b"v\n", b"w\n", False),
    ],
)
def test_a_trimmed_newline_may_come_and_go(tmp_path: Path, before: bytes, after: bytes, good: bool) -> None:
    """It is no part of the value; whatever stands behind it is."""
    path = tmp_path / "value"
    path.write_bytes(before)
    source = _file(trim=True)
    with _reader(tmp_path).open(source, Kind.TEXT, key=_KEY, expected=_mac(b"v")) as reading:
        path.write_bytes(after)
        if good:
            assert reading.read() == b"v"
            return
        with pytest.raises(SourceError):
            reading.read()


@given(st.binary(min_size=1, max_size=300), st.binary(max_size=300), st.integers(1, 64), st.integers(0, 300))
def test_no_other_value_is_ever_handed_over_whole(
    tmp_path_factory: pytest.TempPathFactory, planned: bytes, other: bytes, size: int, at: int
) -> None:
    """Whatever the file becomes at whatever point: all of the planned value, or an error before its end."""
    base = tmp_path_factory.mktemp("s")
    path = base / "value"
    path.write_bytes(planned)
    handed = b""
    at %= len(planned) + 1
    try:
        with _reader(base).open(_file(), Kind.FILE, key=_KEY, expected=_mac(planned)) as reading:
            while True:
                if len(handed) >= at:
                    path.write_bytes(other)
                piece = reading.read(size)
                if not piece:
                    break
                handed += piece
    except SourceError:
        assert len(handed) < len(planned)
    else:
        assert planned == handed
