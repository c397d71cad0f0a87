"""What the API said, in our words. Capabilities (upload URLs, tokens) are not here: they stay in `client`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from reconciler.model.address import fold
from reconciler.model.manifest import Format, Kind, Sharing
from reconciler.model.state import End


class Status(StrEnum):
    """A vault's status. The API may grow values: those read as UNKNOWN and are never acted upon."""

    ACTIVE = "active"
    EXPIRED = "expired"
    BURNED = "burned"
    REVOKED = "revoked"
    DATA_DELETED = "data_deleted"
    UNKNOWN = "unknown"

    @property
    def end(self) -> End | None:
        """How a vault with this status ended, or None while it has not."""
        match self:
            case Status.EXPIRED | Status.DATA_DELETED:
                return End.EXPIRED
            case Status.BURNED:
                return End.BURNED
            case Status.REVOKED:
                return End.REVOKED
            case Status.ACTIVE | Status.UNKNOWN:
                return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Vault:
    """A paper secret's metadata as GET and search answer it. Absent and null read alike."""

    vault_id: str
    display_name: str
    status: Status
    content_ready: bool
    kind: Kind | None
    format: Format | None
    sharing: Sharing | None
    user_ids: frozenset[str]
    emails: frozenset[str]
    """Folded, as `fold` does."""
    current_views: int
    max_views: int
    created: datetime | None
    expires: datetime | None
    share_code: str
    share_url: str
    filename: str
    creator: str

    @property
    def was_filled(self) -> bool:
        """Whether a vault has its content, or had it: the tenant may delete it when the vault ends."""
        ended = self.status.end
        seen = ended is End.BURNED or self.current_views > 0 or self.share_url != ""
        return self.content_ready or (ended is not None and seen)


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """A person in the tenant's directory."""

    user_id: str
    email: str
    display_name: str
    enabled: bool
    aliases: frozenset[str] = frozenset()
    """Every other address of theirs, folded."""

    def has(self, address: str) -> bool:
        """Whether this is exactly an address of theirs, in any case."""
        return fold(address) in {fold(self.email), *self.aliases}


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who the credential is, as introspect answers."""

    user_id: str
    tenant_id: str
    roles: tuple[str, ...]
    permissions: tuple[str, ...]
    sharing_enabled: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """One look at the tenant.

    `gone` answered 404, `hidden` 403. `now` is the server's clock, so that a wrong local one changes nothing.
    """

    now: datetime
    identity: Identity
    vaults: Mapping[str, Vault]
    gone: frozenset[str] = frozenset()
    hidden: frozenset[str] = frozenset()
