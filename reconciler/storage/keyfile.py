"""The fingerprint key of a directory's stacks: from the environment, or in a file that nobody else reads."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from reconciler.errors import StateError
from reconciler.fingerprint import Key
from reconciler.model.envvars import FINGERPRINT_KEY
from reconciler.storage import durable
from reconciler.storage.lock import Holder, Lock


class KeyFile:
    """The file in `directory`, and beside it the keys that it held before."""

    def __init__(self, directory: Path) -> None:
        self.path = directory / "fingerprint.key"
        self._lock = Lock(self.path.with_name(f"{self.path.name}.lock"), "the key file")

    def find(self, environ: Mapping[str, str]) -> Key | None:
        """Return the stack's key from the environment or the key file, None where there is none."""
        value = environ.get(FINGERPRINT_KEY, "")
        if value:
            hint = "set the stack's own; `reconciler key new` prints one for a new stack"
            return read_key(value, where=FINGERPRINT_KEY, hint=hint)
        return self._read(self.path)

    def kept(self, key_id: str) -> Key | None:
        """Return the key of this ID that `keep` put beside the key file, None where there is none.

        The ID is a state's text: it is compared with names, and never made a path.
        """
        name = f"{self.path.name}.{key_id}.old"
        kept = (path for path in self.path.parent.glob(f"{self.path.name}.*.old") if path.name == name)
        return next((key for path in kept if (key := self._read(path)) and key.id == key_id), None)

    def _read(self, path: Path) -> Key | None:
        data = durable.read_file(path)
        if data is None:
            return None
        key = read_key(
            data.decode("ascii", "replace").strip(),
            where=str(path),
            hint="restore it; if it is lost for good, move it away, and `reconciler state rekey` makes another",
        )
        if path.stat().st_mode & 0o077:
            raise StateError(
                f"{path} can be read by others: a key that came with a repository is no secret",
                hint="if this is your own: `chmod 600` it; otherwise remove it, and bring back the stack's key",
            )
        return key

    def keep(self, key: Key, *, first: bool = False) -> None:
        """Write the key file. A key that was there stays beside it under its own ID, which nothing overwrites.

        With `first` there must be none: the key is every stack's of the directory, and two may have made one at
        once. It has a lock of its own: other stacks have other locks, and `plan -o` takes none.
        """
        with self._lock.held(Holder.here(datetime.now(UTC), job=None)):
            self._keep_out_of_git()
            text = durable.read_file(self.path)
            if first and text:
                raise StateError(
                    f"another run made {self.path} at the same moment",
                    hint="run the same command again, with that key; nothing was begun",
                )
            name = f"{self.path.name}.{_id_of(text)}.old"
            backup = self.path.with_name(name) if text else None
            durable.replace(self.path, key.to_text().encode() + b"\n", backup=backup)

    def _keep_out_of_git(self) -> None:
        """Keep the key out of `git add .` also where `init` was never run."""
        ignore = self.path.with_name(".gitignore")
        with contextlib.suppress(OSError):
            ignore.touch(mode=durable.PRIVATE, exist_ok=False)
            ignore.write_text("*\n")


def new_key() -> Key:
    """Return a fresh random key."""
    return Key.from_text(secrets.token_hex(32))


def read_key(text: str, *, where: str, hint: str) -> Key:
    """Return the key that a text holds. Raises StateError, which says where the text was found."""
    try:
        return Key.from_text(text)
    except ValueError:
        raise StateError(
            f"{where} does not hold a fingerprint key", expected="64 lower-case hex characters", hint=hint
        ) from None


def _id_of(text: bytes | None) -> str:
    """Return the ID of the key that a file holds, whatever it holds."""
    try:
        return Key.from_text((text or b"").decode("ascii", "replace").strip()).id
    except ValueError:
        return "damaged"
