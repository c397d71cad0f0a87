"""The command line. Commands are imported when they run, so that `--help` and `validate` start quickly."""

from __future__ import annotations

import contextlib
import ctypes
import importlib
import os
import resource
import sys
from typing import Any, Final, NamedTuple

import click

from reconciler import __version__
from reconciler.cli import crash
from reconciler.cli.options import Options, shared
from reconciler.errors import ExitCode, ReconcilerError, UsageError

_EXIT_CODES = """\b
Exit codes:
  0  done, or no changes             1  error
  2  changes (--detailed-exitcode)   3  applied in part
  4  sign-in or permission           5  another run holds the stack
  6  attention (reserved)            7  refused by a guard or policy
  8  the saved plan is out of date  64  wrong usage
 65  the manifest is not valid      130/143  stopped by a signal
"""


class _Command(NamedTuple):
    """Where a command is, and what `--help` says of it: the first sentence of its own help."""

    module: str
    says: str


_COMMANDS: Final = {
    "init": _Command("init", "Write a commented manifest and the .gitignore lines that belong to it."),
    "validate": _Command("manifest", "Check manifests: shape, names, people, limits."),
    "schema": _Command("manifest", "Print the manifest's JSON Schema, for editors."),
    "plan": _Command("plan", "Show what apply would do."),
    "show": _Command("plan", "Print a saved plan; without one, what the state knows."),
    "diff": _Command("diff", "Compare the manifest with another version of it."),
    "apply": _Command(
        "apply", "Make the tenant match the manifest; with PLAN, apply exactly that saved plan."
    ),
    "destroy": _Command("apply", "Revoke every share of this stack."),
    "output": _Command("state", "Print the share links of what is live; with NAME, that link alone."),
    "state": _Command("state", "Inspect and repair the state."),
    "access": _Command(
        "access",
        "List what a person can open in this stack, by e-mail or C1 user ID, as the state knows it.",
    ),
    "key": _Command("key", "Make the key that fingerprints of values are made with."),
    "env": _Command("env", "Print what a job must say so that plan and apply find every variable."),
    "ci": _Command(
        "ci", "Do the steps around plan and apply in a pipeline; `init --ci` writes one that uses them."
    ),
    "auth": _Command("auth", "Check which credential is used."),
    "sandbox": _Command("sandbox", "Use the embedded tenant."),
}
"""The commands in the order of `--help`, which imports none of them. A test holds the words against theirs."""


class _Commands(click.Group):
    """A group that imports a command's module when it is asked for."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name, command, rest = super().resolve_command(ctx, args)
        if command:
            _refuse_one_dash(rest, _long_options(command))
        return name, command, rest

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        found = _COMMANDS.get(cmd_name)
        if found is None:
            return None
        module = importlib.import_module(f"reconciler.cli.{found.module}")
        command = getattr(module, f"{cmd_name}_command")
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl([(name, command.says) for name, command in _COMMANDS.items()])


def _long_options(command: click.Command) -> frozenset[str]:
    inner = command.commands.values() if isinstance(command, click.Group) else ()
    own = (option for parameter in command.params for option in parameter.opts if option.startswith("--"))
    return frozenset(own).union(*map(_long_options, inner))


def _refuse_one_dash(arguments: list[str], known: frozenset[str]) -> None:
    """Refuse `-out=FILE`, as Terraform writes it: it would be `-o` with the value `ut=FILE`."""
    for argument in arguments:
        if argument == "--":
            return
        name = argument.partition("=")[0]
        if f"-{name}" in known:
            raise UsageError(f"{name} is no option here", hint=f"write -{name}: a word takes two dashes")


@click.command(cls=_Commands, epilog=_EXIT_CODES, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, "--version", prog_name="reconciler")
@shared
def cli() -> None:
    """Declare who may open which secret; plan and apply it on C1 (paper secrets)."""


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and exit. The one place that turns errors into text and an exit code."""
    _leave_no_core_dump()
    _stand_in_for_closed_streams()
    it = Options()
    try:
        with crash.quiet_elsewhere(it):
            code: Any = cli.main(args=arguments, prog_name="reconciler", standalone_mode=False, obj=it)
    except ReconcilerError as error:
        _tell(error)
        _annotate(it, error)
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
    except (SystemExit, GeneratorExit):
        raise
    except BaseException as error:  # noqa: BLE001 - the last handler; a panic of pyrage's is no Exception
        crash.tell(error, verbose=bool(it.verbose))
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
    """Let a stream that was closed (`>&-`) lead nowhere; else the next file of ours would get its descriptor."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: PTH123, SIM115 - open to the end


def _annotate(it: Options, error: ReconcilerError) -> None:
    from reconciler.cli import ci_report  # it knows plans, which `--help` need not import

    ci_report.tell_error(it, error)


def _tell(error: ReconcilerError) -> None:
    from reconciler import display

    click.echo(f"Error: {error.summary}", err=True)
    for line in error.detail.splitlines():
        click.echo(f"  {display.line(line)}", err=True)
    if error.expected:
        click.echo(f"  Expected: {display.clean(error.expected)}", err=True)
    if error.hint:
        click.echo(f"  Next: {display.clean(error.hint)}", err=True)
