"""Which store a place means: `SCHEME://REST` is the store of that scheme, anything else a file.

Only flags and the environment name such a place. What a manifest names is always a file beneath its directory
(`cli.session`): a repository under review must not choose where a job sends a state.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from reconciler.errors import UsageError
from reconciler.storage.interface import StateStore
from reconciler.storage.state_file import StateFile

STORES: Final[dict[str, Callable[[str], StateStore]]] = {"file": lambda rest: StateFile(Path(rest))}
"""By scheme: what opens a store from the rest of a place. It sends nothing and reads nothing yet."""


def open_store(place: str) -> StateStore:
    """Return the store at a place. Raises UsageError for a scheme that no store has."""
    scheme, separator, rest = place.partition("://")
    if not separator:
        return StateFile(Path(place))
    if scheme not in STORES:
        raise UsageError(
            "--state names a kind of store that does not exist",
            hint=f"name a file, or one of: {', '.join(f'{known}://…' for known in sorted(STORES))}",
        )
    return STORES[scheme](rest)
