"""What to do here instead of what Terraform's users type, and what was meant by a word that is close to one."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

import click

from reconciler.errors import UsageError

COMMANDS: Final = {
    "console": "`reconciler plan --json` prints the plan for other programs",
    "fmt": "`reconciler validate` checks the manifest; any YAML layout will do",
    "force-unlock": "`reconciler state unlock` shows who holds the lock; it ends with them",
    "get": "`reconciler validate` also reads what the manifest includes",
    "graph": "`reconciler plan` lists every change; secrets have no dependencies",
    "import": "`reconciler state import NAME SHARE_ID` imports an existing share",
    "login": "`reconciler auth status` shows which credential is used",
    "logout": "`reconciler auth status` shows where the credential comes from",
    "providers": "`reconciler version` lists the libraries; C1 is the only provider",
    "refresh": "`reconciler plan` reads the tenant on every run",
    "taint": "`reconciler apply --replace NAME` replaces an unchanged share",
    "test": "`reconciler apply --sandbox` applies to a sandbox tenant",
    "untaint": "`reconciler plan` shows what would be replaced, and why",
    "workspace": "`reconciler plan -f prod.yaml` plans another stack",
}
"""Terraform's commands that are not here: what is."""

OPTIONS: Final = {
    "backend-config": "`reconciler plan --state FILE` names the state file",
    "chdir": "`reconciler plan -f DIR/reconciler.yaml`; the state is beside it",
    "destroy": "`reconciler destroy` shows the plan and asks for approval first",
    "input": "`reconciler apply --auto-approve` asks no question",
    "lock": "`reconciler state unlock` shows who holds the lock; apply takes it",
    "lock-timeout": "`reconciler state unlock` shows who holds the lock; no run waits",
    "raw": "`reconciler output NAME` prints the link alone",
    "refresh": "`reconciler plan --offline` compares manifest and state alone",
    "refresh-only": "`reconciler plan` reads the tenant on every run",
    "var": "`reconciler env --github` lists the variables the manifest reads",
    "var-file": "`reconciler env --github` lists the variables the manifest reads",
}
"""Terraform's options that are not here: what is. Those that are here only take a second dash."""


def refuse_one_dash(arguments: Collection[str], known: Collection[str]) -> None:
    """Refuse `-out=FILE`, as Terraform writes it: it would be `-o` with the value `ut=FILE`."""
    for argument in arguments:
        if argument == "--":
            return
        name = argument.partition("=")[0]
        if not name.startswith("-"):
            continue
        if f"-{name}" in known:
            raise UsageError(f"{name} needs a second dash", hint=f"write -{name}")
        if name[1:] in OPTIONS:
            raise UsageError(f"there is no option {name}", hint=OPTIONS[name[1:]])


def explained(error: click.UsageError) -> UsageError:
    """Return click's complaint in this program's shape, with what to do instead."""
    context = error.ctx
    see = f"`{context.command_path if context else 'reconciler'} --help` shows the usage"
    match error:
        case click.exceptions.NoSuchCommand(command_name=name):
            return UsageError(f"there is no command {name}", hint=_for_command(name, context) or see)
        case click.NoSuchOption(option_name=name):
            return UsageError(f"there is no option {name}", hint=_for_option(name, context) or see)
        case _:
            text = error.format_message().removesuffix(".")
            return UsageError(text[:1].lower() + text[1:], hint=see)


def _for_command(name: str, context: click.Context | None) -> str | None:
    from reconciler import suggest  # its comparisons are for mistakes alone

    if context is None or not isinstance(context.command, click.Group):
        return None
    at_the_top = context.parent is None
    meant = suggest.did_you_mean(name, context.command.list_commands(context))
    return (COMMANDS.get(name) if at_the_top else None) or meant


def _for_option(name: str, context: click.Context | None) -> str | None:
    from reconciler import suggest

    if context is None or name[2:] in OPTIONS:
        return OPTIONS.get(name[2:])
    offered = [option for parameter in context.command.get_params(context) for option in parameter.opts]
    return suggest.did_you_mean(name, [option for option in offered if option.startswith("--")])
