"""Large files: little memory, no copy, and what changes while it is uploaded is never shared."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Final, cast

import pytest

from reconciler.cli import session
from reconciler.cli.options import Options
from reconciler.errors import ReconcilerError
from reconciler.fingerprint import Key
from reconciler.model.manifest import Kind, Source
from reconciler.operations.apply import Applied, FrontEnd, apply
from reconciler.operations.execute import Stop
from reconciler.operations.options import ApplyOptions, PlanOptions
from reconciler.sandbox import reader
from reconciler.sandbox.settings import Settings
from reconciler.sandbox.store import Store
from reconciler.sources import Reading, SourceReader, Stream
from tests.cli import large
from tests.cli.desk import Desk, file_secret
from tests.support import processes

GIB: Final = 2**30
MIB: Final = 2**20


@pytest.mark.slow
def test_a_gibibyte_takes_little_memory_and_no_copy(desk: Desk) -> None:
    """The largest file there may be: under 150 MiB at the peak, no file of the client over 16 MiB, every byte there."""
    large.manifest_for(desk.path, GIB)
    data = desk.path.parent / "tenant"
    try:
        with processes.sandbox(data) as (running, _):
            applied = large.apply(desk.path, running)
        assert 0 == applied.code, applied.said
        assert applied.peak < 150 * MIB
        with contextlib.closing(Store(data, Settings())) as store:
            (vault_id,) = reader.live(store)
            with (desk.path / "large.bin").open("rb") as source:
                for piece in reader.peek(store, vault_id):
                    assert source.read(len(piece)) == piece
                assert b"" == source.read(1)
    finally:
        shutil.rmtree(data)  # pytest would keep it for the next runs
        (desk.path / "large.bin").unlink()


class _Meddling(SourceReader):
    """A reader whose source is meddled with in the middle of the upload."""

    def __init__(self, inner: SourceReader, meddle: Callable[[], None]) -> None:
        super().__init__(inner._access.confinement, inner._access.environ)
        self._meddle = meddle

    def open(
        self, source: Source, kind: Kind, *, key: Key | None = None, expected: str | None = None
    ) -> Reading:
        reading = super().open(source, kind, key=key, expected=expected)
        if expected is not None:
            reading._stream = cast("Stream", _Meddled(reading._stream, self._meddle))
        return reading


class _Meddled:
    """A stream that lets something happen when a megabyte of it was read."""

    def __init__(self, stream: Stream, meddle: Callable[[], None]) -> None:
        self._stream = stream
        self._meddle: Callable[[], None] | None = meddle
        self._count = 0

    def __getattr__(self, name: str) -> object:
        return getattr(self._stream, name)

    def read(self, size: int) -> bytes:
        piece = self._stream.read(size)
        self._count += len(piece)
        if self._meddle and self._count > MIB:
            self._meddle()
            self._meddle = None
        return piece


def _rewrite(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(-1, os.SEEK_END)
        file.write(b"!")


def _grow(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"!")


def _shrink(path: Path) -> None:
    os.truncate(path, path.stat().st_size - 1)


def _swap(path: Path) -> None:
    """Replace the file: what was opened is read to its end, and that is what was planned."""
    other = path.with_name("other.bin")
    other.write_bytes(b"other")
    other.replace(path)


async def _apply(desk: Desk, meddle: Callable[[], None]) -> Applied:
    asked = ApplyOptions(plan=PlanOptions(), parallelism=2)
    front = FrontEnd(confirm=lambda _: True, report=lambda _: None, stop=Stop())
    async with session.signed_in(Options(sandbox=True)) as at:
        stack = replace(at.stack, reader=_Meddling(at.stack.reader, meddle))
        return await apply(stack, at.client, at.uploader, asked, front)


@pytest.mark.parametrize("meddle", [_rewrite, _grow, _shrink], ids=["changes", "grows", "shrinks"])
def test_a_file_that_changes_during_the_upload_never_becomes_ready(
    desk: Desk, meddle: Callable[[Path], None]
) -> None:
    """The last piece is not sent, the vault is revoked before anybody is told of it, and a re-run goes on."""
    path = desk.write("a.bin", os.urandom(4 * MIB))
    desk.manifest(file_secret("a", "a.bin"))
    applied = asyncio.run(_apply(desk, lambda: meddle(path)))
    (failure,) = applied.failures
    assert isinstance(failure, ReconcilerError)
    assert "a.bin" in failure.detail
    assert {} == desk.live()
    with desk.tenant() as store:
        (vault,) = store.rows("SELECT ready, deleted FROM vaults")
        assert vault["ready"] is None
        assert vault["deleted"] is not None
        assert [] == store.log.read("violation")
    assert {} == desk.state["instances"]
    desk.apply()
    assert path.read_bytes() == desk.reads("a")
    assert {} == desk.plan()


def test_a_file_that_is_replaced_during_the_upload_is_sent_as_it_was_planned(desk: Desk) -> None:
    """An open file keeps its content; the next plan sees the new one."""
    content = os.urandom(4 * MIB)
    path = desk.write("a.bin", content)
    desk.manifest(file_secret("a", "a.bin"))
    assert () == asyncio.run(_apply(desk, lambda: _swap(path))).failures
    assert content == desk.reads("a")
    assert {"a": (["create", "delete"], "content_changed")} == desk.plan()
