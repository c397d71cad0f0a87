"""What a pipeline must hand to a run: the manifest's own variables, the stack's key, and what signs in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from reconciler.model.envvars import (
    CLIENT_ID,
    FINGERPRINT_KEY,
    OIDC_TOKEN,
    RECONCILER_ALLOW_ENV,
    TENANT_DOMAIN,
)
from reconciler.model.manifest import Manifest


def needed_variables(manifest: Manifest) -> Mapping[str, tuple[str, ...]]:
    """Return each variable that the manifest reads, with the secrets that it is for, in order of name."""
    found: dict[str, list[str]] = {}
    for secret in manifest.secrets.values():
        for name in secret.source.environment_variables:
            found.setdefault(name, []).append(secret.name)
    return {name: tuple(found[name]) for name in sorted(found)}


def github(variables: Mapping[str, Iterable[str]]) -> str:
    """Return the `env:` block of a step. A secret that is not there arrives empty, which the run refuses."""
    lines = ["env:"]
    for name, needed_by in variables.items():
        lines.append(f"  {name}: {_expression('secrets', name)}  # for {', '.join(needed_by)}")
    lines.append(f'  {RECONCILER_ALLOW_ENV}: "{allowed(variables)}"  # no other variable is read as a source')
    lines.append(
        f"  {FINGERPRINT_KEY}: {_expression('secrets', FINGERPRINT_KEY)}  # `reconciler key new` prints one"
    )
    lines.append(f"  {CLIENT_ID}: {_expression('vars', CLIENT_ID)}  # and the job: `id-token: write`")
    return "".join(f"{line}\n" for line in lines)


def gitlab(variables: Mapping[str, Iterable[str]]) -> str:
    """Return the `id_tokens:` block of a job, below what its project's settings must hold.

    GitLab hands the project's variables to every job by itself: a block could only shadow them.
    """
    wide = max(len(name) for name in (*variables, FINGERPRINT_KEY))
    lines = ["# Settings > CI/CD > Variables, masked and hidden, protected:"]
    lines += [f"#   {name:<{wide}}  for {', '.join(needed_by)}" for name, needed_by in variables.items()]
    lines.append(f"#   {FINGERPRINT_KEY:<{wide}}  `reconciler key new` prints one")
    lines.append("# and, as plain variables:")
    lines.append(f"#   {RECONCILER_ALLOW_ENV:<{wide}}  as {allowed(variables)}: no other is read as a source")
    lines.append(f"#   {CLIENT_ID:<{wide}}  the C1 client that trusts this project's tokens")
    lines.append(f"#   {TENANT_DOMAIN:<{wide}}  as acme.conductor.one")
    lines += ["id_tokens:", f"  {OIDC_TOKEN}:", f"    aud: ${TENANT_DOMAIN}"]
    return "".join(f"{line}\n" for line in lines)


def allowed(variables: Iterable[str]) -> str:
    """Return the patterns that allow these variables and no other; no variable is called `-`."""
    return " ".join(variables) or "-"


def indented(block: str, columns: int) -> str:
    """Return a block moved to the right, without its last line end."""
    return "\n".join(f"{' ' * columns}{line}" for line in block.splitlines())


def _expression(context: str, name: str) -> str:
    return f"${{{{ {context}.{name} }}}}"
