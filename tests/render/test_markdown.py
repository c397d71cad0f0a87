"""The comment on a pull request: what a reviewer reads, its limits, and that nothing in it can be forged."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from reconciler.display import clean
from reconciler.model.manifest import Sharing
from reconciler.model.plan import Plan
from reconciler.render import markdown, view
from reconciler.render.inline import code, prose
from tests.support import goldens, stories
from tests.support.plans import all_desired, attributes, plan

PARSER = MarkdownIt("commonmark").enable("table")
OURS = {"<br>", "<code>", "</code>"}
NASTY = [
    "`",
    "``` ```",
    "a`b``c",
    "|",
    "\\|",
    "a|b`c|",
    "@team",
    "<script>alert(1)</script>",
    "<!-- -->",
    "-->",
    "</details>",
    "![x](https://evil.example/x.png)",
    "[x](javascript:alert(1))",
    "\n\n# heading",
    "\r\n::error::x",
    "#1 GH-1 !2 a/b#3",
    "https://evil.example www.evil.example",
    "**bold** _it_ ~~no~~",
    "&lt;b&gt; &#64;team",
    "1. list",
    "- list",
    "\u202egnp.exe",
    " ",
    "",
]
HOSTILE = st.one_of(
    st.sampled_from(NASTY),
    st.text(max_size=20),
    st.lists(st.sampled_from(NASTY), max_size=4).map("".join),
    st.text(alphabet="`|\\<>@#*_[]()!-~&\n x1", max_size=25),
)


@pytest.mark.parametrize(
    ("name", "plan"),
    [
        ("everything", stories.everything()),
        ("nothing", stories.nothing()),
        ("invisible", stories.invisible()),
        ("first-offline", stories.first_offline()),
    ],
)
def test_golden(name: str, plan: Plan) -> None:
    goldens.check(f"{name}.md", markdown.render(view.make_view(plan)))


def shape(page: str) -> Counter[str]:
    """How many of every structural element a page has; text and code spans are not structure."""
    found: Counter[str] = Counter()
    for token in PARSER.parse(page):
        found[token.type] += 1
        for inner in token.children or ():
            if inner.type not in ("text", "code_inline", "text_special", "entity"):
                found[inner.type if inner.type != "html_inline" else inner.content] += 1
    return found


def plain(counted: Counter[str]) -> Counter[str]:
    """Without the code elements that stand for spans where a bar is in them."""
    return Counter({key: n for key, n in counted.items() if key not in ("<code>", "</code>")})


@settings(max_examples=300, deadline=None)
@given(HOSTILE, HOSTILE)
@example("    ", "`")
@example("    x", "y")
def test_no_text_changes_the_structure(text: str, email: str) -> None:
    """A page of hostile words has the elements of the same page with harmless words, and no other HTML."""
    page = markdown.render(view.make_view(stories.hostile(text or "x", f"{email}@x.example")))
    same = markdown.render(view.make_view(stories.hostile("harmless", "harmless@x.example")))
    assert plain(shape(page)) == plain(shape(same))
    for token in PARSER.parse(page):
        for inner in token.children or ():
            assert inner.type != "html_inline" or inner.content in OURS
            assert inner.type not in ("link_open", "image")
    assert not any(line.startswith("::") for line in page.splitlines())
    assert page.startswith(
        "<!-- reconciler:plan stack=payments-prod server=acme.conductor.one digest=sha256:"
    )


@pytest.mark.parametrize("text", NASTY)
def test_no_fact_and_no_name_changes_the_structure(text: str) -> None:
    """Also where a plan was made by a program, so that no reader of plan files has seen them."""

    def page(name: str, size: str) -> str:
        whole = stories.hostile("harmless", "harmless@x.example")
        changes = tuple(replace(change, size=size) for change in whole.changes)
        return markdown.render(view.make_view(replace(whole, name=name, changes=changes)))

    assert plain(shape(page(f"a: {text}", text or "x"))) == plain(shape(page("a: b", "x")))


@settings(max_examples=300, deadline=None)
@given(HOSTILE)
def test_a_code_span_shows_what_it_was_given(text: str) -> None:
    """In a paragraph and in a table's cell."""
    shown = clean(text)
    for before, after in (("", ""), ("| a |\n|---|\n| ", " |\n")):
        inline = [t for t in PARSER.parse(f"{before}{code(shown)}{after}") if t.type == "inline"][-1]
        spans = [t for t in inline.children or () if t.type in ("code_inline", "text", "text_special")]
        assert "".join(t.content for t in spans).strip() == shown.strip()


@settings(max_examples=200, deadline=None)
@given(HOSTILE)
def test_no_mention_outside_of_code(text: str) -> None:
    """GitHub looks for mentions, references and links in text; in code it does not."""
    for token in PARSER.parse(f"- {prose(clean(text))}"):
        depth = 0
        for inner in token.children or ():
            depth += {"<code>": 1, "</code>": -1}.get(inner.content, 0) if inner.type == "html_inline" else 0
            if inner.type == "text" and not depth:
                assert not set(inner.content) & set("@#!<>[]*_~&`")


def test_ours_quoted_words_stay_code() -> None:
    assert prose("raise `max_views`, or set A_B to 5.") == "raise `max_views`, or set `A_B` to `5.`"


def test_the_same_plan_is_the_same_bytes() -> None:
    assert markdown.render(view.make_view(stories.everything())) == markdown.render(
        view.make_view(stories.everything())
    )


@pytest.mark.parametrize("count", [10, 500, 10_000])
def test_it_fits_and_says_what_was_left_out(count: int) -> None:
    page = markdown.render(view.make_view(stories.creates(count)))
    assert len(page.encode()) <= markdown.COMMENT_BYTES
    assert f"Plan: {count} to create" in page
    assert ("Left out" in page) == (count > 10)


def test_every_budget_is_kept_down_to_the_counts() -> None:
    """Whatever else goes, the marker, the summary and what was left out stay."""
    page = view.make_view(stories.creates(2000))
    for budget in (1_000_000, 65_000, 20_000, 8_000, 3_000, 1_200):
        shown = markdown.render(page, budget=budget)
        assert len(shown.encode()) <= budget
        lines = shown.splitlines()
        assert lines[0].startswith("<!-- reconciler:plan ")
        assert lines[1] == "**Plan: 2000 to create, 0 to replace, 0 to revoke, 0 unchanged.**"
    assert "2,000 to create: new" in shown


def test_long_words_cannot_break_the_budget() -> None:
    page = view.make_view(stories.hostile("x" * 40_000, "y" * 40_000 + "@z.example"))
    assert len(markdown.render(page).encode()) <= markdown.COMMENT_BYTES


@pytest.mark.parametrize(
    ("sharing", "dummy"),
    [
        (Sharing.INTERNAL, "p{}@example.com"),
        (Sharing.EXTERNAL, "p{}@dummy.example"),
        (Sharing.EXTERNAL, "p{0}@d{0}.example"),
    ],
    ids=["inside", "one-domain", "domains"],
)
def test_a_new_recipient_outside_does_not_go_under(sharing: Sharing, dummy: str) -> None:
    """Among 3,000 others the room is used, who is new outside comes first, and a new domain is named."""
    made = [all_desired(f"d{n}", attributes(dummy.format(n), sharing=sharing)) for n in range(3000)]
    evil = all_desired("zz", attributes("zz@evil.example", sharing=Sharing.EXTERNAL))
    page = markdown.render(view.make_view(plan(*made, evil).plan))
    assert markdown.COMMENT_BYTES * 0.9 < len(page.encode()) <= markdown.COMMENT_BYTES
    [domains] = [line for line in page.splitlines() if " new domain" in line and line.startswith("**")]
    if dummy == "p{0}@d{0}.example":
        assert domains.startswith("**3,001 new domains:** ")
        assert domains.endswith(" more")
    else:
        assert "`evil.example`" in domains
        assert "`+ zz@evil.example` **[external, new domain]** → `zz`" in page


def test_no_two_stacks_share_a_marker() -> None:
    """`--` may not stand in a comment of HTML; what stands for it is no part of any name."""
    names = ("a--b", "a-_b", "a-.b", "a-b", "a---b", "a-_-b", "a--_b")
    markers = {markdown.marker(name, "acme.conductor.one") for name in names}
    assert len(names) == len(markers)
    assert not [marker for marker in markers if "--" in marker.removeprefix("<!--")]
