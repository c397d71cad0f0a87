"""What a recipient reads is the source, byte for byte; what cannot be sent is refused before anything is made."""

from __future__ import annotations

import base64
from typing import Final

import pytest

from tests.cli.desk import Desk, file_secret, snapshot, text_secret

EVERY_BYTE: Final = bytes(range(256)) * 3
KIB: Final = 1024

TEXTS: Final = {
    "plain": "hunter2",
    "newline": "line one\nline two\n",
    "unicode": "pä$$wörd — 密码 \U0001f511",
    "spaces": "  \t padded \r\n",
    "quotes": "a'b\"c\\d`e$f",
    "limit": "x" * (60 * KIB),
}


@pytest.mark.parametrize("value", TEXTS.values(), ids=TEXTS)
def test_view_prints_a_text_as_the_variable_held_it(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    """`sandbox view NAME` adds no newline and changes no encoding."""
    monkeypatch.setenv("A", value)
    desk.manifest(text_secret("a"))
    desk.apply()
    assert value.encode() == desk.done("sandbox", "view", "a").raw


def test_view_prints_files_byte_for_byte(desk: Desk) -> None:
    """NULs, bytes that are no UTF-8, and sizes around age's chunk of 64 KiB."""
    contents = {"binary": EVERY_BYTE, "one": b"\0"} | {
        f"s{size}": bytes(size - 1) + b"\xff" for size in (64 * KIB - 1, 64 * KIB, 64 * KIB + 1, 128 * KIB)
    }
    for name, content in contents.items():
        desk.write(f"{name}.bin", content)
    desk.manifest("".join(file_secret(name, f"{name}.bin") for name in contents))
    desk.apply()
    assert contents == {name: desk.done("sandbox", "view", name).raw for name in contents}


def test_a_variable_may_hold_bytes_as_base64(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was wrapped by `base64` is unwrapped, line breaks and all."""
    monkeypatch.setenv("P12", base64.encodebytes(EVERY_BYTE).decode())
    desk.manifest(
        "  cert:\n    kind: file\n    source: {env: P12, encoding: base64}\n    filename: c.p12\n"
        "    share_with: {users: [ana@example.com]}\n"
    )
    desk.apply()
    assert EVERY_BYTE == desk.done("sandbox", "view", "cert").raw


def test_a_newline_at_the_end_is_pointed_out_and_trimmed_on_request(desk: Desk) -> None:
    """Most editors add one, few passwords have one: bytes are exact unless the manifest says otherwise."""
    desk.write("a.txt", "hunter2\n")
    entry = "  {0}:\n    source: {{file: a.txt{1}}}\n    share_with: {{users: [ana@example.com]}}\n"
    desk.manifest(entry.format("exact", "") + entry.format("trimmed", ", trim: newline"))
    plan = desk.done("--json", "plan").json
    assert ["exact"] == [a["address"] for a in plan["attention"] if "newline" in a["text"]]
    desk.apply()
    assert b"hunter2\n" == desk.done("sandbox", "view", "exact").raw
    assert b"hunter2" == desk.done("sandbox", "view", "trimmed").raw


REFUSED: Final = {
    "an empty variable": (text_secret("a", "EMPTY"), "EMPTY is empty"),
    "an unset variable": (text_secret("a", "NOT_THERE"), "NOT_THERE is not set"),
    "an empty file": (file_secret("a", "empty.bin"), "empty.bin is empty"),
    "no file": (file_secret("a", "nothing.bin"), "nothing.bin does not exist"),
    "a directory": (file_secret("a", "folder"), "folder"),
    "a link": (file_secret("a", "link.bin"), "symbolic link"),
    "outside": (file_secret("a", "../outside.bin"), "../outside.bin"),
    "a long text": (text_secret("a", "LONG"), "larger than a text secret"),
    "not UTF-8": (
        "  a:\n    source: {file: bytes.txt}\n    share_with: {users: [ana@example.com]}\n",
        "UTF-8",
    ),
    "too large a file": (file_secret("a", "huge.bin"), "larger than a file secret"),
    "ciphertext": (file_secret("a", "locked.age"), "age-encrypted"),
    "a token": (text_secret("a", "GITHUB_TOKEN"), "GITHUB_TOKEN"),
}


@pytest.mark.parametrize(("entry", "words"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_sent_is_refused_before_anything_is_made(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, entry: str, words: str
) -> None:
    """The message names the source and its line, nothing is made, nothing is written."""
    for name, value in {
        "EMPTY": "",
        "LONG": "x" * (60 * KIB + 1),
        "GITHUB_TOKEN": "ghs_x",
        "OK": "1",
    }.items():
        monkeypatch.setenv(name, value)
    for name, content in {
        "empty.bin": b"",
        "bytes.txt": b"\xff",
        "locked.age": b"age-encryption.org/v1\n",
    }.items():
        desk.write(name, content)
    (desk.path.parent / "outside.bin").write_bytes(b"x")
    (desk.path / "folder").mkdir()
    (desk.path / "link.bin").symlink_to("bytes.txt")
    if "huge.bin" in entry:
        with (desk.path / "huge.bin").open("wb") as huge:
            huge.truncate(2**30 + 1)
    desk.manifest(text_secret("ok") + entry)
    before = snapshot(desk.path, without=desk.path / ".reconciler")
    ran = desk.run("apply", "--auto-approve")
    assert ran.code in (1, 65)
    assert words in ran.err
    assert "reconciler.yaml:" in ran.err
    assert {} == desk.live()
    assert before == snapshot(desk.path, without=desk.path / ".reconciler")
    assert not desk.state_path.exists()


def test_every_unusable_source_is_named_in_one_run(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody whose CI lacks three variables should not need three runs to learn it."""
    monkeypatch.setenv("B", "")
    desk.manifest(text_secret("a") + text_secret("b") + file_secret("c", "c.bin"))
    ran = desk.run("plan")
    assert 1 == ran.code
    lines = [line.strip().partition(";")[0] for line in ran.err.splitlines() if "reconciler.yaml:" in line]
    assert [
        "reconciler.yaml:5:19: environment variable A is not set",
        "reconciler.yaml:8:19: env B is empty",
        "reconciler.yaml:12:20: c.bin does not exist",
    ] == lines


def test_view_as_another_recipient_and_as_a_stranger(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """`--as` opens it as whom one names; who is no recipient reads nothing."""
    monkeypatch.setenv("A", "1")
    desk.manifest(text_secret("a", who="ana@example.com, bo@example.com"))
    desk.apply()
    assert b"1" == desk.done("sandbox", "view", "a", "--as", "bo@example.com").raw
    stranger = desk.run("sandbox", "view", "a", "--as", "cy@example.com")
    assert (1, b"") == (stranger.code, stranger.raw)
    assert "not a recipient" in stranger.err
    nobody = desk.run("sandbox", "view", "b")
    assert (64, b"") == (nobody.code, nobody.raw)
