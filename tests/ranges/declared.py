"""The ranges that pyproject.toml declares, and the releases that are known to be bad."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, Final

from packaging.requirements import Requirement

from tests.cli.desk import REPOSITORY

BAD: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        # An option's callback is run before its source is known, so each unset option replaces what was given.
        "click": ("8.4.0",),
    }
)
"""Releases that break the program. A range leaves them out, or the suite passes with them."""

HOLES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "certifi": "2024.7.4",  # CVE-2024-39689: an authority that is no longer trusted
        "h11": "0.16.0",  # CVE-2025-43859: chunked bodies
        "idna": "3.7",  # CVE-2024-3651: time of encode()
        "pyjwt": "2.10.1",  # CVE-2024-53861: the issuer compared in part
        "starlette": "0.49.1",  # CVE-2025-62727: Range headers
    }
)
"""The first release of each without a known hole."""


def project() -> Any:
    """Return the table `project` of pyproject.toml."""
    return tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]


def requirements(extra: str = "sandbox") -> Iterator[Requirement]:
    """Yield what an installation of the program with its extra asks for."""
    declared = project()
    for text in (*declared["dependencies"], *declared["optional-dependencies"][extra]):
        yield Requirement(text)


def allowed(name: str, version: str) -> bool:
    """Whether the declared range of a package holds a version."""
    return all(r.specifier.contains(version) for r in requirements() if r.name.lower() == name)
