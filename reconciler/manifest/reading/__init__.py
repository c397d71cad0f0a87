"""Document -> Manifest: what the words of a manifest mean, with defaults and audiences filled in.

The shape is `schemas/manifest.schema.json`'s matter. Here a value of the wrong shape is passed over without a
word, so that both checks can run over one document and every problem is told once.
"""

from reconciler.manifest.reading.notyet import NOT_YET, NotYet
from reconciler.manifest.reading.origin import SourceKind, SourceKinds
from reconciler.manifest.reading.stack import includes, read

__all__ = ["NOT_YET", "NotYet", "SourceKind", "SourceKinds", "includes", "read"]
