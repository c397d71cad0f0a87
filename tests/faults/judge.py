"""The invariants of docs/reliability.md, checked on the tenant's own record. Each violation names its number."""

from __future__ import annotations

import base64
import binascii
import urllib.parse
from collections import defaultdict
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from reconciler.sandbox import directory
from reconciler.sandbox.vault import is_ready
from reconciler.state import journal, tags
from reconciler.state.ledger import replay
from tests.faults.client import ClientRan
from tests.faults.scene import PENDING, Scene

_SHORTEST = 12
"""Bytes of a value below which finding it somewhere proves nothing."""


def after_run(scene: Scene, ran: ClientRan, *, stale_search: bool = False, recorded: bool = True) -> None:
    """Check what must hold after any run, however it ended. `recorded` is False where a scenario removed files."""
    assert "Traceback" not in ran.err, f"I8: a traceback\n{ran.text}"
    if not stale_search:
        one_copy(scene)
    if recorded:
        known(scene)
    state_sound(scene)
    no_leak(scene, ran)
    no_stray_credentials(scene)
    if ran.code == 0:
        converged(scene, ran)


def settles(scene: Scene, *, stale_search: bool = False, never_without: bool = False) -> None:
    """Re-run once, then plan; then again after the pending time. I1-I9 at the end of it."""
    scene.proxy.rules = []
    _settle(scene, "re-run", stale_search=stale_search)
    state = scene.state()
    scene.tenant.advance(PENDING)
    if state and state.pending:
        _settle(scene, "run after the pending time", stale_search=stale_search)
    else:
        _plans_nothing(scene, "plan after the pending time")
        settled(scene)
    if never_without:
        always_one(scene)


def _settle(scene: Scene, what: str, *, stale_search: bool) -> None:
    ran = scene.apply()
    assert 0 == ran.code, f"I8: the {what} did not converge\n{ran.text}"
    after_run(scene, ran, stale_search=stale_search)
    settled(scene)
    _plans_nothing(scene, f"plan after the {what}")


def _plans_nothing(scene: Scene, what: str) -> None:
    plan = scene.plan()
    assert 0 == plan.code, f"I2: the {what} is not empty\n{plan.text}"


def one_copy(scene: Scene) -> None:
    """I1: at no time two content-bearing live vaults for one address and generation."""
    live: dict[tuple[str, int], set[str]] = defaultdict(set)
    for happened, (address, generation), vault in _contents(scene):
        copies = live[address, generation]
        copies.add(vault) if happened == "live" else copies.discard(vault)
        assert len(copies) < 2, f"I1: two live copies of {address} generation {generation}"


def always_one(scene: Scene) -> None:
    """I4: from its first live vault on, an address is never a moment without one."""
    live: dict[str, set[str]] = defaultdict(set)
    for happened, (address, _), vault in _contents(scene):
        copies = live[address]
        copies.add(vault) if happened == "live" else copies.discard(vault)
        assert copies, f"I4: {address} had no live vault for a moment"


def _contents(scene: Scene) -> Iterator[tuple[str, tuple[str, int], str]]:
    """Replay the tenant's log: which vault became readable or ceased to be, in order."""
    tag_of: dict[str, tags.Tag] = {}
    filled: set[str] = set()
    for event in scene.tenant.events():
        vault = event.get("vault", "")
        if event["is"] == "created":
            tag = tags.find(event["name"])
            if tag is not None:
                tag_of[vault] = tag
        elif event["is"] in ("content_set", "revoked", "burned") and vault in tag_of:
            tag = tag_of[vault]
            if event["is"] == "content_set" and vault not in filled:
                filled.add(vault)
                yield "live", (tag.address, tag.generation), vault
            elif event["is"] != "content_set" and vault in filled:
                yield "ended", (tag.address, tag.generation), vault


def known(scene: Scene) -> None:
    """I3: a content-bearing live vault is in state or journal."""
    state, written = scene.state(), scene.journal()
    recorded = set(state.known() | state.forgotten) if state else set()
    for entry in written.entries if written else ():
        match entry:
            case journal.Bound():
                recorded.add(entry.vault_id)
            case journal.Committed():
                recorded.add(entry.share.vault_id)
            case _:
                pass
    now = scene.tenant.store.now()
    lost = {i for i, v in scene.tenant.live().items() if is_ready(v, now) and _ours(v.display_name)}
    assert lost <= recorded, f"I3: {len(lost - recorded)} live vaults in neither state nor journal"


def state_sound(scene: Scene) -> None:
    """I5: the state parses, its serial never falls; what lies beside it under our names is whole or ours."""
    state = scene.state()
    if state is None:
        assert not scene.serials or not scene.clean, "I5: the state is gone"
        return
    assert not scene.serials or scene.serials[-1] <= state.serial, "I5: the serial fell"
    scene.serials.append(state.serial)
    for path in (scene.state_path, scene.journal_path):
        if path.exists():
            assert 0o600 == path.stat().st_mode & 0o777, f"I6: {path.name} is open to others"


def converged(scene: Scene, ran: ClientRan) -> None:
    """I8: a run that says 0 left everything that is desired live, and no run open."""
    state = scene.state()
    current = {str(a) for a, i in state.instances.items() if i.current} if state else set()
    assert set(scene.values) == current, (
        f"I8: exit 0, yet {current} is live of {set(scene.values)}\n{ran.text}"
    )
    assert not scene.journal_path.exists(), "I8: exit 0 with a run still open"


def settled(scene: Scene) -> None:
    """I2 and I9: live vaults of ours == vaults in state == what is desired, and they read right."""
    state = scene.state()
    assert state is not None, "I2: no state"
    assert not scene.journal_path.exists(), "I2: the journal is not empty"
    current = {str(a): i.current for a, i in state.instances.items() if i.current}
    old = [d for i in state.instances.values() for d in i.deposed]
    live = {i: v for i, v in scene.tenant.live().items() if _ours(v.display_name)}
    assert {o.vault_id for o in current.values()} == set(live), (
        f"I2: live {sorted(live)} in state {sorted(o.vault_id for o in current.values())}"
    )
    assert not old, "I2: an old copy is left"
    assert set(scene.values) == set(current), f"I2: {set(current)} where {set(scene.values)} is all_desired"
    for address, share in current.items():
        vault, entry = live[share.vault_id], scene.secrets[address]
        assert scene.values[address] == scene.tenant.peek(share.vault_id), f"I9: {address} reads wrong"
        people = entry["share_with"]
        all_desired = [directory.user_id(p) for p in people.get("users", ())] or people["external"]
        assert sorted(all_desired) == sorted(vault.recipients), f"I9: {address} has other recipients"
        assert entry.get("max_views", 0) == vault.max_views, f"I9: {address} has other views"
        life = timedelta(microseconds=vault.expires - vault.created)
        assert timedelta(days=7) == life, f"I9: {address} lives {life}"


def no_leak(scene: Scene, ran: ClientRan) -> None:
    """I6: no plaintext, token, key or upload signature in output, files or any request but its own."""
    secrets = _canaries(scene)
    for where, data in _written(scene, ran):
        for what, forms in secrets.items():
            if what == "key" and "fingerprint.key" in where:  # one kept beside it, or half put in place
                continue
            for form in forms:
                assert form not in data, f"I6: {what} in {where}"
    values = {what: forms for what, forms in secrets.items() if what not in ("token", "signature")}
    for request in scene.proxy.requests:
        sent = request.head + request.body
        for what, forms in values.items():
            assert not any(form in sent for form in forms), f"I6: {what} in {request.method} {request.path}"
        # our own program's memory dumps would be files of the directory, and are searched above


def _canaries(scene: Scene) -> dict[str, tuple[bytes, ...]]:
    found = {"token": scene.token.encode(), "key": scene.key.encode()}
    found |= {f"value of {n}": v[:40] for n, v in scene.values.items() if len(v) >= _SHORTEST}
    signatures = [r["upload_key"] for r in scene.tenant.store.rows("SELECT upload_key FROM vaults")]
    forms = {what: _forms(value) for what, value in found.items()}
    forms["key"] += _forms(bytes.fromhex(scene.key))
    forms["signature"] = tuple(s.encode() for s in signatures if s)
    return forms


def _forms(value: bytes) -> tuple[bytes, ...]:
    """Return a value as it could show up: plain, hex, URL-encoded, and base64 at each of three offsets."""
    shifted = [base64.b64encode(b"\0" * n + value)[4 if n else 0 : -4] for n in range(3)]
    quoted = urllib.parse.quote_from_bytes(value).encode()
    plain = [value, binascii.hexlify(value), binascii.hexlify(value).upper(), quoted]
    return tuple(form for form in (*plain, *shifted) if len(form) >= _SHORTEST)


def _written(scene: Scene, ran: ClientRan) -> Iterator[tuple[str, bytes]]:
    yield "stdout", ran.out.encode()
    yield "stderr", ran.err.encode()
    sources = {scene.directory / e["source"]["file"] for e in scene.secrets.values() if "file" in e["source"]}
    for path in scene.directory.rglob("*"):
        if path.is_file() and path not in sources and not _source(path):
            yield path.name, path.read_bytes()


def _source(path: Path) -> bool:
    return path.suffix in (".bin", ".txt")


def no_stray_credentials(scene: Scene) -> None:
    """I7: the bearer token reaches the API's origin only, and uploads carry neither token nor cookie."""
    assert not scene.tenant.events("violation"), "I7: the upload host got credentials"
    for request in scene.proxy.requests:
        if request.via == "upload":
            head = request.head.lower()
            assert b"authorization:" not in head, "I7: a token at the upload host"
            assert b"cookie:" not in head, "I7: a cookie at the upload host"


def failed(ran: ClientRan, *codes: int) -> None:
    """I8: it failed with one of these codes, in words, with the next step."""
    assert ran.code in (codes or (1, 3)), f"I8: another exit code than {codes or (1, 3)}\n{ran.text}"
    assert "Next:" in ran.err, f"I8: the message names no next step\n{ran.text}"


def source_refused(ran: ClientRan) -> None:
    """A source was refused, with its place and what to do in one line."""
    assert ran.code == 1, f"I8: exit 1 was expected\n{ran.text}"
    assert "Error: a source cannot be used" in ran.err, ran.text


def nothing_made(scene: Scene) -> None:
    """No create reached the tenant."""
    assert not scene.tenant.events("created"), "a vault was made"


def _ours(display_name: str) -> bool:
    tag = tags.find(display_name)
    return tag is not None and tag.stack == tags.stack_part("stack")


__all__ = ["after_run", "failed", "nothing_made", "replay", "settles", "source_refused"]
