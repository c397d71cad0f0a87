"""Which files and variables a manifest may name: a pull request must not read what it cannot already see."""

from __future__ import annotations

import contextlib
import errno
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from reconciler.files import LinkedError, NotRegularError, open_beneath, place, reason

_DENIED_VARIABLES: Final = re.compile(
    r"""(?x)
    (?: CONDUCTORONE_ | CONE_CLIENT_ | RECONCILER_
      # CI
      | GITHUB_ | ACTIONS_ | RUNNER_ | INPUT_ | DRONE_
      | CI_JOB_ | CI_DEPLOY_ | CI_REGISTRY_ | CI_REPOSITORY_ | CI_DEPENDENCY_PROXY_
      | BITBUCKET_STEP_OIDC_ | BUILDKITE_AGENT_ | CIRCLE_OIDC_
      # clouds
      | AWS_ | AZURE_ | ARM_ | GOOGLE_ | GCP_ | GCLOUD_ | CLOUDSDK_
      | DIGITALOCEAN_ | CLOUDFLARE_ | OCI_CLI_ | IBMCLOUD_ | TF_HTTP_ | TF_TOKEN_
      # secret managers
      | VAULT_ | SOPS_ | OP_ | DOPPLER_ | INFISICAL_
      # packages, git and ssh
      | PIP_ | UV_ | TWINE_ | GIT_CONFIG_ | SSH_
    ).*
    | (?i: https?_proxy | all_proxy )
    # CI
    | GH_TOKEN | GH_ENTERPRISE_TOKEN | GITLAB_TOKEN | GITLAB_OIDC_TOKEN | GITEA_TOKEN | FORGEJO_TOKEN
    | ID_TOKEN | CI_BUILD_TOKEN | SYSTEM_ACCESSTOKEN | BASH_ENV
    # clouds and clusters
    | KUBECONFIG | KUBE_TOKEN | HCLOUD_TOKEN | PULUMI_ACCESS_TOKEN | TFE_TOKEN
    # secret managers
    | BAO_TOKEN | BW_SESSION
    # packages
    | DOCKER_AUTH_CONFIG | NPM_TOKEN | NODE_AUTH_TOKEN | PYPI_TOKEN | CARGO_REGISTRY_TOKEN
    """,
)
"""The tool's own credentials and keys, CI's tokens, credentials of clouds, secret managers and proxies.

The whole name is matched.
"""

_DENIED_PARTS: Final = frozenset(
    {
        ".git",
        ".reconciler",
        ".conductorone",
        ".ssh",
        ".gnupg",
        ".aws",
        ".azure",
        ".kube",
        ".docker",
        ".config",
        ".terraform.d",
        ".netrc",
        ".git-credentials",
        ".vault-token",
    }
)
"""Where a manifest in a home directory must not reach: the same credentials as files. `.config` has those of gcloud,
gh, op and SOPS."""

_OWN: Final = "{} is this program's own file and is never read as a source"


class NotReadableError(Exception):
    """A source may not or cannot be read. `what` and `hint` quote no content."""

    def __init__(self, what: str, hint: str | None = None) -> None:
        super().__init__(what)
        self.what = what
        self.hint = hint


def check_variable(name: str) -> None:
    """Refuse the variables that hold the credentials of this tool, of CI and of clouds."""
    if _DENIED_VARIABLES.fullmatch(name):
        raise NotReadableError(
            f"environment variable {name} is never read as a source: it belongs to CI or to a tool",
            "pass the value under a name of its own",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Confinement:
    """Files are read beneath `root` only; relative paths start at `base`, the manifest's directory.

    `own` are files of this program that no manifest may name: state, backup, key.
    """

    root: Path
    base: Path
    own: frozenset[Path] = frozenset()

    def open(self, path: str) -> int:
        """Return a descriptor of a regular file; nobody can swap a part of its path for a link meanwhile.

        Nor a part of the root's own path, from its work tree down. Raises NotReadableError.
        """
        parts = self._parts(path)
        try:
            root = place(self.root)
            descriptor = open_beneath(root.top, (*root.parts, *parts))
        except LinkedError as error:
            raise NotReadableError(f"{error}", "name the real directory: links are not followed") from None
        except OSError as error:
            raise _unreadable(path, error) from None
        except NotRegularError:
            raise NotReadableError(f"{path} is not a regular file") from None
        if self._is_own(os.fstat(descriptor)):
            os.close(descriptor)
            raise NotReadableError(_OWN.format(path))
        return descriptor

    def _is_own(self, opened: os.stat_result) -> bool:
        """Whether this is a file of ours, by whatever name: another case, a second name, another root."""
        for own in self.own:
            with contextlib.suppress(OSError):
                if os.path.samestat(opened, own.lstat()):
                    return True
        return False

    def _parts(self, path: str) -> tuple[str, ...]:
        if not _is_path(path):
            raise NotReadableError("the path of a source holds characters that no file's name can hold")
        whole = Path(os.path.normpath(self.base / path))
        try:
            parts = whole.relative_to(self.root).parts
        except ValueError:
            raise NotReadableError(
                f"{path} lies outside {'the manifest’s directory' if self.root == self.base else self.root}",
                "move it beneath, or name a wider directory with --source-root (never in the manifest)",
            ) from None
        if not parts:
            raise NotReadableError(f"{path} is a directory")
        if _DENIED_PARTS.intersection(part.casefold() for part in parts):  # some file systems know no case
            raise NotReadableError(
                f"{path} is, or lies in, a place that is never read as a source: tools keep their credentials there",
                "keep what is to be shared elsewhere",
            )
        if whole in self.own:
            raise NotReadableError(_OWN.format(path))
        return parts


def _is_path(path: str) -> bool:
    """Tell whether the system can be asked for it: NUL ends a name, half a surrogate pair is no character."""
    try:
        os.fsencode(path)
    except UnicodeEncodeError:
        return False
    return "\0" not in path


def _unreadable(path: str, error: OSError) -> NotReadableError:
    match error.errno:
        case errno.ELOOP:
            return NotReadableError(
                f"{path} is, or lies behind, a symbolic link", "name the real file: links are not followed"
            )
        case errno.ENOENT:
            return NotReadableError(f"{path} does not exist", "paths start at the manifest's directory")
        case errno.EISDIR:
            return NotReadableError(f"{path} is a directory")
        case errno.ENOTDIR:
            return NotReadableError(
                f"{path} lies behind something that is not a directory, or behind a symbolic link",
                "name the real file: links are not followed",
            )
        case _:
            return NotReadableError(f"{path} cannot be opened: {reason(error)}")
