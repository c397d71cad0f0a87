"""The fingerprint key of a stack: the one of its state, the first one of a new stack, and where it is kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from reconciler.errors import StateError
from reconciler.fingerprint import Key
from reconciler.model.envvars import FINGERPRINT_KEY
from reconciler.model.state import State
from reconciler.storage.keyfile import KeyFile, new_key


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    """The keys that this machine has for a stack.

    `environ` is None where no variable is asked (in the sandbox). `may_make` lets a new stack make its key on this
    machine; in CI it would be gone with the runner.
    """

    file: KeyFile
    environ: Mapping[str, str] | None = field(repr=False)
    may_make: bool

    @property
    def in_environment(self) -> bool:
        """Whether the key comes from a variable, which this program cannot change."""
        return bool((self.environ or {}).get(FINGERPRINT_KEY))

    @property
    def hint(self) -> str:
        """What brings the stack's key here, for a user who has it elsewhere."""
        bring = f"bring back {self.file.path}"
        return bring if self.environ is None else f"set {FINGERPRINT_KEY}, or {bring}"

    @property
    def lost_hint(self) -> str:
        """The next step if nothing can be done without the key, and it may be lost."""
        return f"{self.hint}; if it is lost for good, `reconciler state rekey` makes another"

    def here(self) -> Key | None:
        """Return the key that this machine has, whatever state it belongs to."""
        return self.file.find(self.environ or {})

    def for_state(self, state: State | None) -> Key | None:
        """Return the key that a state was made with, None where it is not here: another one is as good as none.

        Without a state, or for one that was made without a key, the key that is here.
        """
        if state is None or state.key_id is None:
            return self.here()
        return self._with_id(state.key_id)

    def for_new_stack(self) -> Key:
        """Return the key that is here, else a new one. Nothing is written.

        In CI a new one would be lost with the machine, and every value unchecked from then on: raises StateError.
        """
        key = self.here()
        if key is None and not self.may_make:
            raise StateError(
                f"the first apply of a stack in CI needs its key in {FINGERPRINT_KEY}",
                hint="make one with `reconciler key new`, keep it as a masked CI secret, and pass it to each run",
            )
        return key or new_key()

    def keep(self, key: Key) -> None:
        """Write the key file of a new stack, unless the key is kept already."""
        if self._with_id(key.id) is None:
            self.file.keep(key, first=True)

    def replace(self, key: Key) -> None:
        """Put another key in the file; the old one stays beside it. One in the environment is the user's to change."""
        if not self.in_environment:
            self.file.keep(key)

    def _with_id(self, key_id: str) -> Key | None:
        """Return the key of this ID: in the environment or the file, else beside the file.

        A rekey that was killed before its save left a new key file and the old state, whose key lies beside.
        """
        key = self.here()
        if key is None or key.id == key_id:
            return key
        return None if self.in_environment else self.file.kept(key_id)
