"""What the changes of one run share, and one attempt at a vault."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from reconciler.c1.client import Client
from reconciler.c1.upload import Uploader
from reconciler.errors import StateError
from reconciler.fingerprint import Key
from reconciler.model.address import Address
from reconciler.model.events import Event, Progress, Step
from reconciler.model.plan import Change
from reconciler.model.state import Attributes
from reconciler.planning.expand import Desired
from reconciler.sources import SourceReader
from reconciler.state.journal import DeposedNow, Entry, Intent
from reconciler.state.ledger import Ledger
from reconciler.state.tags import Tag
from reconciler.storage.workdir import JournalWriter


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What the changes of one run share."""

    name: str
    client: Client
    uploader: Uploader
    reader: SourceReader
    key: Key | None
    ledger: Ledger
    journal: JournalWriter
    report: Callable[[Event], None]

    def take(self, entry: Entry) -> None:
        """Put an entry on the disk, then into the ledger. Raises StateError: go no further.

        What the disk refuses has happened all the same, unless the entry only announces it: the ledger takes
        it, so that the state, which is saved in the end, knows of it.
        """
        try:
            self.journal.write(entry)
        except StateError:
            if not isinstance(entry, Intent | DeposedNow):
                self.ledger.take(entry)
            raise
        self.ledger.take(entry)

    def step(self, address: Address, step: Step) -> None:
        """Report where a change stands."""
        self.report(Progress(address=address, step=step))


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One create and what follows it. `content` is the planned value's hex HMAC, `size` its bytes."""

    run: Run
    op: str
    tag: Tag
    change: Change
    attributes: Attributes
    desired: Desired
    content: str
    size: int
    key: Key

    @property
    def address(self) -> Address:
        """The address that the vault is for."""
        return self.change.address
