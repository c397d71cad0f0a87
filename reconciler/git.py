"""Reading what git has committed: blobs of a revision, by path. Never the work tree, never a network."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Final

from reconciler.errors import UsageError

EXPLICIT: Final = ("safe.bareRepository", "explicit")
"""A setting by which git takes no directory of the work tree for a repository because it looks like one.

Its `config` would be a pull request's, and name programs to run. Git knows the setting since 2.38: with an older
one it matters as well to begin at the top of the work tree.
"""


class Repository:
    """The repository that a directory lies in, as of one revision."""

    def __init__(self, directory: Path, revision: str) -> None:
        self._directory = directory
        top = self._run("rev-parse", "--show-toplevel")
        if top is None:
            raise UsageError(
                f"{directory} is in no git repository", hint="--base FILE.yaml compares with another file"
            )
        self.top = Path(top.decode().rstrip("\n"))
        # --end-of-options: a revision cannot pass as an option
        commit = self._run("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
        if commit is None:
            raise UsageError(
                "--base names no commit here",
                hint="fetch it first (in CI: a checkout with its history), or fix the name",
            )
        self.commit = commit.decode().strip()

    def content(self, path: str) -> bytes | None:
        """Return a file's bytes as committed, None where the revision has no such file."""
        return self._run("cat-file", "blob", f"{self.commit}:{path}")

    def blob(self, path: str) -> str | None:
        """Return the ID of a file's content as committed; equal IDs are equal bytes. Nothing is opened."""
        found = self._run("rev-parse", "--verify", "--quiet", f"{self.commit}:{path}")
        return found.decode().strip() if found else None

    def _run(self, *arguments: str) -> bytes | None:
        settings = ("--no-optional-locks", "-c", "=".join(EXPLICIT))
        command = ["git", *settings, "-C", str(self._directory), *arguments]
        try:
            done = subprocess.run(command, capture_output=True, check=False)  # noqa: S603 - a list, no shell
        except OSError:
            raise UsageError(
                "git is not installed here", hint="--base FILE.yaml compares with another file"
            ) from None
        return done.stdout if done.returncode == 0 else None


def tracks(directory: Path) -> bool:
    """Tell whether git knows a file beneath a directory; False where there is no work tree, or no git to ask.

    Asked at the top of the work tree, as everything is. Not even begun where no `.git` is above.
    """
    real = directory.resolve()
    top = next((parent for parent in real.parents if (parent / ".git").exists()), None)
    if top is None:
        return False
    settings = ("--no-optional-locks", "-c", "=".join(EXPLICIT))
    beneath = f":(literal,icase){real.relative_to(top)}"  # some file systems know no case
    command = ["git", *settings, "-C", str(top), "ls-files", "-z", "--", beneath]
    try:
        done = subprocess.run(command, capture_output=True, check=False)  # noqa: S603 - a list, no shell
    except OSError:
        return False
    return done.returncode == 0 and done.stdout != b""
