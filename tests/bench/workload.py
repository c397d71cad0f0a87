"""The stack that is measured: texts for fifty people, a file each."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

PEOPLE = tuple(f"person-{number:02}@example.com" for number in range(50))


@contextmanager
def stack(secrets: int) -> Iterator[Path]:
    """Make a directory with a manifest of so many secrets and their sources."""
    with TemporaryDirectory(prefix="bench-") as name:
        directory = Path(name)
        (directory / "values").mkdir()
        for number in range(secrets):
            (directory / "values" / f"{number:05}").write_text(f"the value of secret {number}")
        (directory / "reconciler.yaml").write_text(manifest(secrets))
        yield directory


def manifest(secrets: int) -> str:
    """Return the manifest's text."""
    entries = (
        f"  secret-{number:05}:\n"
        f"    source: {{file: values/{number:05}}}\n"
        f"    share_with: {{users: [{PEOPLE[number % len(PEOPLE)]}]}}\n"
        "    expires_in: 14d\n"
        for number in range(secrets)
    )
    return "version: 1\nname: bench\nsecrets:\n" + "".join(entries)
