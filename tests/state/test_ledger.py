"""The fold of the journal over the state: what a run remembers is what a crash leaves."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.errors import StateError
from reconciler.model.address import Address
from reconciler.model.state import Deposed, Instance, Share, State
from reconciler.state import journal, ledger
from reconciler.state.journal import (
    Bound,
    Committed,
    DeposedNow,
    Done,
    Entry,
    Forgotten,
    Header,
    Intent,
    Journal,
    Revoked,
)
from reconciler.state.ledger import Ledger, Open, pending_of, replay
from tests.support import strategies
from tests.support.plans import share, state

_A, _B = Address("a"), Address("b")
_AT = datetime(2026, 11, 23, 12, tzinfo=UTC)
_FILE = ".reconciler/prod.journal"
_EMPTY = state({})


def _intent(op: str = "op1", *, where: Address = _A, generation: int = 1) -> Intent:
    return Intent(op=op, address=where, uid="uid-a", generation=generation, tag=f"T{generation}", at=_AT)


def _committed(made: Share, op: str = "op1", *, where: Address = _A, protect: bool = False) -> Committed:
    return Committed(op=op, address=where, uid="uid-a", prevent_revoke=protect, share=made)


def _fold(before: State, *entries: Entry) -> tuple[State, tuple[Open, ...]]:
    return ledger.fold_entries(before, entries)


@given(
    strategies.states,
    st.lists(strategies.entries(_A, _B), max_size=12),
    st.integers(0, 12),
)
def test_replay_is_what_the_run_knew(before: State, entries: list[Entry], cut: int) -> None:
    """For any sequence of records: read back from the disk they give the live state, at every crash point."""
    live = Ledger(before)
    header = Header(lineage=before.lineage, base_serial=before.serial, tool="t")
    data = journal.header_line(header)
    for number, entry in enumerate(entries[:cut], start=1):
        data += journal.entry_line(number, entry)
        live.take(entry)
    recorded = journal.parse(data, file=_FILE)
    assert (live.state(), live.open()) == replay(before, recorded, file=_FILE)


@given(strategies.states, st.lists(strategies.entries(_A, _B), max_size=12))
def test_no_vault_is_lost_but_by_a_record_that_says_so(before: State, entries: list[Entry]) -> None:
    """What was in the state or committed is still there, or forgotten, or recorded as revoked."""
    known = set(before.known()) | before.forgotten
    ended = {i.ended.share.vault_id for i in before.instances.values() if i.ended}
    gone: set[str] = set()
    for entry in entries:
        if isinstance(entry, Committed):
            known.add(entry.share.vault_id)
        if isinstance(entry, Revoked):
            gone.add(entry.vault_id)
    after, _ = _fold(before, *entries)
    assert known - gone - ended <= after.known() | after.forgotten


@given(
    strategies.states,
    st.lists(strategies.entries(_A, _B), max_size=12, unique_by=lambda e: (type(e), getattr(e, "op", id(e)))),
)
def test_generations_only_grow(before: State, entries: list[Entry]) -> None:
    """No later vault may bear a generation again, whatever happens to the address. Each op is one create."""
    live = Ledger(before)
    highest = {where: live.next_generation(where) for where in (_A, _B)}
    for entry in entries:
        live.take(entry)
        for where in highest:
            assert highest[where] <= live.next_generation(where)
            highest[where] = live.next_generation(where)


@given(strategies.states, st.lists(strategies.entries(_A, _B), max_size=8))
def test_the_input_is_not_changed(before: State, entries: list[Entry]) -> None:
    """States are values: the one that was loaded stays what it was."""
    kept = replace(before, instances=dict(before.instances), generations=dict(before.generations))
    _fold(before, *entries)
    assert kept == before


def test_a_create_is_open_until_its_end_is_recorded() -> None:
    """Intent, bound, then committed or done."""
    bound = Bound(op="op1", vault_id="v1", suite=None)
    assert (Open(intent=_intent()),) == _fold(_EMPTY, _intent())[1]
    assert (Open(intent=_intent(), vault_id="v1"),) == _fold(_EMPTY, _intent(), bound)[1]
    assert _fold(_EMPTY, _intent(), bound, _committed(share("v1")))[1] == ()
    after, still_open = _fold(_EMPTY, _intent(generation=7), bound, Done(op="op1"))
    assert still_open == ()
    assert Ledger(after).next_generation(_A) == 8
    assert after.instances == {}


def test_an_open_create_uses_its_generation() -> None:
    """A second attempt while the first may still land bears the next one."""
    live = Ledger(_EMPTY)
    live.take(_intent(generation=3))
    assert live.next_generation(_A) == 4
    assert live.next_generation(_B) == 1


def test_a_commit_makes_the_old_one_an_old_copy() -> None:
    """Both are in the state until the revoke is recorded."""
    before = state({"a": Instance(uid="uid-a", current=share("v1"))})
    after, _ = _fold(before, _committed(share("v2", generation=2), protect=True))
    expected = Instance(
        uid="uid-a",
        prevent_revoke=True,
        current=share("v2", generation=2),
        deposed=(Deposed(share=share("v1")),),
    )
    assert expected == after.instances[_A]
    assert after.generations[_A] == 2


def test_a_vault_that_was_an_old_copy_and_is_committed_is_no_old_copy() -> None:
    """It would otherwise be revoked as one."""
    before = state({"a": Instance(uid="uid-a", current=share("v1"), deposed=(Deposed(share=share("v2")),))})
    after, _ = _fold(before, _committed(share("v2", generation=2)))
    assert [d.share.vault_id for d in after.instances[_A].deposed] == ["v1"]


def test_a_revoke_of_ours_never_reads_as_somebody_elses() -> None:
    """Recorded before: the vault is an old copy when the crash comes between the record and the revoke."""
    before = state({"a": Instance(uid="uid-a", current=share("v1"))})
    between, _ = _fold(before, DeposedNow(address=_A, vault_id="v1"))
    assert between.instances[_A].current is None
    assert [d.share.vault_id for d in between.instances[_A].deposed] == ["v1"]
    after, _ = _fold(between, Revoked(address=_A, vault_id="v1"))
    assert after.instances == {}
    assert Ledger(after).next_generation(_A) == 2


def test_a_revoke_ends_one_vault_only() -> None:
    """Others of the address stay."""
    before = state(
        {
            "a": Instance(
                uid="uid-a",
                current=share("v3"),
                deposed=tuple(Deposed(share=share(v)) for v in ("v1", "v2")),
            )
        }
    )
    after, _ = _fold(before, DeposedNow(address=_A, vault_id="v1"), Revoked(address=_A, vault_id="v1"))
    assert {"v2", "v3"} == after.known()
    assert after.instances[_A].current == share("v3")


def test_what_is_forgotten_is_left_alone() -> None:
    """Current and old copies leave the state, and are remembered as nobody's business."""
    before = state({"a": Instance(uid="uid-a", current=share("v2"), deposed=(Deposed(share=share("v1")),))})
    after, _ = _fold(before, Forgotten(address=_A))
    assert after.instances == {}
    assert {"v1", "v2"} == after.forgotten


def _journal(*entries: Entry, lineage: str = "lineage", serial: int = 8) -> Journal:
    header = Header(lineage=lineage, base_serial=serial, tool="t")
    return Journal(header=header, entries=entries)


def test_without_a_journal_the_state_is_what_it_is() -> None:
    """No run is open."""
    assert replay(None, None, file=_FILE) == (None, ())
    assert replay(_EMPTY, None, file=_FILE) == (_EMPTY, ())


def test_a_journal_on_this_serial_is_folded_in() -> None:
    """The run claimed the state and died."""
    after, still_open = replay(_EMPTY, _journal(_committed(share("v1")), _intent("op2")), file=_FILE)
    assert after is not None
    assert {"v1"} == after.known()
    assert [o.intent.op for o in still_open] == ["op2"]


def test_a_journal_on_an_older_serial_is_obsolete() -> None:
    """Its run saved: everything in it is in the state."""
    stale = _journal(Forgotten(address=_A), _intent(), serial=7)
    before = state({"a": Instance(uid="uid-a", current=share("v1"))})
    assert (before, ()) == replay(before, stale, file=_FILE)


@pytest.mark.parametrize(
    ("before", "recorded", "what"),
    [
        (None, _journal(), "the state is missing"),
        (_EMPTY, _journal(lineage="other"), "journal of another state"),
        (_EMPTY, _journal(lineage="other", serial=3), "journal of another state"),
        (_EMPTY, _journal(serial=9), "is older than"),
    ],
)
def test_what_does_not_belong_together_is_refused(before: State | None, recorded: Journal, what: str) -> None:
    """No state, another lineage (whatever its serial), an old copy of the state."""
    with pytest.raises(StateError) as caught:
        replay(before, recorded, file=_FILE)
    assert what in caught.value.detail
    assert _FILE in caught.value.detail
    assert caught.value.hint


def test_an_unanswered_create_is_remembered_for_its_time() -> None:
    """Everything that a later run needs to know it again."""
    actual = pending_of(Open(intent=_intent(generation=3)))
    assert (
        actual.op,
        actual.address,
        actual.generation,
        actual.tag,
        actual.at,
    ) == ("op1", _A, 3, "T3", _AT)
    assert timedelta(minutes=15) == actual.until - actual.at
