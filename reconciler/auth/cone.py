"""The login that C1's own command line (`cone`) keeps for a laptop. Read, never written.

`~/.conductorone/config.yaml` (or `$CONE_CONFIG_PATH/config.yaml`) holds `profiles.<name>` with `client-id`
and `client-secret`; `CONE_PROFILE` names another profile than `default`. Keys ignore case, as there.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from reconciler.auth.assertion import parse_secret
from reconciler.auth.interface import ClientCredentials
from reconciler.auth.server import host_of
from reconciler.errors import ManifestError, SignInError
from reconciler.manifest import yamltext
from reconciler.manifest.document import Mapping as YamlMapping
from reconciler.manifest.document import Node, Scalar
from reconciler.sensitive import Sensitive

_HINT: Final = "`cone login TENANT` writes it"


def path(env: Mapping[str, str], home: Path | None) -> Path | None:
    """Return where the file would be; None for somebody without a home, as in many containers."""
    if folder := env.get("CONE_CONFIG_PATH"):
        return Path(folder) / "config.yaml"
    return home / ".conductorone" / "config.yaml" if home else None


def read_login(file: Path, profile: str) -> ClientCredentials | None:
    """Return the profile's credential, or None without a file or profile. Raises SignInError if unusable."""
    try:
        text = file.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise SignInError(f"{file} cannot be read: {error.strerror}", hint=_HINT) from None
    if not text.strip():
        return None
    try:
        document = yamltext.parse(text, str(file)).node
    except ManifestError:  # its text may quote a line of the file
        raise SignInError(f"{file} is not YAML that can be read", hint=_HINT) from None
    login = _child(_child(document, "profiles"), profile)
    if login is None:
        return None
    client_id, secret = _text(_child(login, "client-id")), _text(_child(login, "client-secret"))
    if not client_id or not secret:
        raise SignInError(f"{file} has no client-id and client-secret for {profile}", hint=_HINT)
    host_of(client_id, f"client-id in {file}")
    return ClientCredentials(
        client_id=client_id, key=parse_secret(Sensitive.of(secret), f"client-secret in {file}")
    )


def _child(node: Node | None, name: str) -> Node | None:
    if not isinstance(node, YamlMapping):
        return None
    return next(
        (entry.value for key, entry in node.entries.items() if key.casefold() == name.casefold()), None
    )


def _text(node: Node | None) -> str:
    return node.value if isinstance(node, Scalar) and isinstance(node.value, str) else ""
