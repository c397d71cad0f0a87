"""Every way of signing in, from the command line to the tenant and back."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Final

import pytest

from reconciler.sandbox.serve import Embedded
from tests.signin.front import Served, answering
from tests.signin.machine import (
    ACCESS,
    GITHUB_TOKEN,
    GITHUB_URL,
    ID,
    OIDC,
    SECRET,
    SERVER,
    Machine,
    credential,
)

Way = Callable[[Machine, Embedded], AbstractContextManager[object]]


def access_token(machine: Machine, tenant: Embedded) -> AbstractContextManager[object]:
    machine.set(**{ACCESS: tenant.tokens["owner"].reveal_text()})
    return nullcontext()


def oidc_token(machine: Machine, tenant: Embedded) -> AbstractContextManager[object]:
    """What GitLab does: `id_tokens` puts a token into a variable of this name."""
    machine.set(
        CI="true",
        GITLAB_CI="true",
        RECONCILER_FINGERPRINT_KEY="11" * 32,
        **{OIDC: tenant.workload_token("owner").reveal_text(), ID: credential(tenant)[ID]},
    )
    return nullcontext()


def client_credentials(machine: Machine, tenant: Embedded) -> AbstractContextManager[object]:
    machine.set(**credential(tenant))
    return nullcontext()


@contextmanager
def github_actions(machine: Machine, tenant: Embedded) -> Iterator[Served]:
    """What a job with `id-token: write` gets: no token, but a place that gives one."""

    def token() -> tuple[int, bytes]:
        body = {"value": tenant.workload_token("owner", audience="127.0.0.1").reveal_text()}
        return 200, json.dumps(body).encode()

    with answering(token) as github:
        machine.set(
            CI="true",
            GITHUB_ACTIONS="true",
            RECONCILER_FINGERPRINT_KEY="11" * 32,
            **{
                ID: credential(tenant)[ID],
                GITHUB_URL: f"{github.url}/_apis/token?api-version=2.0",
                GITHUB_TOKEN: "job-token",
            },
        )
        yield github
    assert {"GET /_apis/token?api-version=2.0&audience=127.0.0.1"} == set(github.asked)
    assert {"Bearer job-token"} == {headers["authorization"] for headers in github.headers}


def cone_login(machine: Machine, tenant: Embedded) -> AbstractContextManager[object]:
    mine = credential(tenant)
    machine.cone(mine[ID], mine[SECRET])
    return nullcontext()


def cone_profile(machine: Machine, tenant: Embedded) -> AbstractContextManager[object]:
    mine = credential(tenant)
    machine.cone(mine[ID], mine[SECRET], profile="work")
    machine.set(CONE_PROFILE="work")
    return nullcontext()


def cone_variables(machine: Machine, tenant: Embedded) -> AbstractContextManager[object]:
    """What the C1 command line takes in a container: the ID from here, the secret from its file."""
    mine = credential(tenant)
    machine.cone("nobody@127.0.0.1/x", mine[SECRET], profile="ci.eu")
    machine.set(CONE_PROFILE="ci.eu", CONE_CLIENT_ID=mine[ID])
    return nullcontext()


WAYS: Final[dict[str, tuple[Way, str]]] = {
    "access token": (access_token, "access token"),
    "OIDC token, as on GitLab": (oidc_token, "workload identity"),
    "GitHub Actions": (github_actions, "workload identity of GitHub Actions"),
    "client credentials": (client_credentials, "client credentials"),
    "login of cone": (cone_login, "login of the C1 command line"),
    "variables of cone over a dotted profile": (cone_variables, "login of the C1 command line"),
    "another profile of cone": (cone_profile, "login of the C1 command line"),
}


@pytest.mark.parametrize(("way", "called"), WAYS.values(), ids=WAYS)
def test_a_way_of_signing_in_makes_and_finds_a_share(
    machine: Machine, tenant: Embedded, way: Way, called: str
) -> None:
    """Status names it, apply works with it, the next plan sees what was made; the tenant knew who came."""
    machine.manifest()
    machine.set(**{SERVER: tenant.url})
    with way(machine, tenant):
        before = sorted(machine.home.rglob("*"))
        status = machine.done("--json", "auth", "status").json
        machine.apply()
        plan = machine.done("--json", "plan").json
    assert called == status["credential"]["way"]
    assert "owner@example.com" == status["email"]
    assert [["no-op"]] == [change["change"]["actions"] for change in plan["resource_changes"]]
    assert ["owner"] == [event["who"] for event in tenant.store.log.read("created")]
    assert [] == tenant.store.log.read("violation")
    assert before == sorted(machine.home.rglob("*")), "nothing is kept on the machine"


def test_the_order_is_the_vendors_whoever_each_credential_is(machine: Machine, tenant: Embedded) -> None:
    """What was set on purpose comes before what a machine offers; taking one away leads to the next."""
    machine.set(**{SERVER: tenant.url}, **credential(tenant, "bo"))
    machine.set(**{ACCESS: tenant.tokens["ana"].reveal_text()})
    cy = credential(tenant, "cy")
    machine.cone(cy[ID], cy[SECRET])
    for name, expected in ((ACCESS, "ana"), (SECRET, "bo"), (ID, "cy")):
        assert f"{expected}@example.com" == machine.done("--json", "auth", "status").json["email"]
        machine.set(**{name: ""})  # as CI passes what is not there


@pytest.mark.parametrize(
    "named",
    [
        lambda machine, tenant: ["--server", tenant.url],
        lambda machine, tenant: machine.set(**{SERVER: tenant.url}) or [],
        lambda machine, tenant: (
            machine.set(CONDUCTORONE_SERVER_URL="https://elsewhere.example") or ["--server", tenant.url]
        ),
    ],
    ids=["flag", "variable", "flag before variable"],
)
def test_the_tenant_is_named_by_flag_or_environment(
    machine: Machine, tenant: Embedded, named: Callable[[Machine, Embedded], list[str]]
) -> None:
    """The flag wins."""
    machine.set(**{ACCESS: tenant.tokens["owner"].reveal_text()})
    machine.done(*named(machine, tenant), "auth", "status")


def test_what_the_vendors_action_exports_is_enough(machine: Machine, tmp_path: Path) -> None:
    """An access token and the client's ID, and no server: the ID says where, over TLS."""
    with Embedded(tmp_path / "secured", secure=True) as tenant:
        machine.set(SSL_CERT_FILE=str(tenant.endpoints.authority))
        machine.set(**{ACCESS: tenant.tokens["owner"].reveal_text(), ID: credential(tenant)[ID]})
        machine.manifest()
        machine.apply()
        status = machine.done("auth", "status").out
        assert "(from the client id)" in status
        assert "Using:          access token, from CONDUCTORONE_ACCESS_TOKEN\n" in status
        assert ["owner"] == [event["who"] for event in tenant.store.log.read("created")]
