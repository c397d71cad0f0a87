"""The report: one file, nothing to load, nothing to run, and nobody's text is markup."""

from __future__ import annotations

from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings

from reconciler.model.plan import Plan
from reconciler.render import html, timeline, view
from tests.render.test_markdown import HOSTILE
from tests.support import goldens, stories

VOID = {"meta", "br", "line", "rect"}


class Reading(HTMLParser):
    """Elements with their attributes, and whether they close in order."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, tuple[tuple[str, str | None], ...]]] = []
        self.open: list[str] = []
        self.said: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, tuple(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, tuple(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if tag != "rect":
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.said.append(data)


@pytest.mark.parametrize(
    ("name", "plan"), [("everything", stories.everything()), ("first-offline", stories.first_offline())]
)
def test_golden(name: str, plan: Plan) -> None:
    goldens.check(f"{name}.html", html.render(view.make_view(plan)))


def test_it_loads_and_runs_nothing() -> None:
    page = html.render(view.make_view(stories.everything()))
    read = Reading(page)
    assert not {tag for tag, _ in read.elements} & {"script", "link", "img", "iframe", "object", "a", "form"}
    assert not [
        a for _, attrs in read.elements for a, _ in attrs if a in ("src", "href") or a.startswith("on")
    ]
    assert "default-src 'none'" in page
    assert read.open == []


def test_it_says_what_the_others_say() -> None:
    page = view.make_view(stories.everything())
    said = "".join(Reading(html.render(page)).said)
    for text in (
        page.headline,
        page.summary_line,
        "rotate the value",
        "source env STRIPE_KEY, was env DB_PASSWORD",
    ):
        assert text in said


def shape(page: str) -> list[str]:
    return [tag for tag, _ in Reading(page).elements]


@settings(max_examples=200, deadline=None)
@given(HOSTILE, HOSTILE)
def test_no_text_becomes_markup(text: str, email: str) -> None:
    page = html.render(view.make_view(stories.hostile(text or "x", f"{email}@x.example")))
    same = html.render(view.make_view(stories.hostile("harmless", "harmless@x.example")))
    assert shape(page) == shape(same)
    assert Reading(page).open == []


def test_the_drawing_is_well_formed_and_has_a_limit() -> None:
    drawing = timeline.render(view.make_view(stories.everything()))
    bars = [e.attrib["class"] for e in ElementTree.fromstring(drawing) if e.tag == "rect"]
    assert sorted(set(bars)) == ["comes", "goes", "stays"]
    many = timeline.render(view.make_view(stories.creates(1000)))
    assert many.count("<rect") == 200
    assert "and 800 more lifetimes" in many
    assert timeline.render(view.make_view(stories.invisible())) != ""


def test_a_drawing_of_nothing_is_nothing() -> None:
    assert timeline.render(view.make_view(stories.creates(0))) == ""
