"""Two runs at once, signals, kills: processes of their own against one stack."""

from __future__ import annotations

import contextlib
import json
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.cli.desk import Desk, all_bytes, environment, text_secret

CANARY = "canary-5up3r-s3cr3t"
SIX = [f"s{n}" for n in range(6)]


@pytest.fixture
def slow(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """Six secrets to make, one after the other, at a tenant that takes its time over each answer."""
    monkeypatch.setenv("VALUE", CANARY)
    desk.manifest("".join(text_secret(name, "VALUE") for name in SIX))
    return desk


@contextlib.contextmanager
def applying(desk: Desk) -> Iterator[subprocess.Popen[str]]:
    """Start an apply, and go on when its first secret is made and the others are not."""
    process = desk.start(
        "apply", "--auto-approve", "--parallelism", "1", env=environment(RECONCILER_SANDBOX_LATENCY="150ms")
    )
    try:
        assert process.stderr is not None
        for line in process.stderr:
            if line == "s0: created\n":
                break
        yield process
    finally:
        process.kill()
        process.communicate()


def test_of_two_applies_one_runs_and_the_other_exits_5_naming_the_holder(slow: Desk) -> None:
    """With host and process; plan still works, and says that it may soon be different."""
    with applying(slow) as process:
        process.send_signal(signal.SIGSTOP)  # so that this machine's speed does not matter
        refused = slow.run("apply", "--auto-approve")
        assert 5 == refused.code, refused.said
        assert f"process {process.pid} on {socket.gethostname()}" in refused.err
        plan = slow.run("plan")
        assert 0 == plan.code, plan.said
        assert str(process.pid) in plan.err
        assert 5 == slow.run("plan", "-o", "it.plan").code
        process.send_signal(signal.SIGCONT)
        out, _ = process.communicate(timeout=60)
        assert 0 == process.returncode, out
    assert set(SIX) == set(slow.live())
    assert {} == slow.plan()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_it_cleanly(slow: Desk, number: signal.Signals, code: int) -> None:
    """What is in progress is finished and recorded, the rest is counted, and the next run goes on from there."""
    with applying(slow) as process:
        process.send_signal(number)
        out, err = process.communicate(timeout=60)
    assert code == process.returncode, out + err
    assert "Traceback" not in err
    assert "finishing the changes in progress" in err
    made = set(slow.live())
    assert {"s0"} <= made < set(SIX)
    assert f"Applied: {len(made)} created, {6 - len(made)} not started.\n" in out
    assert "not started" not in err  # not a line for each: -v names them
    assert made == set(slow.state["instances"])
    assert not slow.journal_path.exists()
    assert set(SIX) - made == set(slow.plan())
    slow.apply()
    assert set(SIX) == set(slow.live())
    assert {} == slow.plan()


def test_a_killed_run_is_gone_on_from_and_leaves_no_plaintext(slow: Desk) -> None:
    """Its journal says what was made; the lock went with the process; what is on the disk holds no value."""
    with applying(slow) as process:
        process.kill()
        process.wait()
    left = all_bytes(slow.path, without=slow.tenant_data)
    records = [json.loads(line) for line in slow.journal_path.read_bytes().splitlines()]
    assert {"lineage", "base_serial", "tool"} <= set(records[0])
    assert slow.state["lineage"] == records[0]["lineage"]
    assert list(range(1, len(records))) == [record["n"] for record in records[1:]]
    assert {"intent", "bound", "committed"} <= {record["is"] for record in records[1:]}
    assert CANARY.encode() not in left
    token = json.loads((slow.tenant_data / "identities.json").read_bytes())["owner"]["token"]
    assert token.encode() not in left
    assert b"uploads/" not in left

    already = slow.live()
    slow.apply()
    assert set(SIX) == set(slow.live())
    assert already["s0"] == slow.live()["s0"]
    assert not slow.journal_path.exists()
    assert {} == slow.plan()


def test_the_second_signal_ends_it_at_once(slow: Desk) -> None:
    """For whoever does not want to wait; it is then as if it had been killed."""
    with applying(slow) as process:
        process.send_signal(signal.SIGTERM)
        assert process.stderr is not None
        for line in process.stderr:
            if "finishing the changes in progress" in line:
                break
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)
    assert -signal.SIGTERM == process.returncode
    slow.apply()
    assert set(SIX) == set(slow.live())
    assert {} == slow.plan()


def test_a_reader_that_leaves_early_is_no_traceback(slow: Desk) -> None:
    """`reconciler … | head -0`."""
    process = slow.start("plan")
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    err = process.stderr.read()
    process.wait(timeout=60)
    process.stderr.close()
    assert "Traceback" not in err
    assert "BrokenPipe" not in err


@pytest.mark.parametrize(
    ("how", "code", "said"), [(">&-", 0, ""), (">/dev/full", 1, "No space left on device")]
)
def test_a_stream_that_takes_nothing_is_no_mistake_of_this_program(
    slow: Desk, how: str, code: int, said: str
) -> None:
    """Closed, as a scheduler may leave it, or on a full disk; what there was to do is done all the same."""
    command = [sys.executable, "-m", "reconciler", *slow.options, "apply", "--auto-approve"]
    ran = subprocess.run(
        ["sh", "-c", f'exec "$@" {how}', "sh", *command],
        cwd=slow.path,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    assert code == ran.returncode, ran.stderr
    assert said in ran.stderr
    assert "mistake" not in ran.stderr


def test_an_interrupt_while_the_program_still_starts_is_no_traceback() -> None:
    """The imports take long enough to type Ctrl-C."""
    lines = (
        "import os, signal, sys",
        "class Finder:",
        "    def find_spec(self, name, path=None, target=None):",
        "        if name == 'click': os.kill(os.getpid(), signal.SIGINT)",
        "sys.meta_path.insert(0, Finder())",
        "from reconciler.__main__ import run",
        "run()",
    )
    ran = subprocess.run(
        [sys.executable, "-c", "\n".join(lines)], capture_output=True, text=True, check=False
    )
    assert (-signal.SIGINT, "") == (ran.returncode, ran.stderr)
