"""A change names everything that differs: nothing that changed is hidden by something else that changed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from itertools import chain, combinations
from typing import Final

import pytest

from reconciler.fingerprint import Key
from reconciler.model.manifest import DAY, AgeSuite, Format, Kind, Sharing
from reconciler.model.plan import Action, Change, Plan, Reason, Value
from reconciler.model.state import Difference, Recipient, Share
from reconciler.model.vault import Status
from reconciler.planfile import sealed
from reconciler.planning.values import NO_KEY, Checked
from reconciler.sensitive import Sensitive
from tests.support.plans import (
    all_desired,
    attributes,
    fingerprint,
    instance,
    observed,
    plan,
    share,
    state,
    vault,
)

KEY: Final = Key(Sensitive(bytes(32)))
LIVE: Final = share("1vault")
OTHER: Final = Checked(fingerprint=fingerprint("other"), size="1-4 KiB")


@dataclass(frozen=True, kw_only=True)
class Thing:
    """Something that can differ, and the reason that it gives."""

    reason: Reason
    attributes: Mapping[str, object] = field(default_factory=dict)
    value: str = "v"
    source: str = "env DB_PASSWORD"
    requested: bool = False
    declared: bool = True


def _attribute(name: str, value: object) -> Thing:
    return Thing(reason=Reason.ATTRIBUTES_CHANGED, attributes={name: value})


EVE: Final = Recipient(as_written="eve@example.com", id="id-eve@example.com")
THINGS: Final = {
    "kind": _attribute("kind", Kind.FILE),
    "format": _attribute("format", Format.JSON),
    "label": Thing(reason=Reason.ATTRIBUTES_CHANGED, attributes={"label": "other", "label_defaulted": False}),
    "sharing": _attribute("sharing", Sharing.EXTERNAL),
    "recipients": _attribute("recipients", (*LIVE.attributes.recipients, EVE)),
    "expires_in": _attribute("expires_in", 2 * DAY),
    "max_views": _attribute("max_views", 1),
    "filename": _attribute("filename", "a.txt"),
    "content_type": _attribute("content_type", "text/plain"),
    "suite": _attribute("suite", AgeSuite.MLKEM768X25519),
    "rotate": Thing(reason=Reason.ROTATED, attributes={"rotate": "2026-11"}),
    "value": Thing(reason=Reason.CONTENT_CHANGED, value="other"),
    "source": Thing(reason=Reason.SOURCE_CHANGED, source="env B"),
    "request": Thing(reason=Reason.REQUESTED, requested=True),
    "due": Thing(reason=Reason.RENEWAL_DUE, declared=False),
    "incomplete": Thing(reason=Reason.TAINTED, declared=False),
    "missing": Thing(reason=Reason.MISSING_REMOTELY, declared=False),
    "expired": Thing(reason=Reason.EXPIRED, declared=False),
    "burned": Thing(reason=Reason.BURNED, declared=False),
}
FATES: Final = {name for name, thing in THINGS.items() if not thing.declared}
"""What can become of a share: one of these at a time."""


def _combined(size: int) -> list[tuple[str, ...]]:
    chosen = [names for names in combinations(THINGS, size) if len(FATES & set(names)) <= 1]
    return [names for names in chosen if names != ("source",)]  # an equal value from elsewhere stays


def _share(names: Iterable[str]) -> Share:
    return share("1vault", age=timedelta(days=13)) if "due" in names else LIVE


def _planned(names: Iterable[str]) -> Plan:
    """Plan with these things, and nothing else, being different."""
    things = [THINGS[name] for name in names]
    was = _share(names)
    status = next((Status(name) for name in ("expired", "burned") if name in names), Status.ACTIVE)
    seen = observed([vault(was, status=status, ready="incomplete" not in names)])
    changed = dict(chain.from_iterable(thing.attributes.items() for thing in things))
    desired = all_desired(
        "db",
        replace(attributes(), **changed),  # type: ignore[arg-type]
        source=next((thing.source for thing in things if thing.source != was.source), was.source),
    )
    return plan(
        desired,
        prior=state({"db": instance(was)}),
        seen=observed(gone=["1vault"]) if "missing" in names else seen,
        contents={"db": OTHER} if "value" in names else None,
        requested=["db"] if "request" in names else (),
    ).plan


def _changed(names: Iterable[str]) -> list[str]:
    """Return the attributes among these things, in the order of the class."""
    return [name for name in THINGS if name in names and name in THINGS[name].attributes]


@pytest.mark.parametrize("size", [1, 2, 3])
def test_no_difference_hides_another(size: int) -> None:
    """Every single thing, every pair and every triple: all of it is named, and nothing else."""
    for names in _combined(size):
        (change,) = _planned(names).changes
        if change.action is Action.STATE_ONLY:
            assert set(names) <= {"burned", "source"}, "it stays ended unless another is asked for"
            continue
        assert {THINGS[name].reason for name in names} == set(change.reasons), names
        assert len(set(change.reasons)) == len(change.reasons), names
        assert _changed(names) == list(change.changed), names
        assert ("value" in names) is (change.value is Value.CHANGED), names
        shown = [difference.name for difference in change.differences()]
        assert [*_changed(names), *(["source"] if "source" in names else [])] == shown, names


def test_the_first_reason_is_the_one_of_old() -> None:
    """What scripts read as `action_reason`: request, attributes, value, rotation, then what became of the share."""
    order = [Reason.REQUESTED, Reason.ATTRIBUTES_CHANGED, Reason.CONTENT_CHANGED, Reason.ROTATED]
    for names in _combined(2) + _combined(3):
        (change,) = _planned(names).changes
        given = [reason for reason in order if reason in change.reasons]
        fate = next((THINGS[name].reason for name in names if name in FATES), None)
        assert change.reason is (given[0] if given else fate if change.reasons else None), names
        assert change.reason is not Reason.SOURCE_CHANGED


def test_a_saved_plan_keeps_every_reason() -> None:
    for names in _combined(3):
        made = _planned(names)
        again = sealed.decode(sealed.encode(made, KEY), file="p.json", key=KEY)
        assert [c.reasons for c in made.changes] == [c.reasons for c in again.changes], names
        assert [c.differences() for c in made.changes] == [c.differences() for c in again.changes], names


def test_an_approval_of_one_change_is_none_of_two() -> None:
    """Whatever is asked for beside what was reviewed stops `apply PLAN`, and has another digest."""
    declared = [name for name in THINGS if name not in FATES and name != "source"]
    for one, more in ((one, more) for one in declared for more in (*declared, "source") if one != more):
        reviewed, now = _planned([one]), _planned([one, more])
        assert sealed.differences(reviewed, reviewed) == ()
        assert sealed.differences(reviewed, now) != (), (one, more)
        assert sealed.differences(now, reviewed) != (), (one, more)
        assert reviewed.digest() != now.digest(), (one, more)


def test_differences_are_data() -> None:
    """Both sides as the program holds them: a renderer says them."""
    (change,) = _planned(["expires_in", "source", "value"]).changes
    assert (
        Difference(name="expires_in", before=14 * DAY, after=2 * DAY),
        Difference(name="source", before="env DB_PASSWORD", after="env B"),
    ) == change.differences()


def test_a_value_that_was_not_compared_is_unknown() -> None:
    """Neither the same nor changed: no key, no fingerprint."""
    desired = all_desired("db", attributes(max_views=1))
    (change,) = plan(desired, prior=state({"db": instance(LIVE)}), contents={"db": NO_KEY}).plan.changes
    assert (Value.UNKNOWN, (Reason.ATTRIBUTES_CHANGED,)) == (change.value, change.reasons)
    (change,) = plan(desired, prior=state({"db": instance(LIVE)})).plan.changes
    assert change.value is Value.SAME


def test_what_makes_no_share_differs_in_nothing() -> None:
    """A share whose status is unknown stays: what the manifest has otherwise is not about to happen."""
    desired = all_desired("db", attributes(max_views=1), source="env B")
    seen = observed([vault(LIVE, status=Status.UNKNOWN)])
    (change,) = plan(desired, prior=state({"db": instance(LIVE)}), seen=seen).plan.changes
    assert not change.action.changes_vaults
    assert ((), (), (), None) == (change.reasons, change.changed, change.differences(), change.value)


def test_a_recipient_who_left_is_a_difference_of_a_renewal() -> None:
    """Nobody asked for it, so it is no reason; the new share has fewer recipients all the same."""
    both = attributes("ana@example.com", "bo@example.com")
    due = share("1vault", both, age=timedelta(days=13))
    desired = replace(all_desired("db", both), absent=frozenset({"id-bo@example.com"}))
    (change,) = plan(desired, prior=state({"db": instance(due)})).plan.changes
    assert ((Reason.RENEWAL_DUE,), ("recipients",)) == (change.reasons, change.changed)


def test_an_imported_share_has_no_source_to_change() -> None:
    """Where its value came from was not recorded."""
    imported = replace(LIVE, source="")
    desired = all_desired("db", attributes(max_views=1), source="env B")
    (change,) = plan(desired, prior=state({"db": instance(imported)})).plan.changes
    assert (Reason.ATTRIBUTES_CHANGED,) == change.reasons


def test_a_change_without_reasons_has_no_first() -> None:
    assert Change(address=all_desired("db").address, action=Action.NO_OP, uid="u").reason is None
