"""The names of the environment's variables that more than one module speaks of. Reads none of them."""

from __future__ import annotations

from typing import Final

FINGERPRINT_KEY: Final = "RECONCILER_FINGERPRINT_KEY"
NEW_FINGERPRINT_KEY: Final = "RECONCILER_NEW_FINGERPRINT_KEY"

SERVER_URL: Final = "CONDUCTORONE_SERVER_URL"
TENANT_DOMAIN: Final = "CONDUCTORONE_TENANT_DOMAIN"

ACCESS_TOKEN: Final = "CONDUCTORONE_ACCESS_TOKEN"  # noqa: S105 - these are names
OIDC_TOKEN: Final = "CONDUCTORONE_OIDC_TOKEN"  # noqa: S105
CLIENT_ID: Final = "CONDUCTORONE_CLIENT_ID"
CLIENT_SECRET: Final = "CONDUCTORONE_CLIENT_SECRET"  # noqa: S105
