"""The contract of a kind of source: one file of this folder, one line in `KINDS`.

A kind is a class whose instances are the sources that manifests declare, frozen data that may travel through plan,
state and reports. It promises:

* Exactness. `open` gives the bytes of that place, all of them and nothing else: no newline added or lost, no text
  decoded, no default in place of what is missing. What is unset or cannot be read is refused. The reader alone, for
  all kinds, trims, limits the size, looks for ciphertext, and proves that what is sent is what was planned.
* Identity. `str()` names all that makes the bytes what they are, and nothing else. It is kept in the state and
  compared: a kind never changes how it writes a source that exists.
* Confinement. A manifest comes with a pull request and must not widen trust. A kind reaches files through
  `access.confinement` and variables through `access.variable` alone. It asks no network, runs no program, follows no
  link, and takes no root, key or address from the manifest.
* Silence. `str()`, `place`, messages and exceptions hold names that the manifest shows anyway, never a byte of a value,
  its length or a library's own words, which may quote it. The bytes are in the stream and nowhere else.
* Purity of the declaration. Everything but `open` is asked of sources that nobody reads (`validate`, `diff`,
  `plan --offline`, `init`), and answers from the manifest's words alone.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, Self, TypeAlias

from reconciler.manifest.reading.fields import Fields
from reconciler.model.manifest import Source
from reconciler.sources.confine import Allowed, Confinement, NotReadableError, check_variable

Properties: TypeAlias = Mapping[str, Mapping[str, Any]]
"""The JSON Schema of each property of a kind, by name."""


class Stream(Protocol):
    """The bytes of a source from their beginning: a file, or bytes in memory."""

    def read(self, size: int, /) -> bytes: ...  # noqa: D102
    def seek(self, offset: int, whence: int = 0, /) -> int: ...  # noqa: D102
    def close(self) -> None: ...  # noqa: D102


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceAccess:
    """What a run lets its sources reach. One for a run, shared by all of them.

    So what is costly to open and serves many secrets (a file to decrypt, standard input, a question to a person)
    belongs here, to be opened once for all.
    """

    confinement: Confinement
    environ: Mapping[str, str]
    allowed: Allowed = None

    def variable(self, name: str) -> bytes:
        """Return a variable's bytes. Raises NotReadableError where it is unset, or must not be read."""
        check_variable(name, self.allowed)
        value = self.environ.get(name)
        if value is None:
            raise NotReadableError(
                f"environment variable {name} is not set",
                "set it where reconciler runs; CI passes a missing secret as empty or not at all",
            )
        return value.encode("utf-8", "surrogateescape")


class ReadableSource(Source):
    """A source with what its kind knows: the shape that it has in a manifest, and how its bytes are read."""

    __slots__ = ()

    usage: ClassVar[str]
    """How a manifest names one, as in `{env: NAME}`."""

    properties: ClassVar[Properties]
    """What it takes under `source:`, its own key first. No two kinds share a property.

    `schemas/manifest.schema.json` shows editors the same; a test compares.
    """

    @classmethod
    @abstractmethod
    def declared(cls, fields: Fields, *, trim_newline: bool) -> Self | None:
        """Return the source that an entry declares; None after a problem, which `fields.log` then has.

        There is no property of another kind in the entry. What the schema refuses is noted with `log.odd` only:
        the schema's own check describes it.
        """

    @abstractmethod
    def open(self, access: SourceAccess) -> Stream:
        """Return the bytes, untrimmed. Raises NotReadableError, or OSError, of which only the number is told."""
