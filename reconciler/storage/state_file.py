"""The state as a file, by default beside the manifest."""

from __future__ import annotations

from pathlib import Path

from reconciler.model.state import State
from reconciler.state import statefile
from reconciler.storage import durable
from reconciler.storage.interface import StateStore, changed_meanwhile


class StateFile(StateStore):
    """One file. It remembers which bytes it loaded, so that a save never overwrites another run's.

    The lock of the stack's working directory serialises the runs of one machine; copies of the file on several
    machines are told apart by their serials and by the tenant. The state before the last save stays as `.backup`.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._loaded: bytes | None = None

    @property
    def where(self) -> str:
        """Return the file's path."""
        return str(self.path)

    @property
    def own_files(self) -> tuple[Path, ...]:
        """Return the file and its backup."""
        return self.path, self._backup

    @property
    def _backup(self) -> Path:
        return self.path.with_name(self.path.name + ".backup")

    def load(self) -> State | None:
        """Return the state, None where there is no file. Raises StateError for one that cannot be trusted."""
        self._loaded = durable.read_file(self.path)
        return None if self._loaded is None else statefile.decode(self._loaded, file=self.where)

    def save(self, state: State) -> None:
        """Put the state in place, atomically. Raises StateError where the file is not the one that was loaded."""
        if durable.read_file(self.path) != self._loaded:
            raise changed_meanwhile(self.where)
        data = statefile.encode(state)
        durable.make_private_directory(self.path.parent)
        durable.replace(self.path, data, backup=self._backup)
        self._loaded = data

    def check_writable(self) -> None:
        """Raise StateError where no file could be made in its directory."""
        durable.check_writable(self.path.parent)
