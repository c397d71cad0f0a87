"""Reading what git has committed: blobs of a revision, by path. Never the work tree."""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass
from enum import Enum
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


_FULL: Final = ("refs/{}", "refs/tags/{}", "refs/heads/{}", "refs/remotes/{}", "refs/remotes/{}/HEAD", "{}")
"""What git makes of a name that is not full, in its order; the last is one that is."""

_WHOLE: Final = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_ABBREVIATED: Final = re.compile(r"(?:^|-g)([0-9a-f]{4,64})$")
"""A commit's beginning, or what `git describe` says: git takes either, if no ref has the name."""

_OWN_REF: Final = re.compile(r"[A-Z_]*HEAD")


class AmbiguousError(UsageError):
    """A name that may mean two revisions."""


class EntryKind(Enum):
    """What a tree has at a path."""

    FILE = "file"
    DIRECTORY = "directory"
    LINK = "symbolic link"
    SUBMODULE = "submodule"


_KINDS: Final = {
    "040000": EntryKind.DIRECTORY,
    "120000": EntryKind.LINK,
    "160000": EntryKind.SUBMODULE,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeEntry:
    """What a revision has at `path`. Equal entries are equal bytes: a submodule's ID is its commit."""

    kind: EntryKind
    id: str
    path: str


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
        meant = self._in_full(revision)
        commit = self._run("rev-parse", "--verify", "--quiet", "--end-of-options", f"{meant}^{{commit}}")
        if commit is None:
            raise UsageError(
                "--base names no commit here",
                hint="fetch it first (in CI: a checkout with its history), or fix the name",
            )
        self.commit = commit.decode().strip()
        self._entries: dict[str, TreeEntry | None] = {}

    def _in_full(self, revision: str) -> str:
        """Return a revision that begins with a ref's full name. Raises AmbiguousError where it may mean two things.

        git takes a tag before a branch, and any ref before a commit's beginning: whoever may push a tag could
        choose what a comparison is with.
        """
        name = re.split(r"[~^:]|@\{", revision, maxsplit=1)[0]
        if name in ("", "@", "HEAD") or _WHOLE.fullmatch(name):
            return revision
        refs = self._refs(name)
        if name.startswith("refs/"):
            return revision if name in refs else f"{name}/is-not-here"  # git would go on to refs/tags/refs/…
        meanings = [*refs, *self._others(name)]
        if len(meanings) > 1:
            raise AmbiguousError(
                f"--base {name} may be {' or '.join(meanings)}", hint="name the one that is meant in full"
            )
        return refs[0] + revision.removeprefix(name) if refs else revision

    def _refs(self, name: str) -> list[str]:
        """Return the full names of every ref that git may take a name for."""
        full = [pattern.format(name) for pattern in _FULL]
        listed = self._run("for-each-ref", "--format=%(refname)", "--", *full)
        if listed is None:
            raise UsageError("git cannot list the refs here", hint="`git for-each-ref` says why")
        return [ref for ref in listed.decode(errors="replace").splitlines() if ref in full]

    def _others(self, name: str) -> list[str]:
        """Return what else than a ref a name may be: a commit by its beginning, a ref of git's own."""
        if _OWN_REF.fullmatch(name):
            return [f"git's own {name}"]
        if not (beginning := _ABBREVIATED.search(name)):
            return []
        objects = self._run("rev-parse", f"--disambiguate={beginning[1]}")
        return [f"commit {line}" for line in (objects or b"").decode().splitlines()[:1]]

    def entry(self, path: str) -> TreeEntry | None:
        """Return what the revision has at a path: a file, or a link or submodule there or on the way; else None."""
        parts = path.split("/")
        for length in range(1, len(parts) + 1):
            way = "/".join(parts[:length])
            if way not in self._entries:
                self._entries[way] = self._listed(way)
            entry = self._entries[way]
            if entry is None or entry.kind is not EntryKind.DIRECTORY:
                return entry
        return entry

    def _listed(self, path: str) -> TreeEntry | None:
        listed = self._run("--literal-pathspecs", "ls-tree", "-z", "--full-tree", self.commit, "--", path)
        if listed is None:
            raise _unread(path)
        if not listed:
            return None
        mode, _, blob = listed.partition(b"\t")[0].decode().split()
        return TreeEntry(kind=_KINDS.get(mode, EntryKind.FILE), id=blob, path=path)

    def content(self, path: str) -> bytes | None:
        """Return a file's bytes as committed, None where the revision has no such file.

        A partial clone may have left them out, and cannot always fetch them: that is no reason to call a file new.
        Nor is a link or a submodule, behind which nobody looked.
        """
        entry = self.entry(path)
        if entry is None:
            return None
        if entry.kind in (EntryKind.LINK, EntryKind.SUBMODULE):
            raise UsageError(
                f"{path} cannot be compared: as of --base, {entry.path} is a {entry.kind.value}",
                hint="compare with what it was as a file: --base ./FILE.yaml",
            )
        data = self._run("cat-file", "blob", entry.id)
        if data is None:
            raise _unread(path)
        return data

    def _run(self, *arguments: str) -> bytes | None:
        try:
            return _answer(self._directory, *arguments)
        except OSError:
            raise UsageError(
                "git is not installed here", hint="--base FILE.yaml compares with another file"
            ) from None


def _unread(path: str) -> UsageError:
    return UsageError(
        f"{path} as of --base cannot be read here: the clone lacks it, or it is no file",
        hint="compare in a full clone (without --filter)",
    )


def tracks(directory: Path) -> bool | None:
    """Whether git knows a file beneath a directory; None where it does not answer, False outside of a work tree.

    Asked at the top of the work tree, as everything is. Not even begun where no `.git` is above.
    """
    real = directory.resolve()
    top = next((parent for parent in real.parents if os.path.lexists(parent / ".git")), None)
    if top is None:
        return False
    beneath = f":(literal,icase){real.relative_to(top)}"  # some file systems know no case
    try:
        listed = _answer(top, "ls-files", "-z", "--", beneath)
    except OSError:
        return None
    return None if listed is None else bool(listed)


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
