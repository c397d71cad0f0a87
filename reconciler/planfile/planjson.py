"""A plan as JSON, in Terraform's key names, so that policies written for those read it.

`schemas/plan.schema.json` describes it. Minor versions add, a major version breaks. Share links and tags are
not in it: a plan can be a public artifact.
"""

from __future__ import annotations

from typing import Final, assert_never

from reconciler.model.attention import Attention, Refusal
from reconciler.model.canonical import Record, attributes_record, time_text
from reconciler.model.plan import Access, Action, Change, Drift, Plan, access, limits_record
from reconciler.model.state import End, Recipient, Share

FORMAT_VERSION: Final = "1.3"


def to_json(plan: Plan) -> Record:
    """Return the plan as a JSON object."""
    summary = plan.summary()
    return {
        "format_version": FORMAT_VERSION,
        "name": plan.name,
        "lineage": plan.lineage,
        "serial": plan.serial,
        "server": plan.server,
        "creator": plan.creator,
        "as_of": time_text(plan.as_of),
        "offline": plan.offline,
        "policy_digest": plan.policy_digest,
        "live": plan.live,
        "limits": limits_record(plan.limits),
        "resource_changes": [_change(change) for change in plan.changes],
        "resource_drift": [_drift(drift) for drift in plan.drift],
        "attention": [_note(note) for note in plan.attention],
        "refusals": [_note(note) for note in plan.refusals],
        "unchecked": sorted(str(address) for address in plan.unchecked),
        "access": [_access(person) for person in access(plan.changes)],
        "summary": {
            "create": summary.create,
            "replace": summary.replace,
            "revoke": summary.revoke,
            "forget": summary.forget,
            "no_op": summary.no_op,
        },
        "digest": plan.digest(),
    }


def _change(change: Change) -> Record:
    mark = change.mark
    found: Record = {
        "address": str(change.address),
        "type": "paper_secret",
        "name": change.address.name,
        "key": change.address.key or None,
        "uid": change.uid,
        "manifest": {"file": mark.file, "line": mark.line, "column": mark.column} if mark else None,
        "change": {
            "actions": actions(change.action),
            "before": _before(change.before, change.views) if change.before else None,
            "after": _after(change),
        },
        "action_reason": change.reason.value if change.reason else None,
        "action_reasons": [reason.value for reason in change.reasons],
        "caused_by": change.cause.value if change.cause else None,
        "generation": change.generation,
    }
    if change.action is Action.STATE_ONLY:
        found["state_only"] = True
    if change.deposed:
        found["deposed"] = change.deposed
    if change.description:
        found["description"] = change.description
    if change.moved_from:
        found["previous_address"] = str(change.moved_from)
    return found


def actions(action: Action) -> list[str]:
    """Return an action in Terraform's words; a replace creates first."""
    match action:
        case Action.CREATE:
            return ["create"]
        case Action.REPLACE:
            return ["create", "delete"]
        case Action.REVOKE:
            return ["delete"]
        case Action.FORGET:
            return ["forget"]
        case Action.NO_OP | Action.STATE_ONLY:
            return ["no-op"]
        case _:
            assert_never(action)


def _before(share: Share, views: int | None) -> Record:
    return attributes_record(share.attributes) | {
        "fingerprint": share.fingerprint,
        "source": share.source,
        "vault_id": share.vault_id,
        "generation": share.generation,
        "created": time_text(share.created),
        "expires": time_text(share.expires),
        "ready": share.ready,
        "current_views": views,
    }


def _after(change: Change) -> Record | None:
    if change.after is None:
        return None
    return attributes_record(change.after) | {
        "recipients": [_recipient(recipient) for recipient in change.after.recipients],
        "fingerprint": change.fingerprint,
        "source": change.source,
        "size": change.size,
    }


def _recipient(recipient: Recipient) -> Record:
    """Return a recipient, with the person behind an ID: not in what state, tags and digests share."""
    known: Record = {"as_written": recipient.as_written, "id": recipient.id}
    return known | {"person": recipient.person} if recipient.person else known


def _drift(drift: Drift) -> Record:
    return {
        "address": str(drift.address),
        "vault_id": drift.vault_id,
        "was": "active",
        "is": drift.now.value if isinstance(drift.now, End) else drift.now,
    }


def _access(person: Access) -> Record:
    return {
        "who": person.who,
        "external": person.external,
        "gains": [str(address) for address in person.gains],
        "loses": [str(address) for address in person.loses],
    }


def _note(note: Attention | Refusal) -> Record:
    return {
        "code": note.code,
        "address": str(note.address) if note.address else None,
        "text": note.text,
        "next": note.next,
    }
