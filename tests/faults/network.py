"""H: what the network and the tenant do."""

from __future__ import annotations

import contextlib
import gzip
import json
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import partial
from typing import Any, Final

from reconciler.sandbox import bech32, clock, directory
from tests.faults import judge
from tests.faults import proxy as on
from tests.faults.client import ClientRan
from tests.faults.crashes import PREPARED, killed_at
from tests.faults.matrix import add, scenario
from tests.faults.proxy import Action, Rule
from tests.faults.scene import PENDING, Bench, Scene
from tests.support.certificates import Authority

_PREPARED_FOR: Final = {"upload": "file", "revoke": "replace-text"}
"""What makes a run send this call; a text does for the others."""

_EFFECTS: Final = ("create", "content", "upload", "revoke")


def disturbed(
    bench: Bench,
    call: str,
    do: Action,
    *,
    times: int = 1,
    nth: int = 1,
    codes: tuple[int, ...] = (0, 1, 3),
    prepare: str | None = None,
    **quirks: Any,
) -> Scene:
    """Apply while one call goes wrong, then let everything be right again."""
    scene = bench.scene()
    PREPARED[prepare or _PREPARED_FOR.get(call, "text")](scene)
    replaces = bool(scene.runs)
    rule = Rule(on.CALLS[call], do, times=times, nth=nth)
    scene.rules(rule)
    ran = scene.apply(**quirks)
    assert rule.fired, f"the call never came\n{ran.text}"
    judge.after_run(scene, ran)
    if ran.code:
        judge.failed(ran, *codes)
    assert ran.code in codes, f"I8: {codes} was expected\n{ran.text}"
    judge.settles(scene, never_without=replaces)
    return scene


def _disturb(bench: Bench, call: str, do: Action, **how: Any) -> None:
    disturbed(bench, call, do, **how)


# --- H1 ----------------------------------------------------------------------------------------------------


def _unreachable(bench: Bench, server: str, *arguments: str, says: str, **quirks: Any) -> None:
    scene = bench.scene()
    scene.text()
    right, scene.server = scene.server, server
    ran = scene.apply(*arguments, **quirks)
    judge.nothing_made(scene)
    assert 1 == ran.code, ran.text
    assert says in ran.err, f"I8: {says!r} is not said\n{ran.text}"
    assert scene.state() is None, "a state was made"
    scene.server = right
    judge.after_run(scene, ran)
    judge.settles(scene)


@scenario("H1", sample=True)
def _refused(bench: Bench) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        _unreachable(bench, f"http://127.0.0.1:{free.getsockname()[1]}", says="refused")


@scenario("H1")
def _no_such_name(bench: Bench) -> None:
    _unreachable(bench, "https://nowhere.invalid", says="resolved")


@scenario("H1")
def _no_tls(bench: Bench) -> None:
    """What answers there waits for the end of a request that never comes."""
    _unreachable(bench, bench.proxy.url.replace("http:", "https:"), says="TLS", deadline=1.0)


@contextmanager
def _tls(context: ssl.SSLContext) -> Iterator[str]:
    """Shake hands, and close."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                with contextlib.suppress(OSError), context.wrap_socket(connection, server_side=True) as tls:
                    tls.recv(1)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"https://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


def _certificate(bench: Bench, kind: str) -> None:
    authority = Authority(bench.directory / "authority")
    name = "127.0.0.2" if kind == "other-host" else "127.0.0.1"
    with _tls(authority.server(name=name, expired=kind == "expired")) as url:
        trusted = () if kind == "untrusted" else ("--ca-file", authority.file)
        _unreachable(bench, url, *trusted, says="certificate is not valid")


for _kind in ("untrusted", "expired", "other-host"):
    add("H1", f"certificate-{_kind}", partial(_certificate, kind=_kind))


@scenario("H1")
def _gone_in_the_middle(bench: Bench) -> None:
    """The tenant refuses connections from the first create on: nothing certain is called unclear."""
    _disturb(bench, "create", on.drop, times=1000, codes=(1,))


# --- H2 ----------------------------------------------------------------------------------------------------

_HTML = on.raw(200, b"<html>sign in</html>", kind="text/html")
_ANSWERS: Final[dict[str, bytes]] = {
    "not-http": b"\x16\x03\x01\x00\xff" * 20 + b"\r\n\r\n",
    "html": _HTML,
    "half-json": on.raw(200, b'{"vaultId": "2abc'),
    "list": on.raw(200, b"[]"),
    "empty-object": on.raw(200, b"{}"),
    "null": on.raw(200, b"null"),
    "nothing": b"HTTP/1.1 204 X\r\n\r\n",
    "deep": on.raw(200, b"[" * 100_000),
    "wrong-types": on.raw(200, b'{"vaultId": 7, "secret": [], "list": {}, "userId": {}}'),
    "not-utf-8": on.raw(200, b'{"vaultId": "\xff\xfe"}'),
    "early-end": b"HTTP/1.1 200 X\r\ncontent-type: application/json\r\ncontent-length: 999\r\n\r\n{",
}


def _says_and_closes(answer: bytes, *, effect: bool) -> Action:
    async def act(exchange: on.Exchange) -> None:
        await (exchange.forward() if effect else exchange.swallow())
        await exchange.send(answer)
        exchange.writer.close()
        raise on.Gone

    return act


for _call in on.CALLS:
    for _name, _do in {
        "reset-unheard": on.drop,
        "reset-heard": on.lose,
        "cut-early": on.cut(0.1),
        "cut-late": on.cut(0.95),
    }.items():
        add(
            "H2",
            f"{_call}-{_name}",
            partial(_disturb, call=_call, do=_do),
            sample=_call == "create" and _name in ("reset-heard", "cut-late"),
        )
    for _name, _answer in _ANSWERS.items():
        for _effect in (True, False):
            if _effect and _call not in _EFFECTS:
                continue
            if _name == "nothing" and _call in ("upload", "revoke", "content") and not _effect:
                continue  # a 2xx to an upload or a revoke is believed; H10 has the upload that was not
            if _call == "users" and _name == "empty-object":
                continue  # that is an answer: nobody is called so
            if _call == "revoke" and not _effect and _name in ("list", "empty-object", "null", "wrong-types"):
                continue
            add(
                "H2",
                f"{_call}-{_name}-{'heard' if _effect else 'unheard'}",
                partial(_disturb, call=_call, do=_says_and_closes(_answer, effect=_effect)),
                sample=_call == "create" and _name == "html" and _effect,
            )

for _call in ("create", "content", "upload", "get", "search"):
    for _name, _do in {"reset": on.lose, "html": on.says(_HTML, effect=False)}.items():
        add(
            "H2",
            f"{_call}-always-{_name}",
            partial(_disturb, call=_call, do=_do, times=1000, codes=(1, 3, 0)),
        )


@scenario("H2", sample=True)
def _lost_create_is_not_repeated(bench: Bench) -> None:
    """A create without an answer is never sent again: the next attempt bears a generation of its own."""
    scene = disturbed(bench, "create", on.lose, times=2, codes=(0,))
    names = [event["name"] for event in scene.tenant.events("created")]
    assert len(names) == len(set(names)), "H2: two vaults bear one tag"


def _recipient(secret: bytes) -> str:
    return bech32.encode("age", secret)


def _set(**fields: object) -> Callable[[dict[str, Any]], None]:
    def change(answer: dict[str, Any]) -> None:
        answer.update(fields)

    return change


def _rename(answer: dict[str, Any]) -> None:
    answer["secret"]["displayName"] = "renamed by the tenant"


_CREATED: Final[dict[str, Callable[[dict[str, Any]], None]]] = {
    "no-id": _set(vaultId=""),
    "null-id": _set(vaultId=None),
    "path-as-id": _set(vaultId="../users"),
    "other-suite": _set(ageSuite="AGE_SUITE_MLKEM768X25519"),
    "unknown-suite": _set(ageSuite="AGE_SUITE_QUANTUM"),
    "low-order-recipient": _set(ageRecipient=_recipient(bytes(32))),
    "low-order-recipient-1": _set(ageRecipient=_recipient(b"\1" + bytes(31))),
    "no-recipient": _set(ageRecipient=""),
    "garbage-recipient": _set(ageRecipient="age1notbech32"),
    "upper-case-recipient": _set(ageRecipient=_recipient(b"\7" * 32).upper()),
    "secret-key-as-recipient": _set(ageRecipient="AGE-SECRET-KEY-1" + "Q" * 58),
    "foreign-recipient": _set(ageRecipient=_recipient(bytes(range(9, 41)))),
    "renamed": _rename,
    "no-upload-url": _set(uploadUrl=""),
    "upload-url-in-clear": _set(uploadUrl="http://uploads.example.com/x"),
    "upload-url-of-a-file": _set(uploadUrl="file:///etc/passwd"),
}
for _name, _change in _CREATED.items():
    for _what in ("text", "file"):
        if _name.startswith(("no-upload", "upload-")) and _what == "text":
            continue
        for _times in (1, 1000):
            add(
                "H2",
                f"{_what}-create-{_name}{'-always' if _times > 1 else ''}",
                partial(_disturb, call="create", do=on.rewrites(_change), times=_times, prepare=_what),
                sample=_name == "low-order-recipient" and _what == "file" and _times == 1,
            )


# --- H3 ----------------------------------------------------------------------------------------------------

_ERROR = json.dumps({"code": 13, "message": "internal", "details": []}).encode()

for _call in ("create", "content", "upload", "get", "revoke", "search"):
    for _status in (408, 500, 502, 503, 504):
        for _effect in (True, False):
            if _effect and _call not in _EFFECTS:
                continue
            add(
                "H3",
                f"{_call}-{_status}-{'heard' if _effect else 'unheard'}",
                partial(_disturb, call=_call, do=on.says(on.raw(_status, _ERROR), effect=_effect)),
                sample=_call == "create" and _status == 503,
            )
    add(
        "H3",
        f"{_call}-503-always",
        partial(
            _disturb, call=_call, do=on.says(on.raw(503, _ERROR), effect=False), times=1000, codes=(1, 3)
        ),
    )


@scenario("H3")
def _nothing_answers_once_the_content_is_there(bench: Bench) -> None:
    """Neither reading nor revoking works: the vault was given up on record, so the re-run ends it and makes another."""
    scene = bench.scene()
    PREPARED["replace-text"](scene)
    made = len(scene.tenant.events("created"))
    unwell = on.says(on.raw(503, _ERROR), effect=False)
    scene.rules(Rule(on.get, unwell, times=1000), Rule(on.revoke, unwell, times=1000))
    ran = scene.apply()
    judge.failed(ran, 1)
    judge.after_run(scene, ran)
    scene.tenant.set(search_lag="60s")
    scene.rules()
    ran = scene.apply()
    judge.after_run(scene, ran)
    scene.tenant.set(search_lag="0s")
    judge.settles(scene, never_without=True)
    assert made + 2 == len(scene.tenant.events("created")), "H3: what was given up was taken over"


# --- H4 ----------------------------------------------------------------------------------------------------


def _limited(after: str | None) -> Action:
    headers = () if after is None else (f"retry-after: {after}",)
    return on.says(on.raw(429, b'{"code": 8, "message": "slow down"}', headers=headers), effect=False)


_RETRY_AFTER: Final[dict[str, tuple[str | None, tuple[int, ...]]]] = {
    "0": ("0", (0,)),
    "1": ("1", (0,)),
    "3600": ("3600", (1, 3)),
    "date": (format_datetime(datetime.now(UTC) + timedelta(seconds=2), usegmt=True), (0,)),
    "date-far": (format_datetime(datetime.now(UTC) + timedelta(days=2), usegmt=True), (1, 3)),
    "date-past": ("Thu, 01 Jan 1970 00:00:00 GMT", (0,)),
    "garbage": ("soon", (0,)),
    "negative": ("-5", (0,)),
    "huge": ("9" * 40, (0,)),
    "absent": (None, (0,)),
}
for _name, (_after, _codes) in _RETRY_AFTER.items():
    for _call in ("create", "content", "upload", "revoke", "search", "introspect"):
        add(
            "H4",
            f"{_call}-{_name}",
            partial(_disturb, call=_call, do=_limited(_after), codes=_codes),
            sample=_call == "create" and _name in ("1", "3600"),
        )
for _call in ("create", "content", "upload", "search"):
    add("H4", f"{_call}-always", partial(_disturb, call=_call, do=_limited("1"), times=1000, codes=(1, 3)))


@scenario("H4")
def _waits_as_long_as_asked(bench: Bench) -> None:
    began = time.monotonic()
    disturbed(bench, "create", _limited("2"), codes=(0,), patient=True)
    assert time.monotonic() - began >= 2, "H4: it did not wait"


@scenario("H4")
def _an_upload_waits_as_long_as_asked(bench: Bench) -> None:
    began = time.monotonic()
    disturbed(bench, "upload", _limited("2"), codes=(0,), patient=True)
    assert time.monotonic() - began >= 2, "H4: it did not wait"


# --- H5 ----------------------------------------------------------------------------------------------------

_401 = on.says(on.raw(401, b'{"code": 16, "message": "unauthenticated"}'), effect=False)
_403 = on.says(on.raw(403, b'{"code": 7, "message": "permission denied"}'), effect=False)


def _three(scene: Scene) -> None:
    for n in range(3):
        scene.text(f"t{n}")


PREPARED["three"] = _three


def _denied(bench: Bench, do: Action, call: str) -> None:
    """The second of three is denied: the first is kept, nothing goes on, exit 4."""
    scene = bench.scene()
    _three(scene)
    scene.rules(Rule(on.CALLS[call], do, nth=2, times=1000))
    ran = scene.apply("--parallelism", "1")
    assert 4 == ran.code, f"H5: exit 4 was expected\n{ran.text}"
    judge.after_run(scene, ran)
    judge.failed(ran, 4)
    state = scene.state()
    assert state is not None
    if call != "get":
        assert 1 == len(state.instances), "H5: what was finished is kept"
    judge.settles(scene)


for _call in ("create", "content", "get"):
    add("H5", f"{_call}-401", partial(_denied, do=_401, call=_call), sample=_call == "create")
add("H5", "create-403", partial(_denied, do=_403, call="create"))


def _renewed(bench: Bench, times: int, codes: tuple[int, ...]) -> None:
    """With a credential that can be renewed a 401 costs one new token; a second 401 ends the run."""
    scene = bench.scene()
    _three(scene)
    login = scene.tenant.clients["owner"]
    scene.environ |= {
        "CONDUCTORONE_CLIENT_ID": "owner@127.0.0.1/spc",
        "CONDUCTORONE_CLIENT_SECRET": login["client_secret"],
    }
    token, scene.token = scene.token, ""
    scene.rules(Rule(on.create, _401, nth=2, times=times))
    ran = scene.apply("--parallelism", "1")
    asked = [r for r in scene.proxy.requests if r.path == "/auth/v1/token"]
    assert ran.code in codes, ran.text
    assert 2 == len(asked), f"H5: {len(asked)} tokens were asked for"
    scene.token = token
    judge.after_run(scene, ran)
    scene.environ = {n: v for n, v in scene.environ.items() if not n.startswith("CONDUCTORONE_")}
    judge.settles(scene)


add("H5", "renewed-once", partial(_renewed, times=1, codes=(0,)))
add("H5", "renewed-in-vain", partial(_renewed, times=1000, codes=(4,)))

# --- H6 ----------------------------------------------------------------------------------------------------


def _redirected(bench: Bench, call: str, status: int) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        other.setblocking(False)
        location = f"location: http://127.0.0.1:{other.getsockname()[1]}/elsewhere"
        answer = on.raw(status, b"", kind="text/plain", headers=(location,))
        disturbed(bench, call, on.says(answer, effect=False), codes=(0, 1, 3), times=2)
        with contextlib.suppress(BlockingIOError):
            other.accept()
            raise AssertionError("I7: a redirect was followed")


for _call in on.CALLS:
    for _status in (301, 302, 303, 307, 308) if _call in ("create", "upload") else (302, 307):
        add(
            "H6",
            f"{_call}-{_status}",
            partial(_redirected, call=_call, status=_status),
            sample=(_call, _status) in (("create", 307), ("upload", 307)),
        )

# --- H7 ----------------------------------------------------------------------------------------------------


async def _endless(exchange: on.Exchange) -> None:
    await exchange.forward()
    await exchange.send(
        b"HTTP/1.1 200 X\r\ncontent-type: application/json\r\ncontent-length: 9999999999\r\n\r\n"
    )
    with contextlib.suppress(ConnectionError):
        while True:
            await exchange.send(b" " * (1 << 16))
    raise on.Gone


def _bomb() -> bytes:
    body = gzip.compress(b" " * 200_000_000, 9)
    return on.raw(200, body, headers=("content-encoding: gzip",))


_HEADERS = b"HTTP/1.1 200 X\r\ncontent-type: application/json\r\n" + b"".join(
    b"x-%d: 1\r\n" % n for n in range(100_000)
)
_MEMORY: Final = 200 * 1024
"""KiB: far above what a run takes, far below what it would take to keep these answers."""


def _bounded(bench: Bench, call: str, do: Action, times: int) -> None:
    began = time.monotonic()
    scene = disturbed(bench, call, do, times=times, deadline=1.0)
    assert time.monotonic() - began < 60, "H7: it took too long"
    peak = max(ran.peak for ran in scene.runs)
    assert peak < _MEMORY, f"H7: {peak} KiB of memory"


_SLOW: Final[dict[str, Action]] = {
    "drip": on.drip,
    "stall-heard": on.stall,
    "stall-unheard": on.deaf,
    "endless": _endless,
    "headers": _says_and_closes(_HEADERS + b"content-length: 2\r\n\r\n{}", effect=True),
}
for _call in ("create", "content", "upload", "get", "search", "revoke"):
    for _name, _do in _SLOW.items():
        add(
            "H7",
            f"{_call}-{_name}",
            partial(_bounded, call=_call, do=_do, times=1),
            sample=_call == "create" and _name in ("stall-heard", "drip"),
        )
add("H7", "create-always-stall", partial(_bounded, call="create", do=on.stall, times=1000))


def _bombed(bench: Bench, call: str) -> None:
    _bounded(bench, call, on.says(_bomb(), effect=True), 1)


for _call in ("create", "search", "get"):
    add("H7", f"{_call}-gzip-bomb", partial(_bombed, call=_call))

# --- H8 ----------------------------------------------------------------------------------------------------


def _strangers(scene: Scene, count: int) -> None:
    """Give the owner this many vaults of other stacks, straight into the tenant's data."""
    store = scene.tenant.store
    at = store.now() - clock.SECOND * 3600
    rows = [
        (
            f"2stranger{n:08d}",
            f"CODE-{n:08d}",
            directory.user_id("owner@example.com"),
            f"other {n}",
            at + n,
            at + 10**12,
        )
        for n in range(count)
    ]
    with store.transaction() as db:
        db.executemany(
            "INSERT INTO vaults (vault_id, share_code, creator, kind, sharing, display_name, recipients, input_format,"
            " filename, content_type, file_size, suite, private_key, upload_key, max_views, created, updated, expires,"
            " ready) VALUES (?, ?, ?, 'text', 'internal', ?, '[\"x\"]', 'SECRET_INPUT_FORMAT_PLAINTEXT', '', '', 0,"
            " 'x25519', x'00', '', 0, ?, 0, ?, 1)",
            rows,
        )


def _paged(bench: Bench, change: Callable[[dict[str, Any]], None] | None) -> None:
    """A complete vault of a dead run lies on the last of many pages."""
    scene = bench.scene()
    scene.text()
    scene.tenant.set(page_cap="3")
    _strangers(scene, 20)
    killed_at(scene, on.content, when="done")
    scene.remove_journal()
    _strangers_newer(scene)
    rules = [Rule(on.search, on.rewrites(change), times=1000)] if change else []
    scene.rules(*rules)
    made = len(scene.tenant.events("created"))
    ran = scene.apply()
    judge.after_run(scene, ran)
    judge.settles(scene)
    if change is None:
        assert made == len(scene.tenant.events("created")), "H8: the vault was not found again"


def _strangers_newer(scene: Scene) -> None:
    with scene.tenant.store.transaction() as db:
        db.execute(
            "UPDATE vaults SET created = ? WHERE vault_id LIKE '2stranger%'", (scene.tenant.store.now(),)
        )


def _duplicate(answer: dict[str, Any]) -> None:
    answer["list"] = [item for item in answer["list"] for _ in range(3)]


def _same_token(answer: dict[str, Any]) -> None:
    answer["nextPageToken"] = answer["nextPageToken"] and "again"


add("H8", "many-pages", partial(_paged, change=None), sample=True)
add("H8", "duplicates", partial(_paged, change=_duplicate))


@scenario("H8")
def _repeated_token(bench: Bench) -> None:
    """A listing that goes round ends; what it never showed is asked for by its ID."""
    scene = bench.scene()
    scene.text()
    scene.applied()
    scene.tenant.set(page_cap="3")
    _strangers(scene, 20)
    _strangers_newer(scene)

    async def first_page_for_ever(exchange: on.Exchange) -> None:
        body = json.loads(exchange.request.body)
        body.pop("pageToken", None)
        new = json.dumps(body).encode()
        head = exchange.request.head.replace(
            b"content-length: %d" % exchange.request.length, b"content-length: %d" % len(new)
        ).replace(b"Content-Length: %d" % exchange.request.length, b"Content-Length: %d" % len(new))
        exchange.request.head, exchange.request.body = head, new
        await on.passes(exchange)

    scene.rules(Rule(on.search, first_page_for_ever, times=10_000))
    ran = scene.plan()
    assert 0 == ran.code, ran.text
    judge.settles(scene)


@scenario("H8")
def _always_another_page(bench: Bench) -> None:
    """A tenant that names another page for ever is given up."""
    scene = bench.scene()
    scene.text()
    scene.applied()
    counter = iter(range(10**9))

    async def act(exchange: on.Exchange) -> None:
        exchange.request.body = b'{"pageSize": 100}'
        await exchange.send(
            on.raw(200, json.dumps({"list": [], "nextPageToken": f"p{next(counter)}"}).encode())
        )

    scene.rules(Rule(on.search, act, times=10**9))
    ran = scene.apply()
    assert 1 == ran.code, ran.text
    judge.after_run(scene, ran)
    judge.settles(scene)


@scenario("H8")
def _ten_thousand(bench: Bench) -> None:
    """10,000 vaults of others: ours is found among them, and nothing else is touched."""
    scene = bench.scene()
    scene.text()
    killed_at(scene, on.content, when="done")
    scene.remove_journal()
    _strangers(scene, 10_000)
    made = len(scene.tenant.events("created"))
    scene.rules()
    judge.settles(scene)
    assert made == len(scene.tenant.events("created")), "H8: the vault was not found again"
    assert not scene.tenant.events("revoked"), "H8: somebody else's vault was touched"


def _not_listed(bench: Bench) -> None:
    """A listing without our vaults: each is asked for by its ID, and nothing is made again."""
    scene = bench.scene()
    PREPARED["several"](scene)
    scene.applied()
    made = len(scene.tenant.events("created"))
    scene.rules(Rule(on.search, on.rewrites(_set(list=[], nextPageToken="")), times=1000))
    ran = scene.apply()
    assert 0 == ran.code, ran.text
    assert made == len(scene.tenant.events("created")), "H8: a vault was made again"
    judge.settles(scene)


add("H8", "missing", _not_listed)

# --- H9 ----------------------------------------------------------------------------------------------------


def _stale(bench: Bench, call: str, do: Action, prepare: str) -> None:
    """Search shows the tenant as it was ten minutes ago. Right after the quarantine at the latest."""
    scene = bench.scene()
    PREPARED[prepare](scene)
    scene.tenant.set(search_lag="600s")
    scene.rules(Rule(on.CALLS[call], do))
    ran = scene.apply()
    judge.after_run(scene, ran)
    scene.rules()
    if call == "create":
        plan = scene.plan()
        assert "may still arrive" in plan.out, f"I8: the lost create is not told\n{plan.text}"
    ran = scene.apply()
    judge.after_run(scene, ran)
    assert 0 == ran.code, ran.text
    scene.tenant.advance(PENDING)
    judge.settles(scene)


for _call, _prepare in (
    ("create", "text"),
    ("create", "file"),
    ("create", "replace-text"),
    ("revoke", "remove"),
):
    for _name, _do in {"lost": on.lose, "503": on.says(on.raw(503, _ERROR), effect=True)}.items():
        add(
            "H9",
            f"{_prepare}-{_call}-{_name}",
            partial(_stale, call=_call, do=_do, prepare=_prepare),
            sample=_prepare == "text" and _name == "lost",
        )


def _stale_and_dead(bench: Bench, prepare: str, call: str, when: str) -> None:
    scene = bench.scene()
    PREPARED[prepare](scene)
    scene.tenant.set(search_lag="600s")
    ran = killed_at(scene, on.CALLS[call], when=when)
    judge.after_run(scene, ran)
    scene.rules()
    ran = scene.apply()
    judge.after_run(scene, ran)
    assert 0 == ran.code, ran.text
    scene.tenant.advance(PENDING)
    judge.settles(scene)


for _prepare, _call in (
    *(("text", "create"), ("text", "content"), ("file", "upload"), ("replace-text", "create")),
    *(("replace-text", "content"), ("replace-text", "revoke"), ("remove", "revoke")),
):
    for _when in ("heard", "done"):
        add(
            "H9",
            f"killed-{_prepare}-{_call}-{_when}",
            partial(_stale_and_dead, prepare=_prepare, call=_call, when=_when),
        )

# --- H10 ---------------------------------------------------------------------------------------------------

for _status in (403, 404, 410):
    answer = on.raw(_status, b"<Error><Code>AccessDenied</Code></Error>", kind="application/xml")
    add(
        "H10",
        f"url-dead-{_status}",
        partial(_disturb, call="upload", do=on.says(answer, effect=False), codes=(0,)),
        sample=_status == 403,
    )


def _with_setting(bench: Bench, codes: tuple[int, ...], **settings: str) -> ClientRan:
    scene = bench.scene()
    scene.file(size=1000)
    scene.tenant.set(**settings)
    ran = scene.apply()
    assert ran.code in codes, ran.text
    judge.after_run(scene, ran)
    live = scene.tenant.live()
    assert ran.code == 0 or not live, "H10: an incomplete vault is left"
    scene.tenant.set(upload_life="1h", ready_lag="0s", bad_upload="refuse")
    judge.settles(scene)
    return ran


@scenario("H10")
def _url_lives_too_short(bench: Bench) -> None:
    _with_setting(bench, (1,), upload_life="0s")


@scenario("H10")
def _ready_later(bench: Bench) -> None:
    _with_setting(bench, (0,), ready_lag="100ms")


@scenario("H10", sample=True)
def _never_ready(bench: Bench) -> None:
    _with_setting(bench, (1,), ready_lag="1h")


@scenario("H10")
def _stored_and_worthless(bench: Bench) -> None:
    """The storage takes anything; the vault never becomes ready. The wait is bounded."""
    disturbed(bench, "upload", on.says(on.raw(200, b"", kind="text/plain"), effect=False), codes=(1, 3))


def _burned_at_once(bench: Bench, *, unclear: bool) -> None:
    """Who may open it once has done so before the tenant was asked: it was delivered, and is not sent again."""
    scene = bench.scene()
    scene.text(max_views=1)

    def opened() -> None:
        store = scene.tenant.store
        with store.transaction() as db:
            db.execute("UPDATE vaults SET views = 1, burned = ? WHERE ready IS NOT NULL", (store.now(),))

    async def content(exchange: on.Exchange) -> None:
        answer = await exchange.forward()
        opened()
        await exchange.send(on.raw(503, b"{}") if unclear else answer)

    scene.rules(Rule(on.content, content), Rule(on.get, on.rewrites(_not_ready), times=1000))
    for _ in range(2):
        scene.applied()
    assert 1 == len(scene.tenant.events("created")), "it was sent again to who has read it"
    assert "all views used" in scene.runs[-1].out, scene.runs[-1].text


def _not_ready(answer: dict[str, Any]) -> None:
    answer["secret"]["contentReady"] = False


add("H10", "burned-at-once", partial(_burned_at_once, unclear=False), sample=True)
add("H10", "burned-at-once-unheard", partial(_burned_at_once, unclear=True))
