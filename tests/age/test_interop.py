"""Round trips with the age implementation of another house, npm's `age-encryption`, when Node is there."""

import base64
import hashlib
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from reconciler.age import encrypt_text, parse_recipient
from reconciler.sensitive import Sensitive
from tests.age import reference
from tests.age.streams import IDENTITIES, SUITES, Reader, encrypted, recipient_of

PACKAGE = "age-encryption@0.3.1"
SIZES = (0, 1, 60_000, 65_536, 65_537, 300_000)
SCRIPT = """
import * as age from "age-encryption";
import { readFileSync } from "node:fs";
import { createHash } from "node:crypto";
const input = JSON.parse(readFileSync(0, "utf8"));
const output = { hashes: [], files: [], made: [] };
for (const { identity, file } of input.files) {
  const reader = new age.Decrypter();
  reader.addIdentity(identity);
  const plain = await reader.decrypt(Buffer.from(file, "base64"), "uint8array");
  output.hashes.push(createHash("sha256").update(plain).digest("hex"));
}
for (const { recipient, size } of input.wanted) {
  const writer = new age.Encrypter();
  writer.addRecipient(recipient);
  output.files.push(Buffer.from(await writer.encrypt(new Uint8Array(size).fill(7))).toString("base64"));
}
for (const make of [age.generateX25519Identity, age.generateHybridIdentity]) {
  const identity = await make();
  output.made.push({ identity, recipient: await age.identityToRecipient(identity) });
}
console.log(JSON.stringify(output));
"""


@pytest.fixture
def script(tmp_path: Path) -> Path:
    """Install the package beside the script, or skip and say what is missing."""
    npm, node = shutil.which("npm"), shutil.which("node")
    if not npm or not node:
        pytest.skip("node and npm are not installed")
    install = [npm, "install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts", "--prefer-offline"]
    try:
        ran = subprocess.run(
            [*install, "--prefix", str(tmp_path), PACKAGE], timeout=60, capture_output=True, check=False
        )
    except subprocess.TimeoutExpired:
        pytest.skip(f"npm did not get {PACKAGE} within a minute")
    if ran.returncode:
        pytest.skip(f"npm could not get {PACKAGE}")
    script = tmp_path / "roundtrip.mjs"
    script.write_text(SCRIPT)
    return script


def test_round_trips_with_node(script: Path) -> None:
    """It reads our texts and files of both suites; we read its files, and take the recipients that it makes."""
    plaintexts = [bytes([7]) * size for size in SIZES]
    files = [
        (suite, plain, encrypted(suite, Reader(plain), len(plain)))
        for suite in SUITES
        for plain in plaintexts
    ]
    for suite in SUITES:
        files.append((suite, b"text", encrypt_text(recipient_of(suite), Sensitive(b"text"))))
    wanted = [(suite, size) for suite in SUITES for size in SIZES]
    answer = _ask(
        script,
        {
            "files": [
                {"identity": str(IDENTITIES[suite]), "file": base64.b64encode(file).decode()}
                for suite, _, file in files
            ],
            "wanted": [{"recipient": IDENTITIES[suite].recipient, "size": size} for suite, size in wanted],
        },
    )
    assert [hashlib.sha256(plain).hexdigest() for _, plain, _ in files] == answer["hashes"]
    for (suite, size), file in zip(wanted, answer["files"], strict=True):
        assert bytes([7]) * size == reference.decrypt(base64.b64decode(file), IDENTITIES[suite])
    for suite, made in zip(SUITES, answer["made"], strict=True):
        assert suite == parse_recipient(made["recipient"]).suite
        assert made["recipient"] == reference.identity(made["identity"]).recipient


def _ask(script: Path, question: dict[str, object]) -> dict[str, list[Any]]:
    node = shutil.which("node") or "node"
    ran = subprocess.run(
        [node, str(script)],
        input=json.dumps(question),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    answer: dict[str, list[Any]] = json.loads(ran.stdout)
    return answer
