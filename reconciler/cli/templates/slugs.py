"""What a manifest's files, jobs and groups are called in a pipeline: two manifests never share a name."""

from __future__ import annotations

import re
from hashlib import sha256
from typing import Final

_ITSELF: Final = re.compile(r"(?!.*-pull-request\.yaml\Z)[a-z0-9_][a-z0-9._-]*\.yaml\Z")
"""At the top of the repository, in small letters, and not what another manifest's second workflow is called."""


def slug(manifest: str) -> str:
    """Return the name for a manifest by its path in the repository: `prod` for `prod.yaml`.

    Where that could be another's as well (`a/b.yaml` and `a-b.yaml`), what tells it apart stands behind it.
    """
    stem = manifest.rpartition(".")[0] or manifest
    if _ITSELF.match(manifest):
        return stem
    return f"{stem.replace('/', '-')}-{sha256(manifest.encode()).hexdigest()[:8]}"
