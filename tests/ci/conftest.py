"""A forge with one stack, whose pipeline `init --ci github` wrote."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from reconciler.cli import pipeline_files
from reconciler.cli.templates import variables
from reconciler.cli.templates.github import workflows as github_workflows
from reconciler.manifest.load import load_manifest
from reconciler.sandbox.serve import Embedded
from reconciler.sources import KINDS
from tests.ci.forge import Forge
from tests.ci.github import GitHub, serving

MANIFEST = """\
version: 1
name: payments
defaults: {expires_in: 2d, renew: always, renew_before: 50%}
secrets:
  db-password:
    source: {env: DB_PASSWORD}
    share_with: {users: [ana@example.com]}
"""
CY = """\
  api-key:
    source: {env: API_KEY}
    share_with: {external: [cy@partner.example]}
"""


@pytest.fixture
def forge(tmp_path: Path) -> Iterator[Forge]:
    """One with everything that the workflow's own comments ask for."""
    people = ("ana@example.com", "bo@example.com")
    with Embedded(tmp_path / "tenant", people=people) as tenant, serving(GitHub(tenant)) as github:
        made = Forge(home=tmp_path, tenant=tenant, github=github)
        made.begin()
        made.variables["CONDUCTORONE_CLIENT_ID"] = tenant.endpoints.credentials["owner"].client_id
        made.secrets |= {"DB_PASSWORD": "correct horse", "API_KEY": "battery staple"}
        (made.work / "reconciler.yaml").write_text(MANIFEST)
        made.secrets["RECONCILER_FINGERPRINT_KEY"] = secrets.token_hex(32)
        write_workflows(made)
        yield made


def write_workflows(forge: Forge) -> None:
    """Do what `init --ci github --force` does, without a process of its own."""
    manifest = load_manifest(forge.work / "reconciler.yaml", KINDS)
    found = github_workflows(
        manifest="reconciler.yaml",
        branch="main",
        origin=pipeline_files.origin(forge.install_from, forge.work),
        packaged=pipeline_files.packaged(),
        needed=variables.needed_variables(manifest),
    )
    for name, text in found.items():
        path = forge.work / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def state(forge: Forge, branch: str = "reconciler-state") -> Any:
    """Return the state that the branch holds."""
    return json.loads(forge.on_branch("reconciler.state.json", branch))
