"""A large file through the whole program: memory stays small, and the newer suite keeps up with the older.

`TEST_FILE_MIB=1024` runs it at the largest size there is. `python -m tests.age.bench` measures the suites alone.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest

from reconciler.sandbox import reader
from reconciler.sandbox.settings import Settings
from reconciler.sandbox.store import Store

MIB: Final = 2**20
SIZE: Final = int(os.environ.get("TEST_FILE_MIB", "256")) * MIB
PEAK: Final = 150 * MIB

# Linux counts what the parent held when it forked: a small process in between keeps the count the program's own.
_MEASURED: Final = """
import json, resource, subprocess, sys
code = subprocess.call([sys.executable, "-m", "reconciler", *sys.argv[1:]], stdout=sys.stderr)
print(json.dumps({"code": code, "peak": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024}))
"""


@contextmanager
def tenant(data: Path) -> Iterator[dict[str, Any]]:
    """Run a tenant as a process of its own, so that its memory is not counted."""
    command = [sys.executable, "-m", "reconciler.sandbox", "--data", str(data)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield json.loads(process.stdout.readline())
        finally:
            process.terminate()


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
def test_a_large_file_needs_little_memory(tmp_path: Path, suite: str, size: int) -> None:
    """Read, fingerprinted, encrypted and sent in pieces: under 150 MiB at the peak, and every byte arrives."""
    digest = write_file(tmp_path / "blob.bin", size)
    (tmp_path / "reconciler.yaml").write_text(
        "version: 1\nname: large\nsecrets:\n  blob:\n    kind: file\n    source: {file: blob.bin}\n"
        "    share_with: {users: [ana@example.com]}\n"
    )
    with tenant(tmp_path / "tenant") as running:
        env = {
            **os.environ,
            "HOME": str(tmp_path),
            "CONDUCTORONE_SERVER_URL": running["url"],
            "CONDUCTORONE_ACCESS_TOKEN": running["tokens"]["owner"],
        }
        started = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-c", _MEASURED, "apply", "--auto-approve", "--age-suite", suite],
            cwd=tmp_path,
            env=env,
            capture_output=True,
            text=True,
            check=True,
        )
        seconds = time.perf_counter() - started
    measured = json.loads(done.stdout)
    assert 0 == measured["code"], done.stderr
    print(f"{suite}: {size // MIB} MiB in {seconds:.1f} s, peak {measured['peak'] / MIB:.0f} MiB")
    assert measured["peak"] < PEAK
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
