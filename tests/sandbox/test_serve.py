"""Running it: embedded, as a process, on data of its own; time and settings of a running one."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from reconciler.errors import UsageError
from reconciler.sandbox import NOTICE, reader, serve
from reconciler.sandbox.serve import Embedded
from reconciler.sandbox.settings import Settings
from reconciler.sandbox.store import Store
from tests.sandbox.conftest import Tenant
from tests.support import syscalls


def introspect(url: str, token: str, **more: Any) -> httpx.Response:
    return httpx.get(f"{url}/api/v1/auth/introspect", headers={"authorization": f"Bearer {token}"}, **more)


def test_it_says_what_it_is_not_for() -> None:
    """In the notice that the command line prints."""
    assert "no place for real secrets" in NOTICE


def test_data_and_tokens_outlive_a_run(tmp_path: Path) -> None:
    """The next run serves the same vaults to the same tokens, on other ports."""
    with Embedded(tmp_path / "s") as one:
        token, user = one.token.reveal_text(), introspect(one.url, one.token.reveal_text()).json()["userId"]
    with Embedded(tmp_path / "s") as two:
        assert user == introspect(two.url, token).json()["userId"]
    assert NOTICE in (tmp_path / "s" / "README.txt").read_text()


def test_its_files_are_for_the_user_alone(tmp_path: Path) -> None:
    """The directory and what holds keys or tokens."""
    with Embedded(tmp_path / "s"):
        pass
    modes = {
        name: stat.S_IMODE((tmp_path / "s" / name).stat().st_mode)
        for name in (".", "sandbox.db", "identities.json")
    }
    assert {".": 0o700, "sandbox.db": 0o600, "identities.json": 0o600} == modes


def test_it_stops_quickly_with_connections_open(tmp_path: Path) -> None:
    """Idle and busy ones."""
    with httpx.Client() as client:
        with Embedded(tmp_path / "s", settings=Settings(latency=timedelta(seconds=30))) as tenant:
            url = tenant.url
            busy = threading.Thread(target=_until_cut, args=(url,))
            busy.start()
            tenant.store.change(latency=timedelta())
            client.get(f"{url}/api/v1/auth/introspect")
            began = time.monotonic()
        assert time.monotonic() - began < 0.5
        busy.join(5)
        assert not busy.is_alive()


def _until_cut(url: str) -> None:
    try:
        httpx.get(url, timeout=10)
    except httpx.HTTPError:
        return


def test_the_identity_chosen_is_the_one_handed_out(tmp_path: Path) -> None:
    """`identity` decides whose token the command line uses; an unknown one is named."""
    with Embedded(tmp_path / "s", settings=Settings(identity="second")) as tenant:
        assert tenant.tokens["second"].reveal() == tenant.token.reveal()
    with pytest.raises(UsageError, match="no identity 'nobody'"):
        Embedded(tmp_path / "s", settings=Settings(identity="nobody")).__enter__()


def test_every_answer_tells_the_sandboxs_time(start: Callable[..., Tenant]) -> None:
    """Both listeners, refusals too; no word about the server."""
    tenant = start(clock_offset=timedelta(days=13))
    for url in (tenant.embedded.url, tenant.embedded.upload_url):
        answer = httpx.get(url)
        told = parsedate_to_datetime(answer.headers["date"])
        assert abs(told - datetime.now(UTC) - timedelta(days=13)) < timedelta(seconds=5)
        assert "server" not in answer.headers
    made = tenant.create()["secret"]
    assert datetime.fromisoformat(made["createdAt"]) > datetime.now(UTC) + timedelta(days=12)


def test_answers_do_not_wait_for_acknowledgements() -> None:
    """Without TCP_NODELAY every answer takes 40 ms: asyncio sets it only for sockets made in one certain way."""
    with contextlib.closing(serve._listener(("127.0.0.1", 0))) as listener:
        assert listener.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_latency_delays_every_answer(start: Callable[..., Tenant]) -> None:
    """By at least that long."""
    tenant = start(latency=timedelta(milliseconds=80))
    began = time.monotonic()
    tenant.create()
    assert time.monotonic() - began >= 0.08


def test_a_running_sandbox_can_be_turned_over_http(tenant: Tenant) -> None:
    """Not a call of C1's: for tests and pipelines that move the clock of a sandbox in another process."""
    assert 401 == httpx.patch(f"{tenant.embedded.url}/sandbox/settings", json={}).status_code
    answer = tenant.owner.patch("/sandbox/settings", json={"clock_offset": "13d", "search_lag": "5s"})
    assert 200 == answer.status_code
    assert timedelta(days=13) == tenant.store.settings.clock_offset
    answer = tenant.owner.patch("/sandbox/settings", json={"nonsense": "1"})
    assert (400, "the sandbox has no setting 'nonsense'") == (answer.status_code, answer.json()["message"])
    assert "5000000us" == tenant.owner.get("/sandbox/settings").json()["search_lag"]


def test_requests_are_logged_when_asked_for(start: Callable[..., Tenant]) -> None:
    """One line each, by the path's form: which calls were made can be counted."""
    tenant = start(log_requests=True, log_sync=True)
    tenant.file(b"x")
    paths = [event["path"] for event in tenant.events("request")]
    assert ["/api/v1/secrets/internal", "/upload"] == paths


@syscalls.needs_strace
@pytest.mark.parametrize("sync", ["on", "off"])
def test_the_log_is_synced_when_asked_for(tmp_path: Path, sync: str) -> None:
    """Then a line is on the disk before its effect is answered, and outlives the machine."""
    code = (
        "import os; from pathlib import Path; from reconciler.sandbox.settings import from_environment;"
        "from reconciler.sandbox.store import Store; Store(Path('s'), from_environment(os.environ)).record('x')"
    )
    command = ["strace", "-f", "-y", "-qq", "-e", "trace=fsync", "-o", "log", sys.executable, "-c", code]
    environ = {**os.environ, "RECONCILER_SANDBOX_LOG_SYNC": sync}
    subprocess.run(command, cwd=tmp_path, env=environ, check=True, timeout=60)
    assert (sync == "on") == ("events.jsonl>" in (tmp_path / "log").read_text())


def test_two_sandboxes_share_a_directory(start: Callable[..., Tenant]) -> None:
    """Two embedded runs at once: what one makes the other serves; nothing is lost when both write."""
    one, two = start(), start()
    vault_id = one.text(b"value")
    assert vault_id == two.get(vault_id)["vaultId"]

    def work(who: Tenant) -> None:
        for _ in range(12):
            who.revoke(who.text())

    threads = [threading.Thread(target=work, args=(who,)) for who in (one, two)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 25 == len(one.mine(pageSize=100)["list"])
    assert [25, 25, 24] == [len(two.events(kind)) for kind in ("created", "content_set", "revoked")]


def test_reset_deletes_only_what_the_sandbox_made(tmp_path: Path) -> None:
    """A file of someone else stays; a directory that is none of ours is refused."""
    data = tmp_path / "s"
    with Embedded(data):
        pass
    (data / "mine.txt").write_text("keep")
    serve.reset(data)
    assert ["mine.txt"] == [path.name for path in data.iterdir()]
    with pytest.raises(UsageError, match="holds no sandbox data"):
        serve.reset(data)
    (data / "mine.txt").unlink()
    with Embedded(data):
        pass
    serve.reset(data)
    assert not data.exists()
    serve.reset(data)


def test_data_of_another_version_is_refused(tmp_path: Path) -> None:
    """With what to do about it."""
    store = Store(tmp_path, Settings())
    store.db.execute("PRAGMA user_version=99")
    store.close()
    with pytest.raises(UsageError) as caught:
        Store(tmp_path, Settings())
    assert "run: reconciler sandbox reset" == caught.value.hint


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "example.com"])
def test_it_listens_on_loopback_only(tmp_path: Path, host: str) -> None:
    """It is no server for others."""
    with pytest.raises(UsageError, match="loopback"):
        serve.run(tmp_path / "s", host_port=(host, 0), on_ready=lambda _: None)


@contextlib.contextmanager
def process(data: Path, *arguments: str) -> Iterator[tuple[subprocess.Popen[str], dict[str, Any]]]:
    command = [sys.executable, "-m", "reconciler.sandbox", "--data", str(data), *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        try:
            assert running.stdout is not None
            yield running, json.loads(running.stdout.readline())
        finally:
            running.kill()


def test_it_runs_as_a_process_and_ends_cleanly(tmp_path: Path) -> None:
    """One line says where it is; SIGTERM ends it with 0."""
    with process(tmp_path / "s", "--person", "zoe@corp.example", "--set", "clock_offset=1d") as (
        running,
        about,
    ):
        answer = introspect(about["url"], about["tokens"]["owner"])
        assert 200 == answer.status_code
        assert parsedate_to_datetime(answer.headers["date"]) > datetime.now(UTC) + timedelta(hours=23)
        running.send_signal(signal.SIGTERM)
        assert 0 == running.wait(10)
        assert running.stderr is not None
        assert "" == running.stderr.read()


def test_what_it_answered_survives_a_kill(tmp_path: Path) -> None:
    """The record and the data of a killed process are whole, and a judge can look at them."""
    with process(tmp_path / "s", "--set", "log_sync=on") as (running, about):
        headers = {"authorization": f"Bearer {about['tokens']['owner']}"}
        user = introspect(about["url"], about["tokens"]["ana"]).json()["userId"]
        body = {"secretType": "SECRET_TYPE_TEXT", "allowedUserIds": [user]}
        with httpx.Client(base_url=about["url"], headers=headers) as client:
            made = [client.post("/api/v1/secrets/internal", json=body).json()["vaultId"] for _ in range(5)]
            os.kill(running.pid, signal.SIGKILL)
            running.wait(10)
    judge = Store(tmp_path / "s", Settings())
    try:
        assert made == [event["vault"] for event in judge.log.read("created")] == list(reader.live(judge))
    finally:
        judge.close()


def test_a_wrong_command_line_is_a_sentence(tmp_path: Path) -> None:
    """No traceback; the exit code is that of wrong usage."""
    command = [
        sys.executable,
        "-m",
        "reconciler.sandbox",
        "--data",
        str(tmp_path / "s"),
        "--set",
        "latency=soon",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert 64 == done.returncode
    assert "latency cannot be 'soon'" in done.stderr
    assert "Traceback" not in done.stderr
