"""The command line, measured: `python -m tests.support.measured REPORT FILE-SIZE-LIMIT ARGUMENT…`.

No file that it writes may grow over the limit, so a temporary copy would be an error. In the end the report
holds the peak of its resident memory in KiB; `getrusage` would count what its parent had before the fork.
"""

from __future__ import annotations

import re
import resource
import sys
from pathlib import Path

from reconciler.cli import main


def run(report: str, limit: str, *arguments: str) -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit), int(limit)))
    try:
        main(list(arguments))
    finally:
        status = Path("/proc/self/status").read_text()
        found = re.search(r"^VmHWM:\s+(\d+) kB$", status, re.MULTILINE)
        assert found
        Path(report).write_text(found[1])


if __name__ == "__main__":
    run(*sys.argv[1:])
