"""What the changes of one run share, and one attempt at a vault."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from reconciler.addresses import Address
from reconciler.client import Client
from reconciler.errors import StateError
from reconciler.events import Event, Progress, Step
from reconciler.expand import Wanted
from reconciler.fingerprint import Key
from reconciler.journal import DeposedNow, Entry, Intent
from reconciler.ledger import Ledger
from reconciler.plan import Change
from reconciler.sources import SourceReader
from reconciler.state import Attributes
from reconciler.tags import Tag
from reconciler.upload import Uploader
from reconciler.workdir import JournalWriter


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
    desired: Attributes
    want: Wanted
    content: str
    size: int
    key: Key

    @property
    def address(self) -> Address:
        """The address that the vault is for."""
        return self.change.address
