"""A large file through the whole program: memory stays small, and the newer suite keeps up with the older.

`TEST_FILE_MIB=1024` runs it at the largest size there is. `python -m tests.age.bench` measures the suites alone.
"""

from __future__ import annotations

import hashlib
import os
import time
from pathlib import Path
from typing import Final

import pytest

from reconciler.sandbox import reader
from reconciler.sandbox.settings import Settings
from reconciler.sandbox.store import Store
from tests.signin.machine import ACCESS, SERVER, Machine
from tests.support import processes
from tests.support.commandline import file_secret
from tests.support.processes import MIB

SIZE: Final = int(os.environ.get("TEST_FILE_MIB", "256")) * MIB
PEAK: Final = 150 * MIB


def write_file(path: Path, size: int) -> str:
    """Write bytes of which no chunk is like another, and return their hash."""
    digest = hashlib.sha256()
    block = os.urandom(MIB)
    with path.open("wb") as file:
        for number in range(size // MIB):
            piece = number.to_bytes(8, "big") + block[8:]
            file.write(piece)
            digest.update(piece)
    return digest.hexdigest()


@pytest.mark.slow
@pytest.mark.parametrize(("suite", "size"), [("mlkem768x25519", SIZE), ("x25519", SIZE // 4)])
def test_a_large_file_needs_little_memory(machine: Machine, tmp_path: Path, suite: str, size: int) -> None:
    """Read, fingerprinted, encrypted and sent in pieces: under 150 MiB at the peak, and every byte arrives."""
    digest = write_file(machine.path / "blob.bin", size)
    machine.manifest(file_secret("blob", "blob.bin"))
    with processes.sandbox(tmp_path / "tenant") as (tenant, _):
        machine.set(**{SERVER: tenant["url"], ACCESS: tenant["tokens"]["owner"]})
        started = time.perf_counter()
        ran = processes.measured(
            "apply", "--auto-approve", "--age-suite", suite, cwd=machine.path, env=os.environ
        )
        seconds = time.perf_counter() - started
    assert 0 == ran.code, ran.text
    print(f"{suite}: {size // MIB} MiB in {seconds:.1f} s, peak {ran.peak / MIB:.0f} MiB")
    assert ran.peak < PEAK
    assert digest == _received(tmp_path / "tenant")


def _received(data: Path) -> str:
    store = Store(data, Settings())
    try:
        (vault_id,) = reader.live(store)
        digest = hashlib.sha256()
        for piece in reader.peek(store, vault_id):
            digest.update(piece)
        return digest.hexdigest()
    finally:
        store.close()
