"""The report in a real browser: it shows what it should; its picture is in docs/."""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
import zlib
from pathlib import Path

import pytest

from reconciler import view
from reconciler.render import html
from tests import stories
from tests.cli.desk import REPOSITORY

PICTURE = REPOSITORY / "docs" / "report.png"
WIDTH, HEIGHT = 1100, 2000

needs_chromium = pytest.mark.skipif(
    shutil.which("chromium") is None, reason="chromium is missing (Debian: chromium)"
)


def chromium(tmp_path: Path, *arguments: str) -> str:
    """Open the report of the plan that has everything; return what the browser wrote."""
    page = tmp_path / "report.html"
    page.write_text(html.render(view.make(stories.everything())))
    quiet = ("quiet", "component-update", "sync", "background-networking", "extensions")
    command = [
        "chromium",
        *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
        *(f"--disable-{what}" for what in quiet),
        "--disable-dev-shm-usage",
        "--force-device-scale-factor=1",
        "--hide-scrollbars",
        f"--user-data-dir={tmp_path / 'profile'}",
        f"--window-size={WIDTH},{HEIGHT}",
        *arguments,
        page.as_uri(),
    ]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True, timeout=120)
    return ran.stdout


def lines(png: bytes) -> tuple[int, int, int]:
    """Return width, height, and how many different lines of pixels a PNG has."""
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    at, data, size = 8, b"", (0, 0)
    while at < len(png):
        length, kind = struct.unpack(">I4s", png[at : at + 8])
        body = png[at + 8 : at + 8 + length]
        if kind == b"IHDR":
            size = struct.unpack(">II", body[:8])
        if kind == b"IDAT":
            data += body
        at += 12 + length
    raw = zlib.decompress(data)
    stride = len(raw) // size[1]
    return *size, len({raw[n : n + stride] for n in range(0, len(raw), stride)})


@pytest.mark.slow
@needs_chromium
def test_a_browser_draws_it(tmp_path: Path) -> None:
    """Not a blank page; the picture that the documents show is made here, on request or when it is missing."""
    made = tmp_path / "report.png"
    chromium(tmp_path, f"--screenshot={made}")
    width, height, different = lines(made.read_bytes())
    assert (WIDTH, HEIGHT) == (width, height)
    assert different > 200, "a page of text and a drawing has many different lines"
    if os.environ.get("UPDATE_GOLDEN") or not PICTURE.exists():
        PICTURE.write_bytes(made.read_bytes())
    assert (width, height) == lines(PICTURE.read_bytes())[:2]


@pytest.mark.slow
@needs_chromium
def test_a_browser_reads_it(tmp_path: Path) -> None:
    """What the browser made of the text: the headline, each table, one drawing; nothing was repaired away."""
    dom = chromium(tmp_path, "--dump-dom")
    shown = view.make(stories.everything())
    assert shown.summary_line in dom
    assert "env STRIPE_KEY" in dom
    assert 1 == dom.count("<svg")
    page = html.render(shown)
    assert page.count("<tr") == dom.count("<tr")
    assert page.count("<rect") == dom.count("<rect")
