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

RECONCILER_FILE: Final = "RECONCILER_FILE"
RECONCILER_SANDBOX: Final = "RECONCILER_SANDBOX"
RECONCILER_SERVER: Final = "RECONCILER_SERVER"
RECONCILER_STATE: Final = "RECONCILER_STATE"
RECONCILER_SOURCE_ROOT: Final = "RECONCILER_SOURCE_ROOT"
RECONCILER_CA_FILE: Final = "RECONCILER_CA_FILE"
RECONCILER_AGE_SUITE: Final = "RECONCILER_AGE_SUITE"
RECONCILER_CI: Final = "RECONCILER_CI"
RECONCILER_COLOR: Final = "RECONCILER_COLOR"
RECONCILER_JSON: Final = "RECONCILER_JSON"
RECONCILER_VERBOSE: Final = "RECONCILER_VERBOSE"
"""Each stands for the shared option of its name, which wins over it. Empty is unset."""

COMPLETION: Final = "_RECONCILER_COMPLETE"
"""Set by a shell's script: the program then prints what could come next, and does nothing else."""
