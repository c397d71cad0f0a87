"""Every example is run: plan, apply, read, plan again, destroy - as the comments in it say."""

from __future__ import annotations

import base64
import json
import shutil
from typing import Final

import pytest

from tests.support.commandline import REPOSITORY, Desk

EXAMPLES: Final = REPOSITORY / "examples"
_P12: Final = bytes(range(256))

VARIABLES: Final[dict[str, dict[str, str]]] = {
    "quickstart": {"DB_PASSWORD": "correct horse battery staple"},
    "audiences": {"STRIPE_KEY": "sk_test_x", "LEDGER_OWNER": "not-a-real-password"},
    "external-partner": {"PARTNER_P12": base64.encodebytes(_P12).decode(), "PARTNER_P12_PASSPHRASE": "x"},
}
READ: Final[dict[str, dict[str, bytes]]] = {
    "quickstart": {
        "db-password": b"correct horse battery staple",
        "service-account": (EXAMPLES / "quickstart" / "service-account.json").read_bytes(),
        "vpn-profile": (EXAMPLES / "quickstart" / "office.ovpn").read_bytes(),
    },
    "audiences": {
        "stripe-key": b"sk_test_x",
        "ledger-readonly": b"not-a-real-password",
        "ledger-owner": b"not-a-real-password",
    },
    "external-partner": {"partner-cert": _P12, "partner-cert-passphrase": b"x"},
}


@pytest.fixture
def desk(desk: Desk) -> Desk:
    """A desk that has the examples as the repository has them."""
    shutil.copytree(
        EXAMPLES, desk.path / "examples", ignore=shutil.ignore_patterns(".reconciler", "*.state.json*")
    )
    return desk


def test_every_example_is_run_here() -> None:
    """A new example needs its variables, and what its recipients read."""
    there = {path.parent.name for path in EXAMPLES.glob("*/reconciler.yaml")}
    assert there == set(VARIABLES) == set(READ)


@pytest.mark.parametrize("name", VARIABLES)
def test_example(name: str, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """From the repository's root, as the README and the comments say."""
    for variable, value in VARIABLES[name].items():
        monkeypatch.setenv(variable, value)
    desk.options = ("--sandbox", "-f", f"examples/{name}/reconciler.yaml")
    desk.path = desk.path / "examples" / name
    desk.done("validate")
    assert 2 == desk.run("plan", "--detailed-exitcode").code
    desk.apply()
    assert READ[name] == {secret: desk.reads(secret) for secret in READ[name]}
    again = desk.run("plan", "--detailed-exitcode")
    assert 0 == again.code, again.said
    assert READ[name] == {secret: desk.done("sandbox", "view", secret).raw for secret in READ[name]}
    assert set(READ[name]) == set(json.loads(desk.done("--json", "output").raw))


def test_the_examples_hold_no_state_of_a_run() -> None:
    """What a try leaves in the repository is ignored by git, and never listed in an example."""
    ignored = (REPOSITORY / ".gitignore").read_text().splitlines()
    assert ".reconciler/" in ignored
