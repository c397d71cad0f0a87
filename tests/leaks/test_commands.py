"""No command, whatever it meets, shows or sends a secret anywhere but where it belongs (I6, I7)."""

from __future__ import annotations

import json
import secrets
import subprocess

import pytest

from reconciler.errors import ExitCode
from tests.faults import proxy as on
from tests.faults.proxy import Action, Exchange, Rule
from tests.faults.scene import APPLY, Scene
from tests.leaks.canaries import Canaries, forms
from tests.leaks.searched import Searched, plant, value


@pytest.fixture
def it(scene: Scene) -> Searched:
    return Searched(scene)


def test_the_search_finds_what_is_there(it: Searched) -> None:
    """The searcher itself: each form of a secret is found, whatever stands around it."""
    canary = value("x")
    for form in forms(canary):
        assert Canaries({"x": canary}).found_in({"somewhere": b"a" + form + b"b"})
    ran = it.scene.run("--version")
    shown = {f"stdout {secrets.token_hex(2)}": it.scene.token.encode()}
    assert it.canaries().found_in(shown)
    it.nothing_shows(ran)


def test_the_life_of_a_stack(it: Searched) -> None:
    """plan in every format, -o, show, apply of the plan, output, state, edits, -v, --json, --result, destroy."""
    scene, runs = it.scene, []
    plan, result = str(scene.directory / "p.plan"), str(scene.directory / "r.json")
    for form in ("text", "markdown", "json", "html"):
        runs.append(scene.run("-v", "plan", "--format", form))
    runs += [scene.run("plan", "-o", plan), scene.run("show", plan), scene.run("--json", "show", plan)]
    runs.append(scene.run("-v", "-v", "apply", plan, "--result", result))
    assert [0] * len(runs) == [ran.code for ran in runs], runs[-1].text
    it.nothing_shows(*runs)
    scene.change("from-env")
    scene.change("whole-file")
    runs = [
        scene.run("--json", *APPLY, "--result", result),
        scene.run("output"),
        scene.run("--json", "output"),
    ]
    runs += [
        scene.run("state", "list"),
        scene.run("state", "show", "from-file"),
        scene.run("access", "ana@example.com"),
    ]
    runs += [scene.run("auth", "status"), scene.run("plan", "--offline"), scene.run("state", "rekey")]
    runs += [scene.run("destroy", "--auto-approve", "--result", result)]
    assert [0] * 8 == [ran.code for ran in runs[:8]], [ran.text for ran in runs]
    it.nothing_shows(*runs)
    assert not scene.tenant.live()


def test_what_git_is_told(it: Searched) -> None:
    """Neither its arguments nor its environment, which whatever it starts inherits, hold a value, key or token."""
    scene = it.scene
    origin = scene.directory / "origin.git"
    subprocess.run(["git", "init", "--quiet", "--bare", origin], check=True)
    there = ("--remote", f"file://{origin}")
    runs = [scene.run("ci", "fetch-state", *there), scene.apply(), scene.run("ci", "push-state", *there)]
    runs += [scene.run("diff", "--base", "HEAD"), scene.run("plan", "-o", str(scene.directory / "p.plan"))]
    assert [0, 0, 0, 64, 0] == [ran.code for ran in runs], [ran.text for ran in runs]
    assert {"ls-files", "rev-parse", "push", "hash-object"} <= set(it.told.splitlines())
    it.nothing_shows(*runs)


async def echoes_all(exchange: Exchange, status: int, *, whole: bool) -> None:
    """Answer with everything that was asked, as a debugging proxy would; as a message, or as the whole body."""
    await exchange.swallow()
    request = exchange.request
    asked = (request.head + request.body).decode("latin-1")
    body = asked.encode() if whole else json.dumps({"code": 3, "message": asked, "details": [asked]}).encode()
    reason = b"HTTP/1.1 %d " % status + asked[:60].encode("latin-1").replace(b"\r\n", b" ")
    head = (
        reason + b"\r\ncontent-type: application/json\r\nx-echo: " + asked[:900].replace("\r\n", " ").encode()
    )
    await exchange.send(head + b"\r\ncontent-length: %d\r\n\r\n" % len(body) + body)


def echo(status: int, *, whole: bool = False) -> Action:
    async def act(exchange: Exchange) -> None:
        await echoes_all(exchange, status, whole=whole)

    return act


@pytest.mark.parametrize("status", [200, 401, 403, 500])
@pytest.mark.parametrize("call", list(on.CALLS))
def test_a_tenant_that_quotes_the_request(it: Searched, call: str, status: int) -> None:
    """Refusals and errors whose bodies, headers and status line hold the whole request, token and all."""
    scene = it.scene
    if call == "revoke":
        scene.applied()
        scene.change("from-env")
    scene.rules(Rule(on.CALLS[call], echo(status), times=100))
    ran = scene.run("-v", "-v", *APPLY, "--result", str(scene.directory / "r.json"))
    assert ran.code or (call, status) == ("search", 200), ran.text  # no list is an empty list
    it.nothing_shows(ran)


@pytest.mark.parametrize("call", list(on.CALLS))
@pytest.mark.parametrize(
    "cut", [slice(0, 20), slice(-20, None), slice(10, 45)], ids=["begin", "end", "middle"]
)
def test_a_tenant_that_hints_at_the_token(it: Searched, call: str, cut: slice) -> None:
    """Many name a token that they do not take by a part of it."""
    scene = it.scene
    if call == "revoke":
        scene.applied()
        scene.change("from-env")
    said = json.dumps({"code": 16, "message": f"no such token: {scene.token[cut]}"}).encode()

    async def hint(exchange: Exchange) -> None:
        await exchange.swallow()
        head = b"HTTP/1.1 403 No\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(said)
        await exchange.send(head + said)

    scene.rules(Rule(on.CALLS[call], hint, times=100))
    ran = scene.run("-v", *APPLY, "--result", str(scene.directory / "r.json"))
    assert ran.code, ran.text
    it.nothing_shows(ran)


@pytest.mark.parametrize("call", list(on.CALLS))
def test_garbage_that_quotes_the_request(it: Searched, call: str) -> None:
    """What is not JSON, and what is cut, is named without a word of it."""
    scene = it.scene
    if call == "revoke":
        scene.applied()
        scene.change("whole-file")
    runs = []
    for act in (echo(200, whole=True), echo(403, whole=True), on.cut(0.6), on.lose):
        scene.rules(Rule(on.CALLS[call], act, times=100))
        runs.append(scene.run("-v", "--json", *APPLY))
    it.nothing_shows(*runs)


def test_sources_that_cannot_be_used(it: Searched) -> None:
    """Not UTF-8, not base64, empty, a directory, too large, ciphertext, gone: told by name, never by content."""
    scene, runs = it.scene, []
    path = scene.directory / "from-file.txt"
    canary = value("unreadable")
    it.earlier["bad value"] = canary
    for bad in (canary + b"\xff\xfe", canary * 1500, b"age-encryption.org/v1\n" + canary, b"", None):
        path.unlink(missing_ok=True)
        if bad is not None:
            path.write_bytes(bad)
        runs += [scene.apply("-v"), scene.plan()]
    path.mkdir()
    scene.environ["VALUE_B64"] = canary.decode()
    runs.append(scene.apply("-v"))
    assert all(ran.code == ExitCode.ERROR for ran in runs), [ran.text for ran in runs]
    it.nothing_shows(*runs)


def test_a_manifest_with_a_secret_in_it(it: Searched) -> None:
    """Whatever stands where it should not is not repeated: values, keys, broken syntax."""
    scene, runs = it.scene, []
    canary = value("planted").replace(b"\n", b"").replace(b'"', b"").decode()
    it.earlier["planted"] = canary.encode()
    entry = {"source": {"env": "VALUE_FROM_ENV"}, "share_with": {"users": ["ana@example.com"]}}
    bodies: list[dict[str, object]] = [
        {"secrets": {"x": entry | {"source": {"value": canary}}}},
        {"secrets": {"x": entry | {"source": canary}}},
        {"secrets": {"x": canary}},
        {"secrets": {canary: entry}},
        {"secrets": {"x": entry | {canary: 1}}},
        {
            "secrets": {
                "x": entry | {"expires_in": canary, "max_views": canary, "kind": canary, "renew": canary}
            }
        },
        {"secrets": {"x": entry | {"share_with": {"users": [canary]}}}},
        {"secrets": {"x": entry | {"source": {"file": f"{canary}/x"}}}, "include": [canary]},
        {"moved": [{"from": canary, "to": canary}], "removed": [{"name": canary}], "version": canary},
        {"name": canary},
    ]
    good = scene.manifest.read_text()
    for body in bodies:
        scene.manifest.write_text(good)
        plant(scene, **body)
        runs += [scene.run("validate"), scene.apply("-v"), scene.run("--json", "--ci", "github", "validate")]
    for text in (
        f"a: [{canary}\nb",
        f"? !!python/x {canary}\n",
        f"secrets: &a {canary}\nx: *a",
        f"\tx: {canary}",
    ):
        scene.manifest.write_text(text)
        runs.append(scene.run("validate"))
    assert all(ran.code for ran in runs), [ran.text for ran in runs if not ran.code]
    scene.manifest.write_text(good)
    it.nothing_shows(*runs)


def test_keys_and_credentials_of_the_wrong_shape(it: Searched) -> None:
    """A wrong fingerprint key, token, client secret or OIDC token is told by the variable's name."""
    scene, runs = it.scene, []
    canary = f"wrong-{secrets.token_hex(20)}"
    it.earlier |= {"wrong": canary.encode()}
    client = scene.tenant.clients["owner"]
    it.earlier["client secret"] = client["client_secret"].rpartition(":")[2].encode()
    for name, text in (
        ("RECONCILER_FINGERPRINT_KEY", canary),
        ("CONDUCTORONE_ACCESS_TOKEN", f"Bearer {canary}"),
        ("CONDUCTORONE_ACCESS_TOKEN", f"{canary}\r\nx-other: 1"),
        ("CONDUCTORONE_OIDC_TOKEN", canary),
        ("CONDUCTORONE_CLIENT_SECRET", f"secret-token:conductorone.com:v1:{canary}"),
        ("CONDUCTORONE_SERVER_URL", f"https://user:{canary}@example.com/"),
        ("HTTPS_PROXY", f"ftp://user:{canary}@example.com/"),
        ("HTTPS_PROXY", f"http://user:{canary}@\x01/"),
        ("ALL_PROXY", f"socks5://user:{canary}@127.0.0.1:1"),
    ):
        before = dict(scene.environ)
        scene.environ[name] = text
        if name.endswith(("OIDC_TOKEN", "CLIENT_SECRET")):
            scene.environ |= {"CONDUCTORONE_ACCESS_TOKEN": "", "CONDUCTORONE_CLIENT_ID": "x@127.0.0.1/y"}
        if name.endswith("URL"):
            scene.server = ""
        runs += [scene.apply("-v"), scene.run("auth", "status"), scene.run("plan")]
        scene.environ = before
        scene.server = scene.proxy.url
    it.nothing_shows(*runs)


def test_damaged_files_of_our_own(it: Searched) -> None:
    """State, journal and key that hold a secret by mistake are refused without quoting it."""
    scene = it.scene.applied()
    canary = f"damaged-{secrets.token_hex(20)}"
    found, runs = Canaries({"damaged": canary.encode()}), []
    for path in (
        scene.state_path,
        scene.journal_path,
        scene.workdir / "fingerprint.key",
        scene.directory / "p.plan",
    ):
        kept = path.read_bytes() if path.exists() else None
        for text in (
            canary,
            json.dumps({"format_version": 1, "name": canary, "checksum": canary}),
            f'{{"a": "{canary}',
        ):
            path.write_text(text)
            environ = dict(scene.environ)
            if path.name == "fingerprint.key":
                scene.environ["RECONCILER_FINGERPRINT_KEY"] = ""
            runs += [scene.apply("-v"), scene.run("plan"), scene.run("state", "list")]
            if path.suffix == ".plan":
                runs += [scene.run("show", str(path)), scene.run("apply", str(path))]
            scene.environ = environ
        path.unlink(missing_ok=True) if kept is None else path.write_bytes(kept)
    shown = {f"run {n}": ran.text.encode() for n, ran in enumerate(runs)}
    assert not found.found_in(shown)
    it.nothing_shows(*runs)
