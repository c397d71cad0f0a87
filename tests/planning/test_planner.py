"""The planner's rules, each by a small stack, and what must hold for any."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import timedelta

import pytest

from reconciler.errors import Problem
from reconciler.model.address import Address
from reconciler.model.manifest import DAY, AgeSuite, Format, Kind, Renew, Sharing
from reconciler.model.plan import Action, Cause, Reason, access
from reconciler.model.state import Attributes, Deposed, End, Ended, Pending, Share, State
from reconciler.model.vault import Observed, Status
from reconciler.planning.values import NO_KEY, NOT_RECORDED, Checked, Unchecked, Unreadable, size_bucket
from tests.support.plans import (
    NOW,
    all_desired,
    all_live,
    attributes,
    codes,
    fingerprint,
    instance,
    mark,
    observed,
    plan,
    share,
    short,
    state,
    vault,
)

LIVE = share("1vault")
PRIOR = state({"db": instance(LIVE)})
OTHER = Checked(fingerprint=fingerprint("other"), size="1-4 KiB")
GONE = observed(gone=["1vault"])
OLD = share("1vault", age=timedelta(days=20))
ENDED = Ended(how=End.EXPIRED, seen=NOW - timedelta(days=1), share=OLD)


def one(status: Status, *, ready: bool = True, views: int = 0) -> Observed:
    return observed([vault(LIVE, status=status, ready=ready, views=views)])


def test_a_first_run_creates_everything() -> None:
    planned = plan(all_desired("b"), all_desired("a"))
    assert short(planned.plan) == {"a": "create new manifest", "b": "create new manifest"}
    assert [c.generation for c in planned.plan.changes] == [1, 1]
    assert [c.uid for c in planned.plan.changes] == ["uid-a", "uid-b"]
    assert planned.state is None
    assert planned.plan.attention == ()


def test_nothing_to_do_is_a_plan_without_changes() -> None:
    planned = plan(all_desired("db"), prior=PRIOR)
    assert short(planned.plan) == {}
    assert planned.state == PRIOR
    assert planned.plan.live == 1
    assert planned.plan.summary().no_op == 1


@pytest.mark.parametrize(
    ("seen", "renew", "expected"),
    [
        (one(Status.ACTIVE), Renew.ALWAYS, ""),
        (one(Status.ACTIVE, ready=False), Renew.NEVER, "replace tainted drift"),
        (one(Status.EXPIRED), Renew.ALWAYS, "create expired time"),
        (one(Status.DATA_DELETED), Renew.ALWAYS, "create expired time"),
        (one(Status.EXPIRED), Renew.NEVER, "state_only expired time"),
        (one(Status.BURNED), Renew.ALWAYS, "state_only burned drift"),
        (one(Status.REVOKED), Renew.ALWAYS, "state_only revoked_remotely drift"),
        (one(Status.UNKNOWN), Renew.ALWAYS, ""),
        (GONE, Renew.NEVER, "create missing_remotely drift"),
    ],
)
def test_what_the_tenant_says_of_a_vault(seen: Observed, renew: Renew, expected: str) -> None:
    """Only time and the manifest make a share again; what somebody ended stays ended."""
    planned = plan(all_desired("db", renew=renew), prior=PRIOR, seen=seen)
    assert short(planned.plan).get("db", "") == expected


def test_an_end_is_recorded_once_and_told() -> None:
    planned = plan(all_desired("db"), prior=PRIOR, seen=one(Status.BURNED))
    assert planned.state is not None
    found = planned.state.instances[Address("db")]
    assert (found.current, found.ended) == (None, Ended(how=End.BURNED, seen=NOW, share=LIVE))
    assert codes(planned.plan) == ["ended_kept"]
    again = plan(all_desired("db"), prior=planned.state, seen=GONE)
    assert short(again.plan) == {}, "a later 404 is not another end"
    assert again.state == planned.state
    assert codes(again.plan) == ["ended_kept"]


def test_a_vault_past_its_time_has_expired_whatever_the_answer() -> None:
    """A 404 after the end is no loss, and a status that lags is not believed."""
    prior = state({"db": instance(OLD)})
    for seen, cause in ((observed(gone=["1vault"]), "drift"), (observed([vault(OLD)]), "time")):
        assert short(plan(all_desired("db"), prior=prior, seen=seen).plan) == {
            "db": f"create expired {cause}"
        }


EVE = attributes("ana@example.com", "eve@example.com")


def test_what_the_state_says_of_recipients_is_held_against_the_tenant() -> None:
    """Whoever adds themselves to the manifest and to the state gains access all the same."""
    for more in (EVE, replace(EVE, rotate="2026-11")):
        forged = replace(LIVE, attributes=replace(EVE, rotate=None), created=NOW, expires=NOW)
        forged = replace(forged, expires=LIVE.expires)
        planned = plan(
            all_desired("db", more), prior=state({"db": instance(forged)}), seen=observed([vault(LIVE)])
        ).plan
        assert short(planned) == {"db": "replace attributes_changed manifest"}
        assert [(p.who, p.gains) for p in access(planned.changes)] == [("eve@example.com", (Address("db"),))]
        assert codes(planned) == ["state_differs"]


@pytest.mark.parametrize(
    ("forged", "told"),
    [
        (replace(LIVE, attributes=attributes("eve@example.com")), "recipients"),
        (replace(LIVE, attributes=attributes(sharing=Sharing.EXTERNAL)), "recipients"),
        (replace(LIVE, attributes=attributes(max_views=1)), "views"),
        (replace(LIVE, created=NOW - timedelta(days=14), expires=NOW + timedelta(hours=1)), "lifetime"),
        (replace(LIVE, attributes=attributes(expires_in=DAY)), "lifetime"),
    ],
)
def test_the_tenants_word_is_what_a_plan_begins_from(forged: Share, told: str) -> None:
    """Where the tenant has what the manifest asks for, the state is put right and nothing is sent."""
    planned = plan(all_desired("db"), prior=state({"db": instance(forged)}), seen=one(Status.ACTIVE))
    assert short(planned.plan) == {"db": "state_only"}
    assert planned.state == PRIOR or told == "recipients"
    assert codes(planned.plan) == ["state_differs"]
    assert f"disagree about {told};" in planned.plan.attention[0].text
    assert planned.state is not None
    assert short(plan(all_desired("db"), prior=planned.state).plan) == {}


def test_an_answer_that_leaves_fields_out_says_nothing_against_the_state() -> None:
    bare = replace(vault(LIVE), user_ids=frozenset(), max_views=0, created=None, expires=None, sharing=None)
    planned = plan(all_desired("db"), prior=PRIOR, seen=observed([bare]))
    assert (short(planned.plan), codes(planned.plan), planned.state) == ({}, [], PRIOR)


def test_a_renewal_goes_out_only_where_the_tenant_shows_what_is_renewed() -> None:
    """A vault of another name, an import or none at all: the state alone would say who had access."""
    due = share("1vault", age=timedelta(days=13))
    prior, desired = state({"db": instance(due)}), all_desired("db")
    named = replace(vault(due), display_name="made by hand")
    assert short(plan(desired, prior=prior).plan) == {"db": "replace renewal_due time"}
    assert short(plan(desired, prior=prior, seen=observed([named])).plan) == {
        "db": "replace renewal_due drift"
    }
    ended = state({"db": instance(None, ended=ENDED)})
    seen = observed([vault(OLD, status=Status.EXPIRED)])
    assert short(plan(desired, prior=ended, seen=seen).plan) == {"db": "create expired time"}
    assert short(plan(desired, prior=ended, seen=GONE).plan) == {"db": "create expired drift"}


def test_an_ended_share_is_made_again_only_for_a_reason() -> None:
    prior = state({"db": instance(None, ended=ENDED)})
    never = all_desired("db", renew=Renew.NEVER)
    assert short(plan(never, prior=prior).plan) == {}
    assert short(plan(never, prior=prior, contents={"db": OTHER}).plan) == {
        "db": "create content_changed manifest"
    }
    assert short(plan(never, prior=prior, requested=["db"]).plan) == {"db": "create requested manifest"}
    rotated = all_desired("db", attributes(rotate="2026-11"), renew=Renew.NEVER)
    assert short(plan(rotated, prior=prior).plan) == {"db": "create rotated manifest"}
    assert short(plan(all_desired("db"), prior=prior).plan) == {"db": "create expired drift"}


@pytest.mark.parametrize(
    "changed",
    [
        attributes("bo@example.com"),
        attributes(expires_in=7 * DAY),
        attributes(max_views=1),
        attributes(label="other", label_defaulted=False),
        attributes(format=Format.JSON),
        attributes(kind=Kind.FILE, format=None, filename="a"),
        attributes(sharing=Sharing.EXTERNAL),
        attributes(suite=AgeSuite.MLKEM768X25519),
    ],
)
def test_every_attribute_that_differs_replaces(changed: Attributes) -> None:
    assert short(plan(all_desired("db", changed), prior=PRIOR).plan) == {
        "db": "replace attributes_changed manifest"
    }


@pytest.mark.parametrize(
    "same",
    [
        attributes(label="other"),
        attributes(suite=AgeSuite.X25519),
        replace(
            attributes(), recipients=(replace(LIVE.attributes.recipients[0], as_written="ANA@Example.com"),)
        ),
    ],
)
def test_what_nobody_asked_for_is_no_difference(same: Attributes) -> None:
    """A defaulted label, the suite that there was, another spelling of one person."""
    assert short(plan(all_desired("db", same), prior=PRIOR).plan) == {}


def test_the_first_reason_that_holds_is_named() -> None:
    everything = all_desired("db", attributes("bo@example.com", rotate="x"))
    prior = state({"db": instance(share("1vault", age=timedelta(days=13)))})
    found = [
        short(plan(everything, prior=prior, contents={"db": OTHER}, requested=["db"]).plan)["db"],
        short(plan(everything, prior=prior, contents={"db": OTHER}).plan)["db"],
        short(plan(all_desired("db", attributes(rotate="x")), prior=prior, contents={"db": OTHER}).plan)[
            "db"
        ],
        short(plan(all_desired("db", attributes(rotate="x")), prior=prior).plan)["db"],
        short(plan(all_desired("db"), prior=prior).plan)["db"],
    ]
    assert found == [
        "replace requested manifest",
        "replace attributes_changed manifest",
        "replace content_changed manifest",
        "replace rotated manifest",
        "replace renewal_due time",
    ]


def test_a_renewal_is_due_from_its_lead_on() -> None:
    """Fifteen percent of 14 days before the end, to the second."""
    life = 14 * DAY
    due_at = LIVE.created + timedelta(seconds=life - life * 15 // 100)
    for moment, expected in (
        (due_at - timedelta(seconds=1), {}),
        (due_at, {"db": "replace renewal_due time"}),
    ):
        assert short(plan(all_desired("db"), prior=PRIOR, now=moment).plan) == expected


def test_a_share_that_is_not_renewed_is_announced() -> None:
    prior = state({"db": instance(share("1vault", age=timedelta(days=13)))})
    planned = plan(all_desired("db", renew=Renew.NEVER), prior=prior)
    assert (short(planned.plan), codes(planned.plan)) == ({}, ["ends_soon"])


def test_what_left_the_manifest_is_revoked() -> None:
    planned = plan(prior=PRIOR)
    assert short(planned.plan) == {"db": "revoke removed_from_manifest manifest"}
    assert planned.state == PRIOR, "apply records the revoke before it is sent, not the plan"


def test_removed_without_revoke_is_forgotten_with_its_old_copies() -> None:
    prior = state({"db": instance(LIVE, share("0old"))})
    planned = plan(prior=prior, removed=[("db", False)])
    assert short(planned.plan) == {"db": "forget removed_from_manifest manifest"}


@pytest.mark.parametrize(
    ("prior", "seen"),
    [
        (PRIOR, one(Status.EXPIRED)),
        (PRIOR, one(Status.REVOKED)),
        (PRIOR, GONE),
        (state({"db": instance(None, ended=ENDED)}), observed()),
    ],
)
def test_a_removed_share_that_is_over_is_only_struck(prior: State, seen: Observed) -> None:
    """Its counter stays: no later vault of that name may bear a generation again."""
    planned = plan(prior=replace(prior, generations={}), seen=seen)
    assert short(planned.plan) == {"db": "state_only removed_from_manifest manifest"}
    assert planned.state is not None
    assert planned.state.instances == {}
    assert planned.state.generations == {Address("db"): 1}
    assert planned.plan.summary().no_op == 0


def test_prevent_revoke_is_the_states_and_stops_the_removal() -> None:
    prior = state({"db": instance(LIVE, prevent_revoke=True)})
    planned = plan(prior=prior)
    assert short(planned.plan) == {"db": "revoke removed_from_manifest manifest"}
    assert [r.code for r in planned.plan.refusals] == ["prevent_revoke"]
    assert plan(prior=prior, removed=[("db", False)]).plan.refusals == ()


def test_a_flag_changes_the_state_alone() -> None:
    planned = plan(all_desired("db", prevent_revoke=True), prior=PRIOR)
    assert short(planned.plan) == {"db": "state_only"}
    assert planned.state is not None
    assert planned.state.instances[Address("db")].prevent_revoke
    assert planned.plan.summary().no_op == 1


def test_old_copies_are_revoked_or_struck() -> None:
    alive, over = share("0alive"), share("0over")
    prior = state({"db": instance(LIVE, alive, over)})
    seen = observed([vault(LIVE), vault(alive), vault(over, status=Status.REVOKED)])
    planned = plan(all_desired("db"), prior=prior, seen=seen)
    assert short(planned.plan) == {
        "db#0alive": "revoke deposed drift",
        "db#0over": "state_only deposed drift",
    }
    assert planned.state is not None
    assert planned.state.instances[Address("db")].deposed == (Deposed(share=alive),)


def test_a_newer_share_than_the_one_that_ended_is_left_alone() -> None:
    """It was made with another copy of this state; nobody is left without a share for that. Older ones go."""
    ended = Ended(how=End.REVOKED, seen=NOW, share=share("2mine", generation=2))
    copies = [share(f"{n}copy", generation=n) for n in (1, 2, 3)]
    prior = state({"db": instance(None, *copies, ended=ended)})
    seen = observed([vault(copy) for copy in copies])
    planned = plan(all_desired("db"), prior=prior, seen=seen)
    assert short(planned.plan) == {"db#1copy": "revoke deposed drift"}
    assert codes(planned.plan) == ["ended_kept", "newer_share", "newer_share"]
    asked = plan(all_desired("db"), prior=prior, seen=seen, requested=["db"])
    assert 4 == len(short(asked.plan)), "what takes its place ends all of them"
    assert 4 == len(short(plan(prior=prior, seen=seen).plan)), "so does taking the secret out of the manifest"


def test_an_old_copy_waits_for_its_time() -> None:
    old = Deposed(share=share("0old"), revoke_after=NOW + timedelta(hours=1))
    prior = state({"db": instance(LIVE, deposed=(old,))})
    assert short(plan(all_desired("db"), prior=prior).plan) == {}
    later = NOW + timedelta(hours=1)
    assert short(plan(all_desired("db"), prior=prior, now=later).plan) == {"db#0old": "revoke deposed drift"}


@pytest.mark.parametrize(
    "seen",
    [
        observed(who="someone-else"),
        observed(gone=["1vault"], who="someone-else"),
        observed(hidden=["1vault", "2vault"]),
    ],
)
def test_another_identity_plans_nothing(seen: Observed) -> None:
    """Everything looks deleted to a stranger: that must never read as a loss."""
    prior = state({"db": instance(LIVE), "legacy": instance(share("2vault"))})
    planned = plan(all_desired("db"), all_desired("new"), prior=prior, seen=seen)
    assert short(planned.plan) == {}
    assert codes(planned.plan) == ["not_visible"]
    assert planned.state == prior


@pytest.mark.parametrize("lost", ["gone", "incomplete"])
def test_who_gains_by_a_vault_that_is_made_again_is_the_manifests_doing(lost: str) -> None:
    """A share that is gone must not hide that somebody was added meanwhile."""
    seen = GONE if lost == "gone" else one(Status.ACTIVE, ready=False)
    changed = all_desired("db", attributes("ana@example.com", "eve@example.com"))
    (change,) = plan(changed, prior=PRIOR, seen=seen).plan.acting()
    assert (Reason.ATTRIBUTES_CHANGED, Cause.MANIFEST) == (change.reason, change.cause)


def test_one_vault_that_is_not_shown_stops_nothing_else() -> None:
    """It is left as it is; what it was, nobody can say."""
    prior = state({"db": instance(LIVE), "legacy": instance(share("2vault"))})
    seen = observed(hidden=["1vault"])
    planned = plan(all_desired("db"), all_desired("legacy"), all_desired("new"), prior=prior, seen=seen)
    assert short(planned.plan) == {"new": "create new manifest"}
    assert "unknown_status" in codes(planned.plan)


@pytest.mark.parametrize("which", ["removed", "old copy"])
def test_one_that_is_to_be_revoked_and_is_not_shown_is_refused(which: str) -> None:
    """Nothing on the tenant vouches for it; the refusal does not call it a stranger's."""
    held = (
        instance(share("1vault"))
        if which == "removed"
        else instance(share("3vault", generation=2), share("1vault"))
    )
    prior = state({"db": held, "legacy": instance(share("2vault"))})
    seen = replace(all_live(prior), hidden=frozenset({"1vault"}))
    seen = replace(seen, vaults={i: v for i, v in seen.vaults.items() if i != "1vault"})
    wants = [all_desired("legacy")] if which == "removed" else [all_desired("legacy"), all_desired("db")]
    (refusal,) = plan(*wants, prior=prior, seen=seen).plan.refusals
    assert "hidden" == refusal.code
    assert "hides its share 1vault" in refusal.text


def test_a_move_keeps_the_vault_and_its_uid() -> None:
    planned = plan(all_desired("new"), prior=PRIOR, moved=[("db", "mid"), ("mid", "new")])
    assert short(planned.plan) == {"new": "state_only"}
    assert planned.plan.changes[0].moved_from == Address("db")
    assert planned.state is not None
    assert planned.state.instances == {Address("new"): PRIOR.instances[Address("db")]}
    assert planned.state.generations == {Address("db"): 1, Address("new"): 1}


def test_a_move_onto_a_secret_is_blocked_and_told() -> None:
    prior = state({"db": instance(LIVE), "new": instance(share("2vault"))})
    planned = plan(all_desired("new"), prior=prior, moved=[("db", "new")])
    assert short(planned.plan) == {"db": "revoke removed_from_manifest manifest"}
    assert codes(planned.plan) == ["move_blocked"]


def test_moves_in_a_circle_end() -> None:
    assert short(plan(prior=PRIOR, moved=[("db", "a"), ("a", "db")]).plan) == {
        "db": "revoke removed_from_manifest manifest"
    }


@pytest.mark.parametrize(
    "content", [NO_KEY, Checked(fingerprint=fingerprint("v", "hmac-sha256:00000000"), size="")]
)
def test_without_the_key_no_value_reads_as_changed(content: Checked | Unchecked) -> None:
    prior = state({"a": instance(LIVE), "b": instance(share("2vault"))})
    planned = plan(all_desired("a"), all_desired("b"), prior=prior, contents={"a": content, "b": content})
    assert short(planned.plan) == {}
    assert planned.plan.unchecked == {Address("a"), Address("b")}
    assert codes(planned.plan) == ["value_not_checked"], "one line for all of them"


@pytest.mark.parametrize(("content", "why"), [(OTHER, NOT_RECORDED.why), (NO_KEY, NO_KEY.why)])
def test_where_nothing_was_recorded_no_other_key_is_asked_for(content: Checked | Unchecked, why: str) -> None:
    """What was imported, or sealed again without the old key: the stack's own key is here, and does not help."""
    prior = state({"db": instance(replace(LIVE, fingerprint=None))})
    planned = plan(all_desired("db"), prior=prior, contents={"db": content})
    assert [f"value not checked: {why}"] == [a.text for a in planned.plan.attention]


def test_a_source_that_nothing_needs_may_be_unreadable() -> None:
    problem = Problem(mark=mark(7), what="the variable DB_PASSWORD is not set", hint="set it")
    planned = plan(all_desired("db"), prior=PRIOR, contents={"db": Unreadable(problem=problem)})
    assert (short(planned.plan), codes(planned.plan)) == ({}, ["source_unreadable"])


def test_another_source_of_the_same_value_is_noted_in_the_state() -> None:
    planned = plan(all_desired("db", source="file a.txt"), prior=PRIOR)
    assert short(planned.plan) == {"db": "state_only"}
    assert planned.state is not None
    current = planned.state.instances[Address("db")].current
    assert current is not None
    assert current.source == "file a.txt"
    blind = plan(all_desired("db", source="file a.txt"), prior=PRIOR, contents={"db": NO_KEY})
    assert codes(blind.plan) == ["source_changed", "value_not_checked"]


def test_a_source_that_was_not_recorded_is_not_shown_as_empty() -> None:
    prior = state({"db": instance(replace(LIVE, source="", fingerprint=None))})
    (changed, _) = plan(all_desired("db", source="file a.txt"), prior=prior).plan.attention
    assert "the source is file a.txt, was not recorded; " in changed.text


def test_fewer_views_than_people_is_pointed_out_when_it_is_made() -> None:
    desired = all_desired("db", attributes("a@example.com", "b@example.com", max_views=1))
    planned = plan(desired)
    assert codes(planned.plan) == ["fewer_views_than_people"]
    assert planned.plan.attention[0].text == "1 view for 2 recipients"


def test_a_pending_create_is_told() -> None:
    waiting = Pending(op="op", address=Address("db"), generation=2, tag="t", at=NOW, until=NOW)
    planned = plan(all_desired("db"), prior=replace(PRIOR, pending=(waiting,)))
    assert codes(planned.plan) == ["pending_create"]


def test_offline_the_state_and_the_clock_are_believed() -> None:
    prior = state({"db": instance(LIVE), "old": instance(OLD)})
    never = Unchecked(why="apply compares them")
    planned = plan(
        all_desired("db"), all_desired("old"), prior=prior, offline=True, contents={"db": never, "old": never}
    )
    assert short(planned.plan) == {"old": "create expired time"}
    assert codes(plan(all_desired("db"), offline=True, contents={"db": never}).plan) == [
        "first_run_unverified"
    ]


def test_the_generation_is_one_more_than_any_before() -> None:
    prior = replace(PRIOR, generations={Address("db"): 7})
    change = plan(all_desired("db"), prior=prior, contents={"db": OTHER}).plan.changes[0]
    assert (change.action, change.generation, change.before) == (Action.REPLACE, 8, LIVE)


def test_how_often_a_vault_was_opened_is_in_its_change() -> None:
    planned = plan(all_desired("db"), prior=PRIOR, seen=one(Status.ACTIVE, views=2))
    assert planned.plan.changes[0].views == 2


def test_a_size_is_told_in_buckets() -> None:
    assert [size_bucket(n) for n in (0, 1024, 1025, 61_440, 2**20, 2**30)] == [
        "up to 1 KiB",
        "up to 1 KiB",
        "1-4 KiB",
        "16-64 KiB",
        "64 KiB-1 MiB",
        "over 256 MiB",
    ]


def test_ten_thousand_secrets_are_planned_in_a_second() -> None:
    """Five times of what it takes here, so that a slow machine does not fail and a square does."""
    names = [f"s{n}" for n in range(10_000)]
    prior = state({name: instance(share(name)) for name in names})
    wants = [all_desired(name) for name in names]
    seen = all_live(prior)
    begun = time.process_time()
    planned = plan(*wants, prior=prior, seen=seen)
    took = time.process_time() - begun
    assert short(planned.plan) == {}
    assert took < 5, took
