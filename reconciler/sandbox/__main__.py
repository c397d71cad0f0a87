"""The sandbox as a process of its own, for fault tests: prints one line of JSON and runs until it is ended.

    python -m reconciler.sandbox --data DIR [--port 0] [--person E-MAIL]… [--set NAME=VALUE]…

The line holds the tokens: it is meant for the test that started it.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path

from reconciler.errors import ReconcilerError, UsageError
from reconciler.sandbox import NOTICE, serve
from reconciler.sandbox.settings import from_environment


def main(arguments: list[str] | None = None) -> int:
    """Run until SIGINT or SIGTERM; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m reconciler.sandbox", description=NOTICE)
    parser.add_argument("--data", type=Path, required=True, metavar="DIR")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--person", action="append", default=[], metavar="E-MAIL")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", dest="changes")
    asked = parser.parse_args(arguments)
    try:
        texts = dict(_pair(change) for change in asked.changes)
        settings = from_environment(os.environ).with_texts(texts)
        serve.run(
            asked.data,
            host_port=(asked.host, asked.port),
            settings=settings,
            people=asked.person,
            on_ready=_announce,
        )
    except ReconcilerError as error:
        sys.stderr.write(f"{error.summary}: {error.detail}\n{error.expected or error.hint or ''}\n")
        return int(error.exit_code)
    return 0


def _pair(change: str) -> tuple[str, str]:
    name, separator, value = change.partition("=")
    if not separator:
        raise UsageError("--set expects NAME=VALUE")
    return name, value


def _announce(endpoints: serve.Endpoints) -> None:
    line = {
        "url": endpoints.url,
        "upload_url": endpoints.upload_url,
        "pid": os.getpid(),
        "tokens": {name: token.reveal_text() for name, token in endpoints.tokens.items()},
        "clients": {
            name: {"client_id": credential.client_id, "client_secret": credential.client_secret.reveal_text()}
            for name, credential in endpoints.credentials.items()
        },
    }
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
