"""The command line. Commands are imported when they run, so that `--help` and `validate` start quickly."""

from __future__ import annotations

import contextlib
import ctypes
import importlib
import os
import resource
import sys
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import click

from reconciler import __version__
from reconciler.cli import crash, help, hints
from reconciler.cli.options import Options, shared
from reconciler.errors import ExitCode, ReconcilerError
from reconciler.model.envvars import COMPLETION

_EXIT_CODES = """\b
Exit codes:
  0  done, or no changes             1  error
  2  changes (--detailed-exitcode)   3  applied in part
  4  authentication or permission    5  the stack is locked by another run
  7  refused by a guard or policy    8  the saved plan is out of date
 64  invalid usage                  65  the manifest is not valid
130  interrupted (SIGINT)          143  terminated (SIGTERM)
"""


class _Command(NamedTuple):
    """A command's module, and the first sentence of its help."""

    module: str
    summary: str


_COMMANDS: Final = {
    "init": _Command("init", "Write a commented manifest and its .gitignore lines."),
    "validate": _Command("manifest", "Check whether manifests are valid."),
    "plan": _Command("plan", "Show changes required by the manifest."),
    "apply": _Command("apply", "Create, replace or revoke shares as the manifest says."),
    "destroy": _Command("apply", "Revoke every share of this stack."),
    "show": _Command("plan", "Show a saved plan or the current state."),
    "diff": _Command("diff", "Compare the manifest with another version of it."),
    "output": _Command("state", "Show the share links of live secrets, or the one of NAME."),
    "state": _Command("state", "Inspect and repair the state."),
    "access": _Command("access", "List what a person can open in this stack."),
    "key": _Command("key", "Manage fingerprint keys."),
    "env": _Command("env", "Print the variables that a pipeline's job needs."),
    "ci": _Command("ci", "Run a pipeline's steps around plan and apply."),
    "auth": _Command("auth", "Check which credential is used."),
    "sandbox": _Command("sandbox", "Use the embedded sandbox tenant."),
    "schema": _Command("manifest", "Print the manifest's JSON Schema, for editors."),
    "completion": _Command("completion", "Print a completion script for a shell."),
    "version": _Command("version", "Show the version of this program, Python and libraries."),
    "help": _Command("help", "Show the help of a command."),
}
"""The commands in the order of `--help`, which imports none of them. A test holds the words against theirs."""


class _Commands(help.Group):
    """A group that imports a command's module when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        entry = _COMMANDS.get(cmd_name)
        if entry is None:
            return None
        module = importlib.import_module(f"reconciler.cli.{entry.module}")
        command = getattr(module, f"{cmd_name}_command")
        assert isinstance(command, click.Command)
        return command

    def summaries(self) -> Iterator[tuple[str, str]]:
        return ((name, command.summary) for name, command in _COMMANDS.items())


@click.command(
    cls=_Commands,
    epilog=_EXIT_CODES,
    context_settings={"help_option_names": ["-h", "--help"]},
    examples=("reconciler init", "reconciler plan --sandbox"),
)
@click.version_option(__version__, "--version", prog_name="reconciler")
@shared
def cli() -> None:
    """Declare who may open which secret; plan and apply it on C1 (paper secrets)."""


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and exit. The one place that turns errors into text and an exit code."""
    _leave_no_core_dump()
    _stand_in_for_closed_streams()
    _answer_shells_quietly()
    options = Options()
    try:
        with crash.quiet_elsewhere(options):
            code: Any = cli.main(args=arguments, prog_name="reconciler", standalone_mode=False, obj=options)
    except ReconcilerError as error:
        _tell(error)
        _annotate(options, error)
        sys.exit(error.exit_code)
    except click.exceptions.Abort:
        click.echo("Stopped.", err=True)
        sys.exit(ExitCode.INTERRUPTED)
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        sys.exit(ExitCode.USAGE)
    except click.UsageError as error:
        _tell(hints.explained(error))
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
    except (SystemExit, GeneratorExit):
        raise
    except BaseException as error:  # noqa: BLE001 - the last handler; a panic of pyrage's is no Exception
        crash.report(error, verbose=bool(options.verbose))
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


def _stand_in_for_closed_streams() -> None:
    """Open the null device for a stream that was closed (`>&-`), or our next file would get its descriptor."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: PTH123, SIM115 - open to the end


def _answer_shells_quietly() -> None:
    """Print no error where a shell asks for completions: it would stand in the line that is being typed."""
    if os.environ.get(COMPLETION):
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115 - open to the end


def _annotate(options: Options, error: ReconcilerError) -> None:
    from reconciler.cli import ci_report  # it knows plans, which `--help` need not import

    ci_report.tell_error(options, error)


def _tell(error: ReconcilerError) -> None:
    from reconciler.cli import terminal
    from reconciler.display import clean

    lines = [f"Error: {error.summary}"]
    for line in error.detail.splitlines():
        lines += terminal.paragraph(clean(line), first="  ", rest="    ")
    if error.expected:
        lines += terminal.paragraph(f"Expected: {clean(error.expected)}", first="  ", rest="    ")
    if error.hint:
        lines += terminal.paragraph(f"Next: {clean(error.hint)}", first="  ", rest="    ")
    terminal.say("\n".join(lines))
