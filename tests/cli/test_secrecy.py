"""What is written and printed: nothing by plan, no plaintext by anyone, and the formats as documented."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import re
from typing import Any

import pytest

from tests.cli.desk import Desk, Ran, all_bytes, file_secret, snapshot, text_secret

CANARY = "canary-5up3r-s3cr3t"
SPELLINGS = (
    CANARY.encode(),
    base64.b64encode(CANARY.encode()).rstrip(b"="),
    CANARY.encode().hex().encode(),
)


@pytest.fixture
def three(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """A text from a variable, a text from a file and a FILE secret, each with the canary in it."""
    monkeypatch.setenv("VALUE", CANARY)
    desk.write("a.json", json.dumps({"token": CANARY}))
    desk.write("a.bin", b"\0" + CANARY.encode())
    desk.manifest(
        text_secret("variable", "VALUE", "max_views: 3")
        + "  file:\n    source: {file: a.json}\n    format: json\n    share_with: {users: [bo@example.com]}\n"
        + file_secret("binary", "a.bin", "expires_in: 2d", 'rotate: "1"')
    )
    return desk


def _silent(ran: Ran) -> Ran:
    assert not any(spelling in ran.raw + ran.err.encode() for spelling in SPELLINGS)
    return ran


def test_plan_writes_nothing(three: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not before a state is there and not after; beside the sandbox's own tenant, which has to live somewhere."""
    for _ in range(2):
        three.done("sandbox", "reset")
        before = snapshot(three.path, without=three.path / ".reconciler")
        for flags in ((), ("--offline",), ("--json",), ("--detailed-exitcode",)):
            _silent(three.run("plan", *flags))
        assert before == snapshot(three.path, without=three.path / ".reconciler")
        assert [] == [
            p for p in three.workdir.rglob("*") if p.is_file() and not p.is_relative_to(three.tenant_data)
        ]
    three.apply()
    monkeypatch.setenv("VALUE", "changed")
    before = snapshot(three.path, without=three.tenant_data)
    assert 2 == three.run("plan", "--detailed-exitcode").code
    assert before == snapshot(three.path, without=three.tenant_data)


def test_no_plaintext_is_printed_or_written(three: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not by any command, in any format, on a first run, a replace or a destroy; nor by the tenant's own files."""
    _silent(three.done("plan", "-o", "it.plan"))
    _silent(three.done("-vv", "apply", "it.plan"))
    for form in ("text", "json", "markdown", "html", "gitlab"):
        _silent(three.done("plan", "--format", form))
    monkeypatch.setenv("VALUE", CANARY + "2")
    _silent(three.done("plan"))
    _silent(three.done("--json", "apply", "--auto-approve"))
    for arguments in (
        ("show",),
        ("show", "it.plan"),
        ("output",),
        ("state", "list"),
        ("state", "show", "binary"),
    ):
        _silent(three.done(*arguments))
    sources = {three.path / "a.json", three.path / "a.bin"}
    written = b"".join(p.read_bytes() for p in three.path.rglob("*") if p.is_file() and p not in sources)
    assert not any(spelling in written for spelling in SPELLINGS)
    _silent(three.done("destroy", "--auto-approve"))


def _canonical(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def test_the_state_is_as_documented(three: Desk) -> None:
    """Keys, checksum, fingerprints and times of docs/formats.md, computed here independently."""
    three.apply()
    state = three.state
    envelope = {"format_version", "name", "lineage", "serial", "server", "creator", "checksum"}
    inside = {"instances", "generations", "key_id", "pending", "forgotten", "made"}
    assert envelope | inside == set(state)
    rest = {name: value for name, value in state.items() if name != "checksum"}
    assert "sha256:" + hashlib.sha256(_canonical(rest)).hexdigest() == state["checksum"]
    assert (1, "desk", "sandbox") == (state["format_version"], state["name"], state["server"])

    key = bytes.fromhex(three.key_path.read_text().strip())
    assert hashlib.sha256(key).hexdigest()[:8] == state["key_id"]
    for name, content in {"variable": CANARY.encode(), "binary": b"\0" + CANARY.encode()}.items():
        instance = state["instances"][name]
        assert _fingerprint(key, instance["uid"], content) == instance["current"]["fingerprint"]
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", instance["current"]["expires"])
        assert re.fullmatch(r"[A-Z2-7]{6}\.[A-Z2-7]{6}\.1\.[A-Z2-7]{8}", instance["current"]["tag"])
        assert f" [rc:{instance['current']['tag']}]" in three.live()[name].display_name
    assert 1 == len([line for line in three.state_path.read_text().splitlines() if '"variable": {' in line])


def _fingerprint(key: bytes, uid: str, content: bytes) -> str:
    inner = hmac.new(key, content, "sha256").hexdigest()
    outer = hmac.new(key, f"content|{uid}|{inner}".encode(), "sha256").hexdigest()
    return f"hmac-sha256:{hashlib.sha256(key).hexdigest()[:8]}:{outer[:32]}"


def test_files_are_private(three: Desk) -> None:
    """State, backup, key and everything in the workdir: for their owner alone."""
    three.apply()
    three.write("a.bin", b"2")
    three.apply()
    ours = [three.state_path, three.state_path.with_name(three.state_path.name + ".backup"), three.key_path]
    assert [0o600] * 3 == [path.stat().st_mode & 0o777 for path in ours]
    assert 0o077 & three.tenant_data.stat().st_mode == 0
    for path in three.tenant_data.rglob("*"):
        assert path.is_dir() or path.name == "README.txt" or not path.stat().st_mode & 0o022


@pytest.mark.parametrize("umask", [0, 0o002])
def test_the_first_run_in_the_sandbox_makes_private_directories(three: Desk, umask: int) -> None:
    """Whatever the umask: one that lets the group write is what many systems give each user."""
    before = os.umask(umask)
    try:
        three.done("plan")
        three.apply()
    finally:
        os.umask(before)
    made = [path for path in three.path.joinpath(".reconciler").rglob("*") if path.is_dir()]
    assert {0o700} == {path.stat().st_mode & 0o777 for path in (three.path / ".reconciler", *made)}


@pytest.mark.parametrize("damage", ["cut", "flipped", "empty", "not JSON"])
def test_a_damaged_state_is_refused_before_the_first_request(three: Desk, damage: str) -> None:
    """Exit 1 with the reason; nothing is made, the file stays as it is, and no part of it is quoted."""
    three.apply()
    good = three.state_path.read_bytes()
    bad = {
        "cut": good[:-20],
        "flipped": good.replace(b'"max_views": 3', b'"max_views": 4'),
        "empty": b"",
        "not JSON": b"{canary",
    }[damage]
    three.state_path.write_bytes(bad)
    live = three.live()
    for command in (("plan",), ("apply", "--auto-approve"), ("destroy", "--auto-approve"), ("output",)):
        ran = three.run(*command)
        assert 1 == ran.code, ran.said
        assert "state" in ran.err
        assert "Traceback" not in ran.err
        assert "canary" not in ran.err
    assert live == three.live()
    assert bad == three.state_path.read_bytes()
    assert all_bytes(three.tenant_data)
