"""What holds for any stack, whatever is declared and whatever the tenant says."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.errors import Problem
from reconciler.model.manifest import DAY, Renew
from reconciler.model.plan import Action, Cause
from reconciler.model.state import End, Ended, Instance, State
from reconciler.model.vault import Observed, Status
from reconciler.planning.expand import Desired
from reconciler.planning.values import NO_KEY, Checked, Known, Unreadable
from tests.support.plans import (
    NOW,
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
)
from tests.support.simulation import applied

NAMES = st.sampled_from("abcdef")
ATTRIBUTES = st.sampled_from(
    [
        attributes(),
        attributes("bo@example.com", "ana@example.com"),
        attributes(max_views=1, expires_in=7 * DAY),
        attributes(rotate="x"),
    ]
)
CONTENTS: st.SearchStrategy[Known] = st.sampled_from(
    [
        Checked(fingerprint=fingerprint("v"), size="up to 1 KiB"),
        Checked(fingerprint=fingerprint("other"), size="1-4 KiB"),
        NO_KEY,
        Unreadable(problem=Problem(mark=None, what="not set")),
    ]
)


@st.composite
def instances(draw: st.DrawFn, name: str) -> Instance:
    made = [
        share(
            f"{name}{n}",
            draw(ATTRIBUTES),
            age=timedelta(days=draw(st.sampled_from([0, 1, 6, 13, 20]))),
            generation=n,
        )
        for n in (1, 2, 3)
    ]
    held = instance(made[0] if draw(st.booleans()) else None, prevent_revoke=draw(st.booleans()))
    if draw(st.booleans()):
        held = replace(held, deposed=instance(None, made[1]).deposed)
    if held.empty() or (held.current is None and draw(st.booleans())):
        held = replace(held, ended=Ended(how=draw(st.sampled_from(End)), seen=NOW, share=made[2]))
    return held


@st.composite
def stacks(draw: st.DrawFn) -> State:
    return state({name: draw(instances(name)) for name in draw(st.sets(NAMES))})


@st.composite
def declared(draw: st.DrawFn) -> tuple[Desired, ...]:
    return tuple(
        all_desired(
            name, draw(ATTRIBUTES), renew=draw(st.sampled_from(Renew)), prevent_revoke=draw(st.booleans())
        )
        for name in sorted(draw(st.sets(NAMES)))
    )


@st.composite
def looks(draw: st.DrawFn, prior: State) -> Observed:
    vaults, gone = [], []
    for seen in all_live(prior).vaults.values():
        if draw(st.integers(0, 4)) == 0:
            gone.append(seen.vault_id)
        else:
            vaults.append(
                replace(seen, status=draw(st.sampled_from(Status)), content_ready=draw(st.booleans()))
            )
    return observed(vaults, gone=gone)


@st.composite
def scenes(draw: st.DrawFn) -> tuple[tuple[Desired, ...], State, Observed, dict[str, Known]]:
    wants, prior = draw(declared()), draw(stacks())
    contents = {str(w.address): draw(CONTENTS) for w in wants}
    return wants, prior, draw(looks(prior)), contents


@settings(max_examples=300, deadline=None)
@given(scenes())
def test_after_an_apply_the_next_plan_is_empty(
    scene: tuple[tuple[Desired, ...], State, Observed, dict[str, Known]],
) -> None:
    wants, prior, seen, contents = scene
    planned = plan(*wants, prior=prior, seen=seen, contents=contents)
    made = [str(change.address) for change in planned.plan.acting() if change.after]
    if any(isinstance(contents[address], Unreadable) for address in made):
        return  # refused before anything is done
    after = applied(
        planned,
        protected=[w.address for w in wants if w.prevent_revoke],
        once=[w.address for w in wants if w.renew is Renew.NEVER],
    )
    still = {v.vault_id: v for v in seen.vaults.values()}
    held = all_live(after).vaults.values()
    kept = [still.get(v.vault_id, v) for v in held if v.vault_id not in seen.gone]
    again = plan(*wants, prior=after, seen=observed(kept, gone=seen.gone), contents=contents)
    assert short(again.plan) == {}
    assert again.state == after


@settings(max_examples=300, deadline=None)
@given(scenes())
def test_what_is_wanted_is_never_only_revoked(
    scene: tuple[tuple[Desired, ...], State, Observed, dict[str, Known]],
) -> None:
    wants, prior, seen, contents = scene
    addresses = {w.address for w in wants}
    for change in plan(*wants, prior=prior, seen=seen, contents=contents).plan.acting():
        if change.action in (Action.REVOKE, Action.FORGET):
            assert change.deposed or change.address not in addresses
        if change.action in (Action.CREATE, Action.REPLACE):
            assert change.address in addresses
            assert change.after is not None
        assert change.reason
        assert isinstance(change.cause, Cause)


@settings(max_examples=100, deadline=None)
@given(scenes(), st.randoms())
def test_no_order_matters(
    scene: tuple[tuple[Desired, ...], State, Observed, dict[str, Known]], random: object
) -> None:
    wants, prior, seen, contents = scene
    planned = plan(*wants, prior=prior, seen=seen, contents=contents)
    turned = replace(prior, instances=dict(reversed(list(prior.instances.items()))))
    other = plan(*reversed(wants), prior=turned, seen=seen, contents=dict(reversed(contents.items())))
    assert other == planned


@settings(max_examples=100, deadline=None)
@given(scenes())
def test_without_the_key_no_value_is_the_reason(
    scene: tuple[tuple[Desired, ...], State, Observed, dict[str, Known]],
) -> None:
    wants, prior, seen, _ = scene
    planned = plan(*wants, prior=prior, seen=seen, contents={str(w.address): NO_KEY for w in wants})
    assert not [line for line in short(planned.plan).values() if "content_changed" in line]


@given(stacks())
def test_a_stranger_plans_nothing(prior: State) -> None:
    planned = plan(
        all_desired("a"), prior=prior, seen=observed(who="someone-else", gone=sorted(prior.known()))
    )
    assert (short(planned.plan), planned.state) == ({}, prior)
