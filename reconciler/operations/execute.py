"""Carrying out the changes of one run, side by side, and naming how each ended."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from reconciler.errors import (
    NoTokenError,
    NotYoursError,
    ReconcilerError,
    RemoteError,
    SignInError,
    StateError,
)
from reconciler.model.address import Address
from reconciler.model.events import Left, OrphanRevoked, Outcome, Result
from reconciler.model.plan import Action, Change
from reconciler.model.state import Share
from reconciler.operations.concurrency import each
from reconciler.operations.create import create_share, revoke
from reconciler.operations.run import Run
from reconciler.planning.expand import Desired
from reconciler.planning.recovery import Orphan
from reconciler.sources import Content
from reconciler.state.journal import Done, Forgotten


@dataclass(slots=True)
class Stop:
    """Set by a signal: finish the changes in progress, start no others."""

    requested: bool = False
    terminated: bool = False


@dataclass(slots=True, kw_only=True)
class Work:
    """The changes of one run, and how each ended."""

    run: Run
    all_desired: Mapping[Address, Desired]
    contents: Mapping[Address, Content]
    parallelism: int
    stop: Stop
    results: list[Result] = field(default_factory=list)
    failures: list[ReconcilerError] = field(default_factory=list)
    left: list[Left] = field(default_factory=list)
    barred: bool = False
    """Nothing more can succeed: the disk, the credential or the place to sign in is gone."""

    async def recover(self, orphans: Sequence[Orphan]) -> None:
        """Revoke the vaults that an interrupted run left incomplete. They are in no state."""

        async def revoke_orphan(orphan: Orphan) -> None:
            try:
                await self.run.client.revoke(orphan.vault_id)
            except ReconcilerError as error:
                self._left(orphan.address, orphan.vault_id, self._failed(error))
                return
            if orphan.open:
                self.run.take(Done(op=orphan.open.intent.op))
            text = "an incomplete share that an interrupted run had left is revoked"
            self.run.report(OrphanRevoked(address=orphan.address, vault_id=orphan.vault_id, text=text))

        await each(orphans, revoke_orphan, at_once=self.parallelism)

    async def change_all(self, changes: Sequence[Change]) -> None:
        """Carry out changes, the addresses side by side, those of one address in order."""
        ordered = sorted(changes, key=lambda c: (c.address, c.deposed is not None))
        groups = [list(group) for _, group in groupby(ordered, key=lambda c: c.address)]
        await each(groups, self._change_group, at_once=self.parallelism)
        self._name_what_is_left()

    def complete(self) -> bool:
        """Whether everything was done."""
        return not self.failures and all(result.outcome is not Outcome.NOT_REACHED for result in self.results)

    def _name_what_is_left(self) -> None:
        """Count a vault that an attempt could not revoke as a failure, also where a later attempt came through.

        Where none came through, what failed is told already; that a vault is left of it is not.
        """
        failed = {r.address for r in self.results if r.failure}
        named = {left.vault_id for left in self.left}
        for create in self.run.ledger.open():
            if create.vault_id and create.vault_id not in named:
                error = RemoteError("that could not be done, or the tenant did not say clearly that it was")
                if create.intent.address not in failed:
                    self._failed(error)
                self._left(create.intent.address, create.vault_id, error)

    def _left(self, address: Address | None, vault_id: str, error: ReconcilerError) -> None:
        hint = error.hint if isinstance(error, NotYoursError) else None
        left = Left(
            address=address,
            vault_id=vault_id,
            failure=f"the incomplete vault {vault_id} is not revoked yet: {error.detail}",
            hint=hint or "run the same command again: it sees to that vault, which nobody was told of",
        )
        self.left.append(left)
        self.run.report(left)

    async def _change_group(self, changes: Sequence[Change]) -> None:
        for change in changes:
            if self.stop.requested or self.barred or self._must_wait(change):
                self._ended(change, Outcome.NOT_REACHED)
                continue
            try:
                await self._change(change)
            except ReconcilerError as error:
                self._ended(change, Outcome.FAILED, failure=self._failed(error))

    def _must_wait(self, change: Change) -> bool:
        """Keep an old copy while its address has no live one, though it should: somebody may need it.

        An address whose share ended, and stays ended, is to have none that is older.
        """
        if change.deposed is None or change.before is None or change.address not in self.all_desired:
            return False
        instance = self.run.ledger.instance(change.address)
        if instance is None or (instance.current is None and instance.ended is None):
            return True
        return instance.overtaken_by(change.before)

    async def _change(self, change: Change) -> None:
        match change.action:
            case Action.CREATE | Action.REPLACE:
                await self._make(change)
            case Action.REVOKE:
                await self._revoke(change)
            case Action.FORGET:
                self.run.take(Forgotten(address=change.address))
                self._ended(change, Outcome.FORGOTTEN)
            case Action.NO_OP | Action.STATE_ONLY:
                pass  # saved with the claim

    async def _make(self, change: Change) -> None:
        address = change.address
        made = await create_share(self.run, change, self.all_desired[address], self.contents[address])
        if change.action is Action.CREATE:
            self._ended(change, Outcome.CREATED, made=made)
            return
        assert change.before is not None
        try:
            await revoke(self.run, address, change.before.vault_id)
        except ReconcilerError as error:
            detail = f"the new share is live, but the old copy is not revoked yet: {error.detail}"
            self._ended(change, Outcome.FAILED, made=made, failure=self._failed(error.restated(detail)))
        else:
            self._ended(change, Outcome.REPLACED, made=made)

    async def _revoke(self, change: Change) -> None:
        vault_id = change.deposed or (change.before.vault_id if change.before else None)
        assert vault_id is not None
        await revoke(self.run, change.address, vault_id)
        self._ended(change, Outcome.REVOKED, vault_id=vault_id)

    def _failed(self, error: ReconcilerError) -> ReconcilerError:
        """Count a failure, and return it with a next step."""
        failure = error.restated(hint=error.hint or "run the same command again to resume")
        self.failures.append(failure)
        fatal = isinstance(failure, StateError | SignInError | NoTokenError)
        self.barred = self.barred or (fatal and not isinstance(failure, NotYoursError))
        return failure

    def _ended(
        self,
        change: Change,
        outcome: Outcome,
        *,
        made: Share | None = None,
        vault_id: str | None = None,
        failure: ReconcilerError | None = None,
    ) -> None:
        result = Result(
            address=change.address,
            action=change.action,
            outcome=outcome,
            vault_id=made.vault_id if made else vault_id,
            share_url=made.share_url if made else None,
            failure=failure.detail if failure else None,
            hint=failure.hint if failure else None,
        )
        self.results.append(result)
        self.run.report(result)
