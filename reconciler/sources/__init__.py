"""Where plaintexts come from: files and variables that a manifest may name, read within the limits of trust."""

from reconciler.sources.confine import Confinement
from reconciler.sources.reading import Content, Reading, SourceReader

__all__ = ["Confinement", "Content", "Reading", "SourceReader"]
