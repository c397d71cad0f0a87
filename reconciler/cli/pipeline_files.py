"""The files that a pipeline is made of: the templates and locks of this package, and a wheel in a repository."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from importlib import resources
from pathlib import Path

from reconciler.cli import templates
from reconciler.cli.templates.origin import Origin, parse
from reconciler.errors import UsageError


def packaged() -> Mapping[str, str]:
    """Return the texts of the templates and locks, by the names of their files."""
    files = resources.files(templates).iterdir()
    return {f.name: f.read_text(encoding="utf-8") for f in files if f.name.endswith((".yml", ".lock"))}


def origin(text: str | None, top: Path) -> Origin:
    """Return where a pipeline of the repository at `top` installs from, or raise UsageError: there is no default."""
    return parse(text, lambda name: _digest(top / name, name))


def _digest(path: Path, name: str) -> str:
    """Return the SHA-256 of a wheel, which must be a file inside of the repository."""
    if path.is_symlink() or not path.is_file() or path.resolve() != path:
        raise UsageError(
            f"{name} is no file in this repository", hint="its path counts from the top of the repository"
        )
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        raise UsageError(f"{name} cannot be read") from None
