"""Hypothesis strategies for the nouns: everything that a state, a journal or an answer may hold."""

from __future__ import annotations

import string
from dataclasses import replace
from datetime import UTC, datetime

from hypothesis import strategies as st

from reconciler.errors import Mark
from reconciler.model.address import Address
from reconciler.model.manifest import (
    LIFE_MAX,
    LIFE_MIN,
    VIEWS_MAX,
    AgeSuite,
    Format,
    Kind,
    Lead,
    Person,
    Renew,
    Sharing,
)
from reconciler.model.state import (
    AppliedPlan,
    Attributes,
    Deposed,
    End,
    Ended,
    Instance,
    Pending,
    Recipient,
    Share,
    State,
)
from reconciler.model.vault import Status, Vault
from reconciler.planning.expand import Desired
from reconciler.sources.env import Encoding, EnvSource
from reconciler.sources.file import FileSource
from reconciler.state import tags
from reconciler.state.journal import Bound, Committed, DeposedNow, Done, Entry, Forgotten, Intent, Revoked

_BASE32 = string.ascii_uppercase + "234567"

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
"""Any text that UTF-8 can carry: quotes, newlines, control characters, emoji."""

words = st.text(string.ascii_lowercase + string.digits, min_size=1, max_size=8)
links = st.just("") | words.map(lambda word: f"https://acme.conductor.one/s/{word}")
names = st.from_regex(r"[a-z0-9][a-z0-9._-]{0,8}", fullmatch=True)
addresses = st.builds(Address, names, st.just("") | texts)
generations = st.integers(1, 10**8)
moments = st.integers(0, int(datetime(2999, 12, 31, tzinfo=UTC).timestamp())).map(
    lambda seconds: datetime.fromtimestamp(seconds, UTC)
)
"""Whole seconds, as files keep them."""

fingerprints = st.from_regex(r"hmac-sha256:[0-9a-f]{8}:[0-9a-f]{32}", fullmatch=True)
tag_texts = st.builds(
    lambda s, a, g, d: f"{s}.{a}.{g}.{d}",
    st.text(_BASE32, min_size=6, max_size=6),
    st.text(_BASE32, min_size=6, max_size=6),
    generations,
    st.text(_BASE32, min_size=8, max_size=8),
)
recipients = st.builds(Recipient, as_written=texts, id=st.none() | texts)


attributes = st.builds(
    Attributes,
    kind=st.sampled_from(Kind),
    format=st.none() | st.sampled_from(Format),
    label=texts,
    label_defaulted=st.booleans(),
    sharing=st.sampled_from(Sharing),
    recipients=st.lists(recipients, max_size=3).map(tuple),
    expires_in=st.integers(0, LIFE_MAX),
    max_views=st.integers(0, VIEWS_MAX),
    filename=st.none() | texts,
    content_type=st.none() | texts,
    suite=st.none() | st.sampled_from(AgeSuite),
    rotate=st.none() | texts,
)

objects = st.builds(
    Share,
    vault_id=words,
    generation=generations,
    tag=tag_texts,
    share_code=texts,
    share_url=links,
    attributes=attributes,
    fingerprint=st.none() | fingerprints,
    source=texts,
    created=moments,
    expires=moments,
    ready=st.booleans(),
)
old_copies = st.builds(Deposed, share=objects, revoke_after=st.none() | moments)
ends = st.builds(Ended, how=st.sampled_from(End), seen=moments, share=objects)
instances = st.builds(
    Instance,
    uid=words,
    prevent_revoke=st.booleans(),
    current=st.none() | objects,
    deposed=st.lists(old_copies, max_size=2).map(tuple),
    ended=st.none() | ends,
)
pendings = st.builds(
    Pending,
    op=words,
    address=addresses,
    generation=generations,
    tag=tag_texts,
    at=moments,
    until=moments,
)


def _told_apart(state: State) -> State:
    """Return the state with no uid and no vault under two addresses."""

    def named(share: Share, n: int) -> Share:
        return replace(share, vault_id=f"{share.vault_id}-{n}")

    instances = {
        address: replace(
            one,
            uid=f"{one.uid}-{n}",
            current=named(one.current, n) if one.current else None,
            deposed=tuple(replace(old, share=named(old.share, n)) for old in one.deposed),
            ended=replace(one.ended, share=named(one.ended.share, n)) if one.ended else None,
        )
        for n, (address, one) in enumerate(state.instances.items())
    }
    return replace(state, instances=instances)


states = st.builds(
    State,
    name=names,
    lineage=words,
    serial=st.integers(0, 10**12),
    server=words,
    creator=words,
    key_id=st.none() | words,
    instances=st.dictionaries(addresses, instances, max_size=3),
    generations=st.dictionaries(addresses, generations, max_size=3),
    pending=st.lists(pendings, max_size=2).map(tuple),
    forgotten=st.frozensets(words, max_size=3),
    made=st.dictionaries(addresses, generations, max_size=3),
    applied=st.lists(st.builds(AppliedPlan, digest=words, as_of=moments), max_size=3).map(tuple),
).map(_told_apart)


def entries(*known: Address) -> st.SearchStrategy[Entry]:
    """Return any journal entry; few ops, addresses and vaults, so that entries meet each other."""
    ops = st.sampled_from(["op1", "op2", "op3"])
    vaults = st.sampled_from(["v1", "v2", "v3", "v4"])
    where = st.sampled_from(known or (Address("a"), Address("b", "ana@example.com")))
    made = st.builds(lambda share, vault: _with_id(share, vault), objects, vaults)
    return st.one_of(
        st.builds(
            Intent, op=ops, address=where, uid=words, generation=generations, tag=tag_texts, at=moments
        ),
        st.builds(Bound, op=ops, vault_id=vaults, suite=st.none() | st.sampled_from(AgeSuite)),
        st.builds(Committed, op=ops, address=where, uid=words, prevent_revoke=st.booleans(), share=made),
        st.builds(DeposedNow, address=where, vault_id=vaults),
        st.builds(Revoked, address=where, vault_id=vaults),
        st.builds(Forgotten, address=where),
        st.builds(Done, op=ops),
    )


def _with_id(share: Share, vault_id: str) -> Share:
    return replace(share, vault_id=vault_id)


def vaults(vault_ids: st.SearchStrategy[str] = words) -> st.SearchStrategy[Vault]:
    """Return anything that the tenant may say of a vault."""
    return st.builds(
        Vault,
        vault_id=vault_ids,
        display_name=st.builds(lambda label, tag: f"{label} [rc:{tag}]", texts, tag_texts) | texts,
        status=st.sampled_from(Status),
        content_ready=st.booleans(),
        kind=st.none() | st.sampled_from(Kind),
        format=st.none() | st.sampled_from(Format),
        sharing=st.none() | st.sampled_from(Sharing),
        user_ids=st.frozensets(words, max_size=2),
        emails=st.frozensets(words, max_size=2),
        current_views=st.integers(0, 9),
        max_views=st.integers(0, VIEWS_MAX),
        created=st.none() | moments,
        expires=st.none() | moments,
        share_code=texts,
        share_url=links,
        filename=texts,
        creator=words,
    )


marks = st.builds(Mark, file=words, line=st.integers(1, 99), column=st.integers(1, 99))
sources = st.builds(
    EnvSource,
    name=st.from_regex(r"[A-Z][A-Z0-9_]{0,8}", fullmatch=True),
    encoding=st.sampled_from(Encoding),
    trim_newline=st.booleans(),
    mark=marks,
) | st.builds(FileSource, path=words, trim_newline=st.booleans(), mark=marks)


@st.composite
def all_desired(draw: st.DrawFn, where: st.SearchStrategy[Address] = addresses) -> Desired:
    """Return one instance as a valid manifest asks for it, its people looked up."""
    kind, sharing = draw(st.sampled_from(Kind)), draw(st.sampled_from(Sharing))
    people = draw(st.lists(words.map(lambda w: f"{w}@example.com"), min_size=1, max_size=3, unique=True))
    mark = draw(marks)
    text = kind is Kind.TEXT
    return Desired(
        address=draw(where),
        mark=mark,
        attributes=Attributes(
            kind=kind,
            format=draw(st.sampled_from(Format)) if text else None,
            label=draw(names),
            label_defaulted=draw(st.booleans()),
            sharing=sharing,
            recipients=tuple(
                Recipient(as_written=p, id=p if sharing is Sharing.EXTERNAL else f"id-{p}") for p in people
            ),
            expires_in=draw(st.integers(LIFE_MIN, LIFE_MAX)),
            max_views=draw(st.integers(0, VIEWS_MAX)),
            filename=None if text else draw(names),
            content_type=None if text else "application/octet-stream",
            suite=draw(st.none() | st.sampled_from(AgeSuite)),
            rotate=draw(st.none() | words),
        ),
        people=tuple(Person(as_written=p, mark=mark) for p in people),
        source=draw(sources),
        renew=draw(st.sampled_from(Renew)),
        renew_before=draw(st.builds(Lead, percent=st.integers(1, 99))),
        prevent_revoke=draw(st.booleans()),
    )


tagged = st.builds(
    tags.Tag,
    stack=st.text(_BASE32, min_size=6, max_size=6),
    address=st.text(_BASE32, min_size=6, max_size=6),
    generation=generations,
    desired=st.text(_BASE32, min_size=8, max_size=8),
)
