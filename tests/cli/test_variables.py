"""Every global option from the environment: flags win, empty is unset, and a bad value names its variable."""

from __future__ import annotations

import click
import pytest

from reconciler.auth import server
from reconciler.cli import cli
from reconciler.cli.options import Options, SharedOption
from reconciler.errors import UsageError
from reconciler.model.envvars import RECONCILER_SERVER, SERVER_URL
from reconciler.sources.confine import NotReadableError, check_variable
from tests.cli.desk import Desk, text_secret

_SHARED = [option for option in cli.params if isinstance(option, SharedOption)]
_VALUES = {
    "RECONCILER_FILE": ("other.yaml", "other.yaml"),
    "RECONCILER_SANDBOX": ("1", True),
    "RECONCILER_STATE": ("s.json", "s.json"),
    "RECONCILER_SOURCE_ROOT": ("..", ".."),
    "RECONCILER_ALLOW_ENV": ("DB_* B", ("DB_*", "B")),
    "RECONCILER_CA_FILE": ("ca.pem", "ca.pem"),
    "RECONCILER_AGE_SUITE": ("x25519", "x25519"),
    "RECONCILER_CI": ("gitlab", "gitlab"),
    "RECONCILER_COLOR": ("always", "always"),
    "RECONCILER_JSON": ("true", True),
    "RECONCILER_VERBOSE": ("2", 2),
}


def _read(*arguments: str) -> Options:
    """Return the options as a command sees them: `plan` is parsed and does not run."""
    options = Options()
    top = cli.make_context("reconciler", [*arguments], obj=options)
    rest = [*top._protected_args, *top.args]
    name, command, rest = cli.resolve_command(top, rest)
    assert command is not None
    command.make_context(name, rest, parent=top)
    return options


def test_every_global_option_names_its_variable() -> None:
    """In the help; and each is tried below."""
    context = click.Context(cli)
    names = {}
    for option in _SHARED:
        record = option.get_help_record(context)
        assert record is not None
        if "--no-color" not in option.opts:
            names[option.name] = (
                record[1].replace("\N{NO-BREAK SPACE}", " ").partition("[env: ")[2].rstrip("]")
            )
    assert {name: f"RECONCILER_{name.upper()}" for name in names if name} == names
    assert set(names.values()) == {*_VALUES, RECONCILER_SERVER}


@pytest.mark.parametrize("name", _VALUES)
def test_a_variable_stands_for_its_option(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Empty counts as unset."""
    text, value = _VALUES[name]
    field = name.removeprefix("RECONCILER_").lower()
    default = getattr(Options(), field)
    assert default != value
    monkeypatch.setenv(name, "")
    assert default == getattr(_read("plan"), field)
    monkeypatch.setenv(name, text)
    assert value == getattr(_read("plan"), field)


@pytest.mark.parametrize("arguments", [("-f", "flag.yaml", "plan"), ("plan", "-f", "flag.yaml")])
def test_a_flag_wins_before_and_after_the_command(
    monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    monkeypatch.setenv("RECONCILER_FILE", "variable.yaml")
    assert "flag.yaml" == _read(*arguments).file


@pytest.mark.parametrize(
    ("variable", "arguments", "expected"),
    [
        ("always", ("plan",), "always"),
        ("always", ("plan", "--no-color"), "never"),
        ("always", ("--no-color", "plan"), "never"),
        ("never", ("plan", "--color", "always"), "always"),
        ("", ("plan", "--color", "always", "--no-color"), "never"),
        ("", ("plan", "--no-color", "--color", "always"), "always"),
        ("", ("--no-color", "plan", "--color", "always"), "always"),
    ],
)
def test_no_color_is_color_never(
    monkeypatch: pytest.MonkeyPatch, variable: str, arguments: tuple[str, ...], expected: str
) -> None:
    """And the last one wins, as with every other option."""
    monkeypatch.setenv("RECONCILER_COLOR", variable)
    assert expected == _read(*arguments).color


def test_the_flag_colours_where_no_color_is_set(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """--color, then RECONCILER_COLOR, then NO_COLOR, then FORCE_COLOR."""
    desk.manifest(text_secret("a"))
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert "\x1b[" in desk.done("plan", "--offline").out
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[" not in desk.done("plan", "--offline").out
    monkeypatch.setenv("RECONCILER_COLOR", "always")
    assert "\x1b[" in desk.done("plan", "--offline").out
    assert "\x1b[" not in desk.done("plan", "--offline", "--no-color").out


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("RECONCILER_COLOR", "mauve"),
        ("RECONCILER_CI", "jenkins"),
        ("RECONCILER_AGE_SUITE", "rot13"),
        ("RECONCILER_JSON", "maybe"),
        ("RECONCILER_SANDBOX", "maybe"),
        ("RECONCILER_VERBOSE", "loud"),
    ],
)
def test_a_bad_value_names_the_variable(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, name: str, text: str
) -> None:
    """Not the option, which was not given."""
    monkeypatch.setenv(name, text)
    desk.options = ()
    ran = desk.run("validate")
    assert 64 == ran.code
    assert f"invalid value for {name}: " in ran.err
    assert "--" + name.removeprefix("RECONCILER_").lower().replace("_", "-") not in ran.err


def test_a_bad_option_still_names_the_option(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECONCILER_COLOR", "always")
    ran = desk.run("validate", "--color", "mauve")
    assert "invalid value for '--color': " in ran.err
    assert "RECONCILER_COLOR" not in ran.err


def test_the_server_s_variable_comes_after_the_flag_and_before_the_tenant_s_own() -> None:
    """And a bad one is named."""
    env = {RECONCILER_SERVER: "ours.example", SERVER_URL: "https://theirs.example"}
    flag = "https://flag.example"
    assert "flag.example" == server.resolve_server(flag=flag, env=env, client_id=None).host
    assert "ours.example" == server.resolve_server(flag=None, env=env, client_id=None).host
    env[RECONCILER_SERVER] = ""
    assert "theirs.example" == server.resolve_server(flag=None, env=env, client_id=None).host
    with pytest.raises(UsageError, match=RECONCILER_SERVER):
        server.resolve_server(flag=None, env={RECONCILER_SERVER: "ftp://x"}, client_id=None)


@pytest.mark.parametrize("name", [*_VALUES, RECONCILER_SERVER])
def test_none_of_them_is_a_source(name: str) -> None:
    """A manifest must not read what the operator set for this program."""
    with pytest.raises(NotReadableError):
        check_variable(name)


def test_the_option_is_not_one_of_the_settings_of_the_sandbox(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """RECONCILER_SANDBOX is an option; RECONCILER_SANDBOX_… are the sandbox's settings."""
    desk.options = ()
    desk.manifest(text_secret("a"))
    monkeypatch.setenv("A", "1")
    monkeypatch.setenv("RECONCILER_SANDBOX", "yes")
    desk.apply()
    assert b"1" == desk.reads("a")
