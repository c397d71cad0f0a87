"""The old place of tests/support/commandline.py, for the tests that still import it from here."""

from tests.support.commandline import (
    HEAD,
    REPOSITORY,
    Desk,
    Ran,
    acting,
    all_bytes,
    environment,
    file_secret,
    snapshot,
    text_secret,
)

__all__ = [
    "HEAD",
    "REPOSITORY",
    "Desk",
    "Ran",
    "acting",
    "all_bytes",
    "environment",
    "file_secret",
    "snapshot",
    "text_secret",
]
