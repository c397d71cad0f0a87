"""Plans to be shown: one that has everything, one of each size, and one whose every word is hostile."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from reconciler.errors import Mark
from reconciler.model.attention import Attention, LaterCode, Refusal
from reconciler.model.manifest import DAY, Kind, Renew, Sharing
from reconciler.model.plan import Limits, Plan
from reconciler.model.vault import Status
from reconciler.planning import guards
from reconciler.planning.values import NO_KEY
from tests.support.plans import NOW, all_desired, attributes, instance, observed, plan, share, state, vault

PARTNER = attributes(
    "ops@partner.example",
    sharing=Sharing.EXTERNAL,
    kind=Kind.FILE,
    format=None,
    filename="bundle.p12",
    content_type="application/x-pkcs12",
    expires_in=3 * DAY,
    max_views=1,
)
TEAM = attributes("ana@example.com", "bo@acme.com")


def everything() -> Plan:
    """Gains, a loss, a new domain, a source swap, a renewal, an end, a move, an old copy, attention, a refusal."""
    held = {
        "app-env": instance(share("1app", TEAM, age=timedelta(days=13))),
        "db-password": instance(share("1db", TEAM, value="old"), share("0db", TEAM)),
        "keep": instance(share("1keep")),
        "legacy": instance(share("1legacy"), prevent_revoke=True),
        "licence": instance(share("1licence")),
        "old-name": instance(share("1old")),
        "over": instance(share("1over", age=timedelta(days=20))),
    }
    prior = state(held)
    shares = [i.current for i in prior.instances.values() if i.current] + [share("0db", TEAM)]
    ended = {"1over": Status.EXPIRED, "1licence": Status.BURNED}
    seen = observed(vault(one, status=ended.get(one.vault_id, Status.ACTIVE), views=2) for one in shares)
    found = plan(
        all_desired("app-env", TEAM, line=40),
        all_desired(
            "db-password",
            attributes("ana@example.com", "cy@example.com", max_views=1),
            source="env STRIPE_KEY",
        ),
        all_desired("keep", line=60),
        all_desired("licence", line=70),
        all_desired("new-name", line=80),
        all_desired("over", renew=Renew.NEVER, line=90),
        all_desired(
            "partner-cert",
            PARTNER,
            source="file certs/bundle.p12",
            line=24,
            description="for the partner's gateway",
        ),
        prior=prior,
        seen=seen,
        contents={"keep": NO_KEY},
        moved=[("old-name", "new-name")],
    ).plan
    return guards.guarded(found, Limits(max_replace=0))


def nothing() -> Plan:
    return plan(all_desired("db"), prior=state({"db": instance(share("1db"))})).plan


def invisible() -> Plan:
    prior = state({"db": instance(share("1db"))})
    return plan(all_desired("db"), prior=prior, seen=observed(who="someone-else")).plan


def first_offline() -> Plan:
    return plan(all_desired("db"), all_desired("partner-cert", PARTNER), offline=True).plan


def renewals(count: int) -> Plan:
    held = {f"s{n:05}": instance(share(f"v{n}", age=timedelta(days=13))) for n in range(count)}
    return plan(*(all_desired(name) for name in held), prior=state(held)).plan


def creates(count: int) -> Plan:
    return plan(*(all_desired(f"secret-{n:05}", PARTNER) for n in range(count))).plan


def hostile(text: str, email: str) -> Plan:
    """A plan in which everything that a manifest's author can choose is `text`, and every person `email`."""
    people = attributes(email, sharing=Sharing.EXTERNAL, label=text, label_defaulted=False)
    old = attributes("ana@example.com", label="was " + text, label_defaulted=False, rotate=text)
    prior = state(
        {"db": instance(share("1db", old, source="file " + text)), "gone": instance(share("2", people))}
    )
    desired = all_desired("db", people, source="file x/" + text, description=text)
    made = plan(desired, prior=prior).plan
    note = Attention(code=LaterCode("hostile"), text=text, next=text)
    place = Mark(file=text, line=3, column=4)
    changes = tuple(replace(c, mark=place if c.mark else None) for c in made.changes)
    refusal = Refusal(code=LaterCode("hostile"), text=text, next=text)
    return replace(made, attention=(note,), refusals=(refusal,), changes=changes, as_of=NOW)
