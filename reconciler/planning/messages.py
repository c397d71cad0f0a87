"""The sentences of a plan's attention, each with a code that scripts can rely on."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from datetime import datetime

from reconciler import display
from reconciler.errors import Problem
from reconciler.model.address import Address
from reconciler.model.attention import Attention, AttentionCode
from reconciler.model.canonical import time_text
from reconciler.model.plan import Limits
from reconciler.model.state import End, Pending, Share, State
from reconciler.planning.rules import reason_of


def not_visible(prior: State) -> Attention:
    """Return attention to shares that another identity made, or that this one lost the right to see."""
    return Attention(
        code=AttentionCode.NOT_VISIBLE,
        text=f"the shares of {prior.name} are not visible to you: the identity {prior.creator} made them",
        next="use that identity's credential; nothing is planned without it",
    )


def first_run() -> Attention:
    """Return attention to a missing state, which offline looks like a new stack."""
    return Attention(
        code=AttentionCode.FIRST_RUN,
        text="no state found: shown as a first run, unverified",
        next="plan with a credential to compare with the tenant",
    )


def hypothetical(moment: datetime) -> Attention:
    """Return attention to a plan for another time: what it says will be so only if nothing happens until then."""
    return Attention(
        code=AttentionCode.HYPOTHETICAL,
        text=f"hypothetical: a plan for {time_text(moment)}, not for now",
        next="plan without --as-of before apply",
    )


def move_blocked(old: Address, new: Address) -> Attention:
    """Return attention to a move whose old and new name both have a secret."""
    return Attention(
        code=AttentionCode.MOVE_BLOCKED,
        address=old,
        text=f"cannot move to {new}: that secret already exists",
        next="remove the `moved` entry, or the secret at the new name",
    )


def unknown_status(address: Address) -> Attention:
    """Return attention to a share whose status is hidden, or newer than this version."""
    return Attention(
        code=AttentionCode.UNKNOWN_STATUS,
        address=address,
        text="the tenant hides the share from this identity, or this version does not know its status; it is kept",
        next="look at the share in C1; a newer release of reconciler may know the status",
    )


def state_differs(address: Address, share: Share, seen: Share) -> Attention:
    """Return attention to a share that the tenant has otherwise than the state, which should never happen."""
    was, is_ = share.attributes, seen.attributes
    facts = {
        "recipients": (was.sharing, was.who()) != (is_.sharing, is_.who()),
        "views": was.max_views != is_.max_views,
        "lifetime": (share.created, share.expires, was.expires_in)
        != (seen.created, seen.expires, is_.expires_in),
    }
    return Attention(
        code=AttentionCode.STATE_DIFFERS,
        address=address,
        text=f"state and tenant disagree about {', '.join(f for f, differs in facts.items() if differs)}; "
        "the tenant's word counts",
        next="find out who changed the state: neither reconciler nor the tenant changes this in a share",
    )


def ended_kept(address: Address, end: End) -> Attention:
    """Return attention to a share that ended, and that the manifest does not ask to make again."""
    reason, _ = reason_of(end)
    return Attention(
        code=AttentionCode.ENDED_KEPT,
        address=address,
        text=f"{reason.sentence}; it stays ended",
        next=f"to share it again: --replace {shlex.quote(str(address))}",
    )


def newer_share(address: Address, share: Share) -> Attention:
    """Return attention to a share that ended here and went on elsewhere: this state has a second copy."""
    return Attention(
        code=AttentionCode.NEWER_SHARE,
        address=address,
        text=f"share {share.vault_id} is newer than the one in this state: another copy of the state made it, "
        "so it is left alone",
        next=f"continue with that copy of the state, or replace the share: --replace {shlex.quote(str(address))}",
    )


def ends_soon(address: Address, share: Share) -> Attention:
    """Return attention to a share that is near its end and is not renewed."""
    return Attention(
        code=AttentionCode.ENDS_SOON,
        address=address,
        text=f"expires {time_text(share.expires)} and is not renewed",
        next="to keep sharing it: `renew: always`, or --replace " + shlex.quote(str(address)),
    )


def value_not_proven(address: Address) -> Attention:
    """Return attention to a renewal that may send another value than the one that its recipients have."""
    return _awaits_review(address, "the value is not known to be the one that was sent")


def ended_before(address: Address) -> Attention:
    """Return attention to a share that had ended before it was declared to be renewed: another one is a grant."""
    return _awaits_review(
        address, "the share ended without `renew: always`, and another one gives access back"
    )


def _awaits_review(address: Address, why: str) -> Attention:
    return Attention(
        code=AttentionCode.AWAITS_REVIEW,
        address=address,
        text=f"its renewal awaits review: {why}",
        next="approve the plan and apply it; `apply --only renewals` leaves this out",
    )


def value_not_checked(why: str, addresses: Sequence[Address]) -> Attention:
    """Return attention to values that could not be compared: one line for all with the same reason."""
    many = len(addresses) > 1
    return Attention(
        code=AttentionCode.NOT_CHECKED,
        address=None if many else addresses[0],
        text=f"{len(addresses)} values not checked: {why}" if many else f"value not checked: {why}",
    )


def source_unreadable(address: Address, problem: Problem) -> Attention:
    """Return attention to an unreadable source that no change needs: its value could not be compared."""
    return Attention(
        code=AttentionCode.SOURCE_UNREADABLE,
        address=address,
        text=f"value not checked: {problem.what}",
        next=problem.hint,
    )


def source_changed(address: Address, old: str, new: str) -> Attention:
    """Return attention to a value that comes from another source and could not be compared."""
    return Attention(
        code=AttentionCode.SOURCE_CHANGED,
        address=address,
        text=f"the source is {new}, was {old or 'not recorded'}; not checked whether the value is the same",
    )


def fewer_views(address: Address, views: int, people: int) -> Attention:
    """Return attention to a share with fewer views than recipients: the last may find it used up."""
    return Attention(
        code=AttentionCode.FEWER_VIEWS,
        address=address,
        text=f"{views} view{'s' if views > 1 else ''} for {people} recipients",
        next="raise `max_views`, or give each recipient a share of their own",
    )


def pending(waiting: Pending) -> Attention:
    """Return attention to a create that got no answer and may still land."""
    return Attention(
        code=AttentionCode.PENDING_CREATE,
        address=waiting.address,
        text=f"an earlier attempt got no answer and may still arrive until {time_text(waiting.until)}",
        next="nothing to do: each run looks for it and revokes it",
    )


def trailing_newline(address: Address, source: str) -> Attention:
    """Return attention to a value that ends with a newline."""
    return Attention(
        code=AttentionCode.TRAILING_NEWLINE,
        address=address,
        text=f"the value of {source} ends with a newline, which is sent too",
        next="add `trim: newline` to the source if the newline is not part of the secret",
    )


def recipient_disabled(who: str, addresses: Sequence[Address], *, left_out: bool) -> Attention:
    """Return attention to a recipient whose account is disabled: one line a person, not one a secret."""
    out = ", and left out" if left_out else ""
    return Attention(
        code=AttentionCode.RECIPIENT_DISABLED,
        address=_single(addresses),
        text=f"{display.person(who)} is disabled in the tenant{out}{_count(addresses)}",
        next="remove the recipient from the manifest if the person has left",
    )


def external_is_user(who: str, addresses: Sequence[Address]) -> Attention:
    """Return attention to an external address that belongs to a C1 user."""
    return Attention(
        code=AttentionCode.EXTERNAL_IS_USER,
        address=_single(addresses),
        text=f"{display.person(who)} is listed as external but is a C1 user{_count(addresses)}",
        next="list the address under `users`: the person then signs in with C1",
    )


def _single(addresses: Sequence[Address]) -> Address | None:
    return addresses[0] if len(addresses) == 1 else None


def _count(addresses: Sequence[Address]) -> str:
    return "" if len(addresses) == 1 else f" (in {len(addresses)} secrets)"


def excludes_nothing(glob: str, hint: str | None) -> Attention:
    """Return attention to an `--exclude` that excludes nothing."""
    return Attention(
        code=AttentionCode.EXCLUDES_NOTHING,
        text=f"--exclude {glob} matches no secret",
        next=hint or "check the spelling",
    )


def left_out(count: int) -> Attention:
    """Return attention to the changes that a selection leaves out."""
    return Attention(
        code=AttentionCode.LEFT_OUT,
        text=f"{count} {'change is' if count == 1 else 'changes are'} left out by the command line",
        next="run without --target, --exclude and --only to see them",
    )


def limits_given(limits: Limits) -> Attention:
    """Return attention to limits that take the place of the guards."""
    given = {"revoke": limits.max_revoke, "replace": limits.max_replace}
    parts = [
        f"{verb} up to {count} shares at once: --max-{verb} {count}"
        for verb, count in given.items()
        if count is not None
    ]
    return Attention(
        code=AttentionCode.LIMITS_GIVEN,
        text=f"the command line lets the manifest {', and '.join(parts)}",
    )


def unknown_vault(vault_id: str, why: str) -> Attention:
    """Return attention to a share that carries the stack's tag and that no run can place."""
    return _unplaced(
        f"share {vault_id} carries this stack's tag; {why}",
        f"let it expire, or import it: `reconciler state import NAME {vault_id}`",
    )


def named_by_journal(vault_id: str) -> Attention:
    """Return attention to a filled share that a journal calls ours, and that does not say so itself."""
    return _unplaced(
        f"share {vault_id} does not carry the tag that the journal has for it, so it is left alone",
        "find out who changed the journal; a share that is to end is revoked in C1",
    )


def _unplaced(text: str, following: str) -> Attention:
    return Attention(code=AttentionCode.UNKNOWN_VAULT, text=text, next=following)


def adopted(address: Address) -> Attention:
    """Return attention to a share that an interrupted run completed."""
    return Attention(
        code=AttentionCode.ADOPTED,
        address=address,
        text="an interrupted run completed the share; this run takes it over",
    )


def left_incomplete(address: Address | None) -> Attention:
    """Return attention to an orphan: its run died before it gave out the link."""
    return Attention(
        code=AttentionCode.LEFT_INCOMPLETE,
        address=address,
        text="an interrupted run left an incomplete share; its link was not given out",
        next="nothing to do: apply revokes it",
    )
