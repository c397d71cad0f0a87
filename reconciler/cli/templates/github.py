"""GitHub workflows: what a pull request shows, and what the default branch does."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

from reconciler.cli.templates import slugs, variables
from reconciler.cli.templates.fill import filled
from reconciler.cli.templates.origin import Origin

_PYTHON: Final = re.compile(r" +- uses: actions/setup-python@.*\n(?: {8,}.*\n)*")

_CONTAINER: Final = (
    # The checkout belongs to the runner's user, and expressions name the directory as the runner sees it.
    'git config --global --add safe.directory "$GITHUB_WORKSPACE"',
    'echo "RECONCILER_TEMP=$RUNNER_TEMP" >> "$GITHUB_ENV"',
)


def workflows(
    *,
    manifest: str,
    branch: str,
    origin: Origin,
    needed: Mapping[str, Iterable[str]],
    packaged: Mapping[str, str],
) -> Mapping[str, str]:
    """Return the workflows, and the lock that they install, by path. What is on `branch` is applied.

    `packaged` has the templates and locks of this package by the names of their files.
    """
    slug = slugs.slug(manifest)
    lock = f".github/{slug}.requirements.lock"
    image, digest = origin.image or (None, None)
    words = {
        "MANIFEST": manifest,
        "SLUG": slug,
        "BRANCH": branch,
        "ORIGIN": origin.text,
        "IMAGE": image,
        "DIGEST": digest,
        # Not the full hour, when everybody's jobs start and some are dropped; a stack has its own minute.
        "MINUTE": str(sum(slug.encode()) % 50 + 5),
    }
    blocks = {
        "INSTALL": (*(_CONTAINER if image else ()), *origin.commands(lock)),
        "VARIABLES": [line.strip() for line in variables.github(needed).splitlines()[1:]],
    }
    names = {f"{slug}-pull-request.yml": "github-pull-request.yml", f"{slug}.yml": "github-main.yml"}
    files = {}
    for name, template in names.items():
        text = _for_image(packaged[template]) if image else packaged[template]
        files[f".github/workflows/{name}"] = filled(text, words=words, blocks=blocks)
    locked = origin.lock(packaged)
    return {**files, lock: locked} if locked else files


def _for_image(text: str) -> str:
    """Return a workflow's template for jobs in a container that has the program."""
    return _PYTHON.sub("", text).replace("${{ runner.temp }}", "${{ env.RECONCILER_TEMP }}")
