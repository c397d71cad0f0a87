"""Guards count what the manifest caused, and nothing else."""

from __future__ import annotations

import pytest

from reconciler.model.plan import Limits, Plan
from reconciler.planning.guards import guarded, guards
from reconciler.planning.values import Checked
from tests.support import stories
from tests.support.plans import all_desired, fingerprint, instance, plan, share, state

OTHER = Checked(fingerprint=fingerprint("other"), size="")
FREE = Limits()


def revoking(count: int, live: int) -> Plan:
    names = [f"s{n:02}" for n in range(live)]
    prior = state({name: instance(share(name)) for name in names})
    return plan(*(all_desired(name) for name in names[count:]), prior=prior).plan


def copies(count: int) -> Plan:
    """A state that calls live shares old copies of another secret."""
    olds = [share(f"old{n}") for n in range(count)]
    return plan(all_desired("s"), prior=state({"s": instance(share("s"), *olds)})).plan


def replacing(count: int, live: int) -> Plan:
    names = [f"s{n:02}" for n in range(live)]
    prior = state({name: instance(share(name)) for name in names})
    return plan(
        *(all_desired(name) for name in names), prior=prior, contents=dict.fromkeys(names[:count], OTHER)
    ).plan


@pytest.mark.parametrize(
    ("plan", "limits", "expected"),
    [
        (revoking(5, 10), FREE, []),  # not more than five
        (revoking(6, 20), FREE, []),  # not more than 30 percent
        (revoking(6, 19), FREE, ["max_revoke"]),
        (revoking(2, 2), FREE, ["max_revoke"]),  # all of them
        (revoking(1, 1), FREE, []),
        (replacing(6, 19), FREE, ["max_replace"]),
        (replacing(5, 5), FREE, []),
        (revoking(6, 19), Limits(max_revoke=6), []),
        (revoking(6, 19), Limits(max_revoke=5), ["max_revoke"]),
        (revoking(1, 19), Limits(max_revoke=0), ["max_revoke"]),
        (replacing(6, 19), Limits(max_revoke=6), ["max_replace"]),
        (replacing(6, 19), Limits(max_replace=6), []),
        (copies(5), FREE, []),
        (copies(6), FREE, ["max_revoke"]),
        (copies(6), Limits(max_revoke=6), []),
        (stories.renewals(40), FREE, []),
        (stories.creates(40), FREE, []),
    ],
)
def test_guards(plan: Plan, limits: Limits, expected: list[str]) -> None:
    assert [refusal.code for refusal in guards(plan, limits)] == expected


def test_limits_are_told_and_are_a_part_of_what_is_approved() -> None:
    """A plan with another limit is another approval; one without any keeps its digest."""
    plan = replacing(8, 12)
    told = guarded(plan, Limits(max_replace=8))
    assert told.refusals == ()
    assert [note.code for note in told.attention] == ["limits_given"]
    assert "replace up to 8 shares at once: --max-replace 8" in told.attention[0].text
    free = guarded(plan, FREE)
    assert free.attention == plan.attention
    assert free.digest() == plan.digest()
    digests = {free.digest(), *(guarded(plan, Limits(max_replace=n)).digest() for n in (0, 8, 9))}
    assert 4 == len(digests | {guarded(plan, Limits(max_revoke=8)).digest()}) - 1


def test_the_refusal_names_the_flag() -> None:
    refusal = guards(revoking(6, 6), FREE)[0]
    assert refusal.text == "the manifest would revoke 6 of 6 live secrets"
    assert refusal.next is not None
    assert "--max-revoke 6" in refusal.next
    assert "plan -o" in refusal.next
    assert "by hand" in refusal.next, "what a pipeline needs stands in its comment"
