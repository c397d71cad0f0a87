"""A command of commands, whose list says each one's whole first sentence: click cuts it at the line's end."""

from __future__ import annotations

import click

_NO_CUT = 1000


class Group(click.Group):
    """The list of `--help`, wrapped instead of cut."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Say each command in full."""
        with formatter.section("Commands"):
            formatter.write_dl(
                [
                    (name, command.get_short_help_str(_NO_CUT))
                    for name, command in sorted(self.commands.items())
                ]
            )
