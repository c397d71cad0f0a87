"""The command line. Commands are imported when they run, so that `--help` and `validate` start quickly."""

from __future__ import annotations

import contextlib
import ctypes
import importlib
import resource
import sys
from typing import Any, Final

import click

from reconciler import __version__
from reconciler.cli import ci
from reconciler.cli.options import Options, shared
from reconciler.errors import ExitCode, ReconcilerError

_EXIT_CODES = """\b
Exit codes:
  0  done, or no changes          1  error
  2  changes (--detailed-exitcode) 3  applied in part
  4  sign-in or permission        5  another run holds the stack
  6  attention (status --check)   7  refused by a guard or policy
  8  the saved plan is stale     64  wrong usage
 65  the manifest is not valid  130/143  stopped by a signal
"""

_COMMANDS: Final = {
    "init": "init",
    "validate": "manifest",
    "schema": "manifest",
    "plan": "plan",
    "show": "plan",
    "diff": "diff",
    "apply": "apply",
    "destroy": "apply",
    "output": "state",
    "state": "state",
    "access": "access",
    "key": "key",
    "env": "env",
    "ci": "pipeline",
    "auth": "auth",
    "sandbox": "sandbox",
}
"""Command -> module of this package; the order is that of `--help`."""


class _Commands(click.Group):
    """A group that imports a command's module when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        module = _COMMANDS.get(cmd_name)
        if module is None:
            return None
        command = getattr(importlib.import_module(f"reconciler.cli.{module}"), f"{cmd_name}_command")
        assert isinstance(command, click.Command)
        return command


@click.command(cls=_Commands, epilog=_EXIT_CODES, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, "--version", prog_name="reconciler")
@shared
def cli() -> None:
    """Declare who may open which secret; plan and apply it on C1 (paper secrets)."""


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and exit. The one place that turns errors into text and an exit code."""
    _leave_no_core_dump()
    it = Options()
    try:
        code: Any = cli.main(args=arguments, prog_name="reconciler", standalone_mode=False, obj=it)
    except ReconcilerError as error:
        _tell(error)
        ci.tell_error(it, error)
        sys.exit(error.exit_code)
    except click.exceptions.Abort:
        click.echo("Stopped.", err=True)
        sys.exit(ExitCode.INTERRUPTED)
    except click.UsageError as error:
        error.show()
        sys.exit(ExitCode.USAGE)
    except click.ClickException as error:
        error.show()
        sys.exit(ExitCode.ERROR)
    except KeyboardInterrupt:
        sys.exit(ExitCode.INTERRUPTED)
    except BrokenPipeError:
        # Whoever read our output (`| head`) has seen enough.
        sys.stderr.close()
        sys.exit(ExitCode.ERROR)
    sys.exit(code if isinstance(code, int) else ExitCode.OK)


def _leave_no_core_dump() -> None:
    """Keep plaintexts and tokens out of core files: a limit for files, a flag for handlers that are piped to."""
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        set_dumpable = 4  # PR_SET_DUMPABLE of prctl(2)
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(set_dumpable, 0, 0, 0, 0)


def _tell(error: ReconcilerError) -> None:
    click.echo(f"Error: {error.summary}", err=True)
    for line in error.detail.splitlines():
        click.echo(f"  {line}", err=True)
    if error.hint:
        click.echo(f"  Next: {error.hint}", err=True)
