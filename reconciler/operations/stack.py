"""One stack as a run sees it: the manifest, and the places that belong to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from reconciler.errors import StateError
from reconciler.fingerprint import Key
from reconciler.model.envvars import FINGERPRINT_KEY
from reconciler.model.manifest import Manifest
from reconciler.sources import SourceReader
from reconciler.storage.keyfile import new_key
from reconciler.storage.state_file import PathBackend
from reconciler.storage.workdir import Workdir


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    """Everything about a stack but the tenant. `server` is the host, with the port when it is not 443.

    `first_key_here` allows a new stack to make its key on this machine; in CI it would be gone with the runner.
    """

    manifest: Manifest
    backend: PathBackend
    workdir: Workdir
    reader: SourceReader
    environ: Mapping[str, str] = field(repr=False)
    server: str
    first_key_here: bool
    job: str | None
    key_from_environment: bool = True
    """Not in the sandbox, whose `environ` is empty."""

    @property
    def key_hint(self) -> str:
        """What brings the stack's key here, for who has it elsewhere."""
        file = f"bring back {self.workdir.key_file.path}"
        return f"set {FINGERPRINT_KEY}, or {file}" if self.key_from_environment else file

    @property
    def lost_key_hint(self) -> str:
        """What helps where nothing can be done without the key, and it may be gone."""
        return f"{self.key_hint}; if it is lost for good, `reconciler state rekey` makes another"

    def key(self) -> Key | None:
        """Return the stack's key where this machine has one."""
        return self.workdir.key_file.find(self.environ)

    def key_of(self, key: Key | None, key_id: str | None) -> Key | None:
        """Return the key if it has this ID, the ID of the key that made the state: another one is as good as none.

        A rekey that was killed before its save left a new key file and the old state: its key lies beside.
        """
        if key is None or key_id is None or key.id == key_id:
            return key
        return None if self.environ.get(FINGERPRINT_KEY) else self.workdir.key_file.kept(key_id)

    def first_key(self) -> Key | None:
        """Make the key of a new stack; None where there is a state, whose key that cannot be.

        In CI it would be lost with the machine, and every value unchecked from then on: raises StateError.
        """
        if self.backend.load() is not None:
            return None
        if not self.first_key_here:
            raise StateError(
                f"the first apply of a stack in CI needs its key in {FINGERPRINT_KEY}",
                hint="make one with `reconciler key new`, keep it as a masked CI secret, and pass it to each run",
            )
        return new_key()

    def keep_first_key(self, key: Key) -> None:
        """Write the key file where the key is not kept anywhere yet."""
        if self.key_of(self.key(), key.id) is None:
            self.workdir.key_file.keep(key, first=True)
