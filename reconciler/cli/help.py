"""The pages that `--help` prints: a command's own options, its examples, then the options of every command."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import click

from reconciler.cli import hints
from reconciler.cli.options import UNBROKEN, SharedOption, shared
from reconciler.errors import UsageError


class Page(click.Command):
    """A command whose help has sections, and which knows the habits of Terraform's users."""

    def __init__(self, *arguments: Any, examples: Sequence[str] = (), **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self.examples = tuple(examples)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the arguments; refuse long options with one dash before click takes them for short ones."""
        if not ctx.resilient_parsing:
            hints.refuse_one_dash(args, {name for parameter in self.params for name in parameter.opts})
        return super().parse_args(ctx, ["--help"] if args == ["-help"] else args)

    def get_help(self, ctx: click.Context) -> str:
        """Return the whole page."""
        return super().get_help(ctx).replace(UNBROKEN, " ")

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write every section."""
        self.format_own_options(ctx, formatter)
        _write_rows(formatter, "Global options", self._rows(ctx, of_all=True))

    def format_own_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the sections that are this command's alone."""
        _write_rows(formatter, "Options", self._rows(ctx, of_all=False))
        if isinstance(self, click.Group):
            self.format_commands(ctx, formatter)
        if self.examples:
            with formatter.section("Examples"):
                for example in self.examples:
                    formatter.write(f"{'':{formatter.current_indent}}{example}\n")

    def _rows(self, ctx: click.Context, *, of_all: bool) -> list[tuple[str, str]]:
        records = (
            parameter.get_help_record(ctx)
            for parameter in self.get_params(ctx)
            if isinstance(parameter, click.Option)  # an argument stands in the usage
            if (isinstance(parameter, SharedOption) or "--help" in parameter.opts) is of_all
        )
        return [record for record in records if record]


class Command(Page):
    """A command without commands of its own."""


class Group(Page, click.Group):
    """A command of commands. Its list wraps each one's first sentence, which click would cut."""

    command_class = Command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Write each command with its first sentence."""
        _write_rows(formatter, "Commands", list(self.summaries()))

    def summaries(self) -> Iterator[tuple[str, str]]:
        """Yield each command's name and the first sentence of its help."""
        no_cut = 1000
        for name, command in sorted(self.commands.items()):
            yield name, command.get_short_help_str(no_cut)


def _write_rows(formatter: click.HelpFormatter, title: str, rows: list[tuple[str, str]]) -> None:
    if rows:
        with formatter.section(title):
            formatter.write_dl(rows)


def _command_names(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
    top = ctx.find_root()
    names = top.command.list_commands(top) if isinstance(top.command, click.Group) else []
    return [name for name in names if name.startswith(incomplete)]


@click.command("help", cls=Command, examples=("reconciler help plan", "reconciler help state mv"))
@shared
@click.argument("names", metavar="[COMMAND]...", nargs=-1, shell_complete=_command_names)
def help_command(names: tuple[str, ...]) -> None:
    """Show the help of a command."""
    context = click.get_current_context().find_root()
    for name in names:
        if not isinstance(context.command, click.Group):
            raise UsageError(f"{context.command_path} has no commands of its own")
        _, command, _ = context.command.resolve_command(context, [name])
        assert command is not None
        context = click.Context(command, parent=context, info_name=name)
    click.echo(context.get_help())
