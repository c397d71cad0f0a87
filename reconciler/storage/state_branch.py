"""The state on a branch of its own: fetched before a run, pushed after it, and never over another run's.

Commits are made without a work tree, straight on the branch's tip, and a push is never forced. The server takes
a push only onto the tip that it was made for: whoever was beaten looks again. Another stack's file there is no
conflict; another version of this one is, and then what this run knew goes to a branch beside.
"""

from __future__ import annotations

import os
import secrets
import subprocess
import tempfile
import time
from base64 import b64encode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final

from reconciler.errors import StateError, UsageError
from reconciler.storage.git import EXPLICIT

_TRIES: Final = 10
_PAUSE_MAX: Final = 2.0
"""Seconds, at most, between two tries; how long exactly is random, so that two that meet part."""

_NOT_FILES: Final = ("120000 ", "160000 ")
"""How git lists a symbolic link and a submodule."""

_WHO: Final = "reconciler"
_MAIL: Final = "reconciler@localhost"


@dataclass(frozen=True, slots=True, kw_only=True)
class Conflict:
    """The branch holds another version than the one that this run began with. Ours is on `kept_on`."""

    kept_on: str


class Branch:
    """One branch at a remote, seen from a clone of its repository. Leaves work tree, index and HEAD alone."""

    def __init__(self, directory: Path, *, remote: str, name: str, environ: Mapping[str, str]) -> None:
        self._directory = directory
        self._environ = {**environ, **_settings(environ)}
        self._remote = remote
        self._name = name
        if name.startswith("-") or self._run("check-ref-format", "--branch", name) is None:
            raise UsageError("--branch takes the name of a branch")
        if remote.startswith("-"):
            raise UsageError("--remote takes the name of a remote, or its address")
        top = self._run("rev-parse", "--show-toplevel")
        if top is None:
            raise UsageError(f"{directory} is in no git repository")
        self.top = self._directory = Path(top.decode().rstrip("\n"))

    def tracks(self, path: Path) -> bool:
        """Whether a file is in the index, where a checkout puts what the repository brings."""
        listed = self._run("--literal-pathspecs", "ls-files", "--error-unmatch", "--", str(path.resolve()))
        return listed is not None

    def read(self, paths: tuple[str, ...]) -> Mapping[str, bytes | None]:
        """Fetch the branch and return what it holds at these paths. Raises StateError where it cannot be asked."""
        return self._at(self._tip(), paths)

    def changed(self, declared: tuple[str, ...], sources: tuple[str, ...]) -> frozenset[str]:
        """Fetch the branch and return which of these files its tip has otherwise than the commit checked out here.

        What lies behind a link counts as changed: its own entry says nothing of what is read. So does a declaration
        that git does not have; a source can be made by a step of the job. Raises StateError where git has no answer.
        """
        tip, head = self._tip(), self._must("rev-parse", "--verify", "HEAD^{commit}")
        if tip == head:
            return frozenset()
        asked = frozenset((*declared, *sources))
        if tip is None:
            return asked
        here = self._entries(head, asked)
        links = {path for path, about in here.items() if about.startswith(_NOT_FILES)}
        behind = {path for path in asked if not links.isdisjoint(_upwards(path))}
        return frozenset(behind | ({*declared} - here.keys()) | (self._differing(head, tip) & asked))

    def _entries(self, commit: str, paths: Iterable[str]) -> dict[str, str]:
        """Return how git lists these paths and the directories above them: mode, type and object, by path."""
        above = sorted({step for path in paths for step in _upwards(path)})
        listed = self._lines("ls-tree", "-z", "-t", "--full-tree", commit, "--", *above)
        return {path: about for about, _, path in (entry.partition("\t") for entry in listed)}

    def _differing(self, one: str, other: str) -> frozenset[str]:
        """Return every file in which two commits differ."""
        how = ("-r", "-z", "--no-renames", "--no-ext-diff", "--name-only")
        return frozenset(self._lines("diff-tree", *how, one, other))

    def _lines(self, *arguments: str) -> list[str]:
        """Return what git lists with a zero byte behind each, whatever bytes a name has."""
        listed = self._run(*arguments)
        if listed is None:
            raise StateError(f"git {arguments[0]} failed in {self._directory}")
        return [os.fsdecode(line) for line in listed.split(b"\0") if line]

    def write(
        self, files: Mapping[str, bytes | None], *, base: Mapping[str, str | None], message: str
    ) -> Conflict | None:
        """Put these files (None: remove it) on the branch, if it still holds there what `base` is the hashes of.

        Returns None when it holds them. Raises StateError when it cannot be pushed to.
        """
        tip = self._tip()
        for _ in range(_TRIES):
            there = self._at(tip, tuple(files))
            if there == files:
                return None
            if hashes(there) != base:
                return self._keep_beside(files, tip, message)
            if self._push(self._commit(files, tip, message), self._name):
                return None
            # Refused: either somebody was faster, which the tip shows, or nobody may push here.
            before, tip = tip, self._tip()
            if tip == before:
                raise self._cannot_push()
            time.sleep(secrets.randbelow(int(_PAUSE_MAX * 1000)) / 1000)
        raise self._cannot_push()

    def _keep_beside(self, files: Mapping[str, bytes | None], tip: str | None, message: str) -> Conflict:
        name = f"{self._name}-conflict-{secrets.token_hex(4)}"
        if not self._push(self._commit(files, tip, message), name):
            raise self._cannot_push()
        return Conflict(kept_on=name)

    def _tip(self) -> str | None:
        """Return the branch's newest commit, fetched; None where there is no such branch."""
        ref = f"refs/heads/{self._name}"
        listed = self._run("ls-remote", self._remote, ref)
        if listed is None:
            raise StateError(
                f"the branch {self._name} cannot be read from {self._remote}",
                hint="the job needs `permissions: {contents: read}`, and GITHUB_TOKEN in this step's `env`",
            )
        if not listed.strip():
            return None
        here = f"refs/reconciler/{self._name}"
        if self._run("fetch", "--quiet", "--no-tags", "--depth=1", self._remote, f"+{ref}:{here}") is None:
            raise StateError(f"the branch {self._name} cannot be fetched from {self._remote}")
        found = self._run("rev-parse", "--verify", "--quiet", f"{here}^{{commit}}")
        assert found is not None
        return found.decode().strip()

    def _at(self, tip: str | None, paths: tuple[str, ...]) -> dict[str, bytes | None]:
        return {path: self._blob(tip, path) if tip else None for path in paths}

    def _blob(self, tip: str, path: str) -> bytes | None:
        """Return a file's bytes; that it is not there must not be confused with that git failed."""
        listed = self._must("ls-tree", "--full-tree", tip, "--", path)
        if not listed:
            return None
        data = self._run("cat-file", "blob", f"{tip}:{path}")
        if data is None:
            raise StateError(f"{path} on the branch {self._name} cannot be read")
        return data

    def _commit(self, files: Mapping[str, bytes | None], tip: str | None, message: str) -> str:
        """Make a commit on `tip` in an index of its own."""
        with tempfile.TemporaryDirectory(prefix="reconciler-") as directory:
            index = {"GIT_INDEX_FILE": str(Path(directory) / "index")}
            self._must("read-tree", tip or "--empty", more=index)
            for path, data in files.items():
                if data is None:
                    self._must("update-index", "--force-remove", "--", path, more=index)
                    continue
                blob = self._must("hash-object", "-w", "--stdin", text=data)
                self._must("update-index", "--add", "--cacheinfo", f"100644,{blob},{path}", more=index)
            tree = self._must("write-tree", more=index)
        return self._must("commit-tree", tree, *(("-p", tip) if tip else ()), "-m", message)

    def _push(self, commit: str, name: str) -> bool:
        """Push without force: true when the server took it."""
        done = self._run("push", "--quiet", "--no-verify", self._remote, f"{commit}:refs/heads/{name}")
        return done is not None

    def _cannot_push(self) -> StateError:
        return StateError(
            f"the branch {self._name} cannot be pushed to {self._remote}: it does not hold what this run did",
            hint="the job needs `permissions: {contents: write}`, and no rule may protect that branch from it; "
            "the next run takes over from the tenant what this one made",
        )

    def _must(self, *arguments: str, text: bytes = b"", more: Mapping[str, str] | None = None) -> str:
        done = self._run(*arguments, text=text, more=more)
        if done is None:
            raise StateError(f"git {arguments[0]} failed in {self._directory}")
        return done.decode().strip()

    def _run(self, *arguments: str, text: bytes = b"", more: Mapping[str, str] | None = None) -> bytes | None:
        # What git says on its own is not passed on: it can quote a remote's address, and that a password.
        try:
            done = subprocess.run(  # noqa: S603 - a list, no shell
                ["git", "-C", str(self._directory), *arguments],  # noqa: S607 - whichever git the person has
                input=text,
                capture_output=True,
                check=False,
                env={**self._environ, **(more or {})},
            )
        except OSError:
            raise UsageError("git is not installed here") from None
        return done.stdout if done.returncode == 0 else None


def _upwards(path: str) -> tuple[str, ...]:
    """Return a path and the directories that it leads through."""
    parts = path.split("/")
    return tuple("/".join(parts[:end]) for end in range(1, len(parts) + 1))


def _settings(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables by which git asks nobody, runs no hook, and signs in with the job's token.

    In variables and not in arguments, which every process of the machine could read.
    """
    config = [("core.hooksPath", os.devnull), ("gc.auto", "0"), ("maintenance.auto", "false"), EXPLICIT]
    token, server = environ.get("GITHUB_TOKEN"), environ.get("GITHUB_SERVER_URL")
    if token and server:
        basic = b64encode(f"x-access-token:{token}".encode()).decode()
        header = f"http.{server}/.extraHeader"
        # The empty one drops what actions/checkout keeps in the clone: a server refuses two.
        config += [(header, ""), (header, f"AUTHORIZATION: basic {basic}")]
    start = int(environ.get("GIT_CONFIG_COUNT") or 0)
    found = {"GIT_CONFIG_COUNT": str(start + len(config)), "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}
    for number, (name, value) in enumerate(config, start):
        found |= {f"GIT_CONFIG_KEY_{number}": name, f"GIT_CONFIG_VALUE_{number}": value}
    for role in ("AUTHOR", "COMMITTER"):
        found |= {f"GIT_{role}_NAME": _WHO, f"GIT_{role}_EMAIL": _MAIL}
    return found


def hashes(files: Mapping[str, bytes | None]) -> dict[str, str | None]:
    """Return what a later `write` compares the branch with."""
    return {path: None if data is None else sha256(data).hexdigest() for path, data in files.items()}
