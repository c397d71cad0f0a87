"""Manifest -> the instances it asks for, before anyone looked up who its people are."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Final

from reconciler.errors import Mark
from reconciler.model.address import Address, fold
from reconciler.model.manifest import (
    Kind,
    Lead,
    Manifest,
    Person,
    Renew,
    Secret,
    Sharing,
    Source,
)
from reconciler.model.state import Attributes, Recipient

_CONTENT_TYPES: Final = {
    ".crt": "application/x-x509-ca-cert",
    ".csv": "text/csv",
    ".gz": "application/gzip",
    ".json": "application/json",
    ".kdbx": "application/x-keepass",
    ".key": "application/x-pem-file",
    ".p12": "application/x-pkcs12",
    ".pdf": "application/pdf",
    ".pem": "application/x-pem-file",
    ".pfx": "application/x-pkcs12",
    ".tar": "application/x-tar",
    ".txt": "text/plain",
    ".xml": "application/xml",
    ".yaml": "application/yaml",
    ".yml": "application/yaml",
    ".zip": "application/zip",
}
"""Our own table: `mimetypes` reads the machine's, and another guess elsewhere would read as a change."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Desired:
    """One instance that the manifest asks for: one vault that should exist."""

    address: Address
    mark: Mark
    attributes: Attributes
    people: tuple[Person, ...]
    """Who `attributes.recipients` are, one to one, with the line of each."""
    source: Source
    renew: Renew
    renew_before: Lead
    prevent_revoke: bool
    description: str | None = None
    """For reviewers; it is not sent, and no change of it is a change."""
    absent: frozenset[str] = frozenset()
    """IDs of recipients who can no longer sign in. They stay in what they have, and get nothing new."""

    @property
    def to_make(self) -> Attributes:
        """What a new vault gets: nobody who is absent, unless nobody else would be left."""
        present = tuple(r for r in self.attributes.recipients if r.id not in self.absent)
        return replace(self.attributes, recipients=present) if present else self.attributes


def expand(manifest: Manifest) -> tuple[Desired, ...]:
    """Return the instances of every resource, by address; recipients have no ID yet."""
    return tuple(_desired(manifest, manifest.secrets[name]) for name in sorted(manifest.secrets))


def _desired(manifest: Manifest, secret: Secret) -> Desired:
    external = secret.sharing is Sharing.EXTERNAL
    recipients = tuple(
        Recipient(as_written=p.as_written, id=fold(p.as_written) if external else None) for p in secret.people
    )
    is_file = secret.kind is Kind.FILE
    filename = (secret.filename or secret.source.default_filename) if is_file else None
    return Desired(
        address=Address(secret.name),
        mark=secret.mark,
        attributes=Attributes(
            kind=secret.kind,
            format=None if is_file else secret.format,
            label=secret.label or secret.name,
            label_defaulted=secret.label is None,
            sharing=secret.sharing,
            recipients=recipients,
            expires_in=secret.expires_in,
            max_views=secret.max_views,
            filename=filename,
            content_type=(secret.content_type or guess_content_type(filename)) if filename else None,
            suite=manifest.age_suite,
            rotate=secret.rotate,
        ),
        people=secret.people,
        source=secret.source,
        renew=secret.renew,
        renew_before=secret.renew_before,
        prevent_revoke=secret.prevent_revoke,
        description=secret.description,
    )


def guess_content_type(filename: str) -> str:
    """Return the media type for a file's name; the same on every machine."""
    return _CONTENT_TYPES.get(PurePosixPath(filename).suffix.lower(), "application/octet-stream")
