"""Reading what git has committed: blobs of a revision, by path. Never the work tree."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import Final

from reconciler.errors import UsageError

EXPLICIT: Final = ("safe.bareRepository", "explicit")
"""A setting by which git takes no directory of the work tree for a repository because it looks like one.

Its `config` would be a pull request's, and name programs to run. Git knows the setting since 2.38: with an older
one it matters as well to begin at the top of the work tree.
"""

NEEDED: Final = re.compile(
    r"PATH|HOME|XDG_CONFIG_HOME|GIT_\w+|SUDO_UID|TMPDIR|LD_LIBRARY_PATH|DYLD_\w+|DEVELOPER_DIR"
)
"""Variables that git needs to read what is on this machine. The others may be values, our key or a credential."""


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
        """Return a file's bytes as committed, None where the revision has no such file.

        A partial clone may have left them out, and cannot always fetch them: that is no reason to call a file new.
        """
        listed = self._run("ls-tree", "--full-tree", self.commit, "--", path)
        data = self._run("cat-file", "blob", f"{self.commit}:{path}") if listed else None
        if data is None and listed != b"":
            raise UsageError(
                f"{path} as of --base cannot be read here: the clone lacks it, or it is no file",
                hint="compare in a full clone (without --filter)",
            )
        return data

    def blob(self, path: str) -> str | None:
        """Return the ID of a file's content as committed; equal IDs are equal bytes. Nothing is opened."""
        found = self._run("rev-parse", "--verify", "--quiet", f"{self.commit}:{path}")
        return found.decode().strip() if found else None

    def _run(self, *arguments: str) -> bytes | None:
        try:
            return _answer(self._directory, *arguments)
        except OSError:
            raise UsageError(
                "git is not installed here", hint="--base FILE.yaml compares with another file"
            ) from None


def tracks(directory: Path) -> bool:
    """Whether git knows a file beneath a directory; False where there is no work tree, or no git to ask.

    Asked at the top of the work tree, as everything is. Not even begun where no `.git` is above.
    """
    real = directory.resolve()
    top = next((parent for parent in real.parents if (parent / ".git").exists()), None)
    if top is None:
        return False
    beneath = f":(literal,icase){real.relative_to(top)}"  # some file systems know no case
    try:
        return bool(_answer(top, "ls-files", "-z", "--", beneath))
    except OSError:
        return False


def default_branch(top: Path) -> str:
    """Return what the remote of a clone calls its default branch; without one the branch that is checked out.

    `main` where git has no answer either: a work tree that is none yet, or a commit without a branch.
    """
    try:
        remote = _answer(top, "symbolic-ref", "--quiet", "refs/remotes/origin/HEAD")
        here = remote or _answer(top, "symbolic-ref", "--quiet", "HEAD")
    except OSError:
        here = None
    name = (here or b"main").decode(errors="replace").rstrip("\n")
    return name.removeprefix("refs/remotes/origin/").removeprefix("refs/heads/")


def _answer(directory: Path, *arguments: str) -> bytes | None:
    """Run git and return what it says, None where it fails. Raises OSError where there is no git."""
    settings = ("--no-optional-locks", "-c", "=".join(EXPLICIT))
    command = ["git", *settings, "-C", str(directory), *arguments]
    environ = {name: value for name, value in os.environ.items() if NEEDED.fullmatch(name)}
    done = subprocess.run(command, capture_output=True, check=False, env=environ)  # noqa: S603 - a list, no shell
    return done.stdout if done.returncode == 0 else None
