"""Small nouns for tests of the plan: a stack of declared secrets, what the state holds, what the tenant says."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from reconciler.errors import Mark
from reconciler.model.address import Address, fold
from reconciler.model.manifest import (
    DAY,
    LEAD_DEFAULT,
    Format,
    Kind,
    Manifest,
    Moved,
    Person,
    Removed,
    Renew,
    Sharing,
)
from reconciler.model.plan import Action, Plan
from reconciler.model.state import Attributes, Deposed, Instance, Recipient, Share, State
from reconciler.model.vault import Identity, Observed, Status, Vault
from reconciler.planning import planner
from reconciler.planning.expand import Desired
from reconciler.planning.planner import Planned
from reconciler.planning.values import Checked, Known
from reconciler.sources.env import Encoding, EnvSource
from reconciler.sources.file import FileSource
from reconciler.state import tags

NOW = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)
ME = "me-id"
KEY = "hmac-sha256:1f2e3d4c"


def mark(line: int = 1) -> Mark:
    return Mark(file="prod.reconciler.yaml", line=line, column=3)


def fingerprint(value: str, key: str = KEY) -> str:
    return f"{key}:{value.encode().hex():0>32}"


def attributes(*people: str, sharing: Sharing = Sharing.INTERNAL, **more: object) -> Attributes:
    recipients = tuple(
        Recipient(as_written=p, id=fold(p) if sharing is Sharing.EXTERNAL else f"id-{fold(p)}")
        for p in people or ("ana@example.com",)
    )
    base = Attributes(
        kind=Kind.TEXT,
        format=Format.PLAINTEXT,
        label="label",
        label_defaulted=True,
        sharing=sharing,
        recipients=recipients,
        expires_in=14 * DAY,
        max_views=5,
        filename=None,
        content_type=None,
        suite=None,
        rotate=None,
    )
    return replace(base, **more)  # type: ignore[arg-type]


def all_desired(
    name: str,
    desired: Attributes | None = None,
    *,
    source: str = "env DB_PASSWORD",
    renew: Renew = Renew.ALWAYS,
    prevent_revoke: bool = False,
    line: int = 1,
    description: str | None = None,
) -> Desired:
    desired = desired or attributes()
    kind, _, rest = source.partition(" ")
    return Desired(
        address=Address.parse(name),
        mark=mark(line),
        attributes=desired,
        people=tuple(Person(as_written=r.as_written, mark=mark(line)) for r in desired.recipients),
        source=EnvSource(name=rest, encoding=Encoding.UTF8, trim_newline=False, mark=mark(line))
        if kind == "env"
        else FileSource(path=rest, trim_newline=False, mark=mark(line)),
        renew=renew,
        renew_before=LEAD_DEFAULT,
        prevent_revoke=prevent_revoke,
        description=description,
    )


def share(
    vault_id: str,
    applied: Attributes | None = None,
    *,
    value: str = "v",
    generation: int = 1,
    age: timedelta = timedelta(days=2),
    source: str = "env DB_PASSWORD",
    key: str = KEY,
) -> Share:
    applied = applied or attributes()
    created = NOW - age
    return Share(
        vault_id=vault_id,
        generation=generation,
        tag=f"{tags.stack_part('payments-prod')}.BBBBBB.{generation}.CCCCCCCC",
        share_code="AAAA-BBBB-CCCC",
        share_url=f"https://acme.conductor.one/s/{vault_id}",
        attributes=applied,
        fingerprint=fingerprint(value, key),
        source=source,
        created=created,
        expires=created + timedelta(seconds=applied.expires_in),
        ready=True,
        renew=True,
    )


def instance(current: Share | None, *deposed: Share, **more: object) -> Instance:
    base = Instance(uid="uid", current=current, deposed=tuple(Deposed(share=o) for o in deposed))
    return replace(base, **more)  # type: ignore[arg-type]


def state(instances: Mapping[str, Instance], **more: object) -> State:
    held = {
        Address.parse(name): replace(one, uid=f"uid-{name}") if one.uid == "uid" else one
        for name, one in instances.items()
    }
    base = State(
        name="payments-prod",
        lineage="lineage",
        serial=8,
        server="acme.conductor.one",
        creator=ME,
        key_id="1f2e3d4c",
        instances=held,
        generations={a: _highest(i) for a, i in held.items()},
    )
    return replace(base, **more)  # type: ignore[arg-type]


def _highest(one: Instance) -> int:
    return max((it.generation for it in one.shares()), default=0)


def vault(one: Share, *, status: Status = Status.ACTIVE, ready: bool = True, views: int = 0) -> Vault:
    return Vault(
        vault_id=one.vault_id,
        display_name=f"{one.attributes.label} [rc:{one.tag}]",
        status=status,
        content_ready=ready,
        kind=one.attributes.kind,
        format=one.attributes.format,
        sharing=one.attributes.sharing,
        user_ids=one.attributes.who(),
        emails=frozenset(),
        current_views=views,
        max_views=one.attributes.max_views,
        created=one.created,
        expires=one.expires,
        share_code=one.share_code,
        share_url=one.share_url,
        filename="",
        creator=ME,
    )


def observed(
    vaults: Iterable[Vault] = (),
    *,
    now: datetime = NOW,
    gone: Iterable[str] = (),
    hidden: Iterable[str] = (),
    who: str = ME,
) -> Observed:
    return Observed(
        now=now,
        identity=Identity(user_id=who, tenant_id="t", roles=(), permissions=(), sharing_enabled=True),
        vaults={v.vault_id: v for v in vaults},
        gone=frozenset(gone),
        hidden=frozenset(hidden),
    )


def all_live(prior: State) -> Observed:
    """What a tenant answers in which nothing happened."""
    return observed(vault(one) for i in prior.instances.values() for one in i.held())


def plan(
    *wants: Desired,
    prior: State | None = None,
    seen: Observed | None = None,
    contents: Mapping[str, Known] | None = None,
    requested: Iterable[str] = (),
    moved: Iterable[tuple[str, str]] = (),
    removed: Iterable[tuple[str, bool]] = (),
    now: datetime = NOW,
    offline: bool = False,
) -> Planned:
    """Plan with every value being `v` unless said otherwise, and a tenant in which nothing happened."""
    if seen is None and not offline:
        seen = all_live(prior) if prior else observed()
    known: dict[Address, Known] = {
        w.address: Checked(fingerprint=fingerprint("v"), size="up to 1 KiB") for w in wants
    }
    known |= {Address.parse(a): c for a, c in (contents or {}).items()}
    return planner.plan_changes(
        Manifest(
            file="reconciler.yaml",
            name="payments-prod",
            tenant=None,
            tenant_mark=None,
            state_path=None,
            age_suite=None,
            secrets={},
            moved=tuple(Moved(source=a, to=b, mark=mark()) for a, b in moved),
            removed=tuple(Removed(name=n, revoke=r, mark=mark()) for n, r in removed),
        ),
        server="acme.conductor.one",
        all_desired=wants,
        prior=prior,
        observed=seen,
        contents=known,
        uids={w.address: f"uid-{w.address}" for w in wants},
        requested=frozenset(Address.parse(a) for a in requested),
        now=now,
    )


def short(found: Plan) -> dict[str, str]:
    """Return `address: action reason cause` of everything that is not a no-op, old copies as `address#vault`."""
    return {
        f"{c.address}#{c.deposed}" if c.deposed else str(c.address): " ".join(
            word.value for word in (c.action, c.reason, c.cause) if word
        )
        for c in found.changes
        if c.action is not Action.NO_OP
    }


def codes(found: Plan) -> list[str]:
    return [a.code for a in found.attention]
