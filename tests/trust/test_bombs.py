"""A small manifest cannot cost much: whoever opens a pull request pays for nothing by it."""

from __future__ import annotations

import time

import pytest

from reconciler.errors import ManifestError
from reconciler.manifest import reading, yamltext
from reconciler.manifest.reading.fields import PROBLEMS_MAX
from reconciler.sources import KINDS

HEAD = "version: 1\nname: x\naudiences:\n"


def _problems(text: str) -> list[str]:
    """Return what is wrong, as `validate` says it. CPU time, because other tests run beside this one."""
    node = yamltext.parse(text.encode(), "x.yaml").node
    began = time.process_time()
    with pytest.raises(ManifestError) as caught:
        reading.read(node, file="x.yaml", kinds=KINDS)
    assert time.process_time() - began < 10
    return [problem.what for problem in caught.value.problems]


def _secrets(count: int, audience: str) -> str:
    return "secrets:\n" + "".join(
        f"  s{n}: {{source: {{env: A}}, share_with: {{audiences: [{audience}]}}}}\n" for n in range(count)
    )


@pytest.mark.parametrize("people", ["distinct", "one"])
def test_a_crowd_in_every_entry(people: str) -> None:
    """Each entry names one audience of many: as many as any share can have are counted, not two hundred million."""
    who = (f"a{n if people == 'distinct' else 0}@x.example" for n in range(40_000))
    crowd = "  big:\n    users:\n" + "".join(f"      - {one}\n" for one in who)
    text = HEAD + crowd + _secrets(5_000, "big")
    if people == "one":
        node = yamltext.parse(text.encode(), "x.yaml").node
        began = time.process_time()
        assert 5_000 == len(reading.read(node, file="x.yaml", kinds=KINDS).secrets)
        assert time.process_time() - began < 10
        return
    found = _problems(text)
    assert "secrets.s0.share_with reaches more than 500 C1 users" in found
    assert PROBLEMS_MAX + 1 == len(found)


def test_thousands_of_typing_mistakes() -> None:
    """A guess at what was meant takes milliseconds; the first hundred mistakes get one, a thousand are told."""
    names = "".join(f"  audience-number-{n:03d}: {{users: [a@x.example]}}\n" for n in range(499))
    found = _problems(HEAD + names + _secrets(10_000, "audience-namber-000"))
    assert PROBLEMS_MAX + 1 == len(found)
    assert f"more than {PROBLEMS_MAX:,} problems" in found
