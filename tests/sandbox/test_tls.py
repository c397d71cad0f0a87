"""Served over TLS: the shipped program against it over a real socket, and what its authority is good for."""

from __future__ import annotations

import os
import shlex
import signal
import ssl
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from reconciler.sandbox import serve
from reconciler.sandbox.serve import Embedded
from reconciler.sandbox.settings import Settings

MANIFEST = """version: 1
name: desk
secrets:
  db:
    source: {env: DB}
    share_with: {users: [ana@example.com]}
  kit:
    kind: file
    source: {file: kit.bin}
    share_with: {users: [ana@example.com]}
"""


def program(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "reconciler", *arguments]


def environment(**more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name in ("PATH", "LANG", "PYTHONPATH")}
    return kept | {"HOME": "/nonexistent", "DB": "hunter2"} | more


@contextmanager
def served(where: Path, *options: str) -> Iterator[dict[str, str]]:
    """Run `sandbox serve --tls`; yield what it says to export."""
    command = program("sandbox", "serve", "--tls", "--data", "te nant", *options)
    with subprocess.Popen(
        command, cwd=where, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as running:
        exported: dict[str, str] = {}
        try:
            assert running.stdout is not None
            while "CONDUCTORONE_ACCESS_TOKEN" not in exported:
                line = running.stdout.readline()
                assert line, "it ended early"
                if line.startswith("export "):
                    exported |= dict(word.split("=", 1) for word in shlex.split(line)[1:])
            yield exported
        finally:
            running.send_signal(signal.SIGTERM)
            running.communicate(timeout=20)
    assert 0 == running.returncode


def ran(where: Path, variables: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    command = program(*arguments)
    return subprocess.run(
        command,
        cwd=where,
        env=environment(**variables),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    (tmp_path / "reconciler.yaml").write_text(MANIFEST)
    (tmp_path / "kit.bin").write_bytes(bytes(range(256)) * 300)
    return tmp_path


@pytest.mark.parametrize("how", ["variable", "option"])
def test_the_shipped_program_works_against_it(desk: Path, how: str) -> None:
    """By what it printed: a text and a file are shared over TLS, on both listeners; without, nothing is."""
    with served(desk) as exported:
        authority = exported.pop("SSL_CERT_FILE")
        assert exported["CONDUCTORONE_SERVER_URL"].startswith("https://127.0.0.1:")
        refused = ran(desk, exported, "apply", "--auto-approve")
        assert (1, True) == (refused.returncode, "certificate" in refused.stderr), refused.stderr
        options = ["--ca-file", authority] if how == "option" else []
        trusted = exported | ({"SSL_CERT_FILE": authority} if how == "variable" else {})
        applied = ran(desk, trusted, *options, "apply", "--auto-approve")
        assert 0 == applied.returncode, applied.stderr
        again = ran(desk, trusted, *options, "plan", "--detailed-exitcode")
        assert 0 == again.returncode, again.stdout
    assert (desk / "te nant" / "contents").is_dir()
    assert 1 == len(list((desk / "te nant" / "contents").iterdir()))


def test_no_private_key_is_left(tmp_path: Path) -> None:
    """On the disk is the authority's certificate, once; nothing that others may read, and no key at all."""
    with Embedded(tmp_path / "s", secure=True) as tenant:
        assert tenant.endpoints.authority == tmp_path / "s" / "authority.pem"
        files = [path for path in (tmp_path / "s").rglob("*") if path.is_file()]
        for path in files:
            assert b"PRIVATE KEY" not in path.read_bytes(), path
            assert not path.name.startswith(".tls-")
        assert 1 == len(x509.load_pem_x509_certificates(tenant.endpoints.authority.read_bytes()))
        assert 0o700 == stat.S_IMODE((tmp_path / "s").stat().st_mode)


def test_a_key_that_passes_through_a_file_is_encrypted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever reads it there meanwhile, or in what a killed process left, has nothing."""
    seen: list[tuple[int, bytes]] = []
    load = ssl.SSLContext.load_cert_chain

    def looked(self: ssl.SSLContext, certfile: str, *rest: object, **more: object) -> None:
        seen.append((stat.S_IMODE(Path(certfile).stat().st_mode), Path(certfile).read_bytes()))
        load(self, certfile, *rest, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(ssl.SSLContext, "load_cert_chain", looked)
    with Embedded(tmp_path / "s", secure=True):
        pass
    ((mode, content),) = seen
    assert 0o600 == mode
    with pytest.raises(TypeError, match="encrypted"):
        load_pem_private_key(content[content.index(b"-----BEGIN ENCRYPTED") :], password=None)


def test_its_authority_is_for_this_machine_and_this_start(tmp_path: Path) -> None:
    """Another start has another one; its certificate may vouch for loopback names only, whatever the clock says."""
    kept = tmp_path / "first.pem"
    with Embedded(
        tmp_path / "s", secure=True, settings=Settings(clock_offset=timedelta(days=4000))
    ) as tenant:
        assert tenant.endpoints.authority is not None
        kept.write_bytes(tenant.endpoints.authority.read_bytes())
        trusting = ssl.create_default_context(cafile=kept)
        port = tenant.url.rpartition(":")[2]
        for host in ("127.0.0.1", "localhost"):
            with httpx.Client(verify=trusting) as client:
                assert 401 == client.get(f"https://{host}:{port}/api/v1/auth/introspect").status_code
        (certificate,) = x509.load_pem_x509_certificates(kept.read_bytes())
        limits = certificate.extensions.get_extension_for_class(x509.NameConstraints)
        assert limits.critical
        permitted = {str(name.value) for name in limits.value.permitted_subtrees or ()}
        assert {"127.0.0.1/32", "::1/128", "localhost"} == permitted
    with (
        Embedded(tmp_path / "s", secure=True) as tenant,
        httpx.Client(verify=trusting) as client,
        pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"),
    ):
        client.get(tenant.url)
    serve.reset(tmp_path / "s")
    assert not (tmp_path / "s").exists()


def test_plain_http_is_not_answered(tmp_path: Path) -> None:
    """A token sent in the clear by mistake reaches no handler."""
    with Embedded(tmp_path / "s", secure=True, settings=Settings(log_requests=True)) as tenant:
        for url in (tenant.url, tenant.upload_url):
            with pytest.raises(httpx.HTTPError):
                httpx.get(url.replace("https", "http"))
        assert [] == tenant.store.log.read("request")
