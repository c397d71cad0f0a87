"""E-mail addresses -> C1 users: exact, enabled, once, and each mistake with its line."""

from __future__ import annotations

from dataclasses import replace

from reconciler.model.address import Address
from reconciler.model.manifest import Sharing
from reconciler.model.state import Attributes, End, Ended, Recipient
from reconciler.model.vault import User
from reconciler.planning.expand import Desired
from reconciler.planning.recipients import identified, lookups, recorded, resolve, resolve_offline
from tests.support.plans import NOW, all_desired, attributes, instance, mark, share, state


def user(user_id: str, email: str, *, enabled: bool = True) -> User:
    return User(user_id=user_id, email=email, display_name="", enabled=enabled)


def asks(*people: str, sharing: Sharing = Sharing.INTERNAL, name: str = "db", line: int = 1) -> Desired:
    """A secret whose people nobody has looked up."""
    made = attributes(*people, sharing=sharing)
    blank = tuple(replace(r, id=None) for r in made.recipients)
    return all_desired(name, replace(made, recipients=blank), line=line)


DIRECTORY = {
    "ana@example.com": (user("ana", "Ana@Example.com"), user("near", "ana@example.com.evil")),
    "two@example.com": (user("t1", "two@example.com"), user("t2", "two@example.com")),
    "off@example.com": (user("off", "off@example.com", enabled=False),),
    "2abC": (user("2abC", "zed@example.com"),),
    "ana": (user("ana", "Ana@Example.com"),),
    "2off": (user("2off", "left@example.com", enabled=False),),
    "back@example.com": (user("b1", "back@example.com", enabled=False), user("b2", "back@example.com")),
}
KNOWN: dict[Address, Attributes] = {}


def ids(desired: Desired) -> list[str | None]:
    return [r.id for r in desired.attributes.recipients]


def test_addresses_to_look_up_are_folded_and_each_once() -> None:
    wants = [
        asks("Ana@Example.com", "2abC"),
        asks("ANA@example.com", "x@o.example", sharing=Sharing.EXTERNAL),
    ]
    assert lookups(wants) == ("ana@example.com", "x@o.example")


def test_ids_to_look_up_are_those_of_users_and_each_once() -> None:
    wants = [
        asks("2abC", "ana@example.com"),
        asks("2abC", "2x"),
        asks("x@o.example", sharing=Sharing.EXTERNAL),
    ]
    assert ("2abC", "2x") == identified(wants)


def test_a_second_address_is_a_persons_too() -> None:
    """Exactly, in any case; who is written by both addresses is one recipient."""
    zed = replace(user("z", "zed@example.com"), aliases=frozenset({"sales@example.com"}))
    directory = {"sales@example.com": (zed,), "zed@example.com": (zed,), "sales@example.co": (zed,)}
    found = resolve([asks("Sales@Example.com", "zed@example.com")], directory, known=KNOWN)
    assert () == found.problems
    assert ["z"] == ids(found.all_desired[0])
    (problem,) = resolve([asks("sales@example.co")], directory, known=KNOWN).problems
    assert "no user in the tenant has the address sales@example.co" in problem.what
    outside = resolve([asks("sales@example.com", sharing=Sharing.EXTERNAL)], directory, known=KNOWN)
    assert ["external_is_user"] == [it.code for it in outside.attention]


def test_an_id_that_is_unknown_or_disabled_is_told_with_its_line() -> None:
    found = resolve([asks("2nobody", "2off", line=4)], DIRECTORY, known=KNOWN)
    assert [
        (mark(4), "2off is disabled in the tenant"),
        (mark(4), "no user in the tenant has the ID 2nobody"),
    ] == sorted((p.mark, p.what) for p in found.problems)


def test_an_exact_enabled_address_is_resolved_and_an_id_passes() -> None:
    found = resolve([asks("ANA@example.com", "2abC", "back@example.com")], DIRECTORY, known=KNOWN)
    assert ids(found.all_desired[0]) == ["ana", "2abC", "b2"]
    assert found.all_desired[0].attributes.recipients[0].as_written == "ANA@example.com"
    assert (found.problems, found.attention) == ((), ())


def test_one_person_twice_is_one_recipient_in_written_order() -> None:
    desired = resolve(
        [asks("2abC", "ana@example.com", "ana", "Ana@example.com")], DIRECTORY, known=KNOWN
    ).all_desired[0]
    assert desired.attributes.recipients == (
        Recipient(as_written="2abC", id="2abC"),
        Recipient(as_written="ana@example.com", id="ana"),
    )
    assert [p.as_written for p in desired.people] == ["2abC", "ana@example.com"]


def test_every_mistake_is_told_with_its_line_and_once() -> None:
    """One audience in many secrets is one mistake."""
    people = ("nobody@example.com", "two@example.com", "off@example.com")
    found = resolve([asks(*people, line=7), asks(*people, name="b", line=7)], DIRECTORY, known=KNOWN)
    assert [(p.mark, p.what) for p in found.problems] == [
        (mark(7), "no user in the tenant has the address nobody@example.com"),
        (mark(7), "2 users in the tenant have the address two@example.com"),
        (mark(7), "off@example.com is disabled in the tenant"),
    ]
    assert all(p.hint for p in found.problems)


def test_somebody_disabled_who_has_the_secret_blocks_nobody() -> None:
    applied = attributes("off@example.com")
    applied = replace(applied, recipients=(Recipient(as_written="off@example.com", id="off"),))
    names = ("a", "b")
    found = resolve(
        [asks("off@example.com", name=n) for n in names],
        DIRECTORY,
        known={Address(n): applied for n in names},
    )
    assert [ids(w) for w in found.all_desired] == [["off"], ["off"]]
    assert found.problems == ()
    assert [a.text for a in found.attention] == ["off@example.com is disabled in the tenant (in 2 secrets)"]


def test_an_outside_address_that_is_a_user_is_pointed_out() -> None:
    found = resolve(
        [asks("Ana@example.com", "x@o.example", sharing=Sharing.EXTERNAL)], DIRECTORY, known=KNOWN
    )
    assert ids(found.all_desired[0]) == ["ana@example.com", "x@o.example"]
    assert [(a.code, a.address) for a in found.attention] == [("external_is_user", Address("db"))]


def test_offline_the_state_knows_who_people_are() -> None:
    applied = replace(attributes(), recipients=(Recipient(as_written="Ana@Example.com", id="ana"),))
    desired = resolve_offline(
        [asks("ana@example.com", "new@example.com", "2abC")], {Address("other"): applied}
    )[0]
    assert ids(desired) == ["ana", None, "2abC"]


def test_an_address_was_last_applied_with_its_live_or_ended_vault() -> None:
    one, two = share("1", attributes("a@b.example")), share("2", attributes("c@d.example"))
    ended = Ended(how=End.BURNED, seen=NOW, share=two)
    held = state({"live": instance(one), "over": instance(None, ended=ended), "old": instance(None, one)})
    assert recorded(held) == {Address("live"): one.attributes, Address("over"): two.attributes}
    assert recorded(None) == {}


def test_somebody_disabled_is_left_out_of_what_is_made_anew() -> None:
    """They stay in what there is, so nothing changes; a new vault is for those who can sign in."""
    applied = replace(
        attributes(),
        recipients=(
            Recipient(as_written="off@example.com", id="off"),
            Recipient(as_written="2abC", id="2abC"),
        ),
    )
    found = resolve([asks("off@example.com", "2abC")], DIRECTORY, known={Address("db"): applied})
    (desired,) = found.all_desired
    assert ["off", "2abC"] == ids(desired)
    assert ["2abC"] == [r.id for r in desired.to_make.recipients]


def test_somebody_disabled_who_was_left_out_stays_so() -> None:
    """The next plan neither refuses nor changes anything; where nobody would be left it is refused."""
    applied = replace(attributes(), recipients=(Recipient(as_written="2abC", id="2abC"),))
    known = {Address("db"): applied}
    found = resolve([asks("off@example.com", "2abC")], DIRECTORY, known=known)
    assert (["2abC"], ()) == (ids(found.all_desired[0]), found.problems)
    assert ["off@example.com is disabled in the tenant, and left out"] == [a.text for a in found.attention]
    alone = resolve([asks("off@example.com")], DIRECTORY, known=known)
    assert ["off@example.com is disabled in the tenant"] == [p.what for p in alone.problems]


def test_a_new_vault_is_never_for_nobody() -> None:
    """Where everybody is disabled the tenant is asked, and says what it thinks of that."""
    applied = replace(attributes(), recipients=(Recipient(as_written="off@example.com", id="off"),))
    (desired,) = resolve([asks("off@example.com")], DIRECTORY, known={Address("db"): applied}).all_desired
    assert ["off"] == [r.id for r in desired.to_make.recipients]
