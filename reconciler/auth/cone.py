"""The login that C1's own command line (`cone`) keeps for a laptop. Read, never written, and as `cone` reads it.

`~/.conductorone/config.yaml` (or `$CONE_CONFIG_PATH/config.yaml`) holds `profiles.<name>` with `client-id` and
`client-secret`. `CONE_PROFILE`, else `profile` in the file, names another profile than `default`;
`CONE_CLIENT_ID` and `CONE_CLIENT_SECRET`, each by itself, come before what the profile says. An empty variable
counts as not set. Keys ignore case, and a dot in a profile's name leads into it: `cone login --profile a.b` writes
`profiles: {a: {b: …}}`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from reconciler.auth.assertion import parse_secret
from reconciler.auth.interface import HINT, ClientCredentials
from reconciler.auth.server import host_of
from reconciler.errors import ManifestError, SignInError
from reconciler.manifest import yamltext
from reconciler.manifest.document import Mapping as YamlMapping
from reconciler.manifest.document import Node, Scalar
from reconciler.sensitive import Sensitive

PROFILE: Final = "CONE_PROFILE"
CLIENT_ID: Final = "CONE_CLIENT_ID"
CLIENT_SECRET: Final = "CONE_CLIENT_SECRET"  # noqa: S105 - the name of a variable

_HINT: Final = "`cone login TENANT` writes it"


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """A credential, and where it was found: a file, the names of variables, or both."""

    credential: ClientCredentials
    where: str


def path(env: Mapping[str, str], home: Path | None) -> Path | None:
    """Return where the file would be; None for somebody without a home, as in many containers."""
    if folder := env.get("CONE_CONFIG_PATH"):
        return Path(folder) / "config.yaml"
    return home / ".conductorone" / "config.yaml" if home else None


def find_login(env: Mapping[str, str], file: Path | None) -> Login | None:
    """Return the login, or None where neither the variables nor the profile have a part of one.

    Raises SignInError for one that is incomplete or unusable, and for a profile that is named but not there.
    """
    given = {name: env[name].strip() for name in (CLIENT_ID, CLIENT_SECRET) if env.get(name, "").strip()}
    document = _document(file) if file and len(given) < 2 else None
    profile = _profile(env, document)
    login = _at(document, ("profiles", *profile.split(".")))
    if not given and login is None:
        if env.get(PROFILE) and file:
            why = "has no such profile" if document else "is not there or empty"
            raise SignInError(f"{PROFILE} is set, but {file} {why}", hint=f"{_HINT}; {HINT}")
        return None
    client_id = given.get(CLIENT_ID) or _text(_at(login, ("client-id",)))
    secret = given.get(CLIENT_SECRET) or _text(_at(login, ("client-secret",)))
    if not client_id or not secret:
        raise _incomplete(given, file, profile)
    host_of(client_id, CLIENT_ID if CLIENT_ID in given else f"client-id in {file}")
    place = CLIENT_SECRET if CLIENT_SECRET in given else f"client-secret in {file}"
    key = parse_secret(Sensitive.of(secret), place)
    places = [*given, *([str(file)] if len(given) < 2 else [])]
    return Login(credential=ClientCredentials(client_id=client_id, key=key), where=" and ".join(places))


def profile_name(env: Mapping[str, str], file: Path) -> str:
    """Return the name of the profile that would be read, also where the file cannot be."""
    try:
        return _profile(env, _document(file))
    except SignInError:
        return _profile(env, None)


def _profile(env: Mapping[str, str], document: Node | None) -> str:
    return env.get(PROFILE) or _text(_at(document, ("profile",))) or "default"


def _incomplete(given: Mapping[str, str], file: Path | None, profile: str) -> SignInError:
    if not given:
        return SignInError(f"{file} has no client-id and client-secret for {profile}", hint=_HINT)
    (name,) = given
    other = CLIENT_SECRET if name == CLIENT_ID else CLIENT_ID
    return SignInError(f"{name} is set, but {other} is not, and no profile of cone has it", hint=HINT)


def _document(file: Path) -> Node | None:
    """Return what the file holds; None where it is not there or empty."""
    try:
        text = file.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise SignInError(f"{file} cannot be read: {error.strerror}", hint=_HINT) from None
    if not text.strip():
        return None
    try:
        return yamltext.parse(text, str(file)).node
    except ManifestError:  # its text may quote a line of the file
        raise SignInError(f"{file} is not YAML that can be read", hint=_HINT) from None


def _at(node: Node | None, keys: tuple[str, ...]) -> Node | None:
    """Return what lies at a path. A key may itself have dots: the longest that is there is tried first."""
    for size in range(len(keys), 0, -1):
        child = _child(node, ".".join(keys[:size]))
        deeper = child if size == len(keys) else _at(child, keys[size:])
        if deeper is not None:
            return deeper
    return None


def _child(node: Node | None, name: str) -> Node | None:
    if not isinstance(node, YamlMapping):
        return None
    return next(
        (entry.value for key, entry in node.entries.items() if key.casefold() == name.casefold()), None
    )


def _text(node: Node | None) -> str:
    return node.value if isinstance(node, Scalar) and isinstance(node.value, str) else ""
