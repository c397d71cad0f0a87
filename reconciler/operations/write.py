"""The write protocol for one vault: intent, create, bound, encrypt and upload, ready, committed.

Every remote effect is in the journal before the next is begun. A create whose outcome is unclear is never sent
again: the vault is looked for by its tag, and a new attempt bears a new generation.
docs/reliability.md tells what each record is for.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

from reconciler import age, tags
from reconciler.addresses import Address
from reconciler.age import Recipient
from reconciler.client import Client, Created, Unclear
from reconciler.errors import ReconcilerError, RemoteError, SignInError, StateError
from reconciler.events import Event, Progress, Step
from reconciler.expand import Wanted
from reconciler.fingerprint import Key
from reconciler.journal import Bound, Committed, DeposedNow, Done, Entry, Intent, Revoked
from reconciler.ledger import Ledger
from reconciler.manifest import Format, Kind
from reconciler.plan import Change
from reconciler.readback import mismatch, object_of
from reconciler.remote import Vault
from reconciler.sensitive import Sensitive
from reconciler.sources import Content, SourceReader
from reconciler.state import Attributes, Object
from reconciler.tags import Tag
from reconciler.upload import Uploader, UploadOutcome, UploadResult
from reconciler.workdir import JournalWriter

_ATTEMPTS: Final = 3
"""Creates of one change in one run, each with its own generation; uploads of one file."""

_READY_WAITS: Final = (0.0, 0.2, 0.5, 1.0, 2.0, 4.0, 8.0, 15.0)
"""Seconds before each look at a vault whose content was sent."""

_LOST_BEFORE: Final = timedelta(minutes=5)
"""How much older than its intent a vault can seem, for clocks that are not quite one."""


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
class _Attempt:
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
        return self.change.address


class _UrlExpiredError(RemoteError):
    """The upload URL died before the content was in: only a new vault has a new one."""


async def make(run: Run, change: Change, want: Wanted, content: Content) -> Object:
    """Make one vault and return it, committed. Raises ReconcilerError with nothing of it left, or journalled."""
    failure = RemoteError(
        f"{change.address}: the tenant did not answer clearly {_ATTEMPTS} times",
        hint="run again; what may have been made is empty, is recorded, and will be found and revoked",
    )
    for _ in range(_ATTEMPTS):
        attempt = _begin(run, change, want, content)
        created = await _create(attempt)
        if isinstance(created, Unclear):
            await _look_for_lost(attempt)
            continue
        try:
            return await _fill(attempt, created)
        except _UrlExpiredError as error:
            failure = error
    raise failure


def _begin(run: Run, change: Change, want: Wanted, content: Content) -> _Attempt:
    assert run.key is not None
    assert change.after is not None
    assert content.mac is not None
    generation = run.ledger.next_generation(change.address)
    tag = tags.make(
        run.key.mac,
        name=run.name,
        address=change.address,
        generation=generation,
        attributes=change.after,
        content=content.mac,
    )
    op = secrets.token_hex(8)
    run.take(
        Intent(
            op=op,
            address=change.address,
            uid=change.uid,
            generation=generation,
            tag=str(tag),
            at=run.client.now,
        )
    )
    return _Attempt(
        run=run,
        op=op,
        tag=tag,
        change=change,
        desired=change.after,
        want=want,
        content=content.mac,
        size=content.size,
        key=run.key,
    )


async def _create(attempt: _Attempt) -> Created | Unclear:
    run = attempt.run
    run.step(attempt.address, Step.CREATING)
    try:
        created = await run.client.create(
            display_name=tags.display_name(attempt.desired.label, attempt.tag),
            attributes=attempt.desired,
            file_size=attempt.size if attempt.desired.kind is Kind.FILE else None,
        )
    except ReconcilerError:
        # A definite answer: no vault was made.
        run.take(Done(op=attempt.op))
        raise
    if isinstance(created, Created):
        await _bind(attempt, created)
    return created


async def _bind(attempt: _Attempt, created: Created) -> None:
    try:
        attempt.run.take(Bound(op=attempt.op, vault_id=created.vault_id, suite=created.suite))
    except StateError:
        # The disk does not take the record: leave nothing behind that only the record could find.
        with contextlib.suppress(ReconcilerError):
            await attempt.run.client.revoke(created.vault_id)
        raise


async def _look_for_lost(attempt: _Attempt) -> None:
    """Find the vault of a create without an answer. It is empty and can never be filled: revoke it.

    Not found means not yet: the intent stays open, and the state keeps looking for it.
    """
    run = attempt.run
    async for vault in run.client.mine():
        if vault.created and vault.created < run.client.now - _LOST_BEFORE:
            return
        if tags.find(vault.display_name) == attempt.tag:
            run.take(Bound(op=attempt.op, vault_id=vault.vault_id, suite=None))
            await _undo(attempt, vault.vault_id)
            return


async def _undo(attempt: _Attempt, vault_id: str) -> bool:
    """Revoke a vault that did not become current. False leaves the attempt open, for the next run."""
    with contextlib.suppress(RemoteError, SignInError):
        await attempt.run.client.revoke(vault_id)
        attempt.run.take(Done(op=attempt.op))
        return True
    return False


async def _fill(attempt: _Attempt, created: Created) -> Object:
    """Encrypt, upload, verify and commit; whatever fails revokes the vault, which nobody was told of."""
    run, desired = attempt.run, attempt.desired
    try:
        recipient = _checked_recipient(attempt, created)
        if desired.kind is Kind.TEXT:
            await _send_text(attempt, created.vault_id, recipient)
        else:
            await _send_file(attempt, created, recipient)
        vault = await _ready(attempt, created.vault_id)
    except ReconcilerError as error:
        if await _undo(attempt, created.vault_id):
            error.detail = f"{error.detail.rstrip('.')}; the vault that was made for it is revoked"
        raise
    made = object_of(
        vault,
        attempt.tag,
        replace(desired, suite=recipient.suite),
        now=run.client.now,
        fingerprint=attempt.key.fingerprint(attempt.change.uid, attempt.content),
        source=str(attempt.want.source),
    )
    run.take(
        Committed(
            op=attempt.op,
            address=attempt.address,
            uid=attempt.change.uid,
            prevent_revoke=attempt.want.prevent_revoke,
            object=made,
        )
    )
    return made


def _checked_recipient(attempt: _Attempt, created: Created) -> Recipient:
    """Return whom to encrypt to, if the vault is the one that was asked for. Raises RemoteError."""
    if created.display_name and tags.find(created.display_name) != attempt.tag:
        raise RemoteError(
            f"{attempt.address}: the tenant did not keep the name that was sent, by which a vault is found again",
            hint="report this: the tenant shortens or rewrites display names",
        )
    recipient = age.parse_recipient(created.recipient)
    asked = attempt.desired.suite
    for said in (asked, created.suite):
        if said is not None and said is not recipient.suite:
            raise RemoteError(
                f"{attempt.address}: the tenant returned a {recipient.suite} recipient where {said} was due",
                hint="declare `age_suite: auto`, or ask for the suite that the tenant offers",
            )
    return recipient


async def _send_text(attempt: _Attempt, vault_id: str, recipient: Recipient) -> None:
    run = attempt.run
    run.step(attempt.address, Step.ENCRYPTING)
    plaintext = run.reader.text(attempt.want.source, attempt.key, attempt.content)
    ciphertext = age.encrypt_text(recipient, plaintext)
    run.step(attempt.address, Step.UPLOADING)
    await run.client.set_content(vault_id, ciphertext, attempt.desired.format or Format.PLAINTEXT)


async def _send_file(attempt: _Attempt, created: Created, recipient: Recipient) -> None:
    if created.upload_url is None:
        raise RemoteError(f"{attempt.address}: the tenant gave no place to upload the file to")
    for _ in range(_ATTEMPTS):
        outcome = await _put(attempt, created.upload_url, recipient)
        match outcome.result:
            case UploadResult.DONE:
                return
            case UploadResult.EXPIRED:
                raise _UrlExpiredError(
                    f"{attempt.address}: the tenant's upload URL was refused", hint="run again"
                )
            case UploadResult.UNCLEAR:
                vault = await attempt.run.client.get(created.vault_id)
                if isinstance(vault, Vault) and vault.content_ready:
                    return
    raise RemoteError(
        f"{attempt.address}: the upload failed {_ATTEMPTS} times: {outcome.why}", hint="run again"
    )


async def _put(attempt: _Attempt, url: Sensitive, recipient: Recipient) -> UploadOutcome:
    """Send the file once, encrypted afresh. The last piece leaves only if the whole is what was planned."""
    run = attempt.run

    def sent(done: int) -> None:
        run.report(Progress(address=attempt.address, step=Step.UPLOADING, done=done, size=attempt.size))

    reading = run.reader.open(attempt.want.source, Kind.FILE, key=attempt.key, expected=attempt.content)
    with reading:
        async with age.encrypt_file(recipient, reading, attempt.size) as body:
            return await run.uploader.put(url, length=body.length, body=aiter(body), on_progress=sent)


async def _ready(attempt: _Attempt, vault_id: str) -> Vault:
    """Wait until the tenant has the content, and compare what it says with what was declared."""
    run = attempt.run
    run.step(attempt.address, Step.CHECKING)
    for seconds in _READY_WAITS:
        await asyncio.sleep(seconds)
        vault = await run.client.get(vault_id)
        if isinstance(vault, Vault) and vault.content_ready:
            break
    else:
        raise RemoteError(
            f"{attempt.address}: the content was sent, and the tenant never called it ready", hint="run again"
        )
    wrong = mismatch(vault, attempt.desired, str(attempt.tag))
    if wrong:
        raise RemoteError(
            f"{attempt.address}: the vault that was made is not what was asked for: {wrong}",
            hint="nobody was given its link",
        )
    return vault


async def revoke(run: Run, address: Address, vault_id: str) -> None:
    """Revoke a vault of ours. Recorded before, so that it never reads as revoked by somebody else."""
    run.take(DeposedNow(address=address, vault_id=vault_id))
    run.step(address, Step.REVOKING)
    await run.client.revoke(vault_id)
    run.take(Revoked(address=address, vault_id=vault_id))
