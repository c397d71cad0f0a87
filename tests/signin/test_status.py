"""`auth status`: one page for a person and one for a program, with the cause and exit 4 when it will not do."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Final

import pytest

from reconciler.sandbox import identities
from reconciler.sandbox.serve import Embedded
from tests.signin.front import gateway
from tests.signin.machine import ACCESS, ID, OIDC, SECRET, SERVER, Machine, credential
from tests.support import goldens


def as_client(machine: Machine, tenant: Embedded) -> None:
    machine.set(**{SERVER: tenant.url}, **credential(tenant))


def with_token(machine: Machine, tenant: Embedded) -> None:
    machine.sign_in_as(tenant)


def nothing(machine: Machine, tenant: Embedded) -> None:
    machine.set(**{SERVER: tenant.url, ID: "owner@acme.conductor.one/spc"})


def half(machine: Machine, tenant: Embedded) -> None:
    machine.set(**{SERVER: tenant.url, OIDC: "a.b.c"})


def refused(machine: Machine, tenant: Embedded) -> None:
    as_client(machine, tenant)
    machine.set(**{SECRET: credential(tenant, "second")[SECRET]})


def revoked(machine: Machine, tenant: Embedded) -> None:
    machine.sign_in_as(tenant)
    identities.revoke_tokens(tenant.store, "owner")


def module_off(machine: Machine, tenant: Embedded) -> None:
    machine.sign_in_as(tenant, "admin")
    tenant.store.change(module=False)


def creator(machine: Machine, tenant: Embedded) -> None:
    machine.sign_in_as(tenant)
    machine.manifest()
    machine.apply()


def another(machine: Machine, tenant: Embedded) -> None:
    creator(machine, tenant)
    machine.sign_in_as(tenant, "second")


def another_tenant(machine: Machine, tenant: Embedded) -> None:
    """The stack was made where a gateway stood, which is another address."""
    with gateway(tenant.url) as front:
        machine.sign_in_as(tenant, url=front.url)
        machine.manifest()
        machine.apply()
    machine.sign_in_as(tenant)
    machine.manifest(head="target: {tenant: acme}\n")


CASES: Final[dict[str, tuple[Callable[[Machine, Embedded], None], int]]] = {
    "client credentials": (as_client, 0),
    "access token": (with_token, 0),
    "the stack's creator": (creator, 0),
    "not found": (nothing, 4),
    "half of a credential": (half, 4),
    "refused": (refused, 4),
    "token revoked": (revoked, 4),
    "secret sharing off": (module_off, 4),
    "another identity made the stack": (another, 4),
    "the stack is of another tenant": (another_tenant, 4),
}


@pytest.mark.parametrize("name", CASES)
def test_status_for_a_person_and_for_a_program(name: str, machine: Machine, tenant: Embedded) -> None:
    """Both pages, as they were read and approved; the exit code is 4 where the credential will not do."""
    arrange, code = CASES[name]
    arrange(machine, tenant)
    text, page = machine.run("auth", "status"), machine.run("auth", "status", "--json")
    assert (code, code) == (text.code, page.code), text.said
    goldens.section("auth-status.txt", name, same(text.out, machine))
    goldens.section("auth-status.json.txt", name, same(page.out, machine))
    assert ("", "") == (text.err, page.err)
    assert bool(code) == bool(page.json["problems"])


def test_the_pages_have_no_part_too_many() -> None:
    """What is read and approved is what is tested."""
    assert CASES.keys() == goldens.titles("auth-status.txt") == goldens.titles("auth-status.json.txt")


def same(text: str, machine: Machine) -> str:
    """Return a page without what differs from run to run."""
    text = text.replace(str(machine.home), "HOME")
    text = re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:PORT", text)
    text = re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "TIME", text)
    return re.sub(r"(?<=in )(59m|60m|3[56]\d\ds)|(?<=left\": )3[56]\d\d", "AN HOUR", text)


def test_time_left_is_by_the_tenants_clock(machine: Machine, tenant: Embedded) -> None:
    """A clock here that is a day off changes nothing; the token is as old as the tenant says."""
    tenant.store.change(clock_offset=timedelta(days=-1), token_life=timedelta(minutes=10))
    as_client(machine, tenant)
    status = machine.done("--json", "auth", "status").json
    assert 590 <= status["token_seconds_left"] <= 600


def test_status_needs_neither_manifest_nor_state_nor_a_right_to_look_people_up(
    machine: Machine, tenant: Embedded
) -> None:
    """It answers in an empty directory, and beside a manifest that is broken."""
    machine.sign_in_as(tenant)
    assert None is machine.done("--json", "auth", "status").json["made_this_stack"]
    (machine.path / "reconciler.yaml").write_text("version: [")
    assert None is machine.done("--json", "auth", "status").json["made_this_stack"]


def test_the_sandbox_has_no_status(machine: Machine) -> None:
    """It asks for no credential, so there is none to tell about."""
    ran = machine.run("--sandbox", "auth", "status")
    assert 64 == ran.code
    assert "asks for no credential" in ran.err


def test_no_secret_is_shown(machine: Machine, tenant: Embedded) -> None:
    """Neither page holds the token, nor a part of the client's secret."""
    hidden = {**credential(tenant), ACCESS: tenant.tokens["owner"].reveal_text(), SERVER: tenant.url}
    for names in ([ID, SECRET, SERVER], [ACCESS, SERVER]):
        with machine.environment.context() as context:
            for name in names:
                context.setenv(name, hidden[name])
            said = machine.done("auth", "status").said + machine.done("--json", "auth", "status").said
        assert hidden[SECRET][40:60] not in said
        assert hidden[ACCESS] not in said
