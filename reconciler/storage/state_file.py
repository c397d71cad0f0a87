"""The state as a file beside the manifest."""

from __future__ import annotations

from pathlib import Path

from reconciler.errors import StateError
from reconciler.model.state import State
from reconciler.state import statefile
from reconciler.storage import durable


class PathBackend:
    """One state file. It remembers which bytes it loaded, so that a save never overwrites another run's."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._loaded: bytes | None = None

    def load(self) -> State | None:
        """Return the state, None where there is none. Raises StateError for one that cannot be trusted."""
        self._loaded = durable.read(self.path)
        return None if self._loaded is None else statefile.decode(self._loaded, file=str(self.path))

    def check_writable(self) -> None:
        """Raise StateError where nothing could be saved. Asked before the first request of a run."""
        durable.check_writable(self.path.parent)

    def save(self, state: State) -> None:
        """Put the state in place, atomically; the one before it stays as `.backup`.

        Raises StateError when the file is not the one that was loaded: two copies of one state were used.
        """
        if durable.read(self.path) != self._loaded:
            raise StateError(
                f"{self.path} was changed by somebody else while this run went on",
                hint="run again: what this run did is in its journal and on the tenant, and is taken over",
            )
        data = statefile.encode(state)
        durable.make_private_directory(self.path.parent)
        durable.replace(self.path, data, backup=self.path.with_name(self.path.name + ".backup"))
        self._loaded = data
