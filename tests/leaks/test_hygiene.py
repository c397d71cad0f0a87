"""What the process leaves behind and lets others say: no core, no key log, private files, silent loggers."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.faults.scene import APPLY, Scene
from tests.leaks.searched import Searched
from tests.support.certificates import Authority
from tests.support.commandline import Ran, finished
from tests.support.raw_server import answer, raw_server

ROOT = Path(__file__).resolve().parents[2]
SITE = Path(__file__).parent / "site"


def python(scene: Scene, *arguments: str, **environ: str) -> Ran:
    """Run Python for a scene, as a process of its own, started by nobody who has imported anything."""
    clean = {"PATH": os.environ["PATH"], "HOME": str(scene.bench.directory / "home"), "PYTHONPATH": str(ROOT)}
    token = {"CONDUCTORONE_ACCESS_TOKEN": scene.token}
    env = clean | token | scene.environ | environ
    return finished(sys.executable, *arguments, cwd=scene.directory, env=env)


def test_debug_logs_and_slow_callbacks_show_nothing(scene: Scene) -> None:
    """Root logger at DEBUG, asyncio's debug mode with every callback "slow", Python's dev mode: nobody speaks."""
    it = Searched(scene)
    environ = {"PYTHONPATH": f"{SITE}:{ROOT}", "PYTHONASYNCIODEBUG": "1", "SSLKEYLOGFILE": "keys.log"}
    called = ("-X", "dev", "-m", "reconciler", "-f", str(scene.manifest), "--server", scene.server)
    runs = [python(scene, *called, "-v", "-v", *APPLY, **environ)]
    scene.change("from-env")
    scene.change("whole-file")
    runs.append(python(scene, *called, "-v", *APPLY, **environ))
    scene.environ["VALUE_B64"] = "not base64 \xff"
    runs.append(python(scene, *called, "-v", "plan", **environ))
    assert [0, 0] == [ran.code for ran in runs[:2]], [ran.text for ran in runs]
    for ran in runs:
        assert "DEBUG:test:everything is logged" in ran.err
        loggers = {
            line.split(":")[1] for line in ran.err.splitlines() if line.startswith(("DEBUG:", "INFO:"))
        }
        assert not {name for name in loggers if name.startswith(("http", "asyncio", "urllib"))}, loggers
        assert "Executing <" not in ran.err
        assert "ResourceWarning" not in ran.err
    assert not (scene.directory / "keys.log").exists()
    it.nothing_shows(*runs)


BUG = """
import sys, time
from reconciler.cli import main, session
def load(options):
    time.sleep(0.2)  # what takes longer than 0.1 s is worth a line to asyncio
    raise KeyError("canary-in-a-bug")
session.read_manifest = load
main(sys.argv[1:])
"""


@pytest.mark.parametrize("debug", [(), ("-X", "dev"), ("-W", "error")], ids=str)
@pytest.mark.parametrize("command", ["plan", "apply"])
def test_a_mistake_before_anything_is_connected_is_not_quoted(
    scene: Scene, debug: tuple[str, ...], command: str
) -> None:
    """Nobody has imported `logging` by then, and no session has silenced anybody: asyncio's debug mode would tell."""
    environ = {} if debug else {"PYTHONASYNCIODEBUG": "1", "PYTHONFAULTHANDLER": "1"}
    ran = python(scene, *debug, "-c", BUG, "-v", "--server", scene.server, command, **environ)
    assert 1 == ran.code, ran.text
    assert "KeyError: its text is not shown" in ran.err
    assert "canary" not in ran.text
    assert "Executing <" not in ran.err


def test_no_core_is_left(tmp_path: Path) -> None:
    """Whatever the shell allows: the limit for core files is 0, and the process is not dumpable to a handler."""
    code = (
        "import ctypes, os, resource\n"
        "hard = resource.getrlimit(resource.RLIMIT_CORE)[1]\n"
        "resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))\n"
        "from reconciler.cli import main\n"
        "try: main(['--version'])\n"
        "except SystemExit: pass\n"
        "print(resource.getrlimit(resource.RLIMIT_CORE), ctypes.CDLL(None).prctl(3, 0, 0, 0, 0))\n"
        "import sys; sys.stdout.flush(); os.abort()\n"
    )
    environ = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environ, capture_output=True, text=True, timeout=60
    )
    assert done.returncode < 0
    assert done.stdout.splitlines()[-1] == f"(0, 0) {0 if sys.platform == 'linux' else -1}"
    assert not list(tmp_path.iterdir())


def test_own_files_are_private_whatever_the_umask(scene: Scene) -> None:
    """State, backup, journal, lock, key, plan and result can be read by their owner alone."""
    Searched(scene)
    scene.environ["RECONCILER_FINGERPRINT_KEY"] = ""
    code = "import os, sys; os.umask(0); from reconciler.cli import main; main(sys.argv[1:])"
    called = ("-c", code, "-f", str(scene.manifest), "--server", scene.server)
    before = set(scene.directory.rglob("*"))
    assert 0 == python(scene, *called, "plan", "-o", "p.plan").code
    for _ in range(2):
        ran = python(scene, *called, *APPLY, "--result", "r.json")
        assert 0 == ran.code, ran.text
        scene.change("from-env")
    made = set(scene.directory.rglob("*")) - before
    assert {"p.plan", "r.json", "m.state.json", "m.state.json.backup", "fingerprint.key", "m.lock"} <= {
        path.name for path in made
    }
    modes = {path.name: oct(path.stat().st_mode & 0o777) for path in made}
    assert modes == {path.name: "0o700" if path.is_dir() else "0o600" for path in made}


@pytest.mark.anyio
async def test_the_keys_of_tls_sessions_are_written_nowhere(tmp_path: Path) -> None:
    """SSLKEYLOGFILE, which Python's default context obeys, is ignored by a whole run over TLS."""
    authority, log = Authority(tmp_path / "ca"), tmp_path / "keys.log"
    manifest = tmp_path / "m.yaml"
    manifest.write_text(json.dumps({"version": 1, "name": "x", "secrets": {}}))
    environ = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        "SSLKEYLOGFILE": str(log),
        "HOME": str(tmp_path),
    }
    control = "import ssl; print(ssl.create_default_context().keylog_filename)"
    obeyed = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-c", control],
        env=environ,
        capture_output=True,
        text=True,
        check=True,
    )
    assert str(log) == obeyed.stdout.strip(), (
        "this Python does not obey the variable: the test proves nothing"
    )
    log.unlink(missing_ok=True)
    async with raw_server(lambda _seen: answer(403), tls=authority.server()) as server:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "reconciler", "-f", str(manifest), "--server", server.url),
            *("--ca-file", authority.file, "plan"),
            env=environ | {"CONDUCTORONE_ACCESS_TOKEN": "token-for-nobody"},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        _, err = await process.communicate()
        assert ["GET /api/v1/auth/introspect"] == server.paths(), err
    assert not log.exists()


WATCHED = """
import os, sys
seen = []
class Watched(dict):
    def get(self, name, default=None):
        seen.append("variable " + str(name)); return super().get(name, default)
    def __getitem__(self, name):
        seen.append("variable " + str(name)); return super().__getitem__(name)
    def __contains__(self, name):
        seen.append("variable " + str(name)); return super().__contains__(name)
sys.addaudithook(lambda event, args: seen.append("file " + str(args[0])) if event == "open" else None)
os.environ = Watched(os.environ)
from reconciler.cli import main
try:
    main(sys.argv[1:])
except SystemExit as end:
    code = end.code
sys.stderr.write("\\nSEEN\\n" + "\\n".join(seen))
sys.exit(code)
"""


@pytest.mark.parametrize("valid", [True, False])
def test_the_manifest_is_read_before_any_secret(scene: Scene, valid: bool) -> None:
    """No source, credential or key is opened before the manifest is known to be right; none at all when it is not."""
    Searched(scene)
    if not valid:
        manifest = json.loads(scene.manifest.read_text())
        manifest["secrets"]["from-env"]["max_views"] = "many"
        scene.manifest.write_text(json.dumps(manifest))
    called = ("-c", WATCHED, "-f", str(scene.manifest), "--server", scene.server, *APPLY)
    ran = python(scene, *called)
    assert (0 if valid else 65) == ran.code, ran.text
    seen = ran.err.partition("\nSEEN\n")[2].splitlines()
    manifest_read = seen.index(f"file {scene.manifest.name}")  # opened beneath its directory
    secret = (
        "variable VALUE_",
        "variable CONDUCTORONE_",
        "variable RECONCILER_FINGERPRINT",
        "variable ACTIONS_",
    )
    files = ("from-file.txt", "whole-file.bin", "fingerprint.key")
    reads = [
        n
        for n, what in enumerate(seen)
        if what.startswith(secret) or (what.startswith("file ") and what.endswith(files))
    ]
    assert valid == bool(reads)
    assert all(n > manifest_read for n in reads), [seen[n] for n in reads if n < manifest_read]
