"""Each way of signing in got wrong: what a person is told, with which exit code, and never an echo of a secret.

`tests/golden/sign-in.txt` is the table, as a person would see it.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from reconciler.sandbox import directory, identities
from reconciler.sandbox.serve import Embedded
from tests.signin.front import answering
from tests.signin.machine import (
    ACCESS,
    DOMAIN,
    GITHUB_TOKEN,
    GITHUB_URL,
    ID,
    OIDC,
    SECRET,
    SERVER,
    Machine,
    credential,
    seconds,
)
from tests.support import goldens
from tests.support.commandline import Ran

CANARY: Final = "CanaryXyzzy7"
PREFIX: Final = "secret-token:conductorone.com:v1:"
MINE: Final = f"owner@acme.conductor.one/{CANARY[:3]}"
A_JWT: Final = f"eyJ0.{CANARY}.c2ln"


@dataclass
class Wrong:
    """Variables (those of the tenant's own credential where `signed`), options, and what else was done."""

    set: dict[str, str] = field(default_factory=dict)
    options: tuple[str, ...] = ()
    code: int = 4
    also: Callable[[Machine, Embedded], None] = lambda _machine, _tenant: None
    github: tuple[int, bytes] | None = None
    cause: str = ""
    """What `auth status` says, where that is more than what the refused command could say."""


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def secret(**changes: object) -> str:
    key = Ed25519PrivateKey.generate()
    jwk = {
        "kty": "OKP",
        "crv": "Ed25519",
        "d": b64(key.private_bytes_raw()),
        "x": b64(key.public_key().public_bytes_raw()),
    }
    return PREFIX + b64(json.dumps(jwk | changes).encode())


def cone(text: str) -> Callable[[Machine, Embedded], None]:
    def write(machine: Machine, tenant: Embedded) -> None:
        file = machine.home / ".conductorone" / "config.yaml"
        file.parent.mkdir()
        file.write_text(text)

    return write


def cone_is_a_directory(machine: Machine, tenant: Embedded) -> None:
    (machine.home / ".conductorone" / "config.yaml").mkdir(parents=True)


def revoked(machine: Machine, tenant: Embedded) -> None:
    machine.set(**{ACCESS: tenant.tokens["owner"].reveal_text()})
    identities.revoke_tokens(tenant.store, "owner")


def signed(who: str = "owner", **changes: str) -> Callable[[Machine, Embedded], None]:
    def sign(machine: Machine, tenant: Embedded) -> None:
        machine.set(**(credential(tenant, who) | changes))

    return sign


def of_another(machine: Machine, tenant: Embedded) -> None:
    machine.set(**{ID: credential(tenant)[ID], SECRET: credential(tenant, "second")[SECRET]})


def workload(**claims: object) -> Callable[[Machine, Embedded], None]:
    def sign(machine: Machine, tenant: Embedded) -> None:
        token = tenant.workload_token("owner", **claims)  # type: ignore[arg-type]
        machine.set(**{ID: credential(tenant)[ID], OIDC: token.reveal_text()})

    return sign


def expired(machine: Machine, tenant: Embedded) -> None:
    workload(iat=seconds(tenant) - 900, exp=seconds(tenant) - 600)(machine, tenant)


def old(machine: Machine, tenant: Embedded) -> None:
    """As GitLab's: valid as long as the job may run."""
    workload(iat=seconds(tenant) - 660, exp=seconds(tenant) + 2940)(machine, tenant)


def off(machine: Machine, tenant: Embedded) -> None:
    machine.sign_in_as(tenant)
    tenant.store.change(module=False)


def disabled(machine: Machine, tenant: Embedded) -> None:
    machine.sign_in_as(tenant)
    directory.set_status(tenant.store, directory.user_id("owner@example.com"), "DISABLED")


def another_tenant(machine: Machine, tenant: Embedded) -> None:
    machine.sign_in_as(tenant)
    machine.manifest(head="target: {tenant: acme}\n")


def job(machine: Machine, tenant: Embedded) -> None:
    machine.set(**{ID: credential(tenant)[ID], "GITHUB_ACTIONS": "true"})


SHAPES: Final = {
    "nothing is set": Wrong(),
    "only the client's ID": Wrong({ID: MINE}),
    "a client secret without an ID": Wrong({SECRET: secret()}),
    "an OIDC token without an ID": Wrong({OIDC: A_JWT}),
    "an OIDC token without an ID, beside a secret": Wrong({OIDC: A_JWT, SECRET: secret()}),
    "a whole header as access token": Wrong({ACCESS: f"Bearer {CANARY}"}),
    "two lines as access token": Wrong({ACCESS: f"{CANARY}\n{CANARY}"}),
    "a client secret as access token": Wrong({ACCESS: PREFIX + CANARY}),
    "an OIDC token that is no JWT": Wrong({ID: MINE, OIDC: CANARY}),
    "an OIDC token in quotes": Wrong({ID: MINE, OIDC: f'"{A_JWT}"'}),
    "a client's ID without a host": Wrong({ID: CANARY, SECRET: secret()}),
    "a client secret without its prefix": Wrong({ID: MINE, SECRET: CANARY}),
    "a client secret of another version": Wrong(
        {ID: MINE, SECRET: secret().replace(":v1:", f":v2{CANARY}:")}
    ),
    "a client secret that was cut off": Wrong({ID: MINE, SECRET: secret()[:-20]}),
    "a client secret that is no key": Wrong({ID: MINE, SECRET: PREFIX + b64(CANARY.encode())}),
    "a client secret with half a key": Wrong({ID: MINE, SECRET: secret(d=None)}),
    "a client secret of two keys": Wrong({ID: MINE, SECRET: secret(x=b64(bytes(32)))}),
    "a client secret with another kind of key": Wrong(
        {ID: MINE, SECRET: secret(kty="RSA", n="AQ", e="AQAB")}
    ),
    "cone's file is no YAML": Wrong(also=cone(f"profiles: {{default: [{CANARY}")),
    "cone's file has no secret": Wrong(also=cone(f"profiles: {{default: {{client-id: {MINE}}}}}")),
    "cone's file has a secret of the wrong shape": Wrong(
        also=cone(f"profiles: {{default: {{client-id: {MINE}, client-secret: {CANARY}}}}}")
    ),
    "cone's file has no such profile": Wrong(
        {"CONE_PROFILE": "work"}, also=cone(f"profiles: {{default: {{client-id: {MINE}}}}}")
    ),
    "a profile of cone, which nobody has used here": Wrong({"CONE_PROFILE": "work"}),
    "cone's file cannot be read": Wrong(also=cone_is_a_directory),
}

TENANTS: Final = {
    "nothing says which tenant": Wrong({ACCESS: CANARY, SERVER: ""}),
    "a server with a path": Wrong({ACCESS: "t", SERVER: f"https://acme.conductor.one/{CANARY}"}, code=64),
    "a server with a password": Wrong(
        {ACCESS: "t", SERVER: f"https://me:{CANARY}@acme.conductor.one"}, code=64
    ),
    "plain http": Wrong({ACCESS: "t"}, ("--server", "http://acme.conductor.one"), code=64),
    "plain http to a name of this machine": Wrong({ACCESS: "t", SERVER: "http://my-laptop"}, code=64),
    "a domain that is a URL": Wrong({ACCESS: "t", SERVER: "", DOMAIN: f"acme/{CANARY}"}, code=64),
    "the manifest is for another tenant": Wrong(also=another_tenant),
    "a file of authorities that is not there": Wrong({ACCESS: "t"}, ("--ca-file", "nowhere.pem"), code=64),
    "a proxy that is none": Wrong({ACCESS: "t", "HTTPS_PROXY": f"gopher://{CANARY}"}, code=64),
}

REFUSED: Final = {
    "an access token that nobody knows": Wrong({ACCESS: CANARY}),
    "an access token that was revoked": Wrong(also=revoked),
    "a client that nobody knows": Wrong(also=signed(**{ID: "nobody@127.0.0.1/spc"})),
    "another client's secret": Wrong(also=of_another),
    "an OIDC token that has expired": Wrong(also=expired),
    "an OIDC token that was issued too long ago": Wrong(also=old),
    "an OIDC token for somebody else": Wrong(also=workload(aud="https://elsewhere.example")),
    "an OIDC token of another issuer": Wrong(also=workload(iss="https://elsewhere.example")),
    "an OIDC token of another job": Wrong(also=workload(sub="job:stranger")),
    "GitHub gives no token": Wrong(also=job, github=(403, b"{}")),
    "GitHub gives something else": Wrong(also=job, github=(200, f'{{"value": "{CANARY}"}}'.encode())),
    "GitHub's URL is not https": Wrong(
        {GITHUB_URL: f"http://actions.example/{CANARY}", GITHUB_TOKEN: CANARY}, also=job
    ),
    "a job of GitHub without `id-token: write`": Wrong(also=job),
    "secret sharing is switched off": Wrong(also=off),
    "the user was disabled": Wrong(also=disabled, cause="this identity's user is disabled in the tenant"),
}

TABLE: Final = SHAPES | TENANTS | REFUSED


@contextmanager
def arranged(wrong: Wrong, machine: Machine, tenant: Embedded) -> Iterator[None]:
    machine.manifest()
    machine.set(**({SERVER: tenant.url} | wrong.set))
    wrong.also(machine, tenant)
    if wrong.github is None:
        yield
        return
    reply = wrong.github
    with answering(lambda: reply) as github:
        machine.set(**{GITHUB_URL: github.url, GITHUB_TOKEN: CANARY})
        yield


def told(ran: Ran, machine: Machine) -> str:
    """Return what a person was told, without what differs from run to run."""
    lines = [line for line in ran.err.splitlines(keepends=True) if not line.startswith("::")]
    text = "".join(lines).replace(str(machine.home), "HOME")
    return re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:PORT", text)


@pytest.mark.parametrize("name", TABLE)
def test_what_is_told_and_that_nothing_is_echoed(name: str, machine: Machine, tenant: Embedded) -> None:
    """Exit 4, or 64 for an option; the words of the table; nothing of a secret, and nothing made."""
    wrong = TABLE[name]
    with arranged(wrong, machine, tenant):
        secrets = [CANARY, *(v for v in wrong.set.values() if len(v) > 8 and v not in (MINE,))]
        ran = machine.run(*wrong.options, "apply", "--auto-approve")
        status = machine.run(*wrong.options, "auth", "status")
    assert (wrong.code, 4) == (ran.code, status.code)
    for hidden in secrets:
        assert hidden not in ran.said + status.said
    goldens.section("sign-in.txt", name, told(ran, machine))
    cause = wrong.cause or ran.err.splitlines()[1].strip()
    assert cause in status.out, "every refusal leads to a text that names the cause"
    assert [] == tenant.store.log.read("created", "violation")
    begun = "making the secret" in ran.err
    assert begun or not list(machine.path.glob("*.state.json")), "nothing is written"


def test_the_table_has_no_row_too_many() -> None:
    """What is read and approved is what is tested."""
    assert TABLE.keys() == goldens.titles("sign-in.txt")
