"""The report in a real browser: it shows what it should; its pictures are in docs/."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

import pytest

from reconciler.render import html, view
from tests.render import png
from tests.support import stories
from tests.support.commandline import REPOSITORY


class Shot(NamedTuple):
    """One picture in docs/: of a window, in one of the reader's two colour schemes."""

    name: str
    width: int
    height: int
    dark: bool = False


WIDE = Shot("report.png", 1100, 2000)
PHONE = Shot("report-phone.png", 420, 2760, dark=True)
MOST = 200_000
"""Bytes of a picture that everybody clones."""

needs_chromium = pytest.mark.skipif(
    shutil.which("chromium") is None, reason="chromium is missing (Debian: chromium)"
)


def chromium(tmp_path: Path, shot: Shot, *arguments: str) -> str:
    """Open the report of the plan that has everything; return what the browser wrote."""
    page = tmp_path / "report.html"
    page.write_text(html.render(view.make_view(stories.everything())))
    quiet = ("quiet", "component-update", "sync", "background-networking", "extensions")
    command = [
        "chromium",
        *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
        *(f"--disable-{what}" for what in quiet),
        "--disable-dev-shm-usage",
        "--force-device-scale-factor=1",
        "--hide-scrollbars",
        f"--user-data-dir={tmp_path / 'profile'}",
        f"--window-size={shot.width},{shot.height}",
        f"--blink-settings=preferredColorScheme={int(not shot.dark)}",
        *arguments,
        page.as_uri(),
    ]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True, timeout=120)
    return ran.stdout


@pytest.mark.slow
@needs_chromium
@pytest.mark.parametrize("shot", [WIDE, PHONE], ids=lambda shot: shot.name)
def test_a_browser_draws_it(tmp_path: Path, shot: Shot) -> None:
    """Not a blank page; the picture that the documents show is made here, on request or when it is missing."""
    made = tmp_path / shot.name
    chromium(tmp_path, shot, f"--screenshot={made}")
    seen = png.read(made.read_bytes())
    assert shot[1:3] == (seen.width, seen.height)
    assert len(set(seen.lines)) > 200, "a page of text and a drawing has many different lines"
    page = seen.lines[0][0]
    assert shot.dark == (sum(page) < 3 * 128)
    assert {page} == {line[-1] for line in seen.lines}, "nothing reaches over the edge"
    kept = REPOSITORY / "docs" / shot.name
    if os.environ.get("UPDATE_GOLDEN") or not kept.exists():
        kept.write_bytes(png.small(seen))
    assert shot[1:3] == png.size(kept.read_bytes())
    assert kept.stat().st_size < MOST


@pytest.mark.slow
@needs_chromium
def test_a_browser_reads_it(tmp_path: Path) -> None:
    """What the browser made of the text: the headline, each table, one drawing; nothing was repaired away."""
    dom = chromium(tmp_path, WIDE, "--dump-dom")
    shown = view.make_view(stories.everything())
    assert shown.summary_line in dom
    assert "env STRIPE_KEY" in dom
    assert 1 == dom.count("<svg")
    page = html.render(shown)
    assert page.count("<tr") == dom.count("<tr")
    assert page.count("<rect") == dom.count("<rect")
