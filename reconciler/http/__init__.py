"""Talking HTTP at all, to whomever: one session, what its failures mean, what may be sent again and when."""

from __future__ import annotations

import sys
from typing import cast

# httpx imports its own command line, if `rich` is there: twice the time of everything else in it, and never used.
cast("dict[str, object]", sys.modules).setdefault("httpx._main", None)
