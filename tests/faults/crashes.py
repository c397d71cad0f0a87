"""C: the process dies, at every step."""

from __future__ import annotations

import signal
import time
from collections import Counter
from collections.abc import Callable
from functools import partial

from reconciler.state import journal
from tests.faults import judge
from tests.faults import proxy as on
from tests.faults.client import ClientRan, Inject, Running
from tests.faults.matrix import add, scenario
from tests.faults.proxy import Action, Rule
from tests.faults.scene import Bench, Scene

Prepare = Callable[[Scene], None]


def _text(scene: Scene) -> None:
    scene.text()


def _file(scene: Scene) -> None:
    scene.file()


def _several(scene: Scene) -> None:
    scene.text("one", max_views=3)
    scene.text("two", share_with={"external": ["ops@partner.example"]})
    scene.file("three", size=70_000)


def _replace_text(scene: Scene) -> None:
    _text(scene)
    scene.applied().change("text")


def _replace_file(scene: Scene) -> None:
    _file(scene)
    scene.applied().change("file")


def _remove(scene: Scene) -> None:
    _several(scene)
    scene.applied().drop("one")


PREPARED: dict[str, Prepare] = {
    "text": _text,
    "file": _file,
    "several": _several,
    "replace-text": _replace_text,
    "replace-file": _replace_file,
    "remove": _remove,
}

# --- killed between two requests ---------------------------------------------------------------------------


def killed_at(
    scene: Scene, matches: on.Matches, *, when: str, nth: int = 1, at_byte: int | None = None
) -> ClientRan:
    """Apply, and kill the client as the tenant is about to hear of a request, or has answered it."""
    running: list[Running] = []

    def kill() -> None:
        running[0].kill()
        running[0].gone()

    rule = Rule(matches, _kills(kill, when), nth=nth, at_byte=at_byte)
    scene.rules(rule)
    running.append(scene.start_apply())
    ran = scene.ended(running[0])
    assert rule.fired, f"the request never came\n{ran.text}"
    assert ran.killed, ran.text
    return ran


def _kills(kill: Callable[[], None], when: str) -> Action:
    match when:
        case "unheard":  # it was sent, and is lost on the way

            async def unheard(exchange: on.Exchange) -> None:
                await on.calls(before=kill, after=None)(_Deaf(exchange))

            return unheard
        case "heard":
            return on.calls(before=kill)
        case "done":
            return on.calls(after=kill)
        case "answered":

            async def answered(exchange: on.Exchange) -> None:
                await on.passes(exchange)
                await on.meanwhile(kill)(exchange)

            return answered
        case _:
            return on.meanwhile(kill)


class _Deaf(on.Exchange):
    """An exchange of which the tenant hears nothing."""

    def __init__(self, exchange: on.Exchange) -> None:
        self.__dict__ = exchange.__dict__

    async def forward(self) -> bytes:
        await self.swallow()
        return b""


def _between(bench: Bench, prepare: Prepare, matches: on.Matches, when: str, at_byte: int | None) -> None:
    scene = bench.scene()
    prepare(scene)
    replaces = bool(scene.runs) and prepare is not _remove
    ran = killed_at(scene, matches, when=when, at_byte=at_byte)
    judge.after_run(scene, ran)
    made = len(scene.tenant.events("created"))
    filled = len(scene.tenant.events("content_set"))
    judge.settles(scene, never_without=replaces)
    if when in ("done", "answered") and matches in (on.content, on.upload):
        assert made == len(scene.tenant.events("created")), "C6: a complete vault was made again"
        assert filled == len(scene.tenant.events("content_set")), "C6: its content was sent again"


_WINDOWS: tuple[tuple[str, str, on.Matches, str, int | None], ...] = (
    ("C1", "text", on.create, "unheard", None),
    ("C1", "file", on.create, "unheard", None),
    ("C1", "replace-text", on.create, "unheard", None),
    ("C2", "text", on.create, "heard", None),
    ("C2", "file", on.create, "heard", None),
    ("C2", "replace-text", on.create, "heard", None),
    ("C3", "text", on.create, "done", None),
    ("C3", "file", on.create, "done", None),
    ("C3", "replace-file", on.create, "done", None),
    ("C4", "text", on.content, "unheard", None),
    ("C4", "file", on.upload, "middle", 1),
    ("C4", "replace-text", on.content, "unheard", None),
    ("C5", "text", on.content, "heard", None),
    *(("C5", "file", on.upload, "middle", k) for k in (200, 65_536, 131_072, 200_000)),
    ("C5", "replace-file", on.upload, "middle", 100_000),
    ("C6", "text", on.content, "done", None),
    ("C6", "text", on.content, "answered", None),
    ("C6", "file", on.upload, "done", None),
    ("C6", "file", on.upload, "answered", None),
    ("C6", "replace-text", on.content, "done", None),
    ("C6", "replace-file", on.upload, "done", None),
    ("C8", "replace-text", on.revoke, "unheard", None),
    ("C8", "replace-file", on.revoke, "unheard", None),
    ("C8", "remove", on.revoke, "unheard", None),
    ("C9", "replace-text", on.revoke, "done", None),
    ("C9", "replace-file", on.revoke, "answered", None),
    ("C9", "remove", on.revoke, "done", None),
)
_sampled: set[str] = set()
for _row, _what, _matches, _when, _byte in _WINDOWS:
    add(
        _row,
        f"{_what}-{_matches.__name__}-{_when}{f'-at-{_byte}' if _byte else ''}",
        partial(_between, prepare=PREPARED[_what], matches=_matches, when=_when, at_byte=_byte),
        sample=_row not in _sampled,
    )
    _sampled.add(_row)


@scenario("C9")
def _destroyed_and_applied_again(bench: Bench) -> None:
    """A revoke of ours that was cut off never reads as somebody else's: what is desired is made again."""
    scene = bench.scene()
    _text(scene)
    scene.applied()
    running: list[Running] = []

    def kill() -> None:
        running[0].kill()
        running[0].gone()

    scene.rules(Rule(on.revoke, on.calls(after=kill)))
    running.append(scene.start("destroy", "--auto-approve"))
    assert scene.ended(running[0]).killed
    judge.settles(scene)


# --- killed at every system call ---------------------------------------------------------------------------

_CALLS = (
    "write",
    "fsync",
    "fdatasync",
    "rename",
    "link",
    "unlink",
    "ftruncate",
    "pwrite64",
    "mkdir",
    "sendto",
)


def row_of(scene: Scene, inject: Inject, ran: ClientRan, before: int) -> str:
    """Say which row a kill belongs to, by what was done and recorded when it came."""
    happened = {event["is"] for event in scene.tenant.events()[before:]}
    written = scene.journal()
    kinds = {type(entry) for entry in written.entries} if written else set()
    last = [line for line in ran.trace if line.name == inject.name and line.n == inject.n]
    if any(str(scene.state_path) in c.text or ".m.state.json" in c.text for c in last):
        return "C7"
    if "revoked" in happened:
        return "C9"
    if journal.Committed in kinds:
        return "C8"
    if "content_set" in happened:
        return "C6"
    if journal.Bound in kinds:
        return "C4"
    return "C3" if "created" in happened else "C1"


def _sweep(bench: Bench, prepare: Prepare, name: str, most: int = 10_000) -> dict[str, int]:
    """Kill at the n-th call of this name, for every n until none fires."""
    rows: Counter[str] = Counter()
    for n in range(1, most + 1):
        scene = bench.scene()
        prepare(scene)
        replaces, before = bool(scene.runs), len(scene.tenant.events())
        inject = Inject(name, n, "signal=KILL")
        ran = scene.apply(inject=inject)
        if not ran.killed:
            assert 0 == ran.code, ran.text
            break
        rows[row_of(scene, inject, ran, before)] += 1
        judge.after_run(scene, ran)
        judge.settles(scene, never_without=replaces and prepare is not _remove)
    assert rows, f"{name} is never called"
    return dict(rows)


for _what in ("text", "file", "several", "replace-text", "replace-file", "remove"):
    for _name in _CALLS:
        if _name == "mkdir" and _what not in ("text", "file", "several"):
            continue
        if _what == "several" and _name not in ("fdatasync", "sendto"):
            continue  # a sweep of its writes would repeat those of its parts
        if _what == "replace-file" and _name not in ("fdatasync", "sendto", "write"):
            continue
        add("C7", f"{_what}-every-{_name}", partial(_sweep, prepare=PREPARED[_what], name=_name), strace=True)


@scenario("C7", sample=True, strace=True)
def _state_write_sample(bench: Bench) -> dict[str, int]:
    return _sweep(bench, _replace_text, "rename", most=3)


# --- killed during recovery, twice -------------------------------------------------------------------------


def _dead_run(scene: Scene, how: str) -> None:
    match how:
        case "shell":
            _text(scene)
            killed_at(scene, on.create, when="done")
        case "complete":
            _text(scene)
            killed_at(scene, on.content, when="done")
        case "complete-file":
            _file(scene)
            killed_at(scene, on.upload, when="done")
        case "old-copy":
            _replace_text(scene)
            killed_at(scene, on.revoke, when="unheard")
        case "shell-in-replace":
            _replace_text(scene)
            killed_at(scene, on.create, when="done")
        case _:
            raise AssertionError(how)


def _recovery(bench: Bench, how: str, name: str, most: int = 10_000) -> int:
    for n in range(1, most + 1):
        scene = bench.scene()
        _dead_run(scene, how)
        scene.rules()
        inject = Inject(name, n, "signal=KILL")
        killed = 0
        for _ in range(2):
            ran = scene.apply(inject=inject)
            killed += ran.killed
            judge.after_run(scene, ran)
        judge.settles(scene)
        if not killed:
            return n - 1
    return most


for _how in ("shell", "complete", "complete-file", "old-copy", "shell-in-replace"):
    for _name in ("sendto", "write", "fsync", "rename"):
        if _how in ("complete-file", "shell-in-replace") and _name != "sendto":
            continue
        add("C10", f"{_how}-every-{_name}", partial(_recovery, how=_how, name=_name), strace=True)


@scenario("C10", sample=True, strace=True)
def _recovery_sample(bench: Bench) -> int:
    return _recovery(bench, "complete", "sendto", most=4)


# --- asked to stop -----------------------------------------------------------------------------------------


def _stopped(bench: Bench, number: signal.Signals, matches: on.Matches, *, twice: bool, nth: int = 1) -> None:
    """Signal a run of several changes, one at a time, at a request; once or twice."""
    scene = bench.scene()
    for n in range(4):
        scene.text(f"t{n}")
    scene.file("u", size=50_000)
    running: list[Running] = []

    def send() -> None:
        running[0].kill(number)
        if twice:
            _until_noted(scene)
            running[0].kill(number)
            running[0].gone()

    scene.rules(Rule(matches, on.calls(after=send), nth=nth))
    running.append(scene.start_apply("--parallelism", "1"))
    ran = scene.ended(running[0])
    if twice:
        assert ran.code == -number, f"C11: the second signal did not end it\n{ran.text}"
    else:
        expected = 130 if number is signal.SIGINT else 143
        assert expected == ran.code, f"C11: {expected} was expected\n{ran.text}"
        assert not scene.journal_path.exists(), "C11: the run was not ended cleanly"
        state = scene.state()
        live = {i for i, v in scene.tenant.live().items() if judge._ours(v.display_name)}
        assert state is not None
        assert live == state.known(), "I2: after a clean stop"
    judge.after_run(scene, ran)
    judge.settles(scene)


def _until_noted(scene: Scene) -> None:
    path = scene.bench.directory / "logs" / f"{scene.directory.name}-{scene.stem}-{scene.started}.err"
    until = time.monotonic() + 10
    while "finishing" not in path.read_text() and time.monotonic() < until:
        scene.tenant.events()  # reading a file is pause enough


for _number in (signal.SIGINT, signal.SIGTERM):
    for _twice in (False, True):
        for _matches, _nth in ((on.create, 1), (on.create, 3), (on.content, 2), (on.get, 1), (on.users, 1)):
            if _matches is on.users and not _twice:
                continue  # before the claim nothing is in hand: covered by its own case below
            add(
                "C11",
                f"{_number.name}-{'twice' if _twice else 'once'}-{_matches.__name__}-{_nth}",
                partial(_stopped, number=_number, matches=_matches, twice=_twice, nth=_nth),
                sample=_matches is on.create and _nth == 3,
            )


# --- the machine vanishes ----------------------------------------------------------------------------------


def _vanished(
    bench: Bench, prepare: Prepare, matches: on.Matches, when: str, *, gone: str, lag: str = "0s"
) -> None:
    """Kill, take the journal (or all of `.reconciler/`) away, go on elsewhere with the key."""
    scene = bench.scene()
    prepare(scene)
    scene.tenant.set(search_lag=lag)
    ran = killed_at(scene, matches, when=when)
    if gone == "journal":
        scene.remove_journal()
    else:
        scene.remove_workdir()
    stale = lag != "0s"
    if not stale:
        judge.after_run(scene, ran, recorded=False)
        judge.settles(scene)
        return
    ran = scene.apply()
    assert "Traceback" not in ran.err
    scene.tenant.set(search_lag="0s")
    judge.settles(scene, stale_search=True)


for _gone in ("journal", "workdir"):
    for _row, _what, _matches, _when, _byte in _WINDOWS:
        if _byte is None:
            add(
                "C12",
                f"{_gone}-{_what}-{_matches.__name__}-{_when}",
                partial(_vanished, prepare=PREPARED[_what], matches=_matches, when=_when, gone=_gone),
                sample=_gone == "workdir" and (_what, _when) in (("text", "done"), ("replace-text", "heard")),
            )
    for _what, _matches in (("text", on.create), ("text", on.content), ("replace-text", on.content)):
        add(
            "C12",
            f"{_gone}-{_what}-{_matches.__name__}-stale-search",
            partial(
                _vanished, prepare=PREPARED[_what], matches=_matches, when="done", gone=_gone, lag="600s"
            ),
        )
