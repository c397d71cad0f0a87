"""State nouns <-> JSON values, shared by the state file, the journal and the saved plan.

Readers raise KeyError, TypeError or ValueError on anything that is not in the format; the file that holds the
record turns that into an error with its name.
"""

from __future__ import annotations

from reconciler.model.address import Address
from reconciler.model.canonical import (
    Record,
    attributes_record,
    flag,
    generation,
    items,
    link,
    member,
    optional,
    read_attributes,
    read_time,
    record,
    text,
    time_text,
)
from reconciler.model.state import Deposed, End, Ended, Instance, Pending, Share


def share_record(share: Share) -> Record:
    """Return one of our vaults as JSON."""
    return {
        "vault_id": share.vault_id,
        "generation": share.generation,
        "tag": share.tag,
        "share_code": share.share_code,
        "share_url": share.share_url,
        "attributes": attributes_record(share.attributes),
        "fingerprint": share.fingerprint,
        "source": share.source,
        "created": time_text(share.created),
        "expires": time_text(share.expires),
        "ready": share.ready,
        "renew": share.renew,
        "proof": share.proof,
    }


def read_share(value: object) -> Share:
    """Read what `share_record` wrote."""
    fields = record(value)
    return Share(
        vault_id=text(fields["vault_id"]),
        generation=generation(fields["generation"]),
        tag=text(fields["tag"]),
        share_code=text(fields["share_code"]),
        share_url=link(fields["share_url"]),
        attributes=read_attributes(fields["attributes"]),
        fingerprint=optional(text, fields["fingerprint"]),
        source=text(fields["source"]),
        created=read_time(fields["created"]),
        expires=read_time(fields["expires"]),
        ready=flag(fields["ready"]),
        renew=flag(fields.get("renew", False)),
        proof=optional(text, fields.get("proof")),
    )


def instance_record(instance: Instance) -> Record:
    """Return one address's memory as JSON."""
    ended = instance.ended
    return {
        "uid": instance.uid,
        "prevent_revoke": instance.prevent_revoke,
        "current": share_record(instance.current) if instance.current else None,
        "deposed": [
            share_record(old.share)
            | {"revoke_after": time_text(old.revoke_after) if old.revoke_after else None}
            for old in instance.deposed
        ],
        "ended": {
            "how": ended.how.value,
            "seen": time_text(ended.seen),
            "object": share_record(ended.share),
        }
        if ended
        else None,
    }


def read_instance(value: object) -> Instance:
    """Read what `instance_record` wrote."""
    fields = record(value)
    return Instance(
        uid=text(fields["uid"]),
        prevent_revoke=flag(fields["prevent_revoke"]),
        current=optional(read_share, fields["current"]),
        deposed=tuple(_read_deposed(old) for old in items(fields["deposed"])),
        ended=optional(_read_ended, fields["ended"]),
    )


def _read_deposed(value: object) -> Deposed:
    return Deposed(share=read_share(value), revoke_after=optional(read_time, record(value)["revoke_after"]))


def _read_ended(value: object) -> Ended:
    fields = record(value)
    return Ended(
        how=member(End)(fields["how"]), seen=read_time(fields["seen"]), share=read_share(fields["object"])
    )


def pending_record(pending: Pending) -> Record:
    """Return a create that may still land as JSON."""
    return {
        "op": pending.op,
        "address": str(pending.address),
        "generation": pending.generation,
        "tag": pending.tag,
        "at": time_text(pending.at),
        "until": time_text(pending.until),
    }


def read_pending(value: object) -> Pending:
    """Read what `pending_record` wrote."""
    fields = record(value)
    return Pending(
        op=text(fields["op"]),
        address=Address.parse(text(fields["address"])),
        generation=generation(fields["generation"]),
        tag=text(fields["tag"]),
        at=read_time(fields["at"]),
        until=read_time(fields["until"]),
    )
