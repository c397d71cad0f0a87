"""`sandbox serve`: what it prints is all that a stranger needs, for each way of signing in."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager

from tests.cli.desk import Desk, environment

_SERVER = "CONDUCTORONE_SERVER_URL"
_WAYS = {
    "access token": ("CONDUCTORONE_ACCESS_TOKEN",),
    "client credentials": ("CONDUCTORONE_CLIENT_ID", "CONDUCTORONE_CLIENT_SECRET"),
    "workload identity": ("CONDUCTORONE_CLIENT_ID", "CONDUCTORONE_OIDC_TOKEN"),
}


@contextmanager
def _served(desk: Desk) -> Iterator[list[dict[str, str]]]:
    """Run it; yield the variables of each line that it printed."""
    lines: list[dict[str, str]] = []
    with desk.start("sandbox", "serve", "--set", "clock_offset=13d") as running:
        try:
            assert running.stdout is not None
            while not any("CONDUCTORONE_OIDC_TOKEN" in line for line in lines):
                text = running.stdout.readline()
                assert text, "it ended early"
                words = text.split("export ")[1:]
                lines += [dict(pair.split("=", 1) for pair in word.split()) for word in words]
            yield lines
        finally:
            running.send_signal(signal.SIGTERM)
            running.communicate(timeout=20)
        assert 0 == running.returncode


def test_what_it_prints_signs_in(desk: Desk) -> None:
    """Each line that sets something, and nothing else, in another shell; also when its clock is another."""
    with _served(desk) as lines:
        (server,) = (line for line in lines if _SERVER in line)
        desk.options = ()
        for way, names in _WAYS.items():
            given = next(line for line in lines if tuple(line) == names)
            with desk.start("--json", "auth", "status", env=environment(**server, **given)) as shell:
                out, err = shell.communicate(timeout=60)
            assert 0 == shell.returncode, out + err
            assert f'"way": "{way}"' in out
            assert '"email": "owner@example.com"' in out
