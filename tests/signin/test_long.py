"""Tokens that end, or are taken away, in the middle of a long apply."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final

import pytest

from reconciler.sandbox import identities, reader
from reconciler.sandbox.serve import Embedded
from tests.signin.front import Rewrite, gateway
from tests.signin.machine import ACCESS, ID, OIDC, SERVER, Machine, credential

MANY: Final = 200
LIFE: Final = timedelta(seconds=2)
FEWER: Final = 50
LATENCY: Final = {MANY: timedelta(milliseconds=40), FEWER: timedelta(milliseconds=150)}
"""Of every answer: three calls for each secret, ten at a time, take longer than a token lives."""

ENTRY: Final = "  s{0:03}:\n    source: {{env: DB}}\n    share_with: {{users: [ana@example.com]}}\n"


def many(machine: Machine, count: int = MANY) -> None:
    machine.manifest("".join(map(ENTRY.format, range(count))))


def live(tenant: Embedded) -> int:
    return len(reader.live(tenant.store))


def as_client(machine: Machine, tenant: Embedded, host: str) -> None:
    machine.set(**credential(tenant, host=host))


def as_workload(machine: Machine, tenant: Embedded, host: str) -> None:
    token = tenant.workload_token("owner", audience="127.0.0.1")
    machine.set(**{ID: credential(tenant, host=host)[ID], OIDC: token.reveal_text()})


def claims_an_hour(method: str, path: str, answer: dict[str, Any]) -> None:
    if path == "/auth/v1/token":
        answer["expires_in"] = 3600


def says_nothing_of_life(method: str, path: str, answer: dict[str, Any]) -> None:
    if path == "/auth/v1/token":
        del answer["expires_in"]


@pytest.mark.parametrize(
    ("sign_in", "rewrite", "count"),
    [
        (as_client, None, MANY),
        (as_workload, None, FEWER),
        (as_client, claims_an_hour, FEWER),
        (as_client, says_nothing_of_life, FEWER),
    ],
    ids=["client credentials", "workload identity", "a tenant that misstates the life", "one that is silent"],
)
def test_an_apply_longer_than_its_tokens_converges(
    machine: Machine,
    tenant: Embedded,
    sign_in: Callable[[Machine, Embedded, str], None],
    rewrite: Rewrite | None,
    count: int,
) -> None:
    """Renewed before the end where that is known, else once on the 401; every secret is made exactly once."""
    tenant.store.change(token_life=LIFE, latency=LATENCY[count])
    many(machine, count)
    with gateway(tenant.url, rewrite=rewrite) as front:
        machine.set(**{SERVER: front.url})
        sign_in(machine, tenant, front.authority)
        machine.apply("--result", "result.json")
    assert len(tenant.store.log.read("token_issued")) >= 2
    assert (count, count) == (live(tenant), len(tenant.store.log.read("created")))
    assert {"created": count} == Counter(outcomes(machine).values())


def test_a_token_revoked_midway_ends_with_4_and_the_next_run_finishes(
    machine: Machine, tenant: Embedded
) -> None:
    """What was finished is kept, every outcome is named, nothing is made twice, nothing is left over."""
    many(machine)
    made = Counter[str]()

    def watch(call: str) -> None:
        made[call] += 1
        if call == "POST /api/v1/secrets/internal" and made[call] == MANY // 2:
            identities.revoke_tokens(tenant.store, "owner")

    with gateway(tenant.url, before=watch) as front:
        machine.sign_in_as(tenant, url=front.url)
        ran = machine.run("apply", "--auto-approve", "--result", "result.json")
        assert 4 == ran.code, ran.said
        assert "does not accept the token in CONDUCTORONE_ACCESS_TOKEN" in ran.err
        assert "`reconciler auth status`" in ran.err
        first = outcomes(machine)
        kept = {address for address, outcome in first.items() if outcome == "created"}
        assert MANY == len(first)
        assert {"created", "failed", "not reached"} == set(first.values())
        assert MANY // 2 - 11 <= len(kept) < MANY // 2
        assert kept == {a for a, instance in machine.state["instances"].items() if instance["current"]}
        machine.set(**{ACCESS: identities.issue(tenant.store, "owner").reveal_text()})
        machine.apply("--result", "result.json")
        assert {"no-op"} == set(actions(machine))
    second = outcomes(machine)
    assert {"created"} == set(second.values())
    assert second.keys() <= first.keys() - kept, "one whose content was in already is adopted, not made again"
    assert MANY == live(tenant), "and the empty ones of the first run are revoked"


def test_a_client_whose_token_is_revoked_midway_gets_another(machine: Machine, tenant: Embedded) -> None:
    """Once on the 401: the run goes on as if nothing had happened."""
    many(machine, FEWER)
    calls = Counter[str]()

    def watch(call: str) -> None:
        calls[call] += 1
        if call == "POST /api/v1/secrets/internal" and calls[call] in (10, 30):
            identities.revoke_tokens(tenant.store, "owner")

    with gateway(tenant.url, before=watch) as front:
        machine.set(**credential(tenant, host=front.authority), **{SERVER: front.url})
        machine.apply()
    assert (FEWER, FEWER) == (live(tenant), len(tenant.store.log.read("created")))
    assert 3 == len(tenant.store.log.read("token_issued"))


@pytest.mark.parametrize(
    ("status", "said", "code"),
    [(401, b'{"error": "invalid_client"}', 4), (200, b'{"token_type": "Bearer"}', 3), (302, b"{}", 3)],
    ids=["the client is deleted", "no token comes any more", "another place answers"],
)
def test_a_sign_in_that_fails_midway_ends_the_run(
    machine: Machine, tenant: Embedded, status: int, said: bytes, code: int
) -> None:
    """One failed sign-in is everybody's answer, not one for each secret that is left; nothing is left over."""
    many(machine, FEWER)
    calls = Counter[str]()
    gone: list[str] = []

    def watch(call: str) -> None:
        calls[call] += 1
        if call == "POST /api/v1/secrets/internal" and calls[call] == FEWER // 2:
            identities.revoke_tokens(tenant.store, "owner")
            gone.append(call)

    def instead(call: str) -> tuple[int, bytes, list[tuple[str, str]]] | None:
        return (status, said, []) if gone and call == "POST /auth/v1/token" else None

    with gateway(tenant.url, before=watch, instead=instead) as front:
        machine.set(**credential(tenant, host=front.authority), **{SERVER: front.url})
        ran = machine.run("apply", "--auto-approve", "--result", "result.json")
        assert code == ran.code, ran.said
        assert front.asked.count("POST /auth/v1/token") in (2, 3)
        ended = Counter(outcomes(machine).values())
        assert {"created", "failed", "not reached"} == set(ended)
        assert ended["failed"] <= 10
        gone.clear()
        machine.apply()
    assert FEWER == live(tenant)


def test_waiting_for_the_place_to_sign_in_is_told(machine: Machine, tenant: Embedded) -> None:
    """As any other wait is: a run that says nothing for minutes looks stuck."""
    many(machine, 1)
    calls = Counter[str]()

    def instead(call: str) -> tuple[int, bytes, list[tuple[str, str]]] | None:
        calls[call] += 1
        busy = call == "POST /auth/v1/token" and calls[call] == 1
        return (429, b"{}", [("retry-after", "2")]) if busy else None

    with gateway(tenant.url, instead=instead) as front:
        machine.set(**credential(tenant, host=front.authority), **{SERVER: front.url})
        ran = machine.apply()
    assert re.search(r"waiting [23] s for the tenant: signing in was answered 429", ran.err), ran.said


def outcomes(machine: Machine) -> dict[str, str]:
    results = json.loads((machine.path / "result.json").read_text())["results"]
    return {result["address"]: result["outcome"] for result in results}


def actions(machine: Machine) -> list[str]:
    plan = machine.done("--json", "plan").json
    return [action for change in plan["resource_changes"] for action in change["change"]["actions"]]
