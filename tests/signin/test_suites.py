"""Both age suites from the command line, and tenants that return what nobody should encrypt to."""

from __future__ import annotations

from typing import Any, Final

import pytest

from reconciler.sandbox import bech32, reader
from reconciler.sandbox.serve import Embedded
from reconciler.sandbox.settings import Answer, Suites
from tests.signin.front import Rewrite, gateway
from tests.signin.machine import Machine

WITH: Final = "share_with: {users: [ana@example.com]}"
BOTH: Final = (
    f"  note:\n    source: {{env: DB}}\n    {WITH}\n"
    f"  blob:\n    kind: file\n    source: {{file: blob.bin}}\n    {WITH}\n"
)
BLOB: Final = bytes(range(256)) * 1024
X25519, HYBRID = "x25519", "mlkem768x25519"
SUITE: Final = {X25519: "AGE_SUITE_X25519", HYBRID: "AGE_SUITE_MLKEM768X25519"}


@pytest.fixture
def office(machine: Machine, tenant: Embedded) -> Machine:
    machine.sign_in_as(tenant)
    machine.manifest(BOTH)
    (machine.path / "blob.bin").write_bytes(BLOB)
    return machine


def suites(tenant: Embedded) -> set[str]:
    return {str(vault.suite) for vault in reader.live(tenant.store).values()}


def contents(tenant: Embedded) -> dict[str, bytes]:
    live = reader.live(tenant.store)
    return {v.display_name.split()[0]: b"".join(reader.peek(tenant.store, key)) for key, v in live.items()}


def is_create(path: str) -> bool:
    return path in ("/api/v1/secrets/internal", "/api/v1/secrets/external")


def offers(suite: str) -> Rewrite:
    """A tenant that makes keys of one suite, whatever was asked for."""

    def ask(method: str, path: str, body: dict[str, Any]) -> None:
        if is_create(path):
            body["requiredAgeSuite"] = SUITE[suite]

    return ask


@pytest.mark.parametrize("known", Suites)
@pytest.mark.parametrize("said", ["", "age_suite: auto\n"])
def test_auto_takes_what_an_older_or_newer_tenant_returns(
    office: Machine, tenant: Embedded, known: Suites, said: str
) -> None:
    """Nothing is asked for, so that a tenant that does not know the field has nothing to refuse."""
    tenant.store.change(suites=known)
    office.manifest(BOTH, head=said)
    office.apply()
    assert {X25519} == suites(tenant)
    assert {"note": b"hunter2", "blob": BLOB} == contents(tenant)


@pytest.mark.parametrize("options", [(), ("--age-suite", "auto")])
def test_auto_takes_the_newer_suite_where_the_tenant_returns_that(
    office: Machine, tenant: Embedded, options: tuple[str, ...]
) -> None:
    """The day when a tenant's default changes is no event: what is there stays, what is new is hybrid."""
    if options:
        office.manifest(BOTH, head="age_suite: x25519\n")
    with gateway(tenant.url, ask=offers(HYBRID)) as front:
        office.sign_in_as(tenant, url=front.url)
        office.apply(*options)
        assert {HYBRID} == suites(tenant)
        assert {"note": b"hunter2", "blob": BLOB} == contents(tenant)
        plan = office.done(*options, "--json", "plan").json
    assert {"no-op"} == {a for change in plan["resource_changes"] for a in change["change"]["actions"]}


@pytest.mark.parametrize("where", ["manifest", "flag", "flag before manifest"])
@pytest.mark.parametrize("suite", [X25519, HYBRID])
def test_a_named_suite_is_asked_for_and_recorded(
    office: Machine, tenant: Embedded, suite: str, where: str
) -> None:
    """By manifest or by flag, and the flag wins."""
    heads = {
        "manifest": suite,
        "flag": "auto",
        "flag before manifest": HYBRID if suite == X25519 else X25519,
    }
    office.manifest(BOTH, head=f"age_suite: {heads[where]}\n")
    office.apply(*([] if where == "manifest" else ["--age-suite", suite]))
    assert {suite} == suites(tenant)
    assert {"note": b"hunter2", "blob": BLOB} == contents(tenant)
    recorded = {i["current"]["attributes"]["suite"] for i in office.state["instances"].values()}
    assert {suite} == recorded


def test_another_suite_is_another_secret(office: Machine, tenant: Embedded) -> None:
    """A manifest that begins to ask for the newer suite replaces what there is, and says why."""
    office.apply()
    office.manifest(BOTH, head=f"age_suite: {HYBRID}\n")
    assert f"age_suite {X25519} -> {HYBRID}" in office.done("plan").out
    office.apply("--max-replace", "2")
    assert ({HYBRID}, 2) == (suites(tenant), len(reader.live(tenant.store)))


@pytest.mark.parametrize(
    ("asked", "returned", "known"),
    [(HYBRID, X25519, Suites.OLDER), (HYBRID, X25519, Suites.NEWER), (X25519, HYBRID, Suites.NEWER)],
    ids=["older, ignores the field", "newer, ignores the wish", "newer, returns the other"],
)
def test_a_named_suite_that_does_not_come_back_is_an_error_and_the_vault_is_revoked(
    office: Machine, tenant: Embedded, asked: str, returned: str, known: Suites
) -> None:
    """Nothing is encrypted to a weaker or another key than was asked for; both vaults are gone again."""
    tenant.store.change(suites=known, unknown_fields=Answer.IGNORE)
    office.manifest(BOTH, head=f"age_suite: {asked}\n")
    with gateway(tenant.url, ask=None if known is Suites.OLDER else offers(returned)) as front:
        office.sign_in_as(tenant, url=front.url)
        ran = office.run("apply", "--auto-approve")
    assert 1 == ran.code
    for name in ("note", "blob"):
        assert (
            f"{name}: the tenant returned a {returned} recipient where {asked} was due; "
            "the vault that was made for it is revoked"
        ) in ran.err
    assert "Next: declare `age_suite: auto`, or ask for the suite that the tenant offers" in ran.err
    assert_nothing_left(office, tenant, made=2)


def test_an_older_tenant_that_refuses_the_field_says_so(office: Machine, tenant: Embedded) -> None:
    """Its own words are shown; nothing was made."""
    tenant.store.change(suites=Suites.OLDER, unknown_fields=Answer.REFUSE)
    office.manifest(BOTH, head=f"age_suite: {HYBRID}\n")
    ran = office.run("apply", "--auto-approve")
    assert 1 == ran.code
    assert "requiredAgeSuite" in ran.err
    assert_nothing_left(office, tenant, made=0)


def low_order(number: int = 0) -> str:
    return bech32.encode("age", number.to_bytes(32, "little"))


GOOD: Final = bech32.encode("age", bytes([9, *bytes(31)]))
HOSTILE: Final[dict[str, tuple[object, str]]] = {
    "zero": (low_order(), "is a point of low order"),
    "one": (low_order(1), "is a point of low order"),
    "order eight": (
        low_order(325606250916557431795983626356110631294008115727848805560023387167927233504),
        "is a point of low order",
    ),
    "not canonical": (low_order(2**255 - 19), "is not in its one canonical form"),
    "top bit": (low_order(2**255 + 9), "is not in its one canonical form"),
    "a short key": (bech32.encode("age", bytes(31)), "holds 31 bytes"),
    "plugin": (bech32.encode("age1yubikey", bytes(33)), "is of type age1yubikey1…"),
    "an SSH key": ("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA==", "is an SSH key"),
    "a private key": (bech32.encode("age-secret-key-", bytes(32)).upper(), "does not begin with age1"),
    "upper case": (GOOD.upper(), "does not begin with age1, in lower case"),
    "mixed case": (GOOD[:9] + GOOD[9:].upper(), "has characters that do not belong there"),
    "wrong checksum": (GOOD[:-1] + ("q" if GOOD[-1] != "q" else "p"), "has a wrong checksum"),
    "over-long": (f"age1{'q' * 100_000}", "more than any that is known"),
    "two in one": (f"{GOOD}\n{GOOD}", "has characters that do not belong there"),
    "an escape": (f"age1\x1b[31m{GOOD}", "has characters that do not belong there"),
    "not ASCII": (f"age1{'ä' * 58}", "has characters that do not belong there"),
    "a hybrid of zeros": (bech32.encode("age1pq", bytes(1216)), "low order"),
    "a short hybrid": (bech32.encode("age1pq", bytes(1215)), "1215 bytes"),
    "empty": ("", "does not begin with age1"),
    "null": (None, "does not begin with age1"),
}


def assert_nothing_left(office: Machine, tenant: Embedded, *, made: int) -> None:
    assert made == len(tenant.store.log.read("created"))
    assert {} == reader.live(tenant.store), "revoked"
    assert [] == tenant.store.log.read("content_set", "uploaded", "violation")
    assert {} == office.state["instances"]
    assert [] == office.state["pending"], "and nothing is looked for later"


@pytest.mark.parametrize(("recipient", "says"), HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_recipient_is_refused_and_its_vault_revoked(
    office: Machine, tenant: Embedded, recipient: object, says: str
) -> None:
    """Whoever chose it, tenant or somebody between: a sentence, no traceback, nothing encrypted, nothing left."""

    def replaced(method: str, path: str, answer: dict[str, Any]) -> None:
        if is_create(path):
            answer["ageRecipient"] = recipient

    with gateway(tenant.url, rewrite=replaced) as front:
        office.sign_in_as(tenant, url=front.url)
        ran = office.run("apply", "--auto-approve", "--result", "result.json")
    assert 1 == ran.code, ran.said
    lines = [line.strip() for line in ran.err.splitlines() if "the age recipient" in line]
    assert 2 == len(lines), ran.err
    for line in lines:
        assert line.startswith("the age recipient ")
        assert says in line
        assert line.endswith("; the vault that was made for it is revoked")
    assert "Traceback" not in ran.said
    assert "\x1b" not in ran.said
    assert len(ran.said) < 4000, "and nothing of it is quoted at length"
    assert_nothing_left(office, tenant, made=2)


def test_a_recipient_that_is_no_text_is_no_answer(office: Machine, tenant: Embedded) -> None:
    """Such an answer proves nothing: what was made is found by its tag and revoked, three times at most."""

    def replaced(method: str, path: str, answer: dict[str, Any]) -> None:
        if is_create(path):
            answer["ageRecipient"] = 5

    with gateway(tenant.url, rewrite=replaced) as front:
        office.sign_in_as(tenant, url=front.url)
        ran = office.run("apply", "--auto-approve")
    assert 1 == ran.code
    assert "the tenant did not answer clearly 3 times" in ran.err
    assert_nothing_left(office, tenant, made=6)
