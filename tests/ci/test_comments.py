"""One comment of a pull request, updated in place: what is searched, what is trusted, what is refused."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.render import markdown, view
from tests.ci.github import BOT, GitHub, serving
from tests.support import stories
from tests.support.commandline import Desk, Ran

BODY = markdown.render(view.make_view(stories.everything()))
OTHER = BODY.replace("digest=sha256:", "digest=sha256:0", 1)
TOKEN = "ghs_0123456789"


@pytest.fixture
def github(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Iterator[GitHub]:
    desk.options = ()
    with serving(GitHub()) as running:
        running.may_comment.add(TOKEN)
        monkeypatch.setenv("GITHUB_API_URL", running.url)
        monkeypatch.setenv("GITHUB_REPOSITORY", "acme/secrets")
        monkeypatch.setenv("GITHUB_REF", "refs/pull/7/merge")
        monkeypatch.setenv("GITHUB_TOKEN", TOKEN)
        yield running


def comment(desk: Desk, body: str, *more: str) -> Ran:
    desk.write("plan.md", body)
    return desk.run("ci", "comment", "plan.md", *more)


def test_it_is_made_once_and_updated_in_place(desk: Desk, github: GitHub) -> None:
    """The marker names stack and tenant; another digest is the same comment."""
    assert "made" in comment(desk, BODY).out
    assert "up to date" in comment(desk, OTHER).out
    assert [OTHER] == [c["body"] for c in github.comments]


def test_it_is_found_behind_many_others(desk: Desk, github: GitHub) -> None:
    """Pages are turned until it is found, and no further."""
    for number in range(34):
        github.post("ana", f"comment {number}")
    comment(desk, BODY)
    github.post("ana", "afterwards")
    github.requests.clear()
    comment(desk, OTHER)
    assert OTHER == github.comments[34]["body"]
    assert ["GET"] * 4 + ["PATCH"] == [method for method, _ in github.requests]


def test_a_plan_takes_the_place_of_the_comparison(desk: Desk, github: GitHub) -> None:
    """One compares two texts and knows no tenant, the other asked it: they are about the same change."""
    comment(desk, BODY)
    comment(desk, re.sub("server=[^ ]*", "server=acme.conductor.one", BODY, count=1))
    assert 1 == len(github.comments)


def test_another_stack_has_its_own(desk: Desk, github: GitHub) -> None:
    comment(desk, BODY)
    comment(desk, BODY.replace("stack=", "stack=other-", 1))
    assert 2 == len(github.comments)


def test_a_strangers_comment_with_our_marker_is_not_ours(desk: Desk, github: GitHub) -> None:
    """Who wrote it could change it after our update: it is left alone, and ours is made."""
    github.post("mallory", BODY)
    comment(desk, OTHER)
    assert [("mallory", BODY), (BOT, OTHER)] == [(c["user"]["login"], c["body"]) for c in github.comments]


def test_a_token_that_may_not_comment_is_told_so(
    desk: Desk, github: GitHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", "ghs_another")
    ran = comment(desk, BODY)
    assert 4 == ran.code
    assert "pull-requests: write" in ran.err
    assert "ghs_another" not in ran.said


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("GITHUB_TOKEN", ""),
        ("GITHUB_TOKEN", "two\nlines"),
        ("GITHUB_REPOSITORY", "acme/secrets/../../other"),
        ("GITHUB_REPOSITORY", ""),
        ("GITHUB_API_URL", "http://api.github.example"),
        ("GITHUB_API_URL", "https://user:secret@api.github.com"),
        ("GITHUB_REF", "refs/heads/main"),
    ],
)
def test_nothing_is_sent_where_the_job_says_nonsense(
    desk: Desk, github: GitHub, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    """The token goes to the API of the job's own server, over TLS, or nowhere."""
    monkeypatch.setenv(name, value)
    assert 64 == comment(desk, BODY).code
    assert [] == github.requests


@pytest.mark.parametrize("body", ["", "hello\n", BODY + "x" * 65_537])
def test_only_a_rendered_plan_is_a_comment(desk: Desk, github: GitHub, body: str) -> None:
    assert 64 == comment(desk, body).code
    assert [] == [method for method, _ in github.requests if method != "GET"]


def test_no_file_is_wrong_usage(desk: Desk, github: GitHub) -> None:
    assert 64 == desk.run("ci", "comment", str(Path("nothing.md"))).code
    assert [] == github.requests
