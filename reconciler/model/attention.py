"""What a plan says beside its changes: attention, and what apply refuses."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NewType

from reconciler.model.address import Address


class AttentionCode(StrEnum):
    """What a piece of attention is about: stable, for scripts. `sentence` is what docs/policies.md says of it."""

    NOT_VISIBLE = "not_visible"
    FIRST_RUN = "first_run_unverified"
    HYPOTHETICAL = "hypothetical"
    STATE_DIFFERS = "state_differs"
    UNKNOWN_STATUS = "unknown_status"
    UNKNOWN_VAULT = "unknown_vault"
    NEWER_SHARE = "newer_share"
    PENDING_CREATE = "pending_create"
    LEFT_INCOMPLETE = "left_incomplete"
    ADOPTED = "adopted"
    MOVE_BLOCKED = "move_blocked"
    ENDED_KEPT = "ended_kept"
    ENDS_SOON = "ends_soon"
    AWAITS_REVIEW = "renewal_awaits_review"
    NOT_CHECKED = "value_not_checked"
    SOURCE_UNREADABLE = "source_unreadable"
    SOURCE_CHANGED = "source_changed"
    SOURCE_FILE_CHANGED = "source_file_changed"
    TRAILING_NEWLINE = "trailing_newline"
    RECIPIENT_DISABLED = "recipient_disabled"
    EXTERNAL_IS_USER = "external_is_user"
    FEWER_VIEWS = "fewer_views_than_people"
    UPKEEP_CHANGED = "upkeep_changed"
    STACK_CHANGED = "stack_changed"
    GONE_CHANGED = "gone_changed"
    EXCLUDES_NOTHING = "excludes_nothing"
    LEFT_OUT = "left_out"
    LIMITS_GIVEN = "limits_given"

    @property
    def sentence(self) -> str:
        """What it means, whichever secret it is about."""
        return _ATTENTION[self]


class RefusalCode(StrEnum):
    """Why apply refuses a plan: stable, for scripts. `sentence` is what docs/policies.md says of it."""

    PREVENT_REVOKE = "prevent_revoke"
    NOT_BY_THIS_STACK = "not_by_this_stack"
    OF_ANOTHER_STACK = "of_another_stack"
    HIDDEN = "hidden"
    MAX_REVOKE = "max_revoke"
    MAX_REPLACE = "max_replace"

    @property
    def sentence(self) -> str:
        """What it means, whichever secret it is about."""
        return _REFUSALS[self]


_ATTENTION: Final = {
    AttentionCode.NOT_VISIBLE: "another identity made the shares, so nothing is planned",
    AttentionCode.HYPOTHETICAL: "the plan is for the time that `--as-of` names, and not for now",
    AttentionCode.FIRST_RUN: "no state was found, and the tenant was not asked whether it knows the stack",
    AttentionCode.STATE_DIFFERS: "state and tenant disagree about a share; the tenant's word counts",
    AttentionCode.UNKNOWN_STATUS: "the tenant hides the share's status, or this version does not know it",
    AttentionCode.UNKNOWN_VAULT: "a share carries the stack's tag, and which secret it holds is unknown",
    AttentionCode.NEWER_SHARE: "another copy of the state made a newer share, which is left alone",
    AttentionCode.PENDING_CREATE: "an earlier attempt got no answer and may still arrive",
    AttentionCode.LEFT_INCOMPLETE: "an interrupted run left an incomplete share, which apply revokes",
    AttentionCode.ADOPTED: "an interrupted run completed the share, and this run takes it over",
    AttentionCode.MOVE_BLOCKED: "a `moved` entry leads to a secret that already exists",
    AttentionCode.ENDED_KEPT: "the share ended, and the manifest does not ask to make it again",
    AttentionCode.ENDS_SOON: "the share expires soon and is not renewed",
    AttentionCode.AWAITS_REVIEW: "no run makes the share again by itself: a person approves it first",
    AttentionCode.NOT_CHECKED: "the value could not be compared with the one that was sent",
    AttentionCode.SOURCE_UNREADABLE: "the source could not be read; no planned change needs it",
    AttentionCode.SOURCE_CHANGED: "the value comes from another source, and could not be compared",
    AttentionCode.SOURCE_FILE_CHANGED: "the source's file changed; the value was not compared",
    AttentionCode.TRAILING_NEWLINE: "the value ends with a newline, which is sent too",
    AttentionCode.RECIPIENT_DISABLED: "a recipient's account is disabled",
    AttentionCode.EXTERNAL_IS_USER: "an address that is listed as external belongs to a C1 user",
    AttentionCode.FEWER_VIEWS: "the share has fewer views than recipients",
    AttentionCode.UPKEEP_CHANGED: "nothing changes now, but later runs treat the secret differently",
    AttentionCode.STACK_CHANGED: "the manifest names another stack, tenant or state than before",
    AttentionCode.GONE_CHANGED: "`moved` or `removed` changed for secrets that are gone",
    AttentionCode.EXCLUDES_NOTHING: "an `--exclude` matches no secret",
    AttentionCode.LEFT_OUT: "the command line leaves changes out",
    AttentionCode.LIMITS_GIVEN: "the command line says how many shares the manifest may revoke or replace at once",
}

_REFUSALS: Final = {
    RefusalCode.PREVENT_REVOKE: "refused: the secret was declared with `prevent_revoke: true`",
    RefusalCode.NOT_BY_THIS_STACK: "refused: the share does not carry the tag that the state has for it",
    RefusalCode.OF_ANOTHER_STACK: "refused: the share carries the tag of another stack",
    RefusalCode.HIDDEN: "refused: the tenant hides the share from this identity",
    RefusalCode.MAX_REVOKE: "refused: the manifest would revoke too many shares at once",
    RefusalCode.MAX_REPLACE: "refused: the manifest would replace too many shares at once",
}


LaterCode = NewType("LaterCode", str)
"""A code in a plan that a newer release saved: the list is open, and this one does not know it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attention:
    """Something a person must know that leads to no action."""

    code: AttentionCode | LaterCode
    text: str
    address: Address | None = None
    next: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Why apply will not carry out a plan, and what would let it."""

    code: RefusalCode | LaterCode
    text: str
    address: Address | None = None
    next: str | None = None
