"""What must be on the disk before what: the order of system calls. SIGKILL alone keeps the page cache."""

from __future__ import annotations

from collections.abc import Sequence

from tests.faults.client import Syscall

TRACED = ("openat", "write", "fsync", "fdatasync", "rename", "link", "unlink", "sendto", "close")
_SENT = ('"POST /api/v1/secrets/', '"PUT /upload/', '"DELETE /api/v1/secrets/')


def check(trace: Sequence[Syscall]) -> dict[str, int]:
    """Check a trace, in order; return how often each rule was met. Raises AssertionError."""
    unsynced: set[str] = set()
    renamed: str | None = None
    met = {"sent": 0, "renamed": 0, "directory": 0, "dropped": 0}
    for call in trace:
        match call.name:
            case "write" if _file(call):
                unsynced.add(_file(call))
            case "fsync" | "fdatasync":
                unsynced.discard(_file(call))
                if renamed and _file(call) == renamed:
                    renamed, met["directory"] = None, met["directory"] + 1
            case "rename" if ".backup" not in call.text:
                source = call.text.split('"')[1]
                assert source not in unsynced, f"{source} was put in place before it was on the disk"
                met["renamed"] += 1
                renamed = source.rpartition("/")[0]
            case "sendto" if any(start in call.text for start in _SENT):
                journals = [path for path in unsynced if path.endswith(".journal")]
                assert not journals, f"a request was sent before its record was on the disk: {call.text}"
                assert renamed is None, "a request was sent before a rename was on the disk"
                met["sent"] += 1
            case "unlink" if call.text.split('"')[1].endswith(".journal"):
                assert renamed is None, "the journal was dropped before the state's rename was on the disk"
                met["dropped"] += 1
            case _:
                pass
    return met


def _file(call: Syscall) -> str:
    """Return the path behind the first descriptor of a call; empty for what is no file of the stack."""
    path = call.text.partition("<")[2].partition(">")[0]
    return path if "/scene-" in path else ""
