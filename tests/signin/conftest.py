"""A tenant on loopback, and a person's machine beside it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.sandbox.serve import Embedded
from tests.signin.machine import Machine

_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")


@pytest.fixture
def tenant(tmp_path: Path) -> Iterator[Embedded]:
    """A tenant that a test turns with `tenant.store.change`."""
    with Embedded(tmp_path / "tenant") as running:
        yield running


@pytest.fixture
def machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> Machine:
    """A home and a working directory of its own, no proxy, no certificate file, nobody signed in."""
    home, work = tmp_path / "home", tmp_path / "work"
    home.mkdir()
    work.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.chdir(work)
    for name in (
        *_PROXIES,
        *map(str.lower, _PROXIES),
        "SSL_CERT_FILE",
        "SSL_CERT_DIR",
        "CONE_PROFILE",
        "CONE_CLIENT_ID",
        "CONE_CLIENT_SECRET",
        "CONE_CONFIG_PATH",
    ):
        monkeypatch.delenv(name, raising=False)
    return Machine(home=home, path=work, captured=capfdbinary, environment=monkeypatch)
