"""Share links for whoever hands them on: the secret, its recipients, and the link alone on its line."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from reconciler.display import clean
from reconciler.layout import wrap


@dataclass(frozen=True, slots=True, kw_only=True)
class ShareLink:
    """A link, and the recipients who can open it."""

    address: str
    recipients: Sequence[str]
    url: str


def link_lines(links: Iterable[ShareLink], *, width: int, indent: str = "") -> Iterator[str]:
    """Yield two or more lines for each link. A link is never broken."""
    for link in links:
        subject = f"{clean(link.address)} for {', '.join(map(clean, link.recipients))}:"
        yield from wrap(subject, width, first=indent, rest=f"{indent}    ")
        yield from wrap(clean(link.url), width, first=f"{indent}  ", rest=f"{indent}  ")
