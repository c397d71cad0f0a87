"""Machines that are less than a person's: no home, folders that cannot be, variables of any bytes."""

from __future__ import annotations

import os
import sys

import pytest

from reconciler.sandbox.serve import Embedded
from tests.signin.machine import ACCESS, ID, SECRET, SERVER, Machine, credential
from tests.support.commandline import finished

_HOMELESS = """
import os, sys
os.setresuid(54321, 0, 0)  # somebody of whom /etc/passwd knows nothing, who may still read the program
from reconciler.cli import main
main(sys.argv[1:])
"""


@pytest.mark.parametrize("shape", ["name\udcff@{}/x", "name\x01@{}/x", "näme@{}/x"])
def test_an_id_of_any_bytes_is_misshapen(machine: Machine, tenant: Embedded, shape: str) -> None:
    """What cannot be sent is refused before."""
    machine.set(**{ID: shape.format("127.0.0.1"), SECRET: credential(tenant)[SECRET], SERVER: tenant.url})
    machine.manifest()
    ran = machine.run("plan")
    assert 4 == ran.code, ran.said
    assert "NAME@TENANT.conductor.one/SUFFIX" in ran.err
    assert 4 == machine.run("auth", "status").code


@pytest.mark.parametrize("name", ["x" * 300, "a\udcffb", "a\x1b[31mb"])
@pytest.mark.parametrize("variable", ["CONE_CONFIG_PATH", "CONE_PROFILE"])
def test_a_login_of_any_name_is_told_about(machine: Machine, variable: str, name: str) -> None:
    """Not there, or not readable: never a mistake of the program."""
    machine.set(**{variable: name})
    machine.manifest()
    for arguments in (("auth", "status"), ("--json", "auth", "status"), ("plan",)):
        ran = machine.run(*arguments)
        assert 4 == ran.code, ran.said
        assert "internal error" not in ran.said


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody whom nobody knows")
def test_somebody_without_a_home_signs_in_with_variables(machine: Machine, tenant: Embedded) -> None:
    """As in a container with a user of its own: there is no login to look for, and none is needed."""

    def status(**more: str) -> tuple[int, str]:
        env = {name: value for name, value in os.environ.items() if name != "HOME"} | more
        ran = finished(sys.executable, "-c", _HOMELESS, "auth", "status", cwd=machine.path, env=env)
        return ran.code, ran.said

    code, said = status()
    assert (4, True) == (code, "no C1 credential was found" in said), said
    code, said = status(**{ACCESS: tenant.tokens["owner"].reveal_text(), SERVER: tenant.url})
    assert 0 == code, said
