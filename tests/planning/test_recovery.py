"""What a dead run left: adopted, revoked, kept as an old copy, or told to a person. Row by row, and as properties."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.fingerprint import Key
from reconciler.model.address import Address
from reconciler.model.manifest import DAY, Format, Kind, Sharing
from reconciler.model.state import Attributes, Deposed, End, Ended, Instance, Pending, Share, State
from reconciler.model.vault import Status, Vault
from reconciler.planning import recovery
from reconciler.planning.recovery import DesiredShare, Recovery, Remains, is_live, recover, strangers
from reconciler.state import statefile, tags
from reconciler.state.journal import Intent
from reconciler.state.ledger import PENDING_TIME, Ledger, Open
from tests.support import strategies
from tests.support.plans import NOW, attributes, share, state

_KEY = Key.from_text("0123456789abcdef" * 4)
_NAME = "payments-prod"
_STACK = tags.stack_part(_NAME)
_A, _B, _C = Address("a"), Address("b"), Address("c")
_YOUNG, _OLD = timedelta(minutes=1), timedelta(hours=2)
_EMPTY = state({}, key_id=_KEY.id)


def _content(value: str) -> str:
    mac = _KEY.content()
    mac.update(value.encode())
    return mac.hexdigest()


def _desire(value: str | None = "v", all_desired: Attributes | None = None) -> DesiredShare:
    return DesiredShare(
        attributes=all_desired or attributes(),
        content=_content(value) if value else None,
        fingerprint="hmac-sha256:1f2e3d4c:" + "0" * 32 if value else None,
        source="env DB_PASSWORD",
        prevent_revoke=True,
    )


def _tag(where: Address = _A, generation: int = 1, value: str = "v", name: str = _NAME) -> tags.Tag:
    return tags.make(
        _KEY.mac,
        name=name,
        address=where,
        generation=generation,
        attributes=attributes(),
        content=_content(value),
    )


def _vault(
    tag: tags.Tag | None = None,
    vault_id: str = "v1",
    *,
    ready: bool = True,
    age: timedelta = _YOUNG,
    **more: object,
) -> Vault:
    """Return a vault as the tenant answers it, made for `attributes()`; complete unless said otherwise."""
    tag = tag or _tag()
    base = Vault(
        vault_id=vault_id,
        display_name=tags.display_name("label", tag),
        status=Status.ACTIVE,
        content_ready=ready,
        kind=Kind.TEXT,
        format=Format.PLAINTEXT,
        sharing=Sharing.INTERNAL,
        user_ids=attributes().who(),
        emails=frozenset(),
        current_views=0,
        max_views=5,
        created=NOW - age,
        expires=NOW - age + timedelta(seconds=14 * DAY),
        share_code="ABCD-EFGH-JKLM" if ready else "",
        share_url="https://acme.conductor.one/s/x" if ready else "",
        filename="",
        creator="me-id",
    )
    return replace(base, **more)  # type: ignore[arg-type]


def _open(
    where: Address = _A,
    generation: int = 1,
    *,
    bound: str | None = None,
    tag: str | None = None,
    age: timedelta = _YOUNG,
) -> Open:
    return Open(
        intent=Intent(
            op=f"op-{where}-{generation}",
            address=where,
            uid=f"uid-begun-{where}",
            generation=generation,
            tag=tag or str(_tag(where, generation)),
            at=NOW - age,
        ),
        vault_id=bound,
    )


def _pending(
    where: Address = _A, generation: int = 1, *, age: timedelta = _YOUNG, tag: str | None = None
) -> Pending:
    at = NOW - age
    return Pending(
        op=f"op-{where}-{generation}",
        address=where,
        generation=generation,
        tag=tag or str(_tag(where, generation)),
        at=at,
        until=at + PENDING_TIME,
    )


def _found(
    *vaults: Vault,
    all_desired: Mapping[Address, DesiredShare] | None = None,
    opens: Iterable[Open] = (),
    moved: Mapping[Address, Address] | None = None,
    origins: Mapping[Address, Address] | None = None,
    key: bool = True,
) -> Remains:
    all_desired = {_A: _desire()} if all_desired is None else all_desired
    return Remains(
        name=_NAME,
        now=NOW,
        vaults={v.vault_id: v for v in vaults},
        open=tuple(opens),
        all_desired=all_desired,
        moved=moved or {},
        uids={where: f"uid-{where}" for where in all_desired},
        mac=_KEY.mac if key else None,
        origins=origins or {},
    )


def _current(recovered: Recovery, where: Address = _A) -> str | None:
    instance = recovered.state.instances.get(where)
    return instance.current.vault_id if instance and instance.current else None


def _copies(recovered: Recovery, where: Address = _A) -> list[str]:
    instance = recovered.state.instances.get(where)
    return [d.share.vault_id for d in instance.deposed] if instance else []


def _shells(recovered: Recovery) -> dict[str, Address | None]:
    return {shell.vault_id: shell.address for shell in recovered.orphans}


@dataclass(frozen=True, kw_only=True)
class _Row:
    """One row of the table: what is found on top of which state, and what becomes of it."""

    found: Remains
    before: State = _EMPTY
    current: str | None = None
    copies: list[str] = field(default_factory=list)
    orphans: dict[str, Address | None] = field(default_factory=dict)
    told: list[str] = field(default_factory=list)
    where: Address = _A


def _live(generation: int, vault_id: str = "v0", where: str = "a", **more: object) -> State:
    return state(
        {where: Instance(uid="uid", current=share(vault_id, generation=generation))}, key_id=_KEY.id, **more
    )


def _ended(generation: int, how: End = End.BURNED) -> State:
    ended = Ended(how=how, seen=NOW, share=share("v0", generation=generation))
    return state({"a": Instance(uid="uid", ended=ended)}, key_id=_KEY.id)


_OTHER = _tag(Address("elsewhere"))
_STRANGE = replace(_tag(), stack="ZZZZZZ" if _STACK != "ZZZZZZ" else "YYYYYY")

_TABLE = {
    # complete, a known address
    "what is desired is adopted": _Row(found=_found(_vault()), current="v1", told=["adopted"]),
    "also on top of an older one": _Row(
        before=_live(1),
        found=_found(_vault(_tag(generation=2))),
        current="v1",
        copies=["v0"],
        told=["adopted"],
    ),
    "not below a newer one": _Row(
        before=_live(2), found=_found(_vault(_tag(generation=1))), current="v0", copies=["v1"]
    ),
    "nor beside an equal one": _Row(
        before=_live(1), found=_found(_vault(_tag(generation=1))), current="v0", copies=["v1"]
    ),
    "another value is an old copy": _Row(found=_found(_vault(_tag(value="w"))), copies=["v1"]),
    "whatever its generation": _Row(
        before=_live(1), found=_found(_vault(_tag(generation=7, value="w"))), current="v0", copies=["v1"]
    ),
    "other recipients are an old copy": _Row(
        found=_found(_vault(user_ids=frozenset({"id-eve@example.com"}))), copies=["v1"]
    ),
    "another number of views is an old copy": _Row(found=_found(_vault(max_views=6)), copies=["v1"]),
    "another life is an old copy": _Row(
        found=_found(_vault(expires=NOW + timedelta(days=30))), copies=["v1"]
    ),
    "what nobody wants is an old copy": _Row(
        before=_live(1, generations={_A: 1}),
        found=_found(_vault(_tag(generation=2)), all_desired={}),
        current="v0",
        copies=["v1"],
    ),
    "of two equal ones the newest is adopted": _Row(
        found=_found(_vault(_tag(generation=1)), _vault(_tag(generation=2), "v2")),
        current="v2",
        copies=["v1"],
        told=["adopted"],
    ),
    "of two with one tag one is adopted": _Row(
        found=_found(_vault(), _vault(vault_id="v2")), current="v1", copies=["v2"], told=["adopted"]
    ),
    "a value that cannot be read now is told": _Row(
        found=_found(_vault(), all_desired={_A: _desire(None)}), told=["unknown_vault"]
    ),
    "a value that could not be read before is adopted": _Row(
        before=replace(_EMPTY, generations={_A: 1}), found=_found(_vault()), current="v1", told=["adopted"]
    ),
    # complete, and ended since
    "what was burned since is recorded as that": _Row(
        found=_found(_vault(status=Status.BURNED)), told=["adopted"]
    ),
    "also on top of a live one, which is then old": _Row(
        before=_live(1),
        found=_found(_vault(_tag(generation=2), status=Status.EXPIRED)),
        copies=["v0"],
        told=["adopted"],
    ),
    "also when its content is deleted": _Row(
        found=_found(_vault(status=Status.BURNED, content_ready=False, share_url="")), told=["adopted"]
    ),
    "of two equal ones of which the newest ended none is current": _Row(
        found=_found(_vault(), _vault(_tag(generation=2), "v2", status=Status.BURNED)),
        copies=["v1"],
        told=["adopted"],
    ),
    "what ended under our eyes is no news": _Row(
        before=replace(_EMPTY, generations={_A: 1}), found=_found(_vault(status=Status.REVOKED))
    ),
    "what is older than a recorded end is an old copy": _Row(
        before=_ended(2), found=_found(_vault(_tag(generation=1))), copies=["v1"]
    ),
    "another value that ended is nothing": _Row(found=_found(_vault(_tag(value="w"), status=Status.EXPIRED))),
    "what is past its time is no old copy": _Row(
        found=_found(_vault(_tag(value="w"), expires=NOW - timedelta(seconds=1)))
    ),
    # complete, unknown
    "an unknown address is told": _Row(found=_found(_vault(_OTHER)), told=["unknown_vault"]),
    "without the key everything is told": _Row(found=_found(_vault(), key=False), told=["unknown_vault"]),
    "even what the journal knows": _Row(
        found=_found(_vault(), opens=[_open(bound="v1")], key=False), told=["unknown_vault"]
    ),
    "what nobody could open is not told": _Row(found=_found(_vault(_OTHER, status=Status.EXPIRED))),
    "another stack's vault is not ours": _Row(
        found=_found(_vault(_STRANGE), _vault(_STRANGE, "v2", ready=False, age=_OLD))
    ),
    "a name without a tag is not ours": _Row(
        found=_found(_vault(display_name="label"), _vault(None, "v2", ready=False, age=_OLD, display_name=""))
    ),
    # a shell
    "an empty one of a known address is revoked": _Row(found=_found(_vault(ready=False)), orphans={"v1": _A}),
    "of the journal's create": _Row(
        found=_found(_vault(_OTHER, ready=False), opens=[_open(bound="v1", tag=str(_OTHER))], key=False),
        orphans={"v1": _A},
    ),
    "of a create without an answer": _Row(
        found=_found(_vault(_OTHER, ready=False), opens=[_open(tag=str(_OTHER))], key=False),
        orphans={"v1": _A},
    ),
    "of a pending create": _Row(
        before=replace(_EMPTY, pending=(_pending(tag=str(_OTHER)),)),
        found=_found(_vault(_OTHER, ready=False), key=False),
        orphans={"v1": _A},
    ),
    "an empty one of an unknown address waits": _Row(found=_found(_vault(_OTHER, ready=False))),
    "until it is older than a create can be": _Row(
        found=_found(_vault(_OTHER, ready=False, age=PENDING_TIME + timedelta(seconds=1))),
        orphans={"v1": None},
    ),
    "exactly as old is not older": _Row(found=_found(_vault(_OTHER, ready=False, age=PENDING_TIME))),
    "without the key it waits too": _Row(found=_found(_vault(ready=False), key=False)),
    "and goes too": _Row(found=_found(_vault(ready=False, age=_OLD), key=False), orphans={"v1": None}),
    "an empty one of no known age waits": _Row(found=_found(_vault(_OTHER, ready=False, created=None))),
    **{
        f"an empty one that is {status.value} is nothing": _Row(
            found=_found(_vault(ready=False, age=_OLD, status=status))
        )
        for status in (Status.EXPIRED, Status.REVOKED, Status.DATA_DELETED)
    },
    "one whose status is new to us is left alone and told": _Row(
        found=_found(_vault(ready=False, age=_OLD, status=Status.UNKNOWN)), told=["unknown_vault"]
    ),
    # moves
    "a tag of the old name is adopted under the new": _Row(
        found=_found(_vault(_tag(_B)), moved={_B: _A}), current="v1", told=["adopted"]
    ),
    "also along a chain": _Row(
        found=_found(_vault(_tag(_C)), moved={_C: _B, _B: _A}), current="v1", told=["adopted"]
    ),
    "also on top of what moved": _Row(
        before=_live(1, where="b"),
        found=_found(_vault(_tag(_B, 2)), moved={_B: _A}, origins={_A: _B}),
        current="v1",
        copies=["v0"],
        told=["adopted"],
        where=_B,
    ),
    "an empty one of the old name is revoked": _Row(
        found=_found(_vault(_tag(_B), ready=False), moved={_B: _A}), orphans={"v1": _A}
    ),
    "a name that is still desired did not move": _Row(
        found=_found(_vault(_tag(_B)), moved={_B: _A}, all_desired={_A: _desire(), _B: _desire()}),
        current="v1",
        told=["adopted"],
        where=_B,
    ),
    "moves that go round in a ring end": _Row(
        found=_found(_vault(_tag(_B)), moved={_B: _C, _C: _B}, all_desired={}), copies=["v1"], where=_B
    ),
    # a create that the journal knows
    "an uploaded one is adopted": _Row(
        found=_found(_vault(), opens=[_open(bound="v1")]), current="v1", told=["adopted"]
    ),
    "one that nobody wants any more is an old copy": _Row(
        found=_found(_vault(), opens=[_open(bound="v1")], all_desired={}), copies=["v1"]
    ),
    "one that lost its tag is revoked when empty": _Row(
        found=_found(_vault(ready=False, display_name="renamed"), opens=[_open(bound="v1")]),
        orphans={"v1": _A},
    ),
    "an old copy when complete and nameless": _Row(
        found=_found(_vault(display_name=""), opens=[_open(bound="v1")]), copies=["v1"]
    ),
    "an old copy when complete and renamed": _Row(
        found=_found(_vault(display_name="renamed"), opens=[_open(bound="v1")]), copies=["v1"]
    ),
    "told when complete, renamed and without the key": _Row(
        found=_found(_vault(display_name="renamed"), opens=[_open(bound="v1")], key=False),
        told=["unknown_vault"],
    ),
    "one that is gone is nothing": _Row(found=_found(opens=[_open(bound="v1")])),
    # what we know or let go
    "what is in the state is not looked at": _Row(
        before=_live(1, "v1"), found=_found(_vault(_tag(value="w"))), current="v1"
    ),
    "what was forgotten is not looked at": _Row(
        before=replace(_EMPTY, forgotten=frozenset({"v1", "v2"})),
        found=_found(_vault(), _vault(vault_id="v2", ready=False, age=_OLD), opens=[_open(bound="v2")]),
    ),
}


@pytest.mark.parametrize("row", _TABLE.values(), ids=_TABLE.keys())
def test_every_row(row: _Row) -> None:
    """RELIABILITY's table: what becomes of a vault that bears our mark and is in no state."""
    recovered = recover(row.before, row.found)
    assert row.current == _current(recovered, row.where)
    assert row.copies == _copies(recovered, row.where)
    assert row.orphans == _shells(recovered)
    assert row.told == [a.code for a in recovered.attention]
    others = {w for w in recovered.state.instances if w != row.where} - set(row.before.instances)
    assert set() == others


@pytest.mark.parametrize(
    ("key", "said"), [(True, "an earlier key"), (False, "run with the stack's fingerprint key")]
)
def test_what_nobody_knows_is_told_with_a_step_that_can_be_taken(key: bool, said: str) -> None:
    """The key is asked for only where it is missing; `state recover` would refuse beside a state."""
    (told,) = recover(_EMPTY, _found(_vault(_OTHER), key=key)).attention
    assert said in told.text
    assert told.next is not None
    assert "state import NAME v1" in told.next


def test_an_adopted_vault_is_as_the_manifest_declares_it() -> None:
    """With the fingerprint, the source and the protection that apply would have written."""
    recovered = recover(_EMPTY, _found(_vault()))
    instance = recovered.state.instances[_A]
    assert isinstance(instance.current, Share)
    assert (instance.uid, instance.prevent_revoke) == ("uid-a", True)
    desire = _desire()
    assert (desire.attributes, desire.fingerprint, desire.source) == (
        instance.current.attributes,
        instance.current.fingerprint,
        instance.current.source,
    )
    assert instance.current.tag == str(_tag())
    assert instance.current.ready


@pytest.mark.parametrize(
    ("status", "how"),
    [
        (Status.EXPIRED, End.EXPIRED),
        (Status.DATA_DELETED, End.EXPIRED),
        (Status.BURNED, End.BURNED),
        (Status.REVOKED, End.REVOKED),
    ],
)
def test_an_adopted_end_is_that_end(status: Status, how: End) -> None:
    """It is not made again unless the manifest says so."""
    ended = recover(_EMPTY, _found(_vault(status=status))).state.instances[_A].ended
    assert ended is not None
    assert (how, NOW, "v1") == (ended.how, ended.seen, ended.share.vault_id)


def test_a_first_run_adopts_nothing_that_ended_but_never_gives_its_generation_again() -> None:
    """Without a state and with nothing alive a stack is new: whoever destroyed it and starts again gets it anew."""
    found = replace(_found(_vault(_tag(generation=3), status=Status.REVOKED)), first_run=True)
    recovered = recover(_EMPTY, found)
    assert {} == recovered.state.instances
    assert 3 == recovered.state.generations[_A]


def test_an_instance_keeps_its_uid() -> None:
    """Its fingerprints hang on it; one that nobody wants gets one of its own, never an empty one."""
    known = recover(_live(1), _found(_vault(_tag(generation=2))))
    assert known.state.instances[_A].uid == "uid-a"
    nobodys = recover(
        replace(_EMPTY, generations={_A: 1, _B: 1}),
        _found(_vault(_tag(_A, 2)), _vault(_tag(_B, 2), "v2"), all_desired={}),
    )
    uids = [nobodys.state.instances[where].uid for where in (_A, _B)]
    assert len(set(uids)) == 2
    assert all(len(uid) == 32 for uid in uids)


def test_generations_that_were_seen_are_not_used_again() -> None:
    """Empty or complete, adopted or not, under the old name and the new, answered or not."""
    seen = [
        recover(_EMPTY, _found(_vault(_tag(generation=5), ready=False))),
        recover(_EMPTY, _found(_vault(_tag(generation=5)))),
        recover(_EMPTY, _found(_vault(_tag(generation=5, value="w")))),
        recover(_EMPTY, _found(_vault(_tag(generation=5), ready=False, status=Status.REVOKED))),
        recover(_EMPTY, _found(opens=[_open(generation=5)])),
        recover(_EMPTY, _found(opens=[_open(generation=5, age=_OLD)])),
        recover(_EMPTY, _found(opens=[_open(generation=5, bound="v1")])),
        recover(replace(_EMPTY, pending=(_pending(generation=5, age=_OLD),)), _found()),
    ]
    assert [6] * len(seen) == [Ledger(recovered.state).next_generation(_A) for recovered in seen]
    moved = recover(_EMPTY, _found(_vault(_tag(_B, 5)), moved={_B: _A}))
    assert [6, 6] == [Ledger(moved.state).next_generation(where) for where in (_A, _B)]


def test_an_unanswered_create_is_searched_for_until_its_time() -> None:
    """From the journal or the state, once each; found or too old, it is settled."""
    fresh, stale = _pending(_A, 1), _pending(_B, 1, age=_OLD)
    before = replace(_EMPTY, pending=(fresh, stale))
    assert (fresh,) == recover(before, _found()).state.pending
    assert (fresh,) == recover(before, _found(opens=[_open(_A, 1)])).state.pending
    assert () == recover(before, _found(_vault(ready=False))).state.pending
    assert () == recover(before, _found(_vault())).state.pending
    kept = recover(_EMPTY, _found(opens=[_open(_A, 1), _open(_B, 2)])).state.pending
    assert [(_A, 1), (_B, 2)] == [(p.address, p.generation) for p in kept]
    assert () == recover(_EMPTY, _found(opens=[_open(bound="v1")])).state.pending


def test_a_pending_create_ends_exactly_at_its_time() -> None:
    """Server time."""
    waited = PENDING_TIME
    assert len(recover(_EMPTY, _found(opens=[_open(age=waited - timedelta(seconds=1))])).state.pending) == 1
    assert recover(_EMPTY, _found(opens=[_open(age=waited)])).state.pending == ()


def test_nothing_found_is_nothing_to_do() -> None:
    """No write, no revoke."""
    before = _live(1, "v1")
    assert Recovery(state=before) == recover(before, _found(_vault()))


def test_strangers_are_ours_and_unknown() -> None:
    """Newest generation first; with no state every vault of the stack is one."""
    mine = [_vault(_tag(generation=g), f"v{g}") for g in (1, 3, 2)]
    assert ["v3", "v2", "v1"] == [
        v.vault_id for v, _ in strangers(None, _NAME, [*mine, _vault(_STRANGE, "x")])
    ]
    known = replace(_live(3, "v3"), forgotten=frozenset({"v1"}))
    assert ["v2"] == [v.vault_id for v, _ in strangers(known, _NAME, mine)]


@pytest.mark.parametrize(
    ("vault", "live"),
    [
        (_vault(), True),
        (_vault(expires=None), True),
        (_vault(expires=NOW), False),
        (_vault(ready=False), False),
        (_vault(status=Status.BURNED), False),
        (_vault(status=Status.UNKNOWN), False),
    ],
)
def test_a_vault_is_live_while_somebody_could_open_it(vault: Vault, live: bool) -> None:
    """Complete, active, in time."""
    assert live is is_live(vault, NOW)


# --- properties: any state, any vaults, most of them ours


_WHERE = st.sampled_from([_A, _B, _C, Address("a", "ana@example.com")])
_TAGS = st.builds(_tag, _WHERE | st.just(Address("elsewhere")), st.integers(1, 4), st.sampled_from("vw"))
_IDS = st.sampled_from([f"v{n}" for n in range(8)])


@st.composite
def _situations(draw: st.DrawFn) -> tuple[State, Remains]:
    before = draw(
        st.builds(
            lambda held, generations, pending, forgotten: replace(
                _EMPTY,
                instances=_told_apart(held),
                generations=generations,
                pending=tuple(pending),
                forgotten=forgotten,
            ),
            st.dictionaries(_WHERE, _instances(), max_size=2),
            st.dictionaries(_WHERE, st.integers(1, 4), max_size=2),
            st.lists(
                st.builds(_pending, _WHERE, st.integers(1, 4), age=st.sampled_from([_YOUNG, _OLD])),
                max_size=2,
            ),
            st.frozensets(_IDS, max_size=2),
        )
    )
    ours = st.builds(
        _vault,
        _TAGS,
        _IDS,
        ready=st.booleans(),
        age=st.sampled_from([_YOUNG, _OLD]),
        status=st.sampled_from(Status) | st.just(Status.ACTIVE),
        current_views=st.integers(0, 1),
    )
    foreign = st.builds(lambda vault, i: replace(vault, vault_id=i), strategies.vaults(), _IDS)
    vaults = draw(st.lists(ours | ours | foreign, max_size=6, unique_by=lambda v: v.vault_id))
    opens = draw(st.lists(st.builds(_open, _WHERE, st.integers(1, 4), bound=st.none() | _IDS), max_size=2))
    all_desired = draw(
        st.dictionaries(_WHERE, st.builds(_desire, st.sampled_from(["v", "w", None])), max_size=3)
    )
    moved = draw(st.dictionaries(st.sampled_from([_A, _B, _C]), st.sampled_from([_A, _B, _C]), max_size=2))
    return before, _found(*vaults, all_desired=all_desired, opens=opens, moved=moved, key=draw(st.booleans()))


def _told_apart(held: dict[Address, Instance]) -> dict[Address, Instance]:
    """Return the instances that a state can hold: no uid and no vault is in two of them."""
    found: dict[Address, Instance] = {}
    for address, instance in held.items():
        taken = {vault_id for other in found.values() for vault_id in other.vault_ids()}
        if not instance.empty() and not taken & instance.vault_ids():
            found[address] = replace(instance, uid=f"uid-{address}")
    return found


def _instances() -> st.SearchStrategy[Instance]:
    objects = st.builds(share, _IDS, generation=st.integers(1, 4))
    return st.builds(
        Instance,
        uid=st.just("uid"),
        current=st.none() | objects,
        deposed=st.lists(st.builds(Deposed, share=objects), max_size=1).map(tuple),
        ended=st.none() | st.builds(Ended, how=st.sampled_from(End), seen=st.just(NOW), share=objects),
    )


@given(_situations())
def test_only_an_empty_vault_is_revoked(situation: tuple[State, Remains]) -> None:
    """Active, without content, never opened, bearing our mark or named by our journal, in no state."""
    before, found = situation
    bound = {o.vault_id for o in found.open}
    for shell in recover(before, found).orphans:
        vault = found.vaults[shell.vault_id]
        assert not vault.content_ready
        assert vault.status is Status.ACTIVE
        assert shell.vault_id not in before.known() | before.forgotten
        tag = tags.find(vault.display_name)
        assert shell.vault_id in bound or (tag is not None and tag.stack == _STACK)


@given(_situations())
def test_nothing_that_was_known_is_lost(situation: tuple[State, Remains]) -> None:
    """Every vault of the state is still in it (an end makes room for a newer one only), `forgotten` untouched."""
    before, found = situation
    after = recover(before, found).state
    assert before.forgotten == after.forgotten
    ended = {i.ended.share.vault_id for i in before.instances.values() if i.ended}
    assert before.known() - ended <= after.known()
    assert not (after.known() - before.known()) & before.forgotten
    for where in (*before.instances, *before.generations):
        assert Ledger(before).next_generation(where) <= Ledger(after).next_generation(where)


@given(_situations())
def test_at_most_one_is_adopted_for_an_address(situation: tuple[State, Remains]) -> None:
    """Newer than what was there; everything else complete and ours is an old copy, told, or over."""
    before, found = situation
    recovered = recover(before, found)
    adopted = [a.address for a in recovered.attention if a.code == "adopted"]
    assert len(adopted) == len(set(adopted))
    for where, instance in recovered.state.instances.items():
        old = before.instances.get(where)
        if instance.current and (old is None or instance.current != old.current):
            assert where in adopted
            assert old is None or old.current is None or old.current.generation < instance.current.generation
        ids = [d.share.vault_id for d in instance.deposed] + (
            [instance.current.vault_id] if instance.current else []
        )
        assert len(ids) - len(set(ids)) <= (len(old.deposed) if old else 0)


@given(_situations())
def test_every_live_vault_of_ours_is_accounted_for(situation: tuple[State, Remains]) -> None:
    """In the state, forgotten, or told to a person: nothing that somebody could open is passed over."""
    before, found = situation
    recovered = recover(before, found)
    told = " ".join(a.text for a in recovered.attention)
    for vault, _ in strangers(None, _NAME, found.vaults.values()):
        if is_live(vault, NOW):
            kept = vault.vault_id in recovered.state.known() | recovered.state.forgotten
            assert kept or f"share {vault.vault_id} " in told


@given(_situations())
def test_recovery_is_done_once(situation: tuple[State, Remains]) -> None:
    """On the recovered state the same vaults change nothing more, and the same orphans are still to be revoked.

    Without the key a shell whose pending create is settled waits for its time, like any whose address is unknown.
    """
    before, found = situation
    first = recover(before, found)
    second = recover(first.state, found)
    assert first.state == second.state
    waits = set(first.orphans) - set(second.orphans)
    assert set(second.orphans) <= set(first.orphans)
    assert not waits or found.mac is None


@given(_situations())
def test_a_recovered_state_can_be_written_and_read(situation: tuple[State, Remains]) -> None:
    """Whatever the tenant says of a vault: odd times, lives below zero, the year 1."""
    before, found = situation
    after = recover(before, found).state
    again = statefile.decode(statefile.encode(after), file="prod.state.json")
    assert again == after


@given(st.lists(strategies.vaults(_IDS), max_size=4))
def test_foreign_vaults_are_left_alone(vaults: list[Vault]) -> None:
    """Any vault that does not bear our mark, whatever else it says."""
    foreign = [v for v in vaults if (tag := tags.find(v.display_name)) is None or tag.stack != _STACK]
    assert recover(_EMPTY, _found(*foreign)) == Recovery(state=_EMPTY)


def test_a_search_looks_back_further_than_a_share_lives() -> None:
    """30 days at most."""
    assert recovery.HORIZON > timedelta(days=30)


def test_what_an_outage_leaves_of_many_secrets_is_settled_in_seconds() -> None:
    """Three creates without an answer for each of three thousand. A square of it takes minutes."""
    waiting = tuple(
        replace(
            _pending(Address(f"s{n % 3000}"), n // 3000 + 1, age=(_YOUNG, _OLD)[n % 2], tag=f"tag{n}"),
            op=f"op{n}",
        )
        for n in range(9000)
    )
    begun = time.process_time()
    recovered = recover(replace(_EMPTY, pending=waiting), _found()).state
    ledger = Ledger(recovered)
    assert {4} == {ledger.next_generation(Address(f"s{n}")) for n in range(3000)}
    took = time.process_time() - begun
    assert 4500 == len(recovered.pending)
    assert took < 5, took
