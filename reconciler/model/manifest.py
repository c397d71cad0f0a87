"""The manifest: what a person declared, with defaults and audiences already filled in."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from reconciler.errors import Mark

HOUR: Final = 3600
DAY: Final = 24 * HOUR

LIFE_MIN: Final = HOUR
LIFE_MAX: Final = 30 * DAY
"""Seconds. What C1's own tools allow; the API's description states neither."""

LIFE_DEFAULT: Final = 7 * DAY
VIEWS_MAX: Final = 1000
USERS_MAX: Final = 128
EMAILS_MAX: Final = 64
TEXT_MAX: Final = 61_440
"""Bytes of plaintext in a text secret: its ciphertext then stays under the API's 64 KiB in every suite."""

FILE_MAX: Final = 2**30
"""Bytes of plaintext in a file secret (the API says "max 1GB")."""


class Kind(StrEnum):
    """What a vault holds."""

    TEXT = "text"
    FILE = "file"


class Format(StrEnum):
    """How a viewer should show a text; changes nothing in the bytes."""

    PLAINTEXT = "plaintext"
    JSON = "json"
    YAML = "yaml"
    KEY_VALUE = "key_value"


class Sharing(StrEnum):
    """Whether the recipients are C1 users or addresses outside."""

    INTERNAL = "internal"
    EXTERNAL = "external"


class AgeSuite(StrEnum):
    """The two recipient types that the API can return."""

    X25519 = "x25519"
    MLKEM768X25519 = "mlkem768x25519"


class Renew(StrEnum):
    """Whether a share that ends by its time is made again."""

    NEVER = "never"
    ALWAYS = "always"


@dataclass(frozen=True, slots=True, kw_only=True)
class Lead:
    """How long before its end a share is renewed: seconds, or percent of its life. Exactly one is set."""

    seconds: int | None = None
    percent: int | None = None

    def of(self, life: int) -> int:
        """Return the lead in seconds for a share that lives `life` seconds."""
        if self.seconds is not None:
            return self.seconds
        assert self.percent is not None
        return life * self.percent // 100


LEAD_DEFAULT: Final = Lead(percent=15)


@dataclass(frozen=True, slots=True, kw_only=True)
class Source(ABC):
    """Where one plaintext comes from, as declared: all that a plan may know of it without reading it.

    The kinds are in `reconciler.sources`, each with how it is read. Whatever works with manifests and plans asks a
    source for these properties and never for its kind.
    """

    mark: Mark
    trim_newline: bool
    """Whether one newline at the end of the bytes is left out."""

    @property
    @abstractmethod
    def place(self) -> str:
        """Return the kind and the place, as in `env NAME`; nothing of the value."""

    @property
    @abstractmethod
    def reading(self) -> tuple[str, ...]:
        """Return in words what is done to the bytes of that place, apart from the trimming."""

    @property
    @abstractmethod
    def default_filename(self) -> str:
        """Return the name of a file secret that has no `filename`; its ending is that of the source."""

    @property
    @abstractmethod
    def environment_variables(self) -> tuple[str, ...]:
        """Return the variables that must be set where this is read."""

    @property
    @abstractmethod
    def repository_files(self) -> tuple[str, ...]:
        """Return the files whose change may change the value; paths start at the manifest's directory."""

    def __str__(self) -> str:
        """Return all that makes the bytes what they are. It is kept in the state: another text is another source."""
        trimmed = ("newline trimmed",) if self.trim_newline else ()
        words = ", ".join((*self.reading, *trimmed))
        return f"{self.place} ({words})" if words else self.place


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A recipient as written: a C1 user's e-mail or ID, or an address outside."""

    as_written: str
    mark: Mark


@dataclass(frozen=True, slots=True, kw_only=True)
class Secret:
    """One entry under `secrets:` (a *resource*)."""

    name: str
    mark: Mark
    description: str | None
    label: str | None
    kind: Kind
    format: Format
    source: Source
    sharing: Sharing
    people: tuple[Person, ...]
    expires_in: int
    max_views: int
    renew: Renew
    renew_before: Lead
    filename: str | None
    content_type: str | None
    rotate: str | None
    prevent_revoke: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """A resource that was called something else before."""

    source: str
    to: str
    mark: Mark


@dataclass(frozen=True, slots=True, kw_only=True)
class Removed:
    """A resource that left the manifest on purpose; without `revoke` its vault is left to live out."""

    name: str
    revoke: bool
    mark: Mark


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """One stack. `file` is the path as the user gave it, for messages."""

    file: str
    name: str
    tenant: str | None
    tenant_mark: Mark | None
    state_path: str | None
    age_suite: AgeSuite | None
    """None is `auto`: whichever recipient the server returns."""
    secrets: Mapping[str, Secret]
    moved: tuple[Moved, ...]
    removed: tuple[Removed, ...]
