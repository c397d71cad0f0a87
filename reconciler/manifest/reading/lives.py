"""How long a share lives, how often it opens, and whether it is made again: of one secret, or of all by default."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from reconciler.manifest.reading.fields import Fields
from reconciler.model.manifest import (
    DAY,
    HOUR,
    LEAD_DEFAULT,
    LIFE_DEFAULT,
    LIFE_MAX,
    LIFE_MIN,
    VIEWS_MAX,
    Lead,
    Renew,
)

_DURATION: Final = re.compile(r"([1-9][0-9]{0,5})([mhdw])")
_SECONDS: Final = {"m": 60, "h": HOUR, "d": DAY, "w": 7 * DAY}
_PERCENT: Final = re.compile(r"([1-9][0-9]?)%")


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """The four values that `defaults:` and every secret can give; times in seconds."""

    expires_in: int
    max_views: int
    renew: Renew
    renew_before: Lead


USUAL: Final = Life(expires_in=LIFE_DEFAULT, max_views=0, renew=Renew.NEVER, renew_before=LEAD_DEFAULT)
"""What holds where a manifest says nothing."""


def seconds(text: str) -> int | None:
    """Return the seconds of `30m`, `6h`, `7d` or `2w`, None for anything else."""
    match = _DURATION.fullmatch(text)
    return int(match[1]) * _SECONDS[match[2]] if match else None


def read_life(fields: Fields, otherwise: Life) -> Life:
    """Read the four values of one mapping; what it does not say comes from `otherwise`."""
    renew = fields.word("renew", Renew) or otherwise.renew
    life = Life(
        expires_in=_expires_in(fields) or otherwise.expires_in,
        max_views=_views(fields, otherwise.max_views),
        renew=renew,
        renew_before=_lead(fields) or otherwise.renew_before,
    )
    if renew is Renew.ALWAYS and not life.renew_before.of(life.expires_in) < life.expires_in:
        key = next((key for key in ("renew_before", "expires_in") if key in fields), "renew")
        if key in fields:
            problem = f"{fields.path} would be renewed at once: renew_before is not shorter than expires_in"
            fields.log.add(
                fields.value_at(key), problem, "expected less than expires_in", "a percentage always works"
            )
    return life


def check_renewal(fields: Fields, life: Life) -> None:
    """Record a problem with a lead time that has no effect."""
    if "renew_before" in fields and life.renew is Renew.NEVER:
        problem = f"{fields.name('renew_before')} has no effect without renewal"
        fields.log.add(fields.at("renew_before"), problem, "expected renew: always beside it")


def _expires_in(fields: Fields) -> int | None:
    text = fields.text("expires_in")
    if text is None:
        return None
    life = seconds(text)
    if life is None:
        fields.log.odd(fields.value_at("expires_in"))
    elif not LIFE_MIN <= life <= LIFE_MAX:
        way = "short" if life < LIFE_MIN else "long"
        problem = f"{fields.name('expires_in')} is too {way}"
        fields.log.add(fields.value_at("expires_in"), problem, "expected 1h to 30d")
        return None
    return life


def _lead(fields: Fields) -> Lead | None:
    text = fields.text("renew_before")
    if text is None:
        return None
    if percent := _PERCENT.fullmatch(text):
        return Lead(percent=int(percent[1]))
    if lead := seconds(text):
        return Lead(seconds=lead)
    fields.log.odd(fields.value_at("renew_before"))
    return None


def _views(fields: Fields, otherwise: int) -> int:
    views = fields.number("max_views")
    if views is None:
        return otherwise
    if not 0 <= views <= VIEWS_MAX:
        fields.log.odd(fields.value_at("max_views"))
    return views
