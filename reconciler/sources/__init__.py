"""Where plaintexts come from: files and variables that a manifest may name, read within the limits of trust."""

from typing import Final

from reconciler.sources.confine import Allowed, Confinement, NotReadableError, check_variable
from reconciler.sources.env import EnvSource
from reconciler.sources.file import FileSource
from reconciler.sources.interface import ReadableSource, SourceAccess, Stream
from reconciler.sources.reading import Content, Reading, SourceReader

__all__ = [
    "KINDS",
    "Allowed",
    "Confinement",
    "Content",
    "NotReadableError",
    "ReadableSource",
    "Reading",
    "SourceAccess",
    "SourceReader",
    "Stream",
    "check_variable",
]

KINDS: Final[dict[str, type[ReadableSource]]] = {"env": EnvSource, "file": FileSource}
"""Every kind of source, by the key that means it in a manifest. Whoever loads a manifest passes them on."""
