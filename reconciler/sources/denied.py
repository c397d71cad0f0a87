"""Names that a manifest must not read: variables and files that belong to tools, with the reason of each kind."""

from __future__ import annotations

import re
from typing import Final, NamedTuple


class DeniedKind(NamedTuple):
    """Variables of one kind: whole names that match `pattern` are `reason`."""

    reason: str
    pattern: str


VARIABLES: Final = (
    DeniedKind("this program's own", r"(?: CONDUCTORONE_ | CONE_ | RECONCILER_ | _RECONCILER_ ) .*"),
    DeniedKind(
        "CI's",
        r"""(?: GITHUB_ | GH_ | GHE_ | ACTIONS_ | RUNNER_ | INPUT_ | GITLAB_ | GITEA_ | FORGEJO_ | DRONE_ | PLUGIN_
        | CI_JOB_ | CI_DEPLOY_ | CI_REGISTRY_ | CI_REPOSITORY_ | CI_DEPENDENCY_PROXY_ | CI_SERVER_
        | CI_BUILD_ | CI_API_ | CI_NETRC_ | CI_SYSTEM_ | CI_PIPELINE_ | CI_PROJECT_ | CI_COMMIT_
        | CI_MERGE_REQUEST_ | BITBUCKET_ | BUILDKITE_ | CIRCLE_ | CIRCLECI_ | TRAVIS_ | JENKINS_
        | HUDSON_ | WOODPECKER_ | APPVEYOR_ | CIRRUS_ | SEMAPHORE_ | TEAMCITY_ | CODEBUILD_ | CODECOV_
        | SONAR_ | BITRISE_ | BUDDY_ | NETLIFY_ | VERCEL_ | RENOVATE_ | ENDOR_ | SNYK_ | ATLANTIS_
        | SPACELIFT_ | ENV0_ | DANGER_ ) .* | SYSTEM_ACCESSTOKEN | SYSTEM_OIDCREQUESTURI
        | (?: ENDPOINT_AUTH | SECUREFILE ) _.* | ID_TOKEN | JOB_TOKEN""",
    ),
    DeniedKind(
        "a cloud's",
        r"""(?: AWS_ | AZURE_ | ARM_ | MSI_ | IDENTITY_ | GOOGLE_ | GCP_ | GCLOUD_ | CLOUDSDK_ | FIREBASE_
        | DIGITALOCEAN_ | DO_ | CLOUDFLARE_ | CF_ | OCI_ | IBMCLOUD_ | IC_ | BLUEMIX_ | ALIBABA_
        | ALICLOUD_ | ALIYUN_ | TENCENTCLOUD_ | HCLOUD_ | HETZNER_ | LINODE_ | SCW_ | OVH_ | VULTR_
        | EXOSCALE_ | YC_ | OS_ | HEROKU_ | FLY_ | RAILWAY_ | FASTLY_ | AKAMAI_ | ROUTE53_ | DATABRICKS_
        | SNOWFLAKE_ | SNOWSQL_ | DD_ | DATADOG_ | NEW_RELIC_ | SENTRY_ | PAGERDUTY_ | OKTA_ | AUTH0_
        | TAILSCALE_ | TS_ | NGROK_ ) .*""",
    ),
    DeniedKind(
        "a cluster's or a deployment tool's",
        r"""(?: KUBE | HELM_ | ARGOCD_ | FLUX_ | NOMAD_ | CONSUL_ | BOUNDARY_ | TF_ | TFE_ | TOFU_ | TERRAFORM_
        | PULUMI_ | ANSIBLE_ | PACKER_ | DOCKER_ | BUILDAH_ | REGISTRY_ | PODMAN_ | CONTAINERS_
        | COMPOSE_ | RANCHER_ ) .*""",
    ),
    DeniedKind(
        "a secret manager's",
        r"""(?: VAULT_ | BAO_ | SOPS_ | AGE_ | OP_ | DOPPLER_ | INFISICAL_ | AKEYLESS_ | BW_ | BWS_ | BITWARDEN_
        | KSM_ | KEEPER_ | LPASS_ | LASTPASS_ | DASHLANE_ | CONJUR_ | CYBERARK_ | DELINEA_ | THYCOTIC_
        | PHASE_ | PASSWORD_STORE_ | TELEPORT_ | SECRETHUB_ | CHAMBER_ | GNUPG | GPG_ | PINENTRY_ ) .*""",
    ),
    DeniedKind(
        "a package manager's",
        r"""(?: NPM_ | PNPM_ | YARN_ | NODE_AUTH_ | PIP_ | PIPX_ | PIPENV_ | UV_ | TWINE_ | PYPI_ | POETRY_ | PDM_
        | HATCH_ | FLIT_ | CONDA_ | CARGO_ | GEM_ | BUNDLE_ | RUBYGEMS_ | MAVEN_ | MVN_ | GRADLE_
        | ORG_GRADLE_ | SONATYPE_ | OSSRH_ | NUGET_ | COMPOSER_ | HEX_ | JFROG_ | ARTIFACTORY_ | NEXUS_
        | HOMEBREW_ | CLOUDSMITH_ | HF_ | HUGGING_FACE_ ) .*""",
    ),
    DeniedKind("git's or ssh's", r"(?: GIT_ | SSH_ | HGRCPATH | SVN_ ) .*"),
    DeniedKind("the way to the network", r".*_PROXY | WGETRC"),
    DeniedKind(
        "what says which certificates are trusted",
        r"(?: SSL_ | SSLKEYLOG | OPENSSL_ | CURL_ | REQUESTS_ | GNUTLS_ | NODE_EXTRA_CA_ | CERTIFI_ ) .*",
    ),
    DeniedKind(
        "what programs are started by",
        r"""(?: LD_ | DYLD_ | GLIBC_ | MALLOC_ | PYTHON | VIRTUAL_ENV | NODE_ | PERL | RUBY | BASH_ | ZDOT
        | GO(?:AUTH|ENV|FLAGS|PATH|PRIVATE|PROXY|ROOT|SUMDB|NOSUMDB|TOOLCHAIN) | LUA_ | PHP_ | JDK_
        | XDG_ | LC_ | DBUS_ | SUDO_ | INVOCATION_ | CREDENTIALS_DIRECTORY ) .*
        | _?JAVA_(?:TOOL_)?OPTIONS | JAVA_HOME | CLASSPATH | PATH | MANPATH | CDPATH | HOME | USER
        | LOGNAME | SHELL | SHELLOPTS | ENV | IFS | PS[0-4] | PROMPT_COMMAND | PWD | OLDPWD | TMP | TEMP
        | TMPDIR | LANG | LANGUAGE | LOCPATH | NLSPATH | TERM | TERMINFO | EDITOR | VISUAL | PAGER
        | LESSOPEN | LESSCLOSE | BROWSER | HOSTALIASES | RES_OPTIONS | LOCALDOMAIN | NETRC | HISTFILE""",
    ),
)
"""The tool's own credentials and keys, those of CI, of clouds and of managers, and what decides what runs.

In any case: GitHub's names of secrets know none, so that `github_token` there is the job's own token.
"""

_VARIABLES: Final = [(kind, re.compile(kind.pattern, re.VERBOSE | re.IGNORECASE)) for kind in VARIABLES]

PARTS: Final = {
    "the repository's own": (".git", ".hg", ".svn", ".bzr", ".jj", ".sl", ".gitmodules", ".gitconfig"),
    "this program's and its client's": (".reconciler", ".conductorone", ".cone"),
    "keys of ssh and of ciphers": (
        ".ssh",
        ".gnupg",
        ".pki",
        ".age",
        ".sops",
        ".putty",
        ".step",
        ".local",
        ".ecryptfs",
    ),
    "a cloud's": (
        *(
            ".aws",
            ".azure",
            ".oci",
            ".bluemix",
            ".aliyun",
            ".tencentcloud",
            ".boto",
            ".s3cfg",
            ".s3curl",
            ".gcloud",
        ),
        *(
            ".gsutil",
            ".linode-cli",
            ".scw",
            ".fly",
            ".heroku",
            ".databrickscfg",
            ".snowsql",
            ".snowflake",
            ".ngrok2",
        ),
        *(".okta", ".config", ".appengine_tokens", ".fastly", ".wrangler", ".vercel", ".netlify", ".railway"),
    ),
    "a cluster's or a deployment tool's": (
        *(
            ".kube",
            ".docker",
            ".dockercfg",
            ".dockerconfigjson",
            ".helm",
            ".terraform",
            ".terraform.d",
            ".terraformrc",
        ),
        *(".pulumi", ".chef", ".ansible", ".minikube", ".tsh", ".argocd", ".rancher", ".vagrant.d"),
    ),
    "a secret manager's": (
        *(".vault-token", ".vault_pass", ".password-store", ".op", ".lpass", ".bw", ".keyrings", ".doppler"),
        *(".infisical", ".infisical.json", ".akeyless"),
    ),
    "a package manager's": (
        *(
            ".npmrc",
            ".npm",
            ".yarnrc",
            ".yarnrc.yml",
            ".pypirc",
            ".pip",
            ".gem",
            ".bundle",
            ".m2",
            ".gradle",
            ".cargo",
        ),
        *(".composer", ".nuget", ".hex", ".condarc", ".huggingface", ".cache"),
    ),
    "logins of network and database clients": (
        *(
            ".netrc",
            "_netrc",
            ".authinfo",
            ".git-credentials",
            ".curlrc",
            ".wgetrc",
            ".pgpass",
            ".pg_service.conf",
        ),
        *(
            ".my.cnf",
            ".mylogin.cnf",
            ".mongorc.js",
            ".dbshell",
            ".rclone.conf",
            ".smbcredentials",
            ".fetchmailrc",
        ),
        *(
            ".msmtprc",
            ".mozilla",
            ".thunderbird",
            ".subversion",
            ".kaggle",
            ".jupyter",
            ".vnc",
            ".rdp",
            ".hub",
        ),
    ),
    "what a shell has kept": (
        *(
            ".bash_history",
            ".zsh_history",
            ".python_history",
            ".psql_history",
            ".mysql_history",
            ".node_repl_history",
        ),
        *(
            ".rediscli_history",
            ".sqlite_history",
            ".lesshst",
            ".viminfo",
            ".zhistory",
            ".sh_history",
            ".histfile",
        ),
    ),
}
"""Names of files and directories, in lower case: logins in a home directory, and a repository's own insides."""

_PARTS: Final = {part: reason for reason, parts in PARTS.items() for part in parts}


def reason_of_variable(name: str) -> str | None:
    """Return what a variable is that no manifest may read; None for any other."""
    return next((kind.reason for kind, pattern in _VARIABLES if pattern.fullmatch(name)), None)


def reason_of_part(name: str) -> str | None:
    """Return what a file or directory is that no manifest may read; None for any other."""
    return _PARTS.get(name.casefold())  # some file systems know no case
