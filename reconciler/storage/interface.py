"""What every place for a state promises. `stores` chooses one; `state_file` is the one beside the manifest.

A *store* holds one state, and every run on any machine that names the same place sees the same one. It is the only
memory of vaults that no search lists any more, so the contract is strict where a store could be lenient:

* **All or nothing.** A reader sees the state as it was before a save or after it, whatever dies in between.
* **Save if unchanged.** A save takes effect only where the store still holds what this object loaded or saved last;
  after a load that returned None, only where there is still none. The comparison and the write are one step: a
  rename under a lock, a conditional put (`If-Match`, a generation), a push without force. Of two writers one wins;
  the other's save raises StateError (`changed_meanwhile`) and writes nothing; it does not say which
  of them is right.
* **Absent is certain.** `load` returns None only for a place that was read and holds nothing. What may not be read
  (403), did not answer, or is damaged raises StateError: an empty state would make every secret once more.
* **Unclear is not failed.** Where the answer to a write is lost, a store looks before it says anything: if it holds
  the new state the save is done; if it still holds the old one the same conditional write may be sent again; if it
  cannot be asked, StateError (`unclear_save`). Callers are prepared for both ends: the journal of a run stands on the
  serial that its first save claims, so the next run reads what was done from the journal, or from the state.
* **Private.** A state holds share links and no value. It is readable by whoever may run the stack and by nobody else,
  and neither `where` nor an error holds a credential, a signed URL or a server's unredacted words.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from reconciler.errors import StateError
from reconciler.model.state import State
from reconciler.storage.lock import Holder


class StateStore(Protocol):
    """One place for one state. Not shared between tasks: it remembers which version it has seen."""

    @property
    def where(self) -> str:
        """The place, for messages: what a person would give to --state."""
        ...

    @property
    def own_files(self) -> tuple[Path, ...]:
        """The files of this machine that the store keeps; no source may read them."""
        ...

    def load(self) -> State | None:
        """Return the newest state, None where there is certainly none, and remember its version.

        Raises StateError for a state that cannot be read or cannot be trusted; never returns a part or an older one.
        """
        ...

    def save(self, state: State) -> None:
        """Put a state in place of the one that was loaded or saved last. When it returns, the state is durable.

        Raises StateError; then the store holds the old state, or, only after `unclear_save`, perhaps the new one.
        """
        ...

    def check_writable(self) -> None:
        """Raise StateError where nothing could be saved, as far as can be told without writing.

        Asked under the lock, before the first request of a run: nothing may be made that could not be recorded.
        """
        ...

    @contextlib.contextmanager
    def held(self, holder: Holder) -> Iterator[None]:  # noqa: ARG002 - for stores that have a lock
        """Keep other machines' runs out, or raise LockedError that names the holder; this machine's lock is held.

        A store without a lock inherits this one, which holds nothing: `save` keeps two runs from harm all the same,
        and a lock spares the second the work. One that can outlive its process must end by itself (a lease).
        """
        yield

    def held_by(self) -> str | None:
        """Return who holds the lock now, in words, or None. Takes nothing."""
        return None


def changed_meanwhile(where: str) -> StateError:
    """Return the error for a save that another one was faster than."""
    return StateError(
        f"{where} was changed by another run while this one went on",
        hint="run the same command again: what this run did is in its journal and on the tenant, and is taken over",
    )


def unclear_save(where: str) -> StateError:
    """Return the error for a save of which nobody knows whether it was done."""
    return StateError(
        f"{where} did not answer clearly: it may hold what this run did, or what was there before",
        hint="run the same command again: the journal of this run tells the two apart",
    )
