"""The desk of the command line's tests, for a kind of source that is used from end to end."""

from tests.cli.conftest import desk

__all__ = ["desk"]
