"""Where a pipeline takes the program from: what `--install-from` names, and how a job installs it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from reconciler.errors import UsageError

FORMS: Final = """\
https://HOST/OWNER/REPOSITORY@COMMIT, a git repository at a full commit
PATH.whl, a wheel in this repository; https://…/NAME.whl#sha256=HEX, one elsewhere
IMAGE@sha256:HEX, a container image that has reconciler and git
PACKAGE==VERSION, or PACKAGE==VERSION#sha256=HEX, from the package index of the job"""

# No quote, space, `$` or `#` inside: each text means only itself in YAML, in a shell and in a comment.
_URL: Final = r"https://[A-Za-z0-9.-]+(?::[0-9]+)?(?:/[A-Za-z0-9_~+%-][A-Za-z0-9._~+%-]*)+"
_SHA256: Final = r"(?:#sha256=(?P<digest>[0-9a-f]{64}))"
_COMMIT: Final = re.compile(rf"(?P<url>{_URL})@(?P<commit>[0-9a-f]{{40}}|[0-9a-f]{{64}})")
_WHEEL_AT_URL: Final = re.compile(rf"(?P<url>{_URL}\.whl){_SHA256}")
_WHEEL: Final = re.compile(r"(?:[A-Za-z0-9_][A-Za-z0-9._-]*/)*[A-Za-z0-9][A-Za-z0-9._+-]*\.whl")
_IMAGE: Final = re.compile(r"(?P<image>[a-z0-9][a-z0-9._:/-]*)@sha256:(?P<digest>[0-9a-f]{64})")
_PACKAGE: Final = re.compile(
    rf"(?P<package>[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?==[0-9][A-Za-z0-9.+!]*){_SHA256}?"
)

_PIP: Final = "python -I -m pip install --quiet --disable-pip-version-check"


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """One source of the program. Where there is an image, nothing is installed."""

    text: str
    """As it was given: nothing in it needs a quote."""
    image: tuple[str, str] | None = None
    """An image's name and the digest of its content."""
    locked: str | None = None
    """The program's own line in the lock, with its hash."""
    unlocked: str | None = None
    """The arguments of a second installation: of what has no hash, or is built."""
    built: bool = False

    def lock(self, packaged: Mapping[str, str]) -> str | None:
        """Return the file of requirements with hashes that the job installs, or None for an image."""
        if self.image:
            return None
        build = packaged["build.lock"] if self.built else ""
        return packaged["requirements.lock"] + build + (self.locked or "")

    def commands(self, lock: str) -> tuple[str, ...]:
        """Return what a job runs to have the program; `lock` is the path of that file in the repository."""
        if self.image:
            return ("reconciler --version",)
        first = f"{_PIP} --require-hashes --no-deps --only-binary :all: -r {lock}"
        second = (f"{_PIP} --no-deps {self.unlocked}",) if self.unlocked else ()
        # What was installed without looking at dependencies is held against them.
        return (first, *second, "python -I -m pip check")


def parse(text: str | None, wheel_digest: Callable[[str], str]) -> Origin:
    """Return the source that a text names; `wheel_digest` returns the SHA-256 of a wheel in the repository.

    Raises UsageError with the choices where there is no text, or one of another form: nothing that can move is taken.
    """
    if text is None:
        raise UsageError(
            f"a pipeline needs to know where reconciler is installed from:\n{FORMS}",
            hint="add --install-from with one of these; there is no default, because no name in an index is ours",
        )
    if match := _IMAGE.fullmatch(text):
        return Origin(text=text, image=(match["image"], match["digest"]))
    if match := _COMMIT.fullmatch(text):
        command = f'--no-index --no-build-isolation "git+{match["url"]}@{match["commit"]}"'
        return Origin(text=text, unlocked=command, built=True)
    if match := _WHEEL_AT_URL.fullmatch(text):
        return Origin(text=text, locked=_line(match["url"], match["digest"]))
    if _WHEEL.fullmatch(text):
        return Origin(text=text, locked=_line(f"./{text}", wheel_digest(text)))
    if match := _PACKAGE.fullmatch(text):
        if match["digest"]:
            return Origin(text=text, locked=_line(match["package"], match["digest"]))
        return Origin(text=text, unlocked=f'--only-binary :all: "{match["package"]}"')
    raise UsageError(f"--install-from must name one of:\n{FORMS}")


def _line(requirement: str, digest: str) -> str:
    return f"{requirement} \\\n    --hash=sha256:{digest}\n"
