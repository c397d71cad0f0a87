"""A state in the repository can be edited by a pull request: it must not reach the vaults of other stacks."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import pytest

from reconciler.model.address import Address
from reconciler.model.state import Deposed, Instance, Share, State
from reconciler.sandbox import reader
from reconciler.state import journal, statefile, tags
from reconciler.state.journal import Bound, DeposedNow, Entry, Header, Intent
from tests.support.commandline import Desk, text_secret


@pytest.fixture
def two(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """Two stacks of one identity. The desk works on `mine`."""
    monkeypatch.setenv("A", "a value")
    for name in ("mine", "theirs"):
        desk.write(
            f"{name}.yaml", f"version: 1\nname: {name}\nsecrets:\n" + text_secret("a") + text_secret("b", "A")
        )
        desk.options = ("--sandbox", "-f", f"{name}.yaml")
        desk.apply()
    desk.options, desk.stem = ("--sandbox", "-f", "mine.yaml"), "mine"
    return desk


def _path(desk: Desk, stack: str) -> Path:
    return desk.workdir / f"{stack}.state.json"


def _read(desk: Desk, stack: str) -> State:
    return statefile.decode(_path(desk, stack).read_bytes(), file=stack)


def _forge(desk: Desk, instance: Instance) -> None:
    """Write a state as this program would, with this for `a`: its checksum needs no key."""
    state = _read(desk, "mine")
    forged = replace(state, instances={**state.instances, Address("a"): instance})
    _path(desk, "mine").write_bytes(statefile.encode(forged))


def _victim(desk: Desk) -> Share:
    found = _read(desk, "theirs").instances[Address("a")].current
    assert found is not None
    return found


ATTACKS = ("removed", "replaced", "old copy", "destroyed")


@pytest.mark.parametrize("how", ATTACKS)
def test_what_another_stack_made_is_not_revoked(two: Desk, how: str) -> None:
    """However the state names its vault, and whatever asks for its end: the mark on the tenant says whose it is."""
    victim = _victim(two)
    mine = _read(two, "mine").instances[Address("a")]
    forged = (
        replace(mine, deposed=(Deposed(share=victim),))
        if how == "old copy"
        else replace(mine, current=victim)
    )
    _forge(two, forged)
    if how == "removed":
        two.manifest("version: 1\nname: mine\nsecrets:\n" + text_secret("b", "A"))
    command = {
        "replaced": ("apply", "--auto-approve", "--replace", "a"),
        "destroyed": ("destroy", "--auto-approve"),
    }.get(how, ("apply", "--auto-approve"))
    ran = two.run(*command)
    assert 7 == ran.code, ran.said
    assert f"its share {victim.vault_id} carries the tag of another stack" in ran.err
    assert "--revoke-imported" in ran.err
    assert victim.vault_id in _live(two)
    allowed = two.run(*command, "--revoke-imported")
    assert 0 == allowed.code, allowed.said
    assert victim.vault_id not in _live(two)


NAMES: Final = {
    "made by hand": ("the wifi", ""),
    "made by hand, with a tag in the state": ("the wifi", "ours"),
    "another of this stack": ("wifi [rc:{stack}.AAAAAA.1.BBBBBBBB]", "ours"),
    "an import in the state": ("wifi [rc:{stack}.AAAAAA.1.BBBBBBBB]", ""),
}
"""What the vault is called on the tenant, and the tag that the state has for it."""


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("how", ["removed", "old copy"])
def test_what_does_not_say_that_it_is_this_share_is_not_revoked(two: Desk, how: str, name: str) -> None:
    """A vault that a person made by hand, or another one of ours, under the name of an old copy: its own name shows."""
    called, tagged = NAMES[name]
    called = called.format(stack=tags.stack_part("mine"))
    victim = _victim(two)
    (two.workdir / "theirs.state.json").unlink()
    with two.tenant() as store, store.transaction() as db:
        db.execute("UPDATE vaults SET display_name = ? WHERE vault_id = ?", (called, victim.vault_id))
    mine = _read(two, "mine").instances[Address("a")]
    assert mine.current is not None
    forged = replace(victim, tag=mine.current.tag if tagged else "")
    deposed = (Deposed(share=forged),)
    _forge(two, replace(mine, deposed=deposed) if how == "old copy" else replace(mine, current=forged))
    if how == "removed":
        two.manifest("version: 1\nname: mine\nsecrets:\n" + text_secret("b", "A"))
    ran = two.run("apply", "--auto-approve")
    assert 7 == ran.code, ran.said
    assert (
        f'its share {victim.vault_id} does not carry the tag that the state has for it; the tenant calls it "{called}"'
        in ran.err
    )
    assert victim.vault_id in _live(two)
    assert 0 == two.run("apply", "--auto-approve", "--revoke-imported").code
    assert victim.vault_id not in _live(two)


def _live(desk: Desk) -> set[str]:
    with desk.tenant() as store:
        return {vault.vault_id for vault in reader.live(store).values()}


def test_no_share_of_another_secret_is_an_old_copy(two: Desk) -> None:
    """Of the same stack, under its very own tag: A of that is another address's."""
    state = _read(two, "mine")
    other = state.instances[Address("b")].current
    assert other is not None
    mine = replace(state.instances[Address("a")], deposed=(Deposed(share=other),))
    forged = replace(state, instances={Address("a"): mine})
    _path(two, "mine").write_bytes(statefile.encode(forged))
    for command in (("apply", "--only", "renewals"), ("apply",)):
        ran = two.run(*command, "--auto-approve")
        assert 7 == ran.code, ran.said
    assert other.vault_id in _live(two)


def test_a_moved_share_can_still_be_ended(two: Desk) -> None:
    """Its tag has the old name, on the tenant for good: the key's proof in the state says whose it is."""
    two.done("state", "mv", "a", "c")
    moved = _read(two, "mine").instances[Address("c")].current
    assert moved is not None
    two.manifest("version: 1\nname: mine\nsecrets:\n" + text_secret("b", "A"))
    two.apply()
    assert moved.vault_id not in _live(two)


def test_a_share_of_an_earlier_key_can_still_be_ended(two: Desk) -> None:
    old = _read(two, "mine").instances[Address("a")].current
    assert old is not None
    two.done("state", "rekey")
    two.manifest("version: 1\nname: mine\nsecrets:\n" + text_secret("b", "A"))
    two.apply()
    assert old.vault_id not in _live(two)


def test_a_forged_journal_ends_no_filled_share(two: Desk) -> None:
    """Made by hand, complete and live: that a journal calls it a create that was given up says nothing."""
    victim, state = _victim(two), _read(two, "mine")
    ours = state.instances[Address("a")].current
    assert ours is not None
    with two.tenant() as store, store.transaction() as db:
        db.execute("UPDATE vaults SET display_name = 'wifi' WHERE vault_id = ?", (victim.vault_id,))
    at, uid = datetime.now(UTC), state.instances[Address("a")].uid
    forged: list[Entry] = [
        Intent(op="0" * 16, address=Address("a"), uid=uid, generation=1, tag=ours.tag, at=at),
        Bound(op="0" * 16, vault_id=victim.vault_id, suite=None),
        DeposedNow(address=Address("a"), vault_id=victim.vault_id),
    ]
    header = Header(lineage=state.lineage, base_serial=state.serial, tool="forged")
    lines = [journal.header_line(header), *(journal.entry_line(n, e) for n, e in enumerate(forged, 1))]
    two.journal_path.write_bytes(b"".join(lines))
    assert "does not carry the tag that the journal has for it" in two.done("plan").said
    two.apply()
    assert victim.vault_id in _live(two)


def test_a_forged_journal_reaches_no_other_stack(two: Desk) -> None:
    """A record that a create of ours was answered with somebody's vault: that vault says itself whose it is."""
    victim, state = _victim(two), _read(two, "mine")
    ours = state.instances[Address("a")].current
    assert ours is not None
    tag = tags.find(f"[rc:{ours.tag}]")
    assert tag is not None
    forged: list[Entry] = [
        Intent(
            op="0" * 16,
            address=Address("a"),
            uid=state.instances[Address("a")].uid,
            generation=9,
            tag=str(replace(tag, generation=9)),
            at=datetime.now(UTC),
        ),
        Bound(op="0" * 16, vault_id=victim.vault_id, suite=None),
    ]
    header = Header(lineage=state.lineage, base_serial=state.serial, tool="forged")
    lines = [journal.header_line(header), *(journal.entry_line(n, e) for n, e in enumerate(forged, 1))]
    two.journal_path.write_bytes(b"".join(lines))
    two.apply()
    assert victim.vault_id in _live(two)
    assert victim.vault_id not in _read(two, "mine").known()


def test_an_import_from_another_stack_can_be_ended_on_purpose(two: Desk) -> None:
    """Who took a share over says so once, where the repository has no say. Until then it is in the state."""
    victim = _victim(two)
    two.manifest("version: 1\nname: mine\nsecrets:\n" + text_secret("b", "A"))
    two.apply()
    two.done("state", "import", "a", victim.vault_id)
    assert 7 == two.run("apply", "--auto-approve").code
    assert 0 == two.run("apply", "--auto-approve", "--revoke-imported").code


SHARED: Final = (
    "  a:\n    source: {env: A}\n    share_with: {users: [ana@example.com%s]}\n    renew: always\n%s"
)


@pytest.mark.parametrize("more", ["", '    rotate: "2"\n'])
@pytest.mark.parametrize("due", [False, True])
def test_nobody_is_added_behind_a_plan(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, more: str, due: bool
) -> None:
    """Who is added to manifest and state alike gains access, and no nightly renewal gives it to them."""
    monkeypatch.setenv("A", "a value")
    with_eve = SHARED.replace("a:", "b:", 1) % (", eve@example.com", "")
    desk.stem, desk.options = "mine", ("--sandbox", "-f", "mine.yaml")
    desk.manifest("version: 1\nname: mine\nsecrets:\n" + SHARED % ("", "") + with_eve)
    desk.apply()
    state = _read(desk, "mine")
    ours, eves = (state.instances[Address(name)].current for name in "ab")
    assert ours is not None
    assert eves is not None
    forged = replace(ours, attributes=eves.attributes)
    if due:
        forged = replace(
            forged, created=ours.created - timedelta(days=7), expires=ours.created + timedelta(minutes=9)
        )
    _forge(desk, replace(state.instances[Address("a")], current=forged))
    desk.manifest("version: 1\nname: mine\nsecrets:\n" + SHARED % (", eve@example.com", more) + with_eve)
    planned = desk.done("plan")
    assert "1 gains access" in planned.out
    assert "state and tenant disagree about recipients" in planned.out
    desk.done("apply", "--only", "renewals", "--auto-approve")
    assert {ours.vault_id, eves.vault_id} == _live(desk)
