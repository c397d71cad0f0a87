"""Audit events: who did what to a vault, in the shape of OCSF."""

from __future__ import annotations

import sqlite3
from typing import Any, Final

from reconciler.sandbox import clock, paging
from reconciler.sandbox.identities import Caller
from reconciler.sandbox.refusals import denied, invalid, not_found
from reconciler.sandbox.store import Store

_ACTIVITY_IDS: Final = {"Create": 1, "Read": 2, "Update": 3, "Delete": 4}
_KIND: Final = {
    "created": "Create",
    "content_set": "Update",
    "viewed": "Read",
    "burned": "Delete",
    "revoked": "Delete",
}
_PAGE_MAX: Final = 100


def note(
    store: Store, activity: str, vault_id: str, who: Caller | None, email: str = "", **about: object
) -> None:
    """Record an effect on a vault in its audit trail and in the event log."""
    actor, address = (who.user_id, who.email) if who else ("", email)
    with store.transaction() as db:
        db.execute(
            "INSERT INTO audit (vault_id, at, activity, actor, email) VALUES (?, ?, ?, ?, ?)",
            (vault_id, store.now(), activity, actor, address),
        )
    store.record(activity, vault=vault_id, who=who.name if who else email, **about)


def search(store: Store, who: Caller, question: dict[str, Any]) -> dict[str, object]:
    """Answer `/api/v1/search/secrets/audit_events`: the creator's view, with nothing but time, type and actor."""
    vault_id = question.get("vaultId", "")
    if not vault_id:
        raise invalid("vaultId: required")
    row = store.row("SELECT creator FROM vaults WHERE vault_id = ?", vault_id)
    if row is None or row["creator"] != who.user_id:
        raise not_found()
    return _page(store, question, "vault_id = ?", [vault_id])


def search_all(store: Store, who: Caller, question: dict[str, Any]) -> dict[str, object]:
    """Answer `/api/v1/search/secrets-admin/audit_events`."""
    if not who.is_admin:
        raise denied("administrators only")
    asked = {"vaultId": "vault_id = ?", "actorUserId": "actor = ?", "actorEmail": "instr(email, ?)"}
    used = [name for name in asked if question.get(name)]
    where = " AND ".join(["1", *(asked[name] for name in used)])
    return _page(store, question, where, [question[name] for name in used])


def _page(store: Store, question: dict[str, Any], where: str, values: list[str]) -> dict[str, object]:
    size = paging.page_size(question.get("pageSize", 0), _PAGE_MAX)
    after = paging.place(question.get("pageToken", ""), question)
    query = f"SELECT * FROM audit WHERE {where} AND n > ? ORDER BY n LIMIT ?"  # noqa: S608 - fixed texts only
    rows = store.rows(query, *values, after[0] if after else 0, size + 1)
    more = paging.token([rows[size - 1]["n"]], question) if len(rows) > size else ""
    return {"list": [_event(row) for row in rows[:size]], "nextPageToken": more}


def _event(row: sqlite3.Row) -> dict[str, object]:
    name = _KIND[row["activity"]]
    return {
        "time": row["at"] // 1000,
        "time_dt": clock.rfc3339(row["at"]),
        "class_uid": 6003,
        "class_name": "API Activity",
        "activity_id": _ACTIVITY_IDS[name],
        "activity_name": name,
        "api": {"operation": f"paper_secret.{row['activity']}"},
        "actor": {"user": {"uid": row["actor"], "email_addr": row["email"]}},
    }
