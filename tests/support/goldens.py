"""Golden files: what a renderer said when somebody last read it. `UPDATE_GOLDEN=1` writes them anew."""

from __future__ import annotations

import os
import re
from pathlib import Path

_FOLDER = Path(__file__).parents[1] / "golden"


def check(name: str, actual: str) -> None:
    """Fail unless the text is the one that was read and approved."""
    path = _FOLDER / name
    if os.environ.get("UPDATE_GOLDEN"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(actual.encode())
    assert path.read_bytes().decode() == actual


def section(name: str, title: str, actual: str) -> None:
    """Fail unless the part of a golden file under `[title]` is the text; for tables whose rows are tests.

    Written anew by one process at a time: leave out `-n` beside `UPDATE_GOLDEN=1`.
    """
    path = _FOLDER / name
    parts = _sections(path.read_text() if path.exists() else "")
    if os.environ.get("UPDATE_GOLDEN"):
        parts[title] = actual
        path.write_text("\n".join(f"[{key}]\n{text}" for key, text in parts.items()))
    assert parts.get(title) == actual


def titles(name: str) -> set[str]:
    """Return the titles of a golden file's parts, so that a row that is gone is missed."""
    return set(_sections((_FOLDER / name).read_text()))


def _sections(text: str) -> dict[str, str]:
    parts: dict[str, str] = {}
    for part in re.split(r"^(?=\[)", text, flags=re.MULTILINE)[1:]:
        head, _, body = part.partition("\n")
        parts[head[1:-1]] = body.rstrip("\n") + "\n"
    return parts
