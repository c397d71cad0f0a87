"""What every test starts from: one hypothesis profile, and no credential or CI setting of the machine."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

# Two busy cores are no reason to fail, and a failing example is printed so that it can be kept.
settings.register_profile(
    "suite", deadline=None, print_blob=True, suppress_health_check=(HealthCheck.too_slow,), max_examples=40
)
settings.load_profile("suite")

_MEANS_SOMETHING = ("CONDUCTORONE_", "RECONCILER_", "ACTIONS_", "GITHUB_", "GITLAB_", "CI_")

# A test says itself what is set; what it starts inherits the same.
for _name in list(os.environ):
    if _name.startswith(_MEANS_SOMETHING) or _name in ("CI", "NO_COLOR"):
        del os.environ[_name]
