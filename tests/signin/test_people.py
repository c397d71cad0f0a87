"""People: who an address means, who cannot be meant, who has left, and what a person can open."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest

from reconciler.sandbox import directory, reader
from reconciler.sandbox.serve import Embedded
from tests.signin.front import gateway
from tests.signin.machine import Machine

ENTRY = "  {0}:\n    source: {{env: DB}}\n    share_with: {1}\n"
AS_KNOWN = r"As the state knows it: serial \d+, newest share of 20\S+Z\. The tenant was not asked\."
ANA, GONE = directory.user_id("ana@example.com"), directory.user_id("gone@example.com")


@pytest.fixture
def office(machine: Machine, tenant: Embedded) -> Machine:
    machine.sign_in_as(tenant)
    return machine


def shares(*people: str, outside: bool = False) -> str:
    return f"{{{'external' if outside else 'users'}: [{', '.join(people)}]}}"


def test_everybody_who_cannot_be_meant_is_named_with_the_line(office: Machine, tenant: Embedded) -> None:
    """Ambiguous, unknown, disabled; by address and by ID; all of them at once, before anything is made."""
    office.manifest(
        ENTRY.format("a", shares("ana@example.com", "twin@example.com"))
        + ENTRY.format("b", shares("nobody@example.com", "Gone@Example.com"))
        + ENTRY.format("c", shares("2nobody2nobody2nobody2nobod", GONE))
    )
    ran = office.run("apply", "--auto-approve")
    assert 65 == ran.code
    assert [
        "reconciler.yaml:6:43: 2 users in the tenant have the address twin@example.com; "
        "use the ID of the one that you mean",
        "reconciler.yaml:9:26: no user in the tenant has the address nobody@example.com; "
        "correct it, or list it under `external` if the person is outside",
        "reconciler.yaml:9:46: Gone@Example.com is disabled in the tenant; "
        "a new share needs recipients who can sign in: remove this one, or enable the account",
        "reconciler.yaml:12:26: no user in the tenant has the ID 2nobody2nobody2nobody2nobod; "
        "correct it, or list it under `external` if the person is outside",
        f"reconciler.yaml:12:55: {GONE} is disabled in the tenant; "
        "a new share needs recipients who can sign in: remove this one, or enable the account",
    ] == [line.strip() for line in ran.err.splitlines() if "reconciler.yaml:" in line]
    assert [] == tenant.store.log.read("created")
    assert not (office.path / "reconciler.state.json").exists()


def test_one_of_two_with_the_same_address_is_meant_by_id(office: Machine, tenant: Embedded) -> None:
    """As the error says."""
    twin = directory.user_id("twin@example.com 2")
    office.manifest(ENTRY.format("a", shares(twin)))
    office.apply()
    assert [{"as_written": twin, "id": twin}] == recipients(office)


def test_a_second_address_is_enough(office: Machine, tenant: Embedded) -> None:
    """Whom the directory finds by it is meant: the plan, the vault and the next plan agree."""

    def ask(_method: str, path: str, body: dict[str, Any]) -> None:
        if body.get("email") == "sales@example.com":
            body["email"] = "ana@example.com"  # the sandbox's people have one address each

    def rewrite(_method: str, path: str, body: dict[str, Any]) -> None:
        for view in body["list"] if path == "/api/v1/search/users" else ():
            view["user"]["emails"].append("Sales@example.com")

    office.manifest(ENTRY.format("a", shares("sales@example.com")))
    with gateway(tenant.url, ask=ask, rewrite=rewrite) as front:
        office.sign_in_as(tenant, url=front.url)
        office.apply()
        assert [{"as_written": "sales@example.com", "id": ANA}] == recipients(office)
        assert "no-op" in office.done("--json", "plan").out


def test_who_left_is_attention_on_what_they_have_and_an_error_on_what_is_new(
    office: Machine, tenant: Embedded
) -> None:
    """A leaver blocks nobody else's shares, and gets no new one."""
    both = ENTRY.format("old", shares("ana@example.com", "bo@example.com"))
    office.manifest(both)
    office.apply()
    directory.set_status(tenant.store, ANA, "DISABLED")
    plan = office.done("--json", "plan").json
    assert [
        {
            "code": "recipient_disabled",
            "address": "old",
            "text": "ana@example.com is disabled in the tenant",
            "next": "remove the recipient from the manifest if the person has left",
        }
    ] == plan["attention"]
    assert {"no-op"} == {a for change in plan["resource_changes"] for a in change["change"]["actions"]}
    office.apply()
    office.manifest(both + ENTRY.format("new", shares("bo@example.com")))
    office.apply()
    office.manifest(both + ENTRY.format("newer", shares("ana@example.com")))
    ran = office.run("plan")
    assert 65 == ran.code
    assert "reconciler.yaml:9:26: ana@example.com is disabled in the tenant" in ran.err


def test_a_leaver_does_not_block_what_is_made_anew_for_the_others(office: Machine, tenant: Embedded) -> None:
    """A tenant need not take who is disabled: they are left out, the plan says so, and it stays quiet after."""
    office.manifest(ENTRY.format("old", shares("ana@example.com", "bo@example.com")))
    office.apply()
    directory.set_status(tenant.store, ANA, "DISABLED")
    office.set(DB="hunter3")
    assert "- ana@example.com" in office.done("plan").out
    office.apply()
    (vault,) = reader.live(tenant.store).values()
    assert (directory.user_id("bo@example.com"),) == vault.recipients
    plan = office.done("--json", "plan").json
    assert {"no-op"} == {a for change in plan["resource_changes"] for a in change["change"]["actions"]}
    assert ["ana@example.com is disabled in the tenant, and left out"] == [
        n["text"] for n in plan["attention"]
    ]
    directory.set_status(tenant.store, ANA, "ENABLED")
    office.apply()
    (vault,) = reader.live(tenant.store).values()
    assert {ANA, directory.user_id("bo@example.com")} == set(vault.recipients), "who comes back has it again"


def test_an_external_person_who_is_a_user_is_pointed_out(office: Machine) -> None:
    """Both work, but signing in proves more than an e-mail link."""
    office.manifest(ENTRY.format("a", shares("Bo@example.com", "ops@partner.example", outside=True)))
    ran = office.done("plan")
    assert "Bo@example.com is listed as external but is a C1 user" in ran.out
    assert "Next: list the address under `users`" in ran.out
    assert "ops@partner.example is declared" not in ran.out
    office.apply()


def test_the_plan_shows_the_address_that_was_written_and_the_id_that_it_means(office: Machine) -> None:
    """In the details of a comment, in JSON, and in a terminal that was asked to say more."""
    office.manifest(ENTRY.format("a", shares("Ana@Example.com", directory.user_id("bo@example.com"))))
    quiet, verbose = office.done("plan").out, office.done("-v", "plan").out
    assert f"shared with Ana@Example.com (user {ANA})\n" in verbose
    assert f"shared with bo@example.com ({directory.user_id('bo@example.com')})\n" in verbose
    assert f"`Ana@Example.com` (`{ANA}`)" in office.done("plan", "--format", "markdown").out
    (change,) = office.done("--json", "plan").json["resource_changes"]
    assert {"as_written": "Ana@Example.com", "id": ANA} in change["change"]["after"]["recipients"]
    assert ANA not in quiet
    assert "+ Ana@Example.com, " in quiet
    office.apply()
    assert {"as_written": "Ana@Example.com", "id": ANA} in recipients(office)


def test_lookups_are_few(office: Machine, tenant: Embedded) -> None:
    """An address is asked for once for a whole stack; IDs a hundred at a time."""
    tenant.store.change(log_requests=True)
    ids = [directory.user_id(f"{who}@example.com") for who in ("bo", "cy", "robot")]
    office.manifest("".join(ENTRY.format(f"s{n}", shares("ana@example.com", *ids)) for n in range(20)))
    office.done("plan")
    paths = [event["path"] for event in tenant.store.log.read("request")]
    assert 2 == paths.count("/api/v1/search/users")


@pytest.mark.parametrize(
    ("count", "outside", "limit", "who"), [(129, False, 128, "C1 users"), (65, True, 64, "addresses outside")]
)
def test_too_many_people_are_told_what_to_do(
    office: Machine, count: int, outside: bool, limit: int, who: str
) -> None:
    """The limit, how many there are, and both ways out; at the limit it is accepted."""
    people = [f"p{n}@partner.example" for n in range(count)]
    office.manifest(ENTRY.format("a", shares(*people, outside=outside)))
    ran = office.run("validate")
    assert 65 == ran.code
    assert f"share_with reaches {count} {who}; expected at most {limit}; " in ran.err
    assert "two entries" in ran.err
    assert "each_recipient: true" in ran.err
    office.manifest(ENTRY.format("a", shares(*people[1:], outside=outside)))
    office.done("validate")


def test_as_many_as_are_allowed_get_their_share(office: Machine, tenant: Embedded) -> None:
    """128 users, looked up and sent as IDs."""
    people = [f"p{n}@example.com" for n in range(128)]
    directory.ensure_people(tenant.store, people)
    office.manifest(ENTRY.format("a", shares(*people)))
    office.apply()
    (vault,) = reader.live(tenant.store).values()
    assert {directory.user_id(person) for person in people} == set(vault.recipients)


def test_access_lists_what_a_person_can_open(office: Machine) -> None:
    """By address in any case, or by ID; outside people too; others' shares are not theirs."""
    office.manifest(
        ENTRY.format("both", shares("ana@example.com", "bo@example.com"))
        + ENTRY.format("hers", shares("Ana@example.com"))
        + ENTRY.format("his", shares("bo@example.com"))
        + ENTRY.format("out", shares("ops@partner.example", outside=True))
    )
    office.apply()
    for who, expected in (
        ("ANA@example.com", ["both", "hers"]),
        (ANA, ["both", "hers"]),
        ("bo@example.com", ["both", "his"]),
        ("OPS@partner.example", ["out"]),
        ("cy@example.com", []),
    ):
        assert expected == [share["address"] for share in office.done("--json", "access", who).json]
    *shown, last = office.done("access", "bo@example.com").out.splitlines()
    assert ["both", "his"] == [line.split()[0] for line in shown[::2]]
    assert all("  until 20" in line for line in shown[::2])
    assert all(line.startswith("  https://") for line in shown[1::2])  # alone on its line
    assert re.fullmatch(AS_KNOWN, last)
    nothing, last = office.done("access", "cy@example.com").out.splitlines()
    assert "cy@example.com can open nothing in this stack." == nothing
    assert re.fullmatch(AS_KNOWN, last)


def test_access_says_who_stands_nowhere(office: Machine) -> None:
    """A name, or an address with a slip in it, is no proof that somebody can open nothing."""
    office.manifest(ENTRY.format("a", shares("ana@example.com")))
    office.apply()
    for who in ("ana", "anna@example.com"):
        for form in ((), ("--json",)):
            said = office.done(*form, "access", who).err
            assert f"{who} stands nowhere in this stack, neither as address nor as ID.\n" == said
    for who in ("ANA@example.com", ANA):
        assert "" == office.done("access", who).err


def test_access_in_ci_prints_no_link(office: Machine) -> None:
    """A job's log is read by many: links only when they are asked for."""
    office.manifest()
    office.apply()
    office.set(CI="true")
    assert "http" not in office.done("access", "ana@example.com").out
    assert None is office.done("--json", "access", "ana@example.com").json[0]["share_url"]
    assert "http" in office.done("access", "--show-links", "ana@example.com").out


def test_access_knows_no_address_of_who_is_declared_by_id(office: Machine) -> None:
    """It says so, rather than that they can open nothing."""
    office.manifest(ENTRY.format("a", shares(ANA)))
    office.apply()
    for form in ((), ("--json",)):
        said = office.done(*form, "access", "ana@example.com").err
        assert "1 person is declared by ID here: ask with the ID as well." in said
    assert "a " == office.done("access", ANA).out[:2]


def test_access_leaves_out_what_has_expired(office: Machine, tenant: Embedded) -> None:
    """The state may not have seen its end yet; the clock has."""
    tenant.store.change(clock_offset=timedelta(days=-8))
    office.manifest()
    office.apply()
    ran = office.done("access", "ana@example.com")
    assert "ana@example.com can open nothing in this stack." == ran.out.splitlines()[0]
    assert "" == ran.err, "the address stands there"


def recipients(office: Machine) -> list[dict[str, str]]:
    (instance,) = office.state["instances"].values()
    found: list[dict[str, str]] = instance["current"]["attributes"]["recipients"]
    return found
