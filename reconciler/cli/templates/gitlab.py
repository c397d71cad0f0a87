"""The GitLab pipeline: what a merge request shows, and what the default branch does."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from reconciler.cli.templates import slugs, variables
from reconciler.cli.templates.fill import filled
from reconciler.cli.templates.origin import Origin

START: Final = ".gitlab-ci.yml"

_PYTHON: Final = "python:3.13"


def pipeline(
    *, manifest: str, origin: Origin, needed: Mapping[str, Iterable[str]], packaged: Mapping[str, str]
) -> Mapping[str, str]:
    """Return the pipeline, the lock that it installs, and a start file that includes it, by path.

    `packaged` has the templates and locks of this package by the names of their files.
    """
    slug = slugs.slug(manifest)
    lock = f".gitlab/{slug}.requirements.lock"
    settings, _, _ = variables.gitlab(needed).partition("id_tokens:")
    words = {
        "MANIFEST": manifest,
        "SLUG": slug,
        "ORIGIN": origin.text,
        "IMAGE": "@sha256:".join(origin.image) if origin.image else _PYTHON,
    }
    blocks = {
        # In quotes: `:all: ` would be a key. No command has a single quote.
        "INSTALL": [f"'{command}'" for command in origin.commands(lock)],
        "SETTINGS": [line.removeprefix("# ") for line in settings.splitlines()],
    }
    files = {
        f".gitlab/{slug}.gitlab-ci.yml": filled(packaged["gitlab-pipeline.yml"], words=words, blocks=blocks),
        START: filled(packaged["gitlab-start.yml"], words=words, blocks=blocks),
    }
    locked = origin.lock(packaged)
    return {**files, lock: locked} if locked else files
