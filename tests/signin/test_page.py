"""docs/sign-in.md says what the program does: its names, its rows, its page of status."""

from __future__ import annotations

import pytest

from reconciler.model import envvars
from reconciler.sandbox.serve import Embedded
from tests.signin.machine import ID, SECRET, Machine, credential
from tests.support.commandline import REPOSITORY

PAGE = (REPOSITORY / "docs" / "sign-in.md").read_text()


@pytest.mark.parametrize(
    "name",
    [
        envvars.ACCESS_TOKEN,
        envvars.OIDC_TOKEN,
        envvars.CLIENT_ID,
        envvars.CLIENT_SECRET,
        envvars.SERVER_URL,
        envvars.TENANT_DOMAIN,
        "CONE_PROFILE",
        "CONE_CONFIG_PATH",
        "HTTPS_PROXY",
        "ALL_PROXY",
        "NO_PROXY",
        "SSL_CERT_FILE",
        "--ca-file",
        "--server",
        "--age-suite",
    ],
)
def test_the_page_names_what_can_be_set(name: str) -> None:
    """Nothing that can be set is left for a person to find in the code."""
    assert name in PAGE


def test_the_page_shows_what_status_shows(machine: Machine, tenant: Embedded) -> None:
    """The same labels in the same order, and every key of the JSON."""
    machine.sign_in_as(tenant)
    machine.manifest()
    machine.apply()
    mine = credential(tenant)
    machine.set(CONDUCTORONE_ACCESS_TOKEN="", **{ID: mine[ID], SECRET: mine[SECRET]})
    shown = PAGE.split("## What `auth status` shows\n\n```\n")[1].split("```")[0]
    labels = [line[:16] for line in shown.splitlines() if not line.startswith(" ")]
    status = machine.done("auth", "status")
    assert labels == [line[:16] for line in status.out.splitlines() if not line.startswith(" ")]
    for key in machine.done("--json", "auth", "status").json:
        assert f"`{key}`" in PAGE
