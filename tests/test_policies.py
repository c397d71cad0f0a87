"""docs/policies.md: each recipe is run by jq, on a plan that has everything and on one that has nothing."""

from __future__ import annotations

import json
import re
import shutil
import subprocess

import pytest

from reconciler.model.plan import Plan
from reconciler.planfile import planjson
from tests.support import stories
from tests.support.commandline import REPOSITORY

PAGE = (REPOSITORY / "docs" / "policies.md").read_text()
SECTIONS = (part.partition("\n") for part in re.split(r"^##+ ", PAGE, flags=re.MULTILINE))
RECIPES = {
    title: found[1]
    for title, _, text in SECTIONS
    if (found := re.search(r"```jq\n(.*?)```", text, re.DOTALL))
}

HOLDS_FOR_EVERYTHING = {
    "`format_version`",
    "At most three shares are replaced",
    "People outside are at one of our partners",
    "Shares for people outside live three days at most and can be opened once",
}
"""The plan with everything breaks each of the others."""

pytestmark = pytest.mark.skipif(shutil.which("jq") is None, reason="jq is missing (Debian: jq)")


def holds(recipe: str, plan: Plan) -> bool:
    """Ask jq, as a pipeline's step would."""
    ran = subprocess.run(
        ["jq", "-e", recipe],
        input=json.dumps(planjson.to_json(plan)),
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode in (0, 1), ran.stderr
    return ran.returncode == 0


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_decides(name: str) -> None:
    """It lets a plan through that changes nothing, and tells one that does what it forbids."""
    assert holds(RECIPES[name], stories.nothing())
    assert (name in HOLDS_FOR_EVERYTHING) == holds(RECIPES[name], stories.everything())


def test_every_recipe_was_found() -> None:
    """The page is read as it is meant."""
    assert PAGE.count("```jq") == len(RECIPES) == 10


def test_limits_are_limits() -> None:
    """The four that the plan with everything keeps to fail where they should."""
    strict = RECIPES["At most three shares are replaced"].replace("3", "0")
    assert not holds(strict, stories.everything())
    partner = RECIPES["People outside are at one of our partners"].replace("partner.example", "x.example")
    assert not holds(partner, stories.everything())
    life = RECIPES["Shares for people outside live three days at most and can be opened once"]
    assert not holds(life.replace("259200", "3600"), stories.everything())
    assert not holds(RECIPES["`format_version`"].replace('"1"', '"2"'), stories.nothing())
