"""What a pipeline's step shows of apply: any text shows as itself, and it fits."""

from __future__ import annotations

import pytest
from hypothesis import given, settings

from reconciler.model.address import Address
from reconciler.model.events import Left, Outcome, Result
from reconciler.model.plan import Action
from reconciler.render import annotations as commands
from reconciler.render import outcome
from tests.render.test_markdown import HOSTILE, plain, shape
from tests.support.plans import mark

LINK = "https://acme.conductor.one/s/AAAA"


def _result(name: str, how: Outcome, failure: str | None = None, hint: str | None = None) -> Result:
    return Result(
        address=Address(name),
        action=Action.CREATE,
        outcome=how,
        share_url=None if failure else LINK,
        failure=failure,
        hint=hint,
    )


def _page(failure: str, *, links: bool = False, budget: int = 10_000) -> str:
    results = [
        _result("a", Outcome.CREATED),
        _result("b", Outcome.FAILED, failure, f"look at {failure}"),
        _result("c", Outcome.NOT_REACHED),
    ]
    left = [Left(address=Address("d"), vault_id="v", failure=failure, hint="nothing to do")]
    return outcome.render("payments-prod", results, left, links=links, budget=budget)


def test_what_went_wrong_stands_first() -> None:
    lines = _page("the tenant refused it").splitlines()
    assert "**Applied: 1 created, 1 failed, 1 not started.**" == lines[0]
    assert "- `d`: the tenant refused it<br>Next: nothing to do" in lines
    rows = [line for line in lines if line.startswith("| `")]
    assert [
        "| `b` | **failed** | the tenant refused it<br>Next: look at the tenant refused it |",
        "| `c` | **not started** |  |",
        "| `a` | created |  |",
    ] == rows


@pytest.mark.parametrize("links", [True, False])
def test_a_link_is_shown_only_when_asked_for(links: bool) -> None:
    assert links == (f"`{LINK}`" in _page("x", links=links))


@settings(max_examples=200)
@given(HOSTILE)
def test_no_text_changes_the_structure(text: str) -> None:
    """Failures come from the tenant's and the disk's words."""
    page = _page(" ".join(text.splitlines()) or "x")  # each line of a failure is a line here too
    assert plain(shape(page)) == plain(shape(_page("harmless")))
    assert not any(line.lstrip().startswith("::") for line in page.splitlines())


@pytest.mark.parametrize("budget", [0, 100, 1_000, 50_000])
def test_it_fits_and_says_that_more_was_left_out(budget: int) -> None:
    results = [_result(f"secret-{n}", Outcome.CREATED) for n in range(10_000)]
    page = outcome.render("payments-prod", results, [], links=True, budget=budget)
    assert len(page.encode()) <= budget
    assert (budget > 0) == ("Left out, because the whole is too long here: " in page)


def test_what_failed_is_an_annotation_on_its_line() -> None:
    """A vault that is left for the next run is a warning."""
    results = [_result("a", Outcome.CREATED), _result("b", Outcome.FAILED, "it\n::error::", "again")]
    left = [Left(address=None, vault_id="v", failure="vault v is left", hint="nothing to do")]
    said = commands.render(commands.of_results(results, left, {Address("b"): mark(7)}))
    place = "file=prod.reconciler.yaml,line=7,col=3"
    assert [
        f"::error {place},title=reconciler::b: it\N{REPLACEMENT CHARACTER}::error::; again",
        "::warning title=reconciler::vault v is left; nothing to do",
    ] == said.splitlines()
