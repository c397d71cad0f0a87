"""The errors a person sees, and the exit code of each.

Every error has a constant *summary*, a *detail* that says what and why, where a shape was wrong the shape that was
*expected*, and a *hint* with the next step: no capital, no full stop. None changes once it is made; `restated` makes
another one. An edge converts foreign exceptions at its border; nobody else catches broadly. No text here may hold a
value that could be secret: third-party messages that quote their input are rebuilt, never interpolated.

    ReconcilerError            1    something failed
      UsageError              64    the command line is wrong
      ManifestError           65    the manifest has problems (all of them at once)
      SourceError              1    a plaintext's source cannot be used (all of them at once)
      StateError               1    the state, journal or key cannot be trusted or written
      PlanError                1    a file is no saved plan, or none that this version reads
      LockedError              5    another run holds the stack
      SignInError              4    no credential, a refused one, or not this identity's stack
        NotYoursError          4    one vault that this identity may not revoke
      RemoteError              1    the tenant or an upload answered, or failed, in a known way
        NoTokenError           1    nobody is there to sign in at
      RefusedError             7    a guard or policy says no
      StalePlanError           8    the saved plan no longer describes what would happen
      Stopped            130/143    a signal ended the run cleanly
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from typing import ClassVar, NamedTuple, Self


class ExitCode(IntEnum):
    """What the process answers its caller; in `--help` and docs/cli.md."""

    OK = 0
    ERROR = 1
    CHANGES = 2  # plan --detailed-exitcode
    PARTIAL = 3
    SIGN_IN = 4
    LOCKED = 5
    REFUSED = 7
    STALE_PLAN = 8
    USAGE = 64  # click's own 2 would read as "changes present"
    INVALID_MANIFEST = 65
    INTERRUPTED = 130
    TERMINATED = 143


class Mark(NamedTuple):
    """A place in a file, as an editor counts: line and column from 1.

    A tuple, as the one exception among the nouns: a manifest of 10,000 secrets has 140,000 of them, and a frozen
    dataclass takes three times as long to make.
    """

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing wrong with an input, where it stands, what was expected and what to do."""

    mark: Mark | None
    what: str
    expected: str | None = None
    hint: str | None = None

    def __str__(self) -> str:
        head = f"{self.mark}: {self.what}" if self.mark else self.what
        return "; ".join(part for part in (head, self.expected, self.hint) if part)


class ReconcilerError(Exception):
    """Anything this program tells its user instead of a traceback."""

    summary: ClassVar[str] = "failed"
    exit_code: ExitCode = ExitCode.ERROR

    def __init__(self, detail: str, *, expected: str | None = None, hint: str | None = None) -> None:
        super().__init__(detail)
        self._detail = detail
        self._expected = expected
        self._hint = hint

    @property
    def detail(self) -> str:
        """What failed and why; a line for each problem."""
        return self._detail

    @property
    def expected(self) -> str | None:
        """The shape that was expected, never what was there."""
        return self._expected

    @property
    def hint(self) -> str | None:
        """The next step."""
        return self._hint

    def restated(self, detail: str | None = None, *, hint: str | None = None) -> Self:
        """Return this error in other words, without its traceback; what is not given stays."""
        cls = type(self)
        other = cls.__new__(cls, detail or self._detail)
        other.__dict__.update(self.__dict__)
        other._detail, other._hint = detail or self._detail, hint or self._hint
        return other


class _ProblemsError(ReconcilerError):
    """An error made of several problems, sorted by place."""

    def __init__(self, problems: Iterable[Problem], *, hint: str | None = None) -> None:
        no_mark = Mark(file="", line=0, column=0)
        self.problems = tuple(sorted(problems, key=lambda p: (p.mark or no_mark, p.what)))
        super().__init__("\n".join(str(p) for p in self.problems), hint=hint)


class UsageError(ReconcilerError):
    """The command line asks for something that is not offered."""

    summary = "invalid usage"
    exit_code = ExitCode.USAGE


class ManifestError(_ProblemsError):
    """The manifest cannot be used; `problems` holds every reason."""

    summary = "the manifest is not valid"
    exit_code = ExitCode.INVALID_MANIFEST


class SourceError(_ProblemsError):
    """Plaintexts cannot be read as declared; `problems` holds every reason, never a value."""

    summary = "a source cannot be used"


class StateError(ReconcilerError):
    """The state, the journal, the lock file or the key cannot be trusted, read or written."""

    summary = "the state cannot be used"


class PlanError(ReconcilerError):
    """A file that was given as a saved plan is none."""

    summary = "the saved plan cannot be used"


class LockedError(ReconcilerError):
    """Another run holds this stack; the detail names it."""

    summary = "the stack is locked by another run"
    exit_code = ExitCode.LOCKED


class SignInError(ReconcilerError):
    """No usable credential, or one that may not see or do this."""

    summary = "authentication or permission error"
    exit_code = ExitCode.SIGN_IN


class NotYoursError(SignInError):
    """This identity may not do that to this one vault, which says nothing of others."""


class RemoteError(ReconcilerError):
    """The tenant refused a call, or could not be reached, and nothing is in doubt."""

    summary = "the tenant did not do this"


class NoTokenError(RemoteError):
    """No access token can be had now: every call of this identity would fail alike."""


class RefusedError(ReconcilerError):
    """A guard or a policy refused the change."""

    summary = "refused"
    exit_code = ExitCode.REFUSED


class StalePlanError(ReconcilerError):
    """What would happen now is not what the saved plan says."""

    summary = "the saved plan is out of date"
    exit_code = ExitCode.STALE_PLAN


class Stopped(ReconcilerError):  # noqa: N818 - a clean end, not a failure
    """A signal ended the run after the step in hand was finished and recorded."""

    summary = "stopped"
    exit_code = ExitCode.INTERRUPTED

    def __init__(self, detail: str, *, terminated: bool, hint: str | None = None) -> None:
        super().__init__(detail, hint=hint)
        self.exit_code = ExitCode.TERMINATED if terminated else ExitCode.INTERRUPTED
