"""Searching vaults: pages over what was true `search_lag` ago."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import Any, Final

from reconciler.model.manifest import Kind, Sharing
from reconciler.sandbox import clock, paging
from reconciler.sandbox.identities import Caller
from reconciler.sandbox.refusals import denied
from reconciler.sandbox.store import Store
from reconciler.sandbox.vault import Stored, forgotten, shown, status, stored

_ORDERS: Final = {
    "SEARCH_SORT_BY_CREATED_DESC": ("created", "DESC"),
    "SEARCH_SORT_BY_CREATED_ASC": ("created", "ASC"),
    "SEARCH_SORT_BY_EXPIRES_ASC": ("expires", "ASC"),
    "SEARCH_SORT_BY_NAME_ASC": ("display_name", "ASC"),
}
_NEWEST: Final = "SEARCH_SORT_BY_CREATED_DESC"


def mine(store: Store, who: Caller, question: dict[str, Any]) -> dict[str, object]:
    """Answer `/api/v1/search/secrets/mine`: the caller's own, newest first unless asked otherwise."""
    return _page(store, question, creator=who.user_id)


def everyone(store: Store, who: Caller, question: dict[str, Any]) -> dict[str, object]:
    """Answer `/api/v1/search/secrets-admin`."""
    if not who.is_admin:
        raise denied("administrators only")
    return _page(store, question, creator=None)


def _page(store: Store, question: dict[str, Any], *, creator: str | None) -> dict[str, object]:
    size = paging.page_size(question.get("pageSize", 0), store.settings.page_cap)
    after = paging.place(question.get("pageToken", ""), question)
    at = store.now() - clock.micros(store.settings.search_lag)
    column, direction = _ORDERS.get(question.get("sortBy", ""), _ORDERS[_NEWEST])
    page: list[Stored] = []
    more = ""
    with store.transaction() as db:
        for row in _rows(db, creator, column, direction, after):
            vault = stored(row)
            if not _matches(store, vault, question, at):
                continue
            if len(page) == size:
                more = paging.token([getattr(page[-1], column), page[-1].n], question)
                break
            page.append(vault)
    return {"list": [shown(vault, at, store.settings) for vault in page], "nextPageToken": more}


def _rows(
    db: sqlite3.Connection, creator: str | None, column: str, direction: str, after: list[Any] | None
) -> Iterator[sqlite3.Row]:
    where, values = ["1"], []
    if creator is not None:
        where.append("creator = ?")
        values.append(creator)
    if after is not None:
        where.append(f"({column}, n) {'<' if direction == 'DESC' else '>'} (?, ?)")
        values += after
    clause = " AND ".join(where)
    query = f"SELECT * FROM vaults WHERE {clause} ORDER BY {column} {direction}, n {direction}"  # noqa: S608
    return db.execute(query, values)


def _matches(store: Store, vault: Stored, question: dict[str, Any], at: int) -> bool:
    if vault.created > at or forgotten(vault, store.now(), store.settings):
        return False
    kind, sharing = question.get("secretType", ""), question.get("sharingMode", "")
    wanted = [
        not question.get("statuses")
        or f"SECRET_STATUS_{_status_name(store, vault, at)}" in question["statuses"],
        not kind or kind.endswith("UNSPECIFIED") or vault.kind is Kind[kind.rpartition("_")[2]],
        not sharing
        or sharing.endswith("UNSPECIFIED")
        or vault.sharing is Sharing[sharing.rpartition("_")[2]],
        not question.get("query") or paging.fuzzy(question["query"], vault.display_name),
        not question.get("creatorUserIds") or vault.creator in question["creatorUserIds"],
    ]
    return all(wanted)


def _status_name(store: Store, vault: Stored, at: int) -> str:
    return status(vault, at, store.settings).name
