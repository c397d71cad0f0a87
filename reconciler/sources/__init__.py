"""Where plaintexts come from: `open_source` answers one interface, whatever the kind of source."""

from reconciler.sources.confine import Confinement
from reconciler.sources.reading import Content, Reading, SourceReader

__all__ = ["Confinement", "Content", "Reading", "SourceReader"]
