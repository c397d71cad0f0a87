"""Hold every pipeline that others run against its published schema and the linter: `python -m tests.ci.lint`.

The templates as they are, because Dependabot and reviewers read them; what `init --ci` makes of them, for every
kind of source; and the action. Nothing is fetched.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from reconciler.cli import pipeline_files
from reconciler.cli.templates import github, gitlab
from tests.cli.desk import REPOSITORY

TEMPLATES: Final = REPOSITORY / "reconciler/cli/templates"
WHEEL: Final = "vendor/c1_reconciler-0.1.0-py3-none-any.whl"
SOURCES: Final = {
    "git": f"https://git.invalid/acme/reconciler.git@{'c0ffee00' * 5}",
    "url": f"https://files.invalid/c1_reconciler-0.1.0-py3-none-any.whl#sha256={'0' * 64}",
    "wheel": WHEEL,
    "image": f"registry.invalid:5000/acme/reconciler@sha256:{'0' * 64}",
    "package": "acme-reconciler==0.1.0",
    "hashed": f"acme-reconciler==0.1.0#sha256={'0' * 64}",
}
"""One of each kind of `--install-from`."""

_SCHEMAS: Final = {
    "vendor.github-workflows": ("github-*.yml", "*/.github/workflows/*.yml"),
    "vendor.gitlab-ci": ("gitlab-*.yml", "*/.gitlab/*.yml", "*/.gitlab-ci.yml"),
}


def generated(top: Path, source: str) -> Mapping[str, str]:
    """Return what `init --ci` writes for both forges; `top` gets a file for a wheel."""
    (top / WHEEL).parent.mkdir(parents=True, exist_ok=True)
    (top / WHEEL).write_bytes(b"a wheel")
    given: Any = {
        "manifest": "stacks/prod.yaml",
        "origin": pipeline_files.origin(source, top),
        "needed": {"DB_PASSWORD": ("db-password",), "lower_case": ("a", "b")},
        "packaged": pipeline_files.packaged(),
    }
    return {**github.workflows(**given, branch="main"), **gitlab.pipeline(**given)}


def commands(home: Path) -> Iterator[tuple[str, ...]]:
    """Write the generated files beneath a directory; yield each check of them and of ours."""
    for kind, source in SOURCES.items():
        for name, text in generated(home / kind, source).items():
            (home / kind / name).parent.mkdir(parents=True, exist_ok=True)
            (home / kind / name).write_text(text)
    check = (sys.executable, "-m", "check_jsonschema", "--quiet", "--builtin-schema")
    for schema, (template, *patterns) in _SCHEMAS.items():
        files = [*TEMPLATES.glob(template), *(path for pattern in patterns for path in home.glob(pattern))]
        assert len(files) > len(SOURCES), files
        yield (*check, schema, *map(str, files))
    yield (*check, "vendor.github-actions", str(REPOSITORY / "action.yml"))
    yield (*check, "vendor.dependabot", str(REPOSITORY / ".github/dependabot.yml"))
    yield _zizmor(
        REPOSITORY / "action.yml",
        REPOSITORY / ".github/dependabot.yml",
        *TEMPLATES.glob("github-*.yml"),
        *home.glob("*/.github/workflows/*.yml"),
    )


def _zizmor(*paths: Path) -> tuple[str, ...]:
    program = Path(sys.executable).parent / "zizmor"
    return (str(program), "--offline", "--no-progress", "--quiet", "--strict-collection", *map(str, paths))


def main() -> int:
    """Run every check; return 1 where one has something to say."""
    with tempfile.TemporaryDirectory() as home:
        codes = [subprocess.run(command, check=False).returncode for command in commands(Path(home))]
    return int(any(codes))


if __name__ == "__main__":
    sys.exit(main())
