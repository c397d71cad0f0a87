"""A scene with a canary in every secret path, and everything that a run could have written or sent."""

from __future__ import annotations

import base64
import json
import secrets
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.faults.scene import Scene
from tests.leaks.canaries import Canaries
from tests.support.commandline import Ran


def value(name: str) -> bytes:
    """Return a plaintext that every encoding writes differently, and no other holds."""
    return f'{name} <"ü\n/+?> {secrets.token_hex(16)} canary'.encode()


GIT = """#!/bin/sh
PATH=/usr/bin:/bin
{ tr '\\0' '\\n' < /proc/$$/environ; tr '\\0' '\\n' < /proc/$$/cmdline; } >> "$(dirname "$0")/told"
exec git "$@"
"""
"""Stands before git, and keeps what it was told: what everybody on a machine may read of a process, or inherits."""


@dataclass
class Searched:
    """A scene whose secrets are looked for after every run."""

    scene: Scene

    def __post_init__(self) -> None:
        scene = self.scene
        scene.text("from-env", value("env"))
        encoded = value("base64")
        scene.environ["VALUE_B64"] = base64.b64encode(encoded).decode()
        scene._declare("from-base64", encoded, {"source": {"env": "VALUE_B64", "encoding": "base64"}})
        scene.text_file("from-file", value("file"))
        scene.file("whole-file", value=value("binary") + bytes(range(256)) * 600)
        self.earlier: dict[str, bytes] = {}
        subprocess.run(["git", "init", "--quiet", scene.directory], check=True)
        between = scene.directory / "bin"
        between.mkdir()
        (between / "git").write_text(GIT)
        (between / "git").chmod(0o700)
        (between / "told").touch(0o600)
        scene.environ["PATH"] = f"{between}:/usr/bin:/bin"

    @property
    def told(self) -> str:
        """Return what git was started with: arguments and environment."""
        return (self.scene.directory / "bin" / "told").read_text()

    def canaries(self) -> Canaries:
        """Return every secret that there is now or was before; of long ones the beginning."""
        scene = self.scene
        found = {f"value of {name}": data[:60] for name, data in scene.values.items()} | self.earlier
        self.earlier |= found
        found["variable in base64"] = scene.environ.get("VALUE_B64", "").encode()
        found["token"] = scene.token.encode()
        found["key"] = bytes.fromhex(scene.key)
        found["key as text"] = scene.key.encode()
        for row in scene.tenant.store.rows("SELECT vault_id, upload_key FROM vaults WHERE upload_key <> ''"):
            found[f"signature of {row['vault_id']}"] = row["upload_key"].encode()
        return Canaries({what: data for what, data in found.items() if data})

    def places(self, *rans: Ran) -> dict[str, bytes]:
        """Return what runs have written: streams, files, and the requests that went to anybody."""
        scene = self.scene
        found: dict[str, bytes] = {}
        for number, ran in enumerate(rans):
            found |= {f"stdout {number}": ran.out.encode(), f"stderr {number}": ran.err.encode()}
        sources = {
            scene.directory / e["source"]["file"] for e in scene.secrets.values() if "file" in e["source"]
        }
        for path in self._files():
            if path not in sources:
                found[f"file {path.relative_to(scene.bench.directory)}"] = path.read_bytes()
        for number, request in enumerate(scene.proxy.requests):
            found[f"{request.via} request {number} {request.method}"] = request.head + request.body
        return found

    def _files(self) -> list[Path]:
        """Return the stack's files, and everybody else's that lie where a program could drop something."""
        roots = (
            self.scene.directory,
            self.scene.bench.directory / "home",
            self.scene.bench.directory / "tmp",
        )
        return [path for root in roots if root.exists() for path in root.rglob("*") if path.is_file()]

    def nothing_shows(self, *rans: Ran) -> None:
        """I6, I7: each secret is where it belongs, and nowhere else."""
        assert rans
        canaries = self.canaries()
        where = self.places(*rans)
        due = [("token", place) for place in where if place.startswith("api request")]
        due += [
            (what, place)
            for place in where
            if place.startswith("upload request")
            for what in canaries.values
            if what.startswith("signature")
        ]
        due += [
            (key, place)
            for place in where
            if place.endswith("fingerprint.key")
            for key in ("key", "key as text")
        ]
        found = canaries.found_in(where, but=due)
        assert not found, "\n".join(found)
        for request in self.scene.proxy.requests:
            if request.via == "upload":
                assert not {"authorization", "cookie"} & _headers(request.head), (
                    "I7: credentials at the upload host"
                )
        for ran in rans:
            assert "Traceback" not in ran.err


def _headers(head: bytes) -> set[str]:
    return {line.partition(b":")[0].strip().lower().decode("latin-1") for line in head.split(b"\r\n")[1:]}


def plant(scene: Scene, **body: object) -> None:
    """Write something into the manifest that does not belong there."""
    manifest = json.loads(scene.manifest.read_text())
    scene.manifest.write_text(json.dumps(manifest | body, indent=1))
