"""The desk of the command line's tests, for those that attack it."""

from tests.cli.conftest import desk

__all__ = ["desk"]
