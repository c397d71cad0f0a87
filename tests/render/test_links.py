"""Share links: for whom, and each link alone on its line."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from reconciler.layout import columns
from reconciler.render.links import ShareLink, link_lines

URL = "https://acme.conductor.one/secrets/AAAA-BBBB-CCCC?" + "x" * 80
PEOPLE = st.lists(
    st.sampled_from(["ana@example.com", "데이터@회사.example", "b" * 100]), min_size=1, max_size=9
)


@given(PEOPLE, st.integers(40, 120))
def test_everyone_is_named_and_the_link_is_whole(people: list[str], width: int) -> None:
    lines = list(link_lines([ShareLink(address="db", recipients=people, url=URL)], width=width, indent="  "))
    assert f"    {URL}" == lines[-1]
    assert f"db for {', '.join(people)}:".split() == " ".join(lines[:-1]).split()
    assert not [line for line in lines[:-1] if columns(line) > width and " " in line.strip()]


def test_nothing_of_it_moves_the_cursor() -> None:
    [subject, link] = link_lines(
        [ShareLink(address="db", recipients=["a\x1b[2J"], url="https://x\r::error::y")], width=80
    )
    assert not set(subject + link) & {"\x1b", "\r"}
