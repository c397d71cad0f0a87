"""The write protocol for one vault: intent, create, bound, encrypt and upload, ready, committed.

Every remote effect is in the journal before the next is begun. A create whose outcome is unclear is never sent
again: the vault is looked for by its tag, and a new attempt bears a new generation.
docs/reliability.md tells what each record is for.
"""

from __future__ import annotations

import contextlib
import secrets
from dataclasses import replace
from datetime import timedelta
from typing import Final

from reconciler.c1.client import Created, Unclear
from reconciler.errors import ReconcilerError, RemoteError, SignInError, StateError
from reconciler.model.address import Address
from reconciler.model.events import Step
from reconciler.model.manifest import Kind, Renew
from reconciler.model.plan import Change
from reconciler.model.state import Share
from reconciler.operations.content import UrlExpiredError, checked_recipient, ready, send
from reconciler.operations.run import Attempt, Run
from reconciler.planning.expand import Desired
from reconciler.planning.verify import share_of
from reconciler.sources import Content
from reconciler.state import tags
from reconciler.state.journal import Bound, Committed, DeposedNow, Done, Intent, Revoked

_ATTEMPTS: Final = 3
"""Creates of one change in one run, each with its own generation."""

_LOST_BEFORE: Final = timedelta(minutes=5)
"""How much older than its intent a vault can seem, for clocks that are not quite one."""


async def create_share(run: Run, change: Change, desired: Desired, content: Content) -> Share:
    """Make one vault and return its share, committed. Raises ReconcilerError with nothing of it left, or journalled."""
    failure = RemoteError(
        f"{change.address}: the tenant did not answer clearly {_ATTEMPTS} times",
        hint="run again; what may have been made is empty, is recorded, and will be found and revoked",
    )
    for _ in range(_ATTEMPTS):
        attempt = _begin(run, change, desired, content)
        created = await _create(attempt)
        if isinstance(created, Unclear):
            await _look_for_lost(attempt)
            continue
        try:
            return await _fill(attempt, created)
        except UrlExpiredError as error:
            failure = error
    raise failure


def _begin(run: Run, change: Change, desired: Desired, content: Content) -> Attempt:
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
    return Attempt(
        run=run,
        op=op,
        tag=tag,
        change=change,
        attributes=change.after,
        desired=desired,
        content=content.mac,
        size=content.size,
        key=run.key,
    )


async def _create(attempt: Attempt) -> Created | Unclear:
    run = attempt.run
    run.step(attempt.address, Step.CREATING)
    try:
        created = await run.client.create(
            display_name=tags.display_name(attempt.attributes.label, attempt.tag),
            attributes=attempt.attributes,
            file_size=attempt.size if attempt.attributes.kind is Kind.FILE else None,
        )
    except ReconcilerError:
        # A definite answer: no vault was made.
        run.take(Done(op=attempt.op))
        raise
    if isinstance(created, Created):
        await _bind(attempt, created)
    return created


async def _bind(attempt: Attempt, created: Created) -> None:
    try:
        attempt.run.take(Bound(op=attempt.op, vault_id=created.vault_id, suite=created.suite))
    except StateError:
        # The disk does not take the record: leave nothing behind that only the record could find.
        with contextlib.suppress(ReconcilerError):
            await attempt.run.client.revoke(created.vault_id)
            attempt.run.take(Done(op=attempt.op))  # which no disk takes either, but the ledger does
        raise


async def _look_for_lost(attempt: Attempt) -> None:
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


async def _undo(attempt: Attempt, vault_id: str) -> bool:
    """Revoke a vault that did not become current. False leaves the attempt open, for the next run.

    It may hold its content. Recorded before: a revoke whose answer is lost must not read as somebody else's.
    """
    run = attempt.run
    run.take(DeposedNow(address=attempt.address, vault_id=vault_id))
    with contextlib.suppress(RemoteError, SignInError):
        await run.client.revoke(vault_id)
        run.take(Done(op=attempt.op))
        return True
    return False


async def _fill(attempt: Attempt, created: Created) -> Share:
    """Encrypt, upload, verify and commit; whatever fails revokes the vault, which nobody was told of."""
    run, attributes = attempt.run, attempt.attributes
    try:
        recipient = checked_recipient(attempt, created)
        await send(attempt, created, recipient)
        vault = await ready(attempt, created.vault_id)
    except ReconcilerError as error:
        if await _undo(attempt, created.vault_id):
            raise error.restated(
                f"{error.detail.rstrip('.')}; the vault that was made for it is revoked"
            ) from error
        raise
    made = share_of(
        vault,
        attempt.tag,
        replace(attributes, suite=recipient.suite),
        now=run.client.now,
        fingerprint=attempt.key.fingerprint(attempt.change.uid, attempt.content),
        source=str(attempt.desired.source),
        renew=attempt.desired.renew is Renew.ALWAYS,
        proof=tags.proof(attempt.key.mac, attempt.change.uid, vault.vault_id, str(attempt.tag)),
    )
    run.take(
        Committed(
            op=attempt.op,
            address=attempt.address,
            uid=attempt.change.uid,
            prevent_revoke=attempt.desired.prevent_revoke,
            share=made,
        )
    )
    return made


async def revoke(run: Run, address: Address, vault_id: str) -> None:
    """Revoke a vault of ours. Recorded before, so that it never reads as revoked by somebody else."""
    run.take(DeposedNow(address=address, vault_id=vault_id))
    run.step(address, Step.REVOKING)
    await run.client.revoke(vault_id)
    run.take(Revoked(address=address, vault_id=vault_id))
