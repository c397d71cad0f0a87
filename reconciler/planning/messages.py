"""The sentences of a plan's attention, each with a code that scripts can rely on."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence

from reconciler.errors import Problem
from reconciler.model.address import Address
from reconciler.model.attention import Attention, AttentionCode
from reconciler.model.canonical import time_text
from reconciler.model.state import End, Pending, Share, State
from reconciler.planning.rules import reason_of
from reconciler.state import tags


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


def upkeep_changed(address: Address | None, facts: Sequence[str]) -> Attention:
    """Tell of what changes no share now, and what becomes of it, or of all of them, later."""
    return Attention(
        code=AttentionCode.UPKEEP_CHANGED,
        address=address,
        text=f"later runs treat {'it' if address else 'every secret'} differently: {', '.join(facts)}",
        next="what they then do, a nightly run of renewals among it, is approved with this change",
    )


def stack_changed(facts: Sequence[str]) -> Attention:
    """Tell that the manifest means another stack, tenant or state than before."""
    return Attention(
        code=AttentionCode.STACK_CHANGED,
        text=f"the manifest is of another place now: {', '.join(facts)}",
        next="what the old one made is not taken over by that: it lives on, or is made once more",
    )


def gone_changed(facts: Sequence[str]) -> Attention:
    """Tell that `moved` or `removed` says otherwise what became of secrets that both manifests are without."""
    return Attention(
        code=AttentionCode.GONE_CHANGED,
        text=f"what became of secrets that are gone is said differently: {', '.join(facts)}",
        next="that counts where the manifest as it was is not applied yet, and changes nothing where it is",
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


def not_by_this_stack(address: Address, share: Share, name: str, stack: str) -> Attention:
    """Refuse to end what does not say itself that it is this share: a state that was edited could name any vault."""
    tag = tags.find(name)
    other = tag is not None and tag.stack != stack
    mark = "bears the mark of another stack" if other else "does not bear the mark that the state has for it"
    return Attention(
        code=AttentionCode.OF_ANOTHER_STACK if other else AttentionCode.NOT_BY_THIS_STACK,
        address=address,
        text=f"is to be revoked, but its vault {share.vault_id} {mark}: the tenant calls it {json.dumps(name)}",
        next="if you imported it: --revoke-imported; if not, somebody changed the state: restore it",
    )


def hidden(address: Address, share: Share) -> Attention:
    """Refuse to end what this identity cannot see: whether it is this share, nothing but the state says."""
    return Attention(
        code=AttentionCode.HIDDEN,
        address=address,
        text=f"is to be revoked, but the tenant does not show its vault {share.vault_id} to this identity",
        next="restore its right to that in C1, and run the same command again",
    )


def prevent_revoke(address: Address) -> Attention:
    """Refuse the removal of a secret that was declared as not to be revoked."""
    return Attention(
        code=AttentionCode.PREVENT_REVOKE,
        address=address,
        text="is to be revoked, but was declared with `prevent_revoke: true`",
        next="set it to false and apply that first, or list the secret under `removed:` with `revoke: false`",
    )
