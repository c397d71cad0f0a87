"""Who gains, loses or needs a new link: each person once, what counts most first."""

from __future__ import annotations

from reconciler.model.manifest import Sharing
from reconciler.model.plan import Plan, access
from reconciler.model.vault import Status
from reconciler.planning.values import Checked
from reconciler.render import text, view
from reconciler.render.people import Affected
from tests.support import stories
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


def groups(made: Plan) -> list[tuple[list[str], list[str], list[str], list[str]]]:
    """Names, losses, gains and new links of every group."""
    return [
        (
            [reader.name for reader in group.readers],
            [loss.address for loss in group.losses],
            list(group.gains),
            list(group.relinked),
        )
        for group in view.make_view(made).groups
    ]


def named(made: Plan) -> list[str]:
    return [reader.name for group in view.make_view(made).groups for reader in group.readers]


def test_new_outside_comes_first_then_losses_then_the_others() -> None:
    assert [
        (["ops@partner.example"], [], ["partner-cert"], []),
        (["bo@acme.com"], ["db-password"], [], ["app-env"]),
        (["ana@example.com"], ["legacy"], [], ["app-env", "db-password"]),
        (["cy@example.com"], [], ["db-password"], []),
    ] == groups(stories.everything())


def test_people_for_whom_it_means_the_same_stand_together() -> None:
    made = plan(
        all_desired("a", attributes("ana@example.com", "bo@example.com")),
        all_desired("b", attributes("bo@example.com", "ana@example.com")),
        all_desired("c", attributes("cy@example.com")),
    ).plan
    assert [
        (["ana@example.com", "bo@example.com"], [], ["a", "b"], []),
        (["cy@example.com"], [], ["c"], []),
    ] == groups(made)


def test_each_recipient_is_named_once() -> None:
    """Also one who gains, loses and keeps, and one who is written in two ways."""
    held = {
        "gone": instance(share("1")),
        "kept": instance(share("2", value="old")),
    }
    made = plan(
        all_desired("kept", attributes("Ana@example.com")), all_desired("new"), prior=state(held)
    ).plan
    [name] = named(made)
    assert "ana@example.com" == name.lower()
    page = text.render(view.make_view(made)).lower()
    assert 1 == page.count("ana@example.com")
    assert "- ana@example.com: gone\n    + new\n    ~ new link for kept\n" in page


def test_gains_and_losses_are_those_of_the_plan() -> None:
    """The JSON's `access` counts what the manifest causes in the same way."""
    made = stories.everything()
    caused = [change for change in made.acting() if change.cause and change.cause.value == "manifest"]
    expected = {(one.who, tuple(map(str, one.gains)), tuple(map(str, one.loses))) for one in access(caused)}
    shown = {
        (reader.name, group.gains, tuple(loss.address for loss in group.losses))
        for group in view.make_view(made).groups
        for reader in group.readers
        if group.gains or group.losses
    }
    assert expected == shown


def test_a_share_that_is_made_again_by_itself_is_a_new_link_and_no_gain() -> None:
    held = state({"db": instance(share("1"))})
    made = plan(all_desired("db"), prior=held, seen=observed(gone=["1"])).plan
    assert [(["ana@example.com"], [], [], ["db"])] == groups(made)
    assert "no one gains or loses access, 1 needs a new link" in view.make_view(made).headline


def test_the_same_secret_given_back_is_a_gain() -> None:
    """An ended share that the command line asks for again."""
    one = share("1")
    held = state({"db": instance(one)})
    seen = observed([vault(one, status=Status.BURNED)])
    made = plan(all_desired("db"), prior=held, seen=seen, requested=["db"]).plan
    assert [(["ana@example.com"], [], ["db"], [])] == groups(made)


def test_a_loss_of_a_read_value_says_what_to_do() -> None:
    one = share("1", attributes("ana@example.com", "bo@example.com"))
    seen = observed([vault(one, views=2)])
    desired = all_desired("db", attributes("ana@example.com"))
    contents = {"db": Checked(fingerprint=fingerprint("w"), size="up to 1 KiB")}
    made = plan(desired, prior=state({"db": instance(one)}), seen=seen, contents=contents).plan
    first: Affected = view.make_view(made).groups[0]
    assert "opened 2x: rotate the value" == first.losses[0].hint
    assert "-" == first.sign


def test_who_is_outside_is_marked_beside_the_name() -> None:
    outside = attributes("a@one.example", "b@two.example", sharing=Sharing.EXTERNAL)
    page = text.render(view.make_view(plan(all_desired("db", outside)).plan), width=120)
    line = "  + a@one.example [external, new domain], b@two.example [external, new domain]: db\n"
    assert line in page
