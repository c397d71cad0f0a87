"""Filling a vault: whom to encrypt to, the upload, and whether the tenant has what was sent."""

from __future__ import annotations

import asyncio
from typing import Final

from reconciler import age
from reconciler.age import AgeRecipient
from reconciler.c1.client import Created
from reconciler.errors import RemoteError
from reconciler.http.retry import Call, Failure, GiveUp, InDoubt, Recreate, Retry
from reconciler.http.session import PRIVATE_AUTHORITY
from reconciler.model.events import Progress, Step
from reconciler.model.manifest import Format, Kind
from reconciler.model.vault import Vault
from reconciler.operations.run import Attempt
from reconciler.planning.verify import mismatch
from reconciler.sensitive import Sensitive
from reconciler.state import tags

_UPLOADS: Final = 3
"""Times that one file is sent to one vault without learning whether it arrived, each encrypted afresh."""

_READY_WAITS: Final = (0.0, 0.2, 0.5, 1.0, 2.0, 4.0, 8.0, 15.0)
"""Seconds before each look at a vault whose content was sent."""


class UrlExpiredError(RemoteError):
    """The upload URL died before the content was in: only a new vault has a new one."""


def checked_recipient(attempt: Attempt, created: Created) -> AgeRecipient:
    """Return whom to encrypt to, if the vault is the one that was asked for. Raises RemoteError."""
    if tags.find(created.display_name) != attempt.tag:
        raise RemoteError(
            f"{attempt.address}: the tenant did not keep the name that was sent, by which a vault is found again",
            hint="report this: the tenant shortens or rewrites display names",
        )
    recipient = age.parse_recipient(created.recipient)
    asked = attempt.attributes.suite
    for said in (asked, created.suite):
        if said is not None and said is not recipient.suite:
            raise RemoteError(
                f"{attempt.address}: the tenant returned a {recipient.suite} recipient where {said} was due",
                hint="declare `age_suite: auto`, or ask for the suite that the tenant offers",
            )
    return recipient


async def send(attempt: Attempt, created: Created, recipient: AgeRecipient) -> None:
    """Encrypt the source and send it. Raises SourceError where it is not what was planned, RemoteError."""
    if attempt.attributes.kind is Kind.TEXT:
        await _send_text(attempt, created.vault_id, recipient)
    else:
        await _send_file(attempt, created, recipient)


async def _send_text(attempt: Attempt, vault_id: str, recipient: AgeRecipient) -> None:
    run = attempt.run
    run.step(attempt.address, Step.ENCRYPTING)
    plaintext = run.reader.text(attempt.desired.source, attempt.key, attempt.content)
    ciphertext = age.encrypt_text(recipient, plaintext)
    run.step(attempt.address, Step.UPLOADING)
    await run.client.set_content(vault_id, ciphertext, attempt.attributes.format or Format.PLAINTEXT)


async def _send_file(attempt: Attempt, created: Created, recipient: AgeRecipient) -> None:
    if created.upload_url is None:
        raise RemoteError(f"{attempt.address}: the tenant gave no place to upload the file to")
    patience = attempt.run.client.patience
    sent = unclear = 0
    while True:
        failure = await _put(attempt, created.upload_url, recipient)
        if failure is None:
            return
        sent += 1
        decision = patience.decide(Call.UPLOAD, failure, attempt=sent)
        if isinstance(decision, InDoubt):
            unclear += 1
            if await _has_content(attempt, created.vault_id):
                return
            # It is not there, so that it may be sent again: like a reading, after a pause.
            decision = patience.decide(Call.GET, failure, attempt=sent) if unclear < _UPLOADS else GiveUp()
        match decision:
            case Retry(after):
                await patience.wait(after, failure.why)
            case Recreate():
                raise UrlExpiredError(
                    f"{attempt.address}: the tenant's upload URL was refused", hint="run again"
                )
            case _:
                raise _given_up(attempt, failure, sent)


async def _has_content(attempt: Attempt, vault_id: str) -> bool:
    vault = await attempt.run.client.get(vault_id)
    return isinstance(vault, Vault) and vault.was_filled


def _given_up(attempt: Attempt, failure: Failure, sent: int) -> RemoteError:
    if failure.permanent:
        return RemoteError(f"{attempt.address}: the upload failed: {failure.why}", hint=PRIVATE_AUTHORITY)
    times = "" if sent == 1 else f" {sent} times"
    redirected = ", which is not followed" if 300 <= (failure.status or 0) < 400 else ""
    return RemoteError(
        f"{attempt.address}: the upload failed{times}: {failure.why}{redirected}", hint="run again"
    )


async def _put(attempt: Attempt, url: Sensitive, recipient: AgeRecipient) -> Failure | None:
    """Send the file once, encrypted afresh. The last piece leaves only if the whole is what was planned."""
    run = attempt.run
    reading = run.reader.open(attempt.desired.source, Kind.FILE, key=attempt.key, expected=attempt.content)
    with reading:
        async with age.encrypt_file(recipient, reading, attempt.size) as body:

            def sent(done: int) -> None:
                run.report(
                    Progress(address=attempt.address, step=Step.UPLOADING, done=done, size=body.length)
                )

            return await run.uploader.put(url, length=body.length, body=aiter(body), on_progress=sent)


async def ready(attempt: Attempt, vault_id: str) -> Vault:
    """Wait until the tenant has the content, and compare what it says with what was declared."""
    run = attempt.run
    run.step(attempt.address, Step.CHECKING)
    for seconds in _READY_WAITS:
        await asyncio.sleep(seconds)
        vault = await run.client.get(vault_id)
        if isinstance(vault, Vault) and vault.was_filled:  # who opened it at once may have ended it
            break
    else:
        raise RemoteError(
            f"{attempt.address}: the content was sent, and the tenant never called it ready", hint="run again"
        )
    wrong = mismatch(vault, attempt.attributes, str(attempt.tag))
    if wrong:
        raise RemoteError(
            f"{attempt.address}: the vault that was made is not what was asked for: {wrong}",
            hint="nobody was given its link",
        )
    return vault
