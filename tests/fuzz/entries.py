"""What a random manifest declares, and what its recipients must then be able to read."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, Final

from hypothesis import strategies as st

from reconciler.model.manifest import Kind, Sharing
from reconciler.sandbox import directory
from reconciler.sandbox.vault import Stored
from tests.fuzz.world import NAME

NAMES: Final = ("a", "b", "c", "d")
USERS: Final = ("ana@example.com", "bo@example.com", "cy@example.com")
OUTSIDE: Final = ("ops@partner.example", "x@else.example")


@dataclass(frozen=True)
class Entry:
    """One entry under `secrets:`; its value comes from a variable, or from a file beside the manifest."""

    value: str = "value 0"
    kind: Kind = Kind.TEXT
    people: tuple[str, ...] = USERS[:1]
    sharing: Sharing = Sharing.INTERNAL
    views: int = 0
    days: int = 7
    renew: bool = False
    rotate: str | None = None

    @property
    def life(self) -> timedelta:
        return timedelta(days=self.days)

    def body(self, name: str) -> dict[str, Any]:
        users = "users" if self.sharing is Sharing.INTERNAL else "external"
        found: dict[str, Any] = {
            "kind": self.kind.value,
            "source": {"file": f"{name}.bin"} if self.kind is Kind.FILE else {"env": f"VALUE_{name.upper()}"},
            "share_with": {users: list(self.people)},
            "expires_in": f"{self.days}d",
            "max_views": self.views,
            "renew": "always" if self.renew else "never",
        }
        if self.kind is Kind.FILE:
            found["filename"] = "of-any-name.bin"
        if self.rotate:
            found["rotate"] = self.rotate
        return found

    def differs(self, vault: Stored, value: bytes | None) -> str | None:
        """Return what of a vault is not as declared, None where all is. `value` is what it holds or held."""
        all_desired = [directory.user_id(p) if self.sharing is Sharing.INTERNAL else p for p in self.people]
        parts = {
            "value": (self.value.encode(), value),
            "kind": (self.kind, vault.kind),
            "sharing": (self.sharing, vault.sharing),
            "recipients": (sorted(all_desired), sorted(vault.recipients)),
            "views": (self.views, vault.max_views),
            "life": (self.life, timedelta(microseconds=vault.expires - vault.created)),
        }
        wrong = [
            f"{what}: {due!r} declared, {is_!r} found" for what, (due, is_) in parts.items() if due != is_
        ]
        return "; ".join(wrong) or None


def people(sharing: Sharing) -> st.SearchStrategy[tuple[str, ...]]:
    choice = USERS if sharing is Sharing.INTERNAL else OUTSIDE
    return st.lists(st.sampled_from(choice), min_size=1, max_size=2, unique=True).map(tuple)


VALUES: Final = st.sampled_from([f"value {n}" for n in range(4)])

EDITS: Final = st.one_of(
    VALUES.map(lambda v: {"value": v}),
    people(Sharing.INTERNAL).map(lambda p: {"people": p, "sharing": Sharing.INTERNAL}),
    people(Sharing.EXTERNAL).map(lambda p: {"people": p, "sharing": Sharing.EXTERNAL}),
    st.sampled_from([0, 1, 2]).map(lambda n: {"views": n}),
    st.sampled_from([1, 7, 30]).map(lambda n: {"days": n}),
    st.booleans().map(lambda b: {"renew": b}),
    st.sampled_from([None, "1", "2"]).map(lambda r: {"rotate": r}),
    st.sampled_from([Kind.TEXT, Kind.TEXT, Kind.FILE]).map(lambda k: {"kind": k}),
)
"""One thing that a person changes in an entry."""

ENTRIES: Final = st.builds(
    lambda *edits: replace(Entry(), **{k: v for edit in edits for k, v in edit.items()}), EDITS, EDITS, EDITS
)


@dataclass
class Declared:
    """The manifest as the model has it."""

    entries: dict[str, Entry] = field(default_factory=dict)
    moved: dict[str, str] = field(default_factory=dict)
    kept: set[str] = field(default_factory=set)
    """Removed with `revoke: false`."""

    def add(self, name: str, entry: Entry) -> None:
        self.entries[name] = entry
        self.moved = {old: new for old, new in self.moved.items() if name not in (old, new)}
        self.kept.discard(name)
        self._prune()

    def remove(self, name: str, *, revoke: bool) -> None:
        del self.entries[name]
        if not revoke:
            self.kept.add(name)
        self._prune()

    def rename(self, old: str, new: str, *, told: bool = True) -> None:
        """Rename, and say so under `moved` if `told`; what was renamed before becomes a chain of moves."""
        entry = self.entries.pop(old)
        ways = {o: n for o, n in self.moved.items() if n == old}
        self.add(new, entry)
        self.moved |= {o: n for o, n in ways.items() if o != new}
        if told:
            self.moved[old] = new
        self._prune()

    def _prune(self) -> None:
        """Drop the moves that lead nowhere: they are errors, as a person would be told."""
        while dead := [o for o, n in self.moved.items() if n not in self.entries and n not in self.moved]:
            del self.moved[dead[0]]
        self.kept -= self.moved.keys()

    def body(self) -> dict[str, Any]:
        return {
            "version": 1,
            "name": NAME,
            "secrets": {name: entry.body(name) for name, entry in self.entries.items()},
            "moved": [{"from": old, "to": new} for old, new in self.moved.items()],
            "removed": [{"name": name, "revoke": False} for name in sorted(self.kept)],
        }

    def values(self) -> dict[str, str]:
        return {f"VALUE_{name.upper()}": entry.value for name, entry in self.entries.items()}

    def files(self) -> dict[str, bytes]:
        return {f"{n}.bin": e.value.encode() for n, e in self.entries.items() if e.kind is Kind.FILE}
