"""Both age suites from the command line, and tenants that return what nobody should encrypt to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest

from reconciler.age import bech32
from reconciler.sandbox import reader
from reconciler.sandbox import bech32 as writer
from reconciler.sandbox.serve import Embedded
from reconciler.sandbox.settings import Answer, Suites
from tests.signin.front import gateway
from tests.signin.machine import Machine

TEXT: Final = ENTRY = "  note:\n    source: {env: DB}\n    share_with: {users: [ana@example.com]}\n"
FILE: Final = (
    "  blob:\n    kind: file\n    source: {file: blob.bin}\n    share_with: {users: [ana@example.com]}\n"
)
BLOB: Final = bytes(range(256)) * 1024


@pytest.fixture
def office(machine: Machine, tenant: Embedded) -> Machine:
    machine.sign_in_as(tenant)
    (machine.path / "blob.bin").write_bytes(BLOB)
    return machine


def suites(tenant: Embedded) -> dict[str, str]:
    return {v.display_name.partition(" ")[0]: v.suite for v in reader.live(tenant.store).values()}
