"""`source:`: where one plaintext comes from. Which kinds there are is told from outside, as `kinds`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Protocol, TypeAlias

from reconciler.errors import Mark
from reconciler.manifest.reading.fields import Fields
from reconciler.model.manifest import Source


class SourceKind(Protocol):
    """What the manifest's reader and schema need to know of a kind; `reconciler.sources` has the whole contract."""

    @property
    def usage(self) -> str:
        """Return how a manifest names one, as in `{env: NAME}`."""

    @property
    def properties(self) -> Mapping[str, Mapping[str, Any]]:
        """Return the JSON Schema of each property that it takes, its own key's first. No other kind takes these."""

    def declared(self, fields: Fields, *, trim_newline: bool) -> Source | None:
        """Return the source that an entry declares, None after a problem."""


SourceKinds: TypeAlias = Mapping[str, SourceKind]
"""Every kind, by the key that means it."""

_NOT_YET: Final = "fields"
"""The key of a kind that the schema has and no version yet: NOT_YET says so."""


def read_source(fields: Fields, mark: Mark, kinds: SourceKinds) -> Source | None:
    """Read a source; `mark` is its key's. None after a problem, or for what this version does not support."""
    log = fields.log
    keys = [key for key in (*kinds, _NOT_YET) if key in fields]
    if not keys:
        if fields.only("trim"):
            log.add(mark, f"{fields.path} names no source", _expected(kinds))
        log.odd(mark)
        return None
    if len(keys) > 1:
        log.add(
            fields.at(keys[1]),
            f"{fields.path} names more than one source: {' and '.join(keys)}",
            _expected(kinds),
        )
        return None
    trim = fields.text("trim")
    if trim not in (None, "newline"):
        log.odd(fields.value_at("trim"))
    key = keys[0]
    if key not in kinds or not fields.only("trim", *kinds[key].properties):
        log.odd(mark)
        return None
    return kinds[key].declared(fields, trim_newline=trim is not None)


def _expected(kinds: SourceKinds) -> str:
    usages = [kind.usage for kind in kinds.values()]
    return f"expected {' or '.join(usages)}"
