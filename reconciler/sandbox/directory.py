"""The tenant's people: a small seeded directory, plus whomever a manifest names."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final

from reconciler.sandbox import paging
from reconciler.sandbox.paging import fuzzy
from reconciler.sandbox.refusals import Code, Refusal, invalid
from reconciler.sandbox.store import Store
from reconciler.sandbox.vault import filled

_BASE62: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_ID_LENGTH: Final = 27
_PAGE_MIN: Final = 10
_PAGE_MAX: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A user of the tenant."""

    user_id: str
    email: str
    name: str
    status: str = "ENABLED"
    type: str = "USER_TYPE_HUMAN"


def user_id(seed: str) -> str:
    """Return the ID of a made-up user: always the same for one e-mail address."""
    return base62(hashlib.sha256(f"sandbox user {seed.lower()}".encode()).digest()[:20])


def base62(data: bytes) -> str:
    """Return 20 bytes in the form of the tenant's IDs: 27 letters and digits."""
    number, out = int.from_bytes(data, "big"), []
    for _ in range(_ID_LENGTH):
        number, digit = divmod(number, 62)
        out.append(_BASE62[digit])
    return "".join(reversed(out))


def _person(email: str, name: str, *, twin: str = "", **about: str) -> Person:
    return Person(user_id=user_id(email + twin), email=email, name=name, **about)


SEED: Final = (
    _person("owner@example.com", "Olive Owner"),
    _person("second@example.com", "Sam Second"),
    _person("admin@example.com", "Alex Admin"),
    _person("ana@example.com", "Ana Anders"),
    _person("bo@example.com", "Bo Berg"),
    _person("cy@example.com", "Cy Cole"),
    _person("gone@example.com", "Gil Gone", status="DISABLED"),
    _person("twin@example.com", "Tara Twin"),
    _person("twin@example.com", "Theo Twin", twin=" 2"),
    _person("robot@example.com", "Deploy Robot", type="USER_TYPE_SERVICE"),
)
"""One disabled, two that share an e-mail address, one service user."""


def ensure_people(store: Store, people: Iterable[str]) -> None:
    """Make the users that are missing: an e-mail address gets an enabled user, an ID a user with that ID."""
    named = [_from_text(person) for person in people]
    with store.transaction() as db:
        known = {row["email"].lower() for row in db.execute("SELECT email FROM people")}
        known |= {row["user_id"] for row in db.execute("SELECT user_id FROM people")}
        seeds = () if known else SEED
        for person in (*seeds, *named):
            if person in seeds or not ({person.email.lower(), person.user_id} & known):
                db.execute(
                    "INSERT OR IGNORE INTO people (user_id, email, name, status, type) VALUES (?, ?, ?, ?, ?)",
                    (person.user_id, person.email, person.name, person.status, person.type),
                )
                known |= {person.email.lower(), person.user_id}


def set_status(store: Store, who: str, status: str) -> None:
    """Enable, disable or delete the user with an ID: people leave."""
    with store.transaction() as db:
        db.execute("UPDATE people SET status = ? WHERE user_id = ?", (status, who))


def find(store: Store, who: str) -> Person | None:
    """Return the user with an ID, whatever their status."""
    row = store.row("SELECT user_id, email, name, status, type FROM people WHERE user_id = ?", who)
    return Person(**dict(row)) if row else None


def get(store: Store, who: str) -> dict[str, object]:
    """Answer `/api/v1/users/{id}`. Raises Refusal (404)."""
    person = find(store, who)
    if person is None or person.status == "DELETED":
        raise Refusal(Code.NOT_FOUND, "user not found")
    return {"userView": _view(person, store), "expanded": []}


def search(store: Store, question: dict[str, Any]) -> dict[str, object]:
    """Answer `/api/v1/search/users`."""
    asked = question.get("pageSize", 0)
    if not 0 <= asked <= _PAGE_MAX:
        raise invalid(f"pageSize: expected 0 to {_PAGE_MAX}")
    size = max(paging.page_size(asked, _PAGE_MAX), _PAGE_MIN)
    after = paging.place(question.get("pageToken", ""), question)
    rows = store.rows("SELECT * FROM people WHERE n > ? ORDER BY n", after[0] if after else 0)
    found = [row for row in rows if _matches(row, question)]
    page = found[:size]
    more = paging.token([page[-1]["n"]], question) if len(found) > size else ""
    views = [_view(Person(**{k: row[k] for k in row.keys() if k != "n"}), store) for row in page]  # noqa: SIM118
    return {"list": views, "expanded": [], "nextPageToken": more}


def _from_text(text: str) -> Person:
    if "@" in text:
        return _person(text, text.partition("@")[0].replace(".", " ").title())
    return Person(user_id=text, email=f"{text.lower()}@example.com", name=f"User {text[:8]}")


_FILTERS: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "email": lambda row, value: row["email"].lower() == value.lower(),
    "query": lambda row, value: fuzzy(value, row["name"], row["email"]),
    "ids": lambda row, value: row["user_id"] in value,
    "refs": lambda row, value: row["user_id"] in [ref.get("id") for ref in value],
    "excludeIds": lambda row, value: row["user_id"] not in value,
    "userStatuses": lambda row, value: row["status"] in value,
    "excludeTypes": lambda row, value: row["type"] not in value,
    "origins": lambda _, value: "USER_ORIGIN_DIRECTORY" in value,
    "excludeOrigins": lambda _, value: "USER_ORIGIN_DIRECTORY" not in value,
    "isDelegate": lambda _, value: not value,
    "delegateStatus": lambda _, value: value != "DELEGATE_STATUS_HAS_DELEGATE",
    **dict.fromkeys(
        ("roleIds", "departments", "jobTitles", "managerIds", "delegatedUserIds", "sourceAppIds"),
        lambda _row, _value: False,  # nobody here has any of these
    ),
}


def _matches(row: Any, question: dict[str, Any]) -> bool:
    if row["status"] == "DELETED" and not question.get("userStatuses"):
        return False
    return all(rule(row, question[name]) for name, rule in _FILTERS.items() if question.get(name))


def _view(person: Person, store: Store) -> dict[str, object]:
    user: dict[str, object] = {
        "id": person.user_id,
        "email": person.email,
        "emails": [person.email],
        "displayName": person.name,
        "username": person.email,
        "status": person.status,
        "directoryStatus": person.status,
        "type": person.type,
        "origin": "USER_ORIGIN_DIRECTORY",
        "roleIds": [],
        "delegatedUserId": "",
    }
    return {"userId": person.user_id, "user": filled(user, store.settings)}
