"""Whether a run still speaks for its branch: what it read is what the branch's tip has."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from reconciler.display import clean
from reconciler.errors import StalePlanError, UsageError
from reconciler.manifest import reading, yamltext
from reconciler.model.manifest import Manifest
from reconciler.storage.state_branch import Branch


def refuse_overtaken(path: Path, manifest: Manifest, branch: Branch, name: str) -> None:
    """Raise StalePlanError where the branch has the manifest, what it includes, or a source otherwise by now."""
    home, file = _place(path, branch.top)
    text = path.read_bytes()
    includes = (str(include.value) for include in reading.includes(yamltext.parse(text, str(path)).node))
    sources = (file for secret in manifest.secrets.values() for file in secret.source.repository_files)
    beneath = [_beneath(home, source) for source in sources]
    unclear = (source for source in beneath if "/../" in source)
    declared = (_beneath(home, file), *(_beneath(home, include) for include in includes), *unclear)
    if changed := branch.changed(
        declared, tuple(source for source in beneath if not source.startswith("../"))
    ):
        raise StalePlanError(
            "\n".join(f"{clean(file)} is another on {clean(name)} by now" for file in sorted(changed)),
            hint=f"nothing was done; the run of the newest commit of {clean(name)} has the plan that counts",
        )


def branch_of_job(environ: Mapping[str, str]) -> str:
    """Return the branch that this job runs for. Raises UsageError where that is none."""
    ref = environ.get("GITHUB_REF", "")
    name = (
        ref.removeprefix("refs/heads/") if ref.startswith("refs/heads/") else environ.get("CI_COMMIT_BRANCH")
    )
    if not name:
        raise UsageError("this job belongs to no branch", hint="--branch NAME names the one that is applied")
    return name


def _place(path: Path, top: Path) -> tuple[str, str]:
    """Return the directory and the name of the manifest in the repository, with no link followed beneath its top."""
    whole = Path(os.path.normpath(Path.cwd() / path))
    for above in reversed(whole.parents):
        if above.resolve() == top.resolve():
            beneath = whole.relative_to(above)
            return beneath.parent.as_posix(), beneath.name
    raise UsageError(
        f"{path} does not lie in the repository that it leads to", hint="name the file itself with -f"
    )


def _beneath(home: str, file: str) -> str:
    """Return a file's path in the repository; one that goes back after a step forward stays as it is written.

    Behind a link that step leads elsewhere, so git must not find the file at the shorter path.
    """
    steps = Path(file).parts
    forward = next((number for number, step in enumerate(steps) if step != ".."), 0)
    whole = Path(home) / file
    return whole.as_posix() if ".." in steps[forward:] else os.path.normpath(whole)
