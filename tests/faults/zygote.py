"""The process that clients are forked from: one thread, everything imported, nothing done.

It reads pickled calls from its first socket, answers with process IDs, and tells how each child ended.
"""

from __future__ import annotations

import gc
import os
import pickle
import select
import signal
import socket
import subprocess
import sys
import threading
import traceback
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.faults import child
from tests.faults.child import Call


@dataclass
class Ended:
    """A client's end, once it has come."""

    pid: int
    event: threading.Event = field(default_factory=threading.Event)
    code: int | None = None
    peak: int = 0
    """KiB of memory, at most."""


class Zygote:
    """The starting side: `start` returns a client that waits for `go`."""

    def __init__(self, root: Path | None = None) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        command = [sys.executable, "-m", "tests.faults.zygote", str(theirs.fileno())]
        self._process = subprocess.Popen(command, pass_fds=(theirs.fileno(),), cwd=root)
        theirs.close()
        self._socket = ours
        self._lock = threading.Lock()
        self._known: dict[int, Ended] = {}
        self._started: list[Ended] = []
        self._some = threading.Condition()
        threading.Thread(target=self._hear, daemon=True, name="zygote").start()

    def start(self, call: Call) -> tuple[Ended, int]:
        """Fork a client; return it, and the descriptor to close (after a byte) when it may begin."""
        theirs, ours = os.pipe()
        with self._lock:
            socket.send_fds(self._socket, [pickle.dumps(call)], [theirs])
            os.close(theirs)
            with self._some:
                assert self._some.wait_for(lambda: bool(self._started), 60), "no client was started"
                return self._started.pop(), ours

    def stop(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._process.wait(60)
        self._socket.close()

    def _hear(self) -> None:
        while message := self._socket.recv(1 << 12):
            what, pid, code = pickle.loads(message)
            with self._some:
                if what == "started":
                    self._known[pid] = Ended(pid)
                    self._started.append(self._known[pid])
                    self._some.notify()
                else:
                    ended = self._known.pop(pid)
                    ended.code, ended.peak = code
                    ended.event.set()


def main() -> None:
    """Serve until the other side closes."""
    child.warm()
    gc.freeze()  # what stands here is not looked through, and so not copied, in every client
    control = socket.socket(fileno=int(sys.argv[1]))
    wake_read, wake_write = os.pipe()
    os.set_blocking(wake_write, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wake_write)
    ears: list[socket.socket | int] = [control, wake_read]
    while True:
        ready, _, _ = select.select(ears, [], [])
        if wake_read in ready:
            os.read(wake_read, 1 << 12)
            _reap(control)
        if control in ready:
            data, fds, _, _ = socket.recv_fds(control, 1 << 20, 1)
            if not data:
                return
            hear, say = os.pipe()
            pid = os.fork()
            if pid == 0:
                signal.set_wakeup_fd(-1)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                for descriptor in (control.detach(), wake_read, wake_write, hear):
                    os.close(descriptor)
                _child(pickle.loads(data), ready=say, go=fds[0])
            os.close(fds[0])
            os.close(say)
            os.read(hear, 1)
            os.close(hear)
            control.send(pickle.dumps(("started", pid, None)))


def _reap(control: socket.socket) -> None:
    while True:
        try:
            pid, status, used = os.wait4(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        control.send(pickle.dumps(("ended", pid, (os.waitstatus_to_exitcode(status), used.ru_maxrss))))


def _child(call: Call, *, ready: int, go: int) -> None:
    """Be the client, and end as an interpreter would. Never returns."""
    code: Any = 0
    try:
        child.run(call, ready=ready, go=go)
    except SystemExit as end:
        code = end.code
    except BaseException:  # noqa: BLE001 - as an interpreter does
        traceback.print_exc()
        code = 1
    finally:
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except (OSError, ValueError):
                code = code or 120
        threading._shutdown()  # type: ignore[attr-defined]
        os._exit(code if isinstance(code, int) else 0)


if __name__ == "__main__":
    main()
