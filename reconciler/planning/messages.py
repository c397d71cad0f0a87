"""The sentences of a plan's attention, each with a code that scripts can rely on."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from reconciler.errors import Problem
from reconciler.model.address import Address
from reconciler.model.attention import Attention, AttentionCode
from reconciler.model.canonical import time_text
from reconciler.model.state import End, Pending, Share, State
from reconciler.planning.rules import reason_of


def not_visible(prior: State) -> Attention:
    """Tell that another identity made the vaults, or that this one lost the right to see them."""
    return Attention(
        code=AttentionCode.NOT_VISIBLE,
        text=f"the secrets of {prior.name} are not visible to you: the identity {prior.creator} made them",
        next="run with that identity's credential; nothing is planned without it",
    )


def first_run() -> Attention:
    """Tell that offline a missing state cannot be told from a new stack."""
    return Attention(
        code=AttentionCode.FIRST_RUN,
        text="no state was found: shown as a first run, unverified",
        next="plan with a credential to see what the tenant has",
    )


def move_blocked(old: Address, new: Address) -> Attention:
    """Tell that both the old and the new name of a move have a secret."""
    return Attention(
        code=AttentionCode.MOVE_BLOCKED,
        address=old,
        text=f"is not moved to {new}: that one exists already",
        next="remove the `moved` entry, or the secret that is in its way",
    )


def unknown_status(address: Address) -> Attention:
    """Tell that nobody can say how a vault stands: the API grew a status, or hides this one."""
    return Attention(
        code=AttentionCode.UNKNOWN_STATUS,
        address=address,
        text="is not shown to this identity, or has a status that this version does not know; it is left as it is",
        next="look at it in C1; a newer release of reconciler may know the status",
    )


def state_differs(address: Address, share: Share, seen: Share) -> Attention:
    """Tell that the state is not what the tenant has: the tenant's word counts, and somebody must know why."""
    was, is_ = share.attributes, seen.attributes
    facts = {
        "who can open it": (was.sharing, was.who()) != (is_.sharing, is_.who()),
        "how often": was.max_views != is_.max_views,
        "until when": (share.created, share.expires, was.expires_in)
        != (seen.created, seen.expires, is_.expires_in),
    }
    return Attention(
        code=AttentionCode.STATE_DIFFERS,
        address=address,
        text=f"the state and the tenant disagree about {', '.join(f for f, differs in facts.items() if differs)}; "
        "the tenant's word counts",
        next="look who changed the state; this program and the tenant change none of that in a share",
    )


def ended_kept(address: Address, end: End) -> Attention:
    """Tell that a share ended and that the manifest does not say to make it again."""
    reason, _ = reason_of(end)
    return Attention(
        code=AttentionCode.ENDED_KEPT,
        address=address,
        text=f"{reason.sentence}; it stays ended",
        next=f"to share it again: --replace {shlex.quote(str(address))}",
    )


def newer_share(address: Address, share: Share) -> Attention:
    """Tell that a share ended here and went on elsewhere: this copy of the state is not the only one."""
    return Attention(
        code=AttentionCode.NEWER_SHARE,
        address=address,
        text=f"vault {share.vault_id} is a newer share of it that this state does not have as its own: "
        "another copy of the state made it. It is left alone",
        next=f"go on with that copy of the state; here, --replace {shlex.quote(str(address))} takes its place",
    )


def ends_soon(address: Address, share: Share) -> Attention:
    """Tell that a share which is not renewed is near its end."""
    return Attention(
        code=AttentionCode.ENDS_SOON,
        address=address,
        text=f"ends {time_text(share.expires)} and is not renewed",
        next="to go on sharing it: `renew: always`, or --replace " + shlex.quote(str(address)),
    )


def value_not_checked(why: str, addresses: Sequence[Address]) -> Attention:
    """Tell why values could not be compared: one line for all that share a reason."""
    many = len(addresses) > 1
    return Attention(
        code=AttentionCode.NOT_CHECKED,
        address=None if many else addresses[0],
        text=f"{len(addresses)} values not checked: {why}" if many else f"value not checked: {why}",
    )


def source_unreadable(address: Address, problem: Problem) -> Attention:
    """Tell of a source that nothing needs now; what could not be read could not be compared."""
    return Attention(
        code=AttentionCode.SOURCE_UNREADABLE,
        address=address,
        text=f"value not checked: {problem.what}",
        next=problem.hint,
    )


def source_changed(address: Address, old: str, new: str) -> Attention:
    """Tell that a value comes from elsewhere, and that nobody could compare it."""
    return Attention(
        code=AttentionCode.SOURCE_CHANGED,
        address=address,
        text=f"comes from {new} now, was {old}; whether the value is the same is not checked",
    )


def fewer_views(address: Address, views: int, people: int) -> Attention:
    """Tell that somebody may find the share used up."""
    return Attention(
        code=AttentionCode.FEWER_VIEWS,
        address=address,
        text=f"{views} view{'s' if views > 1 else ''} shared by {people} people",
        next="raise `max_views`, or give each a share of their own",
    )


def pending(waiting: Pending) -> Attention:
    """Tell of a create without an answer, which may still land."""
    return Attention(
        code=AttentionCode.PENDING_CREATE,
        address=waiting.address,
        text=f"an earlier attempt had no answer and may still arrive until {time_text(waiting.until)}",
        next="nothing to do: each run looks for it and revokes it",
    )


def trailing_newline(address: Address, source: str) -> Attention:
    """Tell that a value ends with a newline."""
    return Attention(
        code=AttentionCode.TRAILING_NEWLINE,
        address=address,
        text=f"the value of {source} ends with a newline, which is sent as it is",
        next="add `trim: newline` to the source if the newline does not belong to the secret",
    )


def recipient_disabled(who: str, addresses: Sequence[Address], *, left_out: bool) -> Attention:
    """Tell that a recipient's account is disabled: one line a person, not one a secret."""
    return Attention(
        code=AttentionCode.RECIPIENT_DISABLED,
        address=_single(addresses),
        text=f"{who} is disabled in the tenant{', and left out' if left_out else ''}{_count(addresses)}",
        next="take the address out of the manifest when the person has left",
    )


def external_is_user(who: str, addresses: Sequence[Address]) -> Attention:
    """Tell that an address which is declared as outside is a C1 user's."""
    return Attention(
        code=AttentionCode.EXTERNAL_IS_USER,
        address=_single(addresses),
        text=f"{who} is declared as external but is a C1 user{_count(addresses)}",
        next="list the address under `users`, so that the person signs in with C1",
    )


def _single(addresses: Sequence[Address]) -> Address | None:
    return addresses[0] if len(addresses) == 1 else None


def _count(addresses: Sequence[Address]) -> str:
    return "" if len(addresses) == 1 else f" (in {len(addresses)} secrets)"


def excludes_nothing(glob: str, hint: str | None) -> Attention:
    """Tell that an `--exclude` excludes nothing."""
    return Attention(
        code=AttentionCode.EXCLUDES_NOTHING,
        text=f"--exclude {glob} matches no secret",
        next=hint or "check how it is spelt",
    )


def left_out(count: int) -> Attention:
    """Tell how many changes a selection leaves out."""
    return Attention(
        code=AttentionCode.LEFT_OUT,
        text=f"{count} {'change is' if count == 1 else 'changes are'} left out by the command line",
        next="run without --target, --exclude and --only to see them",
    )


def unknown_vault(vault_id: str, why: str) -> Attention:
    """Tell of a vault that bears the stack's tag and that no run can place."""
    return Attention(
        code=AttentionCode.UNKNOWN_VAULT,
        text=f"vault {vault_id} bears this stack's mark; {why}",
        next=f"leave it to its end, or take it in: `reconciler state import NAME {vault_id}`",
    )


def adopted(address: Address) -> Attention:
    """Tell that an interrupted run completed a share."""
    return Attention(
        code=AttentionCode.ADOPTED,
        address=address,
        text="was completed by an interrupted run, and is taken over from it",
    )


def left_incomplete(address: Address | None) -> Attention:
    """Tell of an orphan."""
    return Attention(
        code=AttentionCode.LEFT_INCOMPLETE,
        address=address,
        text="an interrupted run left an incomplete share, which nobody was told of",
        next="nothing to do: apply revokes it",
    )
