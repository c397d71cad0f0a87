"""An approval is for one moment: what was done and taken back is never done again by the same plan."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from reconciler.model.address import Address
from reconciler.model.manifest import Moved
from reconciler.model.plan import Action, Plan
from reconciler.model.state import APPLIED_KEPT, AppliedPlan, State
from reconciler.planfile import sealed
from reconciler.planfile.spent import LIFE
from reconciler.planning.moves import move
from reconciler.planning.values import Checked
from reconciler.state.journal import Committed, Done, Intent, Revoked
from reconciler.state.ledger import Ledger
from tests.support.plans import NOW, all_desired, fingerprint, instance, mark, plan, share, state

OTHER = Checked(fingerprint=fingerprint("other"), size="1-4 KiB")
PRIOR = state({"a": instance(share("1a")), "b": instance(share("1b"))})
WANTS = (all_desired("a"), all_desired("new"))


def saved() -> Plan:
    """Replaces a, revokes b, creates new."""
    return plan(*WANTS, prior=PRIOR, contents={"a": OTHER}).plan


def why(plan: Plan, state: State, **about: timedelta) -> tuple[str, ...]:
    return sealed.spent(plan, plan, state, clock=NOW + about.pop("age", timedelta(0)), **about)


def test_the_plans_are_what_these_tests_say() -> None:
    assert [c.action for c in saved().acting()] == [Action.REPLACE, Action.REVOKE, Action.CREATE]


@pytest.mark.parametrize("name", ["a", "new"])
def test_a_generation_that_was_made_is_spent(name: str) -> None:
    """A share of it, or of a later one, was filled: the approval of that share was used."""
    change = next(c for c in saved().acting() if c.address == Address(name))
    assert change.generation
    for made, spent in (
        (change.generation - 1, False),
        (change.generation, True),
        (change.generation + 1, True),
    ):
        [*told] = why(saved(), replace(PRIOR, made={Address(name): made}))
        assert spent == bool(told)
        assert all(line.startswith(f"{name}: ") for line in told)


def test_an_attempt_that_failed_spends_nothing() -> None:
    """It uses up a generation and gives nobody anything: the same plan may try again."""
    tried = replace(PRIOR, generations={Address("a"): 9, Address("new"): 9})
    assert why(saved(), tried) == ()


def test_a_plan_that_was_applied_is_spent_whatever_it_does() -> None:
    """Also one that only revokes or forgets; another look with the same digest is another plan."""
    only = plan(all_desired("a"), prior=PRIOR).plan
    assert [c.action for c in only.acting()] == [Action.REVOKE]
    known = replace(PRIOR, applied=(sealed.record_of(only),))
    assert why(only, known) != ()
    later = replace(only, as_of=NOW + timedelta(seconds=1))
    assert later.digest() == only.digest()
    assert why(later, known) == ()


def test_what_is_done_already_is_not_refused() -> None:
    """Nothing is left to do: the same command twice is no error."""
    done = plan(all_desired("a"), prior=state({"a": instance(share("1a"))})).plan
    only = plan(all_desired("a"), prior=PRIOR).plan
    known = replace(PRIOR, applied=(sealed.record_of(only),))
    assert sealed.spent(only, done, known, clock=NOW) == ()


def test_a_plan_lives_for_a_week_or_as_long_as_it_is_told() -> None:
    assert why(saved(), PRIOR, age=LIFE) == ()
    assert "lives for 7d" in why(saved(), PRIOR, age=LIFE + timedelta(seconds=1))[0]
    assert why(saved(), PRIOR, age=timedelta(hours=1), life=timedelta(minutes=59)) != ()


def test_the_list_of_applied_plans_is_bounded() -> None:
    """The latest are kept, one entry each."""
    ledger = Ledger(PRIOR)
    plans = [AppliedPlan(digest=f"sha256:{n}", as_of=NOW) for n in range(APPLIED_KEPT + 5)]
    for applied in (*plans, plans[-1], plans[-2]):
        ledger.remember(applied)
    kept = ledger.state().applied
    assert set(plans[5:]) == set(kept)
    assert APPLIED_KEPT == len(kept)


def test_what_was_made_follows_a_rename() -> None:
    """Neither name may be approved twice for one generation."""
    before = replace(PRIOR, made={Address("a"): 4})
    after = move(before, [Moved(source="a", to="c", mark=mark())], [Address("c")]).state
    assert {Address("a"): 4, Address("c"): 4} == after.made


def test_what_was_filled_is_counted_and_an_attempt_is_not() -> None:
    """An intent, and the end of one that came to nothing, give nobody anything."""
    address = Address("new")
    ledger = Ledger(PRIOR)
    ledger.take(Intent(op="1", address=address, uid="u", generation=1, tag="t", at=NOW))
    ledger.take(Done(op="1"))
    assert {} == ledger.state().made
    ledger.take(
        Committed(op="2", address=address, uid="u", prevent_revoke=False, share=share("2new", generation=2))
    )
    ledger.take(Revoked(address=address, vault_id="2new"))
    ledger.take(
        Committed(op="", address=address, uid="u", prevent_revoke=False, share=share("1new", generation=1))
    )
    assert {address: 2} == ledger.state().made
