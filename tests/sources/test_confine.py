"""Which files and variables a manifest may name."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from reconciler.sources import SourceAccess, denied
from reconciler.sources.confine import Confinement, NotReadableError, check_variable

_CANARY = b"hunter2-canary"


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """A file that nobody may read, and a directory of such."""
    home = tmp_path / "outside"
    home.mkdir()
    (home / "secret").write_bytes(_CANARY)
    return home


@pytest.fixture
def root(tmp_path: Path, outside: Path) -> Path:
    base = tmp_path / "stack"
    (base / "certs" / "eu").mkdir(parents=True)
    for name in ("value", "certs/value", "certs/eu/value", "..value", "certs/a b ü"):
        (base / name).write_bytes(b"mine")
    return base


def _read(confinement: Confinement, path: str) -> bytes:
    descriptor = confinement.open(path)
    try:
        return os.read(descriptor, 100)
    finally:
        os.close(descriptor)


def _refused(confinement: Confinement, path: str) -> NotReadableError:
    open_before = len(list(Path("/proc/self/fd").iterdir()))
    with pytest.raises(NotReadableError) as caught:
        confinement.open(path)
    assert open_before == len(list(Path("/proc/self/fd").iterdir()))
    assert _CANARY.decode() not in f"{caught.value.what} {caught.value.hint}"
    return caught.value


@pytest.mark.parametrize(
    "path",
    [
        "value",
        "./value",
        "certs/value",
        "certs/eu/value",
        "certs/../value",
        "certs//value",
        "certs/./eu/../value",
        "..value",
        "certs/a b ü",
    ],
)
def test_files_beneath_are_read(root: Path, path: str) -> None:
    """However the way is written."""
    assert _read(Confinement(root=root, base=root), path) == b"mine"


def test_an_absolute_path_beneath_is_read(root: Path) -> None:
    """It is where it is."""
    assert _read(Confinement(root=root, base=root), str(root / "certs" / "value")) == b"mine"


@pytest.mark.parametrize(
    "path",
    [
        "..",
        "../outside/secret",
        "certs/../../outside/secret",
        "/etc/passwd",
        "../stack-other/value",
        "./../outside/secret",
        "certs/eu/../../../outside/secret",
        "//etc/passwd",
    ],
)
def test_what_lies_outside_is_refused(root: Path, path: str) -> None:
    """With the two ways out: move it, or widen the root from outside the repository."""
    error = _refused(Confinement(root=root, base=root), path)
    assert "is outside the manifest's directory" in error.what
    assert "--source-root" in (error.hint or "")


def test_a_sibling_whose_name_begins_alike_is_outside(root: Path, tmp_path: Path) -> None:
    """`stack-other` is not beneath `stack`."""
    (tmp_path / "stack-other").mkdir()
    (tmp_path / "stack-other" / "value").write_bytes(_CANARY)
    _refused(Confinement(root=root, base=root), str(tmp_path / "stack-other" / "value"))


def test_a_wider_root_reaches_what_is_beneath_it(root: Path, outside: Path) -> None:
    """--source-root: paths still start at the manifest's directory."""
    wide = Confinement(root=root.parent, base=root)
    assert _read(wide, "../outside/secret") == _CANARY
    assert _read(wide, "value") == b"mine"
    error = _refused(wide, "../../x")
    assert f"is outside {root.parent}" in error.what


@pytest.mark.parametrize("level", ["certs", "certs/eu", "certs/eu/value"])
@pytest.mark.parametrize("target", ["outside", "inside", "absent", "itself"])
def test_a_link_at_any_level_is_not_followed(root: Path, outside: Path, level: str, target: str) -> None:
    """Wherever it leads: a pull request can point it anywhere after a review."""
    place = root / level
    place.rename(root / "real")
    is_file = level.endswith("value")
    targets = {
        "outside": outside / "secret" if is_file else outside,
        "inside": root / "real",
        "absent": root / "absent",
        "itself": place,
    }
    place.symlink_to(targets[target])
    (outside / "value").write_bytes(_CANARY)
    (outside / "eu").mkdir()
    (outside / "eu" / "value").write_bytes(_CANARY)
    error = _refused(Confinement(root=root, base=root), "certs/eu/value")
    assert "symbolic link" in error.what
    assert error.hint


def _fifo(path: Path) -> None:
    os.mkfifo(path)


def _socket(path: Path) -> None:
    here = Path.cwd()
    os.chdir(path.parent)  # a socket's path is short
    try:
        with socket.socket(socket.AF_UNIX) as it:
            it.bind(path.name)
    finally:
        os.chdir(here)


@pytest.mark.parametrize(
    ("make", "what"),
    [
        (_fifo, "is not a regular file"),
        (Path.mkdir, "is a directory"),
        (_socket, "cannot be opened"),
        (lambda _: None, "does not exist"),
    ],
)
def test_what_is_no_regular_file_is_refused_at_once(
    root: Path, make: Callable[[Path], None], what: str
) -> None:
    """A FIFO does not make a pipeline wait for ever."""
    make(root / "it")
    assert what in _refused(Confinement(root=root, base=root), "it").what


@pytest.mark.parametrize("name", ["null", "zero", "tty"])
def test_a_device_is_refused(name: str) -> None:
    """Even with the whole machine as root."""
    if not Path("/dev", name).exists():
        pytest.skip(f"no /dev/{name} here")
    _refused(Confinement(root=Path("/"), base=Path("/dev")), name)


@pytest.mark.parametrize("path", ["", ".", "certs/.."])
def test_the_root_itself_is_a_directory(root: Path, path: str) -> None:
    """Named in words, not in errno's."""
    assert "is a directory" in _refused(Confinement(root=root, base=root), path).what


@pytest.mark.parametrize(
    "path",
    [
        ".git/config",
        "certs/.git/config",
        ".GIT/config",
        ".reconciler/fingerprint.key",
        "x/.Reconciler/prod.journal",
    ],
)
def test_directories_of_tools_are_never_read(root: Path, path: str) -> None:
    """Git's may hold tokens, ours holds the key; some file systems do not tell case apart."""
    (root / path).parent.mkdir(parents=True)
    (root / path).write_bytes(_CANARY)
    error = _refused(Confinement(root=root, base=root), path)
    assert "never read as a source" in error.what
    assert "elsewhere" in (error.hint or "")


def test_our_own_files_are_never_read(root: Path) -> None:
    """State and backup: by name, by a second name, from another root, whether they are there or not."""
    state = root / "prod.state.json"
    state.write_bytes(_CANARY)
    os.link(state, root / "harmless.json")
    own = frozenset({state, root / "absent.state.json"})
    for base, path in (
        (root, "prod.state.json"),
        (root, "./certs/../prod.state.json"),
        (root, "harmless.json"),
        (root / "certs", "../prod.state.json"),
        (root, "absent.state.json"),
    ):
        error = _refused(Confinement(root=root, base=base, own=own), path)
        assert "this program's own file" in error.what
    assert _read(Confinement(root=root, base=root, own=own), "value") == b"mine"


@pytest.mark.parametrize("path", ["value\0", "\0", "certs\0/value", "va\ud800lue"])
def test_a_path_that_is_no_path_is_refused(root: Path, path: str) -> None:
    """YAML can say such a thing; no traceback, and nothing that a terminal chokes on."""
    error = _refused(Confinement(root=root, base=root), path)
    assert error.what.isprintable()


@pytest.mark.parametrize("path", ["x" * 300, "x/" * 3000 + "x"])
def test_a_path_that_is_too_long_is_refused(root: Path, path: str) -> None:
    """No traceback."""
    _refused(Confinement(root=root, base=root), path)


def test_a_root_that_is_gone_is_refused(tmp_path: Path) -> None:
    """--source-root names nothing."""
    gone = tmp_path / "gone"
    assert "does not exist" in _refused(Confinement(root=gone, base=gone), "value").what


def test_a_way_behind_a_file_is_refused(root: Path) -> None:
    """`value` is no directory."""
    assert "not a directory" in _refused(Confinement(root=root, base=root), "value/x").what


def test_a_directory_that_is_swapped_for_a_link_meanwhile_never_leads_out(root: Path, outside: Path) -> None:
    """Somebody exchanges `certs` and a link to the outside as fast as they can, while we read."""
    (outside / "value").write_bytes(_CANARY)
    link, aside = root / "link", root / "aside"
    link.symlink_to(outside)
    confinement = Confinement(root=root, base=root)
    stop = threading.Event()

    def swap() -> None:
        while not stop.is_set():
            (root / "certs").rename(aside)
            link.rename(root / "certs")
            (root / "certs").rename(link)
            aside.rename(root / "certs")

    swapping = threading.Thread(target=swap)
    swapping.start()
    try:
        seen = set()
        for _ in range(1500):
            try:
                seen.add(_read(confinement, "certs/value"))
            except NotReadableError:
                seen.add(b"refused")
    finally:
        stop.set()
        swapping.join()
    assert _CANARY not in seen
    assert seen <= {b"mine", b"refused"}


_DENIED = [
    "GITHUB_TOKEN",
    "GH_TOKEN",
    "ACTIONS_ID_TOKEN_REQUEST_TOKEN",
    "ACTIONS_RUNTIME_TOKEN",
    "RUNNER_TEMP",
    "CI_JOB_TOKEN",
    "CI_JOB_JWT_V2",
    "CI_DEPLOY_PASSWORD",
    "CI_REGISTRY_PASSWORD",
    "CI_DEPENDENCY_PROXY_PASSWORD",
    "CI_REPOSITORY_URL",
    "CONDUCTORONE_ACCESS_TOKEN",
    "CONDUCTORONE_CLIENT_SECRET",
    "CONE_CLIENT_SECRET",
    "RECONCILER_FINGERPRINT_KEY",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AZURE_CLIENT_SECRET",
    "ARM_CLIENT_SECRET",
    "GOOGLE_APPLICATION_CREDENTIALS",
    "GOOGLE_CREDENTIALS",
    "GCP_SERVICE_ACCOUNT",
    "CLOUDSDK_AUTH_ACCESS_TOKEN",
    "VAULT_TOKEN",
    "SOPS_AGE_KEY",
    "TF_HTTP_PASSWORD",
    "SSH_AUTH_SOCK",
    "GITLAB_TOKEN",
    "NPM_TOKEN",
    "SYSTEM_ACCESSTOKEN",
    "DOCKER_AUTH_CONFIG",
    "KUBECONFIG",
    "KUBE_TOKEN",
    "DIGITALOCEAN_ACCESS_TOKEN",
    "CLOUDFLARE_API_TOKEN",
    "HCLOUD_TOKEN",
    "OCI_CLI_KEY_CONTENT",
    "IBMCLOUD_API_KEY",
    "PULUMI_ACCESS_TOKEN",
    "TFE_TOKEN",
    "TF_TOKEN_app_terraform_io",
    "BAO_TOKEN",
    "BW_SESSION",
    "OP_SESSION_acme",
    "OP_SERVICE_ACCOUNT_TOKEN",
    "GITEA_TOKEN",
    "FORGEJO_TOKEN",
    "GITLAB_OIDC_TOKEN",
    "ID_TOKEN",
    "CI_BUILD_TOKEN",
    "DRONE_NETRC_PASSWORD",
    "INPUT_TOKEN",
    "PIP_INDEX_URL",
    "UV_PUBLISH_TOKEN",
    "TWINE_PASSWORD",
    "PYPI_TOKEN",
    "NODE_AUTH_TOKEN",
    "CARGO_REGISTRY_TOKEN",
    "GIT_CONFIG_VALUE_0",
    "github_token",
    "Aws_Secret_Access_Key",
    # what runs, and how
    *(
        "PATH",
        "LD_PRELOAD",
        "LD_LIBRARY_PATH",
        "DYLD_INSERT_LIBRARIES",
        "PYTHONPATH",
        "PYTHONSTARTUP",
        "PYTHONHOME",
    ),
    *(
        "NODE_OPTIONS",
        "PERL5LIB",
        "RUBYOPT",
        "BASH_ENV",
        "ENV",
        "IFS",
        "PS4",
        "PROMPT_COMMAND",
        "SHELLOPTS",
        "HOME",
    ),
    *(
        "JAVA_TOOL_OPTIONS",
        "_JAVA_OPTIONS",
        "GOFLAGS",
        "GOPROXY",
        "GOAUTH",
        "XDG_CONFIG_HOME",
        "TMPDIR",
        "LANG",
    ),
    *(
        "EDITOR",
        "PAGER",
        "LESSOPEN",
        "NETRC",
        "HISTFILE",
        "HOSTALIASES",
        "RES_OPTIONS",
        "MALLOC_CONF",
        "LC_ALL",
    ),
    # with whom
    *(
        "SSL_CERT_FILE",
        "SSL_CERT_DIR",
        "SSLKEYLOGFILE",
        "OPENSSL_CONF",
        "REQUESTS_CA_BUNDLE",
        "CURL_CA_BUNDLE",
    ),
    *(
        "NODE_EXTRA_CA_CERTS",
        "HTTPS_PROXY",
        "https_proxy",
        "NO_PROXY",
        "FTP_PROXY",
        "GIT_SSH_COMMAND",
        "GIT_ASKPASS",
    ),
    *("SSH_ASKPASS", "GIT_TOKEN", "GIT_PROXY_COMMAND"),
    # CI
    *("CIRCLE_TOKEN", "CIRCLE_OIDC_TOKEN_V2", "TRAVIS_TOKEN", "BUILDKITE_API_TOKEN", "BITBUCKET_CLONE_TOKEN"),
    *(
        "JENKINS_TOKEN",
        "WOODPECKER_TOKEN",
        "APPVEYOR_TOKEN",
        "CIRRUS_TOKEN",
        "SEMAPHORE_TOKEN",
        "CODEBUILD_X",
    ),
    *(
        "NETLIFY_AUTH_TOKEN",
        "VERCEL_TOKEN",
        "RENOVATE_TOKEN",
        "SYSTEM_OIDCREQUESTURI",
        "ENDPOINT_AUTH_X",
        "GH_PAT",
    ),
    *(
        "GITLAB_PRIVATE_TOKEN",
        "CI_SERVER_TLS_KEY_FILE",
        "CI_API_V4_URL",
        "CODECOV_TOKEN",
        "SONAR_TOKEN",
        "SNYK_TOKEN",
    ),
    # clouds, clusters, managers, packages
    *(
        "MSI_SECRET",
        "IDENTITY_HEADER",
        "OCI_CONFIG_FILE",
        "ALICLOUD_SECRET_KEY",
        "LINODE_TOKEN",
        "SCW_SECRET_KEY",
    ),
    *(
        "OVH_APPLICATION_SECRET",
        "OS_PASSWORD",
        "HEROKU_API_KEY",
        "FLY_API_TOKEN",
        "FASTLY_API_KEY",
        "CF_API_TOKEN",
    ),
    *(
        "DATABRICKS_TOKEN",
        "SNOWFLAKE_PASSWORD",
        "DD_API_KEY",
        "OKTA_API_TOKEN",
        "AUTH0_CLIENT_SECRET",
        "TS_AUTHKEY",
    ),
    *(
        "HELM_PLUGINS",
        "ARGOCD_AUTH_TOKEN",
        "NOMAD_TOKEN",
        "CONSUL_HTTP_TOKEN",
        "TF_VAR_password",
        "ANSIBLE_VAULT_X",
    ),
    *("DOCKER_PASSWORD", "DOCKER_CONFIG", "REGISTRY_AUTH_FILE", "KUBERNETES_SERVICE_HOST", "PACKER_TOKEN"),
    *(
        "AKEYLESS_ACCESS_KEY",
        "BWS_ACCESS_TOKEN",
        "KSM_CONFIG",
        "LPASS_X",
        "CONJUR_AUTHN_API_KEY",
        "GNUPGHOME",
        "AGE_KEY",
    ),
    *(
        "NPM_CONFIG_USERCONFIG",
        "npm_config__auth",
        "YARN_NPM_AUTH_TOKEN",
        "POETRY_HTTP_BASIC_X",
        "GEM_HOST_API_KEY",
    ),
    *(
        "BUNDLE_GEMS__X",
        "MAVEN_PASSWORD",
        "NUGET_API_KEY",
        "COMPOSER_AUTH",
        "HEX_API_KEY",
        "ARTIFACTORY_PASSWORD",
    ),
    *("HF_TOKEN", "CONDA_TOKEN", "CONE_PROFILE", "_RECONCILER_COMPLETE"),
]


def test_no_kind_is_without_a_name() -> None:
    """Each alternative of the table is there for a variable; each kind has one here, and a reason."""
    reasons = {denied.reason_of_variable(name) for name in _DENIED}
    assert reasons == {kind.reason for kind in denied.VARIABLES}


@pytest.mark.parametrize("part", [part for parts in denied.PARTS.values() for part in parts])
def test_what_tools_keep_is_never_read(root: Path, part: str) -> None:
    """As a file, as a directory, in any case, at any level."""
    confinement = Confinement(root=root, base=root)
    for path in (part, f"certs/{part.upper()}", f"{part}/x"):
        assert "never read as a source" in _refused(confinement, path).what


@pytest.mark.parametrize("allowed", [(), ("OTHER",), ("DB",), ("db_*",), ("DB_?",)])
def test_what_is_not_allowed_is_refused(allowed: tuple[str, ...]) -> None:
    """Where anything is said of it; whole names in their case."""
    with pytest.raises(NotReadableError, match="not one of those"):
        check_variable("DB_PASSWORD", allowed)


def test_what_is_allowed_is_a_source_if_it_is_no_tool_s() -> None:
    """One pattern is enough; none takes anything off the list of what is never read."""
    check_variable("DB_PASSWORD", ("OTHER", "DB_*"))
    with pytest.raises(NotReadableError, match="never read"):
        check_variable("GITHUB_TOKEN", ("*",))


def test_a_source_is_checked_where_it_is_read(root: Path) -> None:
    """Whatever a manifest's reader let through."""
    access = SourceAccess(
        confinement=Confinement(root=root, base=root), environ={"A": "1", "B": "2"}, allowed=("A",)
    )
    assert b"1" == access.variable("A")
    with pytest.raises(NotReadableError, match="not one of those"):
        access.variable("B")


@pytest.mark.parametrize("name", _DENIED)
def test_credentials_of_tools_are_never_sources(name: str) -> None:
    """What would widen a reviewer's trust: by their names."""
    with pytest.raises(NotReadableError) as caught:
        check_variable(name)
    assert name in caught.value.what
    assert caught.value.hint


@pytest.mark.parametrize(
    "name",
    [
        "DB_PASSWORD",
        "MY_GITHUB_TOKEN",
        "CI",
        "CI_SECRET",
        "AWS",
        "PARTNER_P12",
        "API_KEY",
        "PATHOLOGY_KEY",
        "HOMEPAGE_TOKEN",
        "GOLD_PASSWORD",
        "PROXY_PASSWORD",
        "MY_ID_TOKEN",
    ],
)
def test_other_variables_are_sources(name: str) -> None:
    """A value under a name of its own."""
    check_variable(name)
