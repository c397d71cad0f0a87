"""One large FILE secret, applied by a measured process at a tenant that is another process."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.support.commandline import HEAD, environment, file_secret
from tests.support.processes import Measured, measured


def manifest_for(directory: Path, size: int) -> None:
    """Write a manifest with one FILE secret whose source has `size` bytes: a sparse file, with an end of its own."""
    (directory / "reconciler.yaml").write_text(HEAD + file_secret("large", "large.bin"))
    with (directory / "large.bin").open("wb") as file:
        file.truncate(size - 3)
        file.seek(0, 2)
        file.write(b"end")


def apply(directory: Path, tenant: dict[str, Any]) -> Measured:
    """Apply the manifest in a directory at a running tenant."""
    env = environment(CONDUCTORONE_ACCESS_TOKEN=tenant["tokens"]["owner"])
    return measured("--server", tenant["url"], "apply", "--auto-approve", cwd=directory, env=env)
