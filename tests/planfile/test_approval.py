"""`apply PLAN`: what may go on and what is out of date."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from reconciler.model.address import Address
from reconciler.model.plan import Action, Plan
from reconciler.model.state import Deposed
from reconciler.model.vault import Status
from reconciler.planfile import sealed
from reconciler.planning.selection import Selection, narrow
from reconciler.planning.values import Checked
from tests.support.plans import (
    all_desired,
    all_live,
    attributes,
    fingerprint,
    instance,
    observed,
    plan,
    share,
    short,
    state,
    vault,
)
from tests.support.simulation import applied

OTHER = Checked(fingerprint=fingerprint("other"), size="1-4 KiB")
THIRD = Checked(fingerprint=fingerprint("third"), size="1-4 KiB")
PRIOR = state(
    {
        "a": instance(share("1a")),
        "b": instance(share("1b")),
        "due": instance(share("1d", age=timedelta(days=13))),
    }
)
WANTS = (all_desired("a"), all_desired("due"), all_desired("new"))


def saved() -> Plan:
    """Replaces a, revokes b, renews due, creates new."""
    return plan(*WANTS, prior=PRIOR, contents={"a": OTHER}).plan


def test_the_same_plan_goes_on() -> None:
    assert sealed.differences(saved(), saved()) == ()


def test_it_goes_on_after_any_part_was_applied() -> None:
    """Each subset of the four changes done: the rest remains, and is allowed."""
    changes = saved().acting()
    assert len(changes) == 4
    for chosen in range(16):
        done = [c for n, c in enumerate(changes) if chosen >> n & 1]
        after = applied(plan(*WANTS, prior=PRIOR, contents={"a": OTHER}), done)
        now = plan(*WANTS, prior=after, contents={"a": OTHER}).plan
        assert sealed.differences(saved(), now) == ()
        left = {c.address for c in changes} - {c.address for c in done}
        assert {c.address for c in sealed.approved(saved(), now).acting()} == left


def test_an_old_copy_that_a_stopped_apply_left_is_no_difference() -> None:
    after = applied(plan(*WANTS, prior=PRIOR, contents={"a": OTHER}), saved().acting())
    one = after.instances[Address("a")]
    left = replace(one, deposed=(Deposed(share=share("1a")),))
    now = plan(
        *WANTS, prior=replace(after, instances={**after.instances, Address("a"): left}), contents={"a": OTHER}
    )
    assert sealed.differences(saved(), now.plan) == ()
    assert [c.deposed for c in sealed.approved(saved(), now.plan).acting()] == ["1a"]


def test_an_old_copy_that_no_plan_named_waits() -> None:
    """A state that is edited after the review brings no further vault into what was approved, and fails nothing."""
    forged = replace(PRIOR.instances[Address("a")], deposed=(Deposed(share=share("1victim")),))
    mine = replace(PRIOR.instances[Address("due")], deposed=(Deposed(share=share("1a")),))
    prior = replace(PRIOR, instances={**PRIOR.instances, Address("a"): forged, Address("due"): mine})
    seen = all_live(prior)
    victim = replace(seen.vaults["1victim"], display_name="the wifi")
    seen = replace(seen, vaults={**seen.vaults, "1victim": victim})
    now = plan(*WANTS, prior=prior, seen=seen, contents={"a": OTHER}).plan
    assert {"1victim", "1a"} <= {c.deposed for c in now.acting()}
    assert sealed.differences(saved(), now) == ()
    assert {c.deposed for c in sealed.approved(saved(), now).acting()} == {None}
    known = plan(*WANTS, prior=prior, contents={"a": OTHER}).plan
    assert len(sealed.approved(known, now).acting()) == len(now.acting())


@pytest.mark.parametrize("name", ["a", "b", "due"])
def test_another_vault_in_the_place_of_the_one_that_was_to_end_is_told(name: str) -> None:
    one = PRIOR.instances[Address(name)]
    assert one.current
    forged = replace(one, current=replace(one.current, vault_id="1victim"))
    prior = replace(PRIOR, instances={**PRIOR.instances, Address(name): forged})
    now = plan(*WANTS, prior=prior, contents={"a": OTHER}).plan
    assert difference(now) == f"{name}: would end another share than the plan"
    assert now.digest() != saved().digest()


def difference(now: Plan) -> str:
    return "\n".join(sealed.differences(saved(), now))


def test_whatever_else_changed_is_told() -> None:
    content = {"a": OTHER}
    more = attributes("eve@example.com")
    cases = {
        "a: the value is not the planned one": plan(*WANTS, prior=PRIOR, contents={"a": THIRD}),
        "a: replace (value changed) is in the plan, but would not": plan(*WANTS, prior=PRIOR),
        "new: recipients changed since the plan": plan(
            *WANTS[:2], all_desired("new", more), prior=PRIOR, contents=content
        ),
        "due: replace (expires soon) in the plan, now replace (recipients changed, expires soon)": plan(
            all_desired("a"), all_desired("due", more), all_desired("new"), prior=PRIOR, contents=content
        ),
        "b: revoke (removed from the manifest) is in the plan, but would not": plan(
            *WANTS, all_desired("b"), prior=PRIOR, contents=content
        ),
        "other: create (new) is not in the plan": plan(
            *WANTS, all_desired("other"), prior=PRIOR, contents=content
        ),
        "new: create (new) is in the plan, but would not": plan(*WANTS[:2], prior=PRIOR, contents=content),
    }
    assert [sentence for sentence, now in cases.items() if sentence not in difference(now.plan)] == []


def test_another_stack_tenant_identity_policy_or_state_is_told() -> None:
    for other in (
        replace(saved(), name="x"),
        replace(saved(), server="x"),
        replace(saved(), creator="x"),
        replace(saved(), policy_digest="x"),
        replace(saved(), lineage="x"),
    ):
        assert sealed.differences(saved(), other) != ()
    assert sealed.differences(replace(saved(), offline=True), saved()) != ()


def test_it_survives_views_renewals_and_ends() -> None:
    """Serial, views and times are shown, not compared; a share that ended meanwhile is the next run's."""
    viewed = observed(vault(i.current, views=9) for i in PRIOR.instances.values() if i.current)
    assert (
        difference(plan(*WANTS, prior=replace(PRIOR, serial=99), seen=viewed, contents={"a": OTHER}).plan)
        == ""
    )
    due = PRIOR.instances[Address("due")].current
    assert due
    live = all_live(PRIOR).vaults.values()
    late = observed(vault(due, status=Status.EXPIRED) if v.vault_id == "1d" else v for v in live)
    now = plan(*WANTS, prior=PRIOR, seen=late, contents={"a": OTHER}).plan
    assert {str(c.address): c.action for c in now.acting()}["due"] is Action.CREATE
    assert sealed.differences(saved(), now) == ()

    keeping = plan(*WANTS, all_desired("b"), prior=PRIOR, contents={"a": OTHER}).plan
    ended = observed(
        vault(share(v.vault_id), status=Status.EXPIRED) if v.vault_id == "1b" else v for v in live
    )
    now = plan(*WANTS, all_desired("b"), prior=PRIOR, seen=ended, contents={"a": OTHER}).plan
    assert sealed.differences(keeping, now) == ()
    assert Address("b") not in {c.address for c in sealed.approved(keeping, now).acting()}


def test_what_would_not_happen_is_no_proof_that_it_was_done() -> None:
    """The vault that was to be replaced is there still: whatever it holds, nothing was made for the plan."""
    asked = plan(all_desired("a"), prior=PRIOR, requested=["a"]).plan
    assert (
        "a: replace (asked for on the command line) is in the plan, but would not happen now",
    ) == sealed.differences(asked, plan(all_desired("a"), prior=PRIOR).plan)[:1]


def test_an_old_copy_does_not_bring_in_what_was_left_out() -> None:
    """It is in every plan, of whatever part; its secret need not be."""
    prior = state({"a": instance(share("1a")), "b": instance(None, share("1b"))})
    whole = plan(all_desired("a"), all_desired("b"), prior=prior).plan
    part = narrow(whole, Selection(targets=("a",)))
    assert {"a", "b"} == {str(change.address) for change in part.changes}
    assert () == sealed.differences(part, whole)
    assert {"b#1b": "revoke deposed drift"} == short(sealed.approved(part, whole))
