"""From options to the things that operations need: the manifest, the stack, a client that is signed in."""

from __future__ import annotations

import contextlib
import importlib.util
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from reconciler.cli import terminal
from reconciler.cli.options import Options
from reconciler.errors import ManifestError, Problem, StateError, UsageError
from reconciler.files import LinkedError, directory_at, place, reason
from reconciler.manifest.load import load_manifest
from reconciler.model.manifest import AgeSuite, Manifest, Sharing
from reconciler.model.state import State
from reconciler.operations.stack import SANDBOX_SERVER, Stack, load_state, no_state
from reconciler.sources import KINDS, Confinement, NotReadableError, SourceReader, check_variable
from reconciler.storage import git
from reconciler.storage.interface import StateStore
from reconciler.storage.keys import Keys
from reconciler.storage.state_file import StateFile
from reconciler.storage.stores import open_store
from reconciler.storage.workdir import Workdir

if TYPE_CHECKING:  # importing these costs what `output` and `state` need not pay
    from reconciler.auth.interface import ChosenCredential, CredentialSource
    from reconciler.auth.server import Server
    from reconciler.c1.client import Client
    from reconciler.c1.upload import Uploader


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Where a stack's own files lie."""

    manifest: Path
    store: StateStore
    workdir: Workdir
    sandbox_data: Path

    @property
    def state(self) -> Path:
        """The state's file, for what works on the file itself. Raises UsageError where the state is no file."""
        if isinstance(self.store, StateFile):
            return self.store.path
        raise UsageError(f"the state at {self.store.where} is not a file", hint="name a file with --state")

    def own_files(self) -> tuple[Path, ...]:
        """Return the files that a stack's runs leave: state, backup, journal, lock, key."""
        workdir = self.workdir
        return *self.store.own_files, workdir.journal_path, workdir.lock.path, workdir.key_file.path


def read_manifest(options: Options) -> Manifest:
    """Read the manifest that the options name. Raises ManifestError."""
    manifest = read_allowed(options, options.manifest_path)
    if options.age_suite is None:
        return manifest
    return replace(manifest, age_suite=None if options.age_suite == "auto" else AgeSuite(options.age_suite))


def read_allowed(options: Options, path: Path) -> Manifest:
    """Read a manifest by the command line's rules of what it may name. Raises ManifestError."""
    manifest = load_manifest(path, KINDS, source_root=source_root(options))
    problems = []
    for secret in manifest.secrets.values():
        for name in secret.source.environment_variables:
            try:
                check_variable(name, options.allow_env)
            except NotReadableError as error:
                problems.append(Problem(mark=secret.source.mark, what=error.what, hint=error.hint))
    if problems:
        raise ManifestError(problems)
    return manifest


def places_of(options: Options, manifest: Manifest | None) -> Places:
    """Return where state and workdir are; in the sandbox both are its own."""
    path = options.manifest_path
    home = path.parent / ".reconciler"
    sandbox = home / "sandbox"
    _refuse_links(path, home, sandbox)
    _refuse_planted(home)
    stem = path.stem
    store: StateStore
    if options.sandbox:
        store = StateFile(sandbox / f"{stem}.state.json")
    elif options.state:
        store = open_store(options.state)
    else:
        name = (manifest.state_path if manifest else None) or f"{stem}.state.json"
        _check_beneath(name, place(path).home)
        store = StateFile(path.parent / name)
    return Places(
        manifest=path,
        store=store,
        workdir=Workdir(sandbox if options.sandbox else home, stem),
        sandbox_data=sandbox / "tenant",
    )


def current_state(options: Options) -> State:
    """Return the state with what an interrupted run recorded. Raises StateError where there is none.

    The manifest is read only where it says which file the state is.
    """
    manifest = None if options.sandbox or options.state else read_manifest(options)
    where = places_of(options, manifest)
    state = load_state(where.store, where.workdir, name=manifest.name if manifest else None).state
    if state is None:
        raise _elsewhere(options, manifest) or no_state(where.store)
    return state


def _elsewhere(options: Options, manifest: Manifest | None) -> StateError | None:
    """Return the error for a state that is missing here, and there with, or without, --sandbox."""
    other = places_of(replace(options, sandbox=not options.sandbox, state=None), manifest)
    if options.state or not other.state.is_file():
        return None
    here, whose = (
        places_of(options, manifest).store.where,
        "a tenant's" if options.sandbox else "the sandbox's",
    )
    return StateError(
        f"there is no state at {here} yet; {whose} is at {other.state}",
        hint=f"run the same command {'without' if options.sandbox else 'with'} --sandbox to see that one",
    )


def keys_of(options: Options, workdir: Workdir) -> Keys:
    """Return the fingerprint keys of this directory's stacks; the sandbox has its own and asks no variable."""
    environ = None if options.sandbox else os.environ
    return Keys(file=workdir.key_file, environ=environ, may_make=not options.in_ci())


def _refuse_links(*paths: Path) -> None:
    """Refuse a link on the way to our directory: one that a repository brings would publish key and journal."""
    for path in paths:
        try:
            place(path)
        except LinkedError as error:
            raise StateError(
                f"{error}",
                hint="remove it, or name the real manifest: this program keeps its key and journal beside that",
            ) from None


def _refuse_planted(home: Path) -> None:
    """Refuse a directory of ours that others fill: its key would be no secret, its journal nothing that we did."""
    try:
        status = home.stat()
    except FileNotFoundError:
        return
    tracked = git.tracks(home)
    if tracked is None:
        raise StateError(
            f"git does not say whether the repository brought {home}: what is in it cannot be trusted",
            hint="install git, or mend what `git status` complains of there; or remove it if nothing in it is needed",
        )
    if tracked:
        raise StateError(
            f"git tracks files in {home}, which holds what belongs to this machine alone",
            hint="`git rm -r --cached` it, remove what others put there, and list `.reconciler/` in .gitignore",
        )
    if status.st_mode & 0o022:
        raise StateError(
            f"{home} can be written by others",
            hint="look what is in it; if all of it is your own: `chmod go-w` it",
        )
    if status.st_uid not in (os.geteuid(), 0):
        raise StateError(
            f"{home} belongs to another user", hint="run as that user, or remove it if nobody needs it"
        )


def _check_beneath(name: str, directory: Path) -> None:
    """Refuse a manifest that chooses any file of this machine as its state: that is for --state.

    How the name may look is checked with the manifest itself.
    """
    hint = "keep the state beside the manifest, or name the file with --state"
    state = Path(os.path.normpath(directory / name))
    if not state.is_relative_to(directory):
        raise UsageError("the manifest's `state: {path: …}` leads out of its directory", hint=hint)
    if state.resolve() != state:
        raise UsageError("the manifest's `state: {path: …}` leads through a symbolic link", hint=hint)


def stack_of(options: Options, manifest: Manifest, *, server: str) -> Stack:
    """Return the stack of a manifest at a tenant."""
    where = places_of(options, manifest)
    base = place(where.manifest).home
    root = source_root(options) or base
    confinement = Confinement(root=root, base=base, own=frozenset(p.resolve() for p in where.own_files()))
    return Stack(
        manifest=manifest,
        store=where.store,
        workdir=where.workdir,
        keys=keys_of(options, where.workdir),
        reader=SourceReader(confinement, os.environ, allowed=options.allow_env),
        server=server,
        job=_job_url(),
    )


def source_root(options: Options) -> Path | None:
    """Return what --source-root names, as it really is. Raises UsageError where a repository's link is on the way."""
    if not options.source_root:
        return None
    try:
        return directory_at(options.source_root)
    except LinkedError as error:
        raise UsageError(
            f"--source-root leads through a symbolic link ({error.path})", hint="name the real directory"
        ) from None
    except OSError as error:
        raise UsageError(f"--source-root cannot be used: {reason(error)}") from None


def _job_url() -> str | None:
    """Return where a CI job can be looked at, for whoever finds the stack locked."""
    env = os.environ
    if env.get("CI_JOB_URL"):
        return env["CI_JOB_URL"]
    if env.get("GITHUB_RUN_ID"):
        return f"{env.get('GITHUB_SERVER_URL')}/{env.get('GITHUB_REPOSITORY')}/actions/runs/{env['GITHUB_RUN_ID']}"
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedIn:
    """A stack and the connections to its tenant."""

    stack: Stack
    client: Client
    uploader: Uploader


@contextlib.asynccontextmanager
async def signed_in(options: Options) -> AsyncIterator[SignedIn]:
    """Read the manifest, and connect to the tenant or the embedded sandbox for as long as the context lasts."""
    manifest = read_manifest(options)
    opened = _in_sandbox(options, manifest) if options.sandbox else _at_tenant(options, manifest)
    async with opened as signed:
        yield signed


def require_sandbox() -> None:
    """Raise UsageError where the sandbox's own packages are not installed: they are an extra."""
    if not all(importlib.util.find_spec(name) for name in ("starlette", "uvicorn")):
        raise UsageError(
            "the sandbox is not installed",
            hint="install this program with its extra `sandbox`, as in `pip install '.[sandbox]'`",
        )


def home() -> Path | None:
    """Return the user's home directory, where there is one at all."""
    try:
        return Path.home()
    except RuntimeError:  # neither HOME nor an entry for this user: a container with a user of its own
        return None


@contextlib.asynccontextmanager
async def _at_tenant(options: Options, manifest: Manifest) -> AsyncIterator[SignedIn]:
    from reconciler import auth

    found = auth.find_credential(os.environ, home=home())
    server = auth.resolve_server(flag=options.server, env=os.environ, client_id=found.client_id)
    auth.assert_tenant(server, manifest.tenant, manifest.tenant_mark)
    stack = stack_of(options, manifest, server=server.name)
    async with _connected(options, stack, server, found) as signed:
        yield signed


@contextlib.asynccontextmanager
async def _in_sandbox(options: Options, manifest: Manifest) -> AsyncIterator[SignedIn]:
    from reconciler.auth import server as tenants
    from reconciler.auth.interface import AccessToken, ChosenCredential, Way
    from reconciler.sandbox import NOTICE

    require_sandbox()
    from reconciler.sandbox.serve import Embedded
    from reconciler.sandbox.settings import from_environment

    secrets = manifest.secrets.values()
    people = [p.as_written for s in secrets if s.sharing is Sharing.INTERNAL for p in s.people]
    data = places_of(options, manifest).sandbox_data
    emails = [person for person in people if "@" in person]
    if not data.exists():
        terminal.warn(NOTICE)
    with Embedded(data, settings=from_environment(os.environ), people=emails) as tenant:
        server = tenants.parse(tenant.url, where="the sandbox")
        stack = stack_of(options, manifest, server=SANDBOX_SERVER)
        token = AccessToken(value=tenant.token)
        found = ChosenCredential(way=Way.ACCESS_TOKEN, where="the sandbox", credential=token)
        async with _connected(options, stack, server, found) as signed:
            yield signed


@contextlib.asynccontextmanager
async def _connected(
    options: Options, stack: Stack, server: Server, found: ChosenCredential
) -> AsyncIterator[SignedIn]:
    from reconciler.c1.upload import Uploader
    from reconciler.http.session import Session
    from reconciler.http.urls import is_loopback

    async with connect(options, server, found) as link:
        # A session of its own: what is sent to the upload's host carries no token and no cookie.
        uploader = Uploader(Session(ca_file=ca_file(options)), local=is_loopback(server.host))
        try:
            yield SignedIn(stack=stack, client=link.client, uploader=uploader)
        finally:
            await uploader.aclose()


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A client that is signed in, and what signs it in."""

    client: Client
    credentials: CredentialSource


@contextlib.asynccontextmanager
async def connect(options: Options, server: Server, found: ChosenCredential) -> AsyncIterator[Link]:
    """Connect to a tenant, for as long as the context lasts."""
    from reconciler.auth import sign_in
    from reconciler.c1.client import Client
    from reconciler.http.clock import ServerClock
    from reconciler.http.session import Session
    from reconciler.http.waits import Patience

    session, clock = Session(ca_file=ca_file(options)), ServerClock()
    patience = Patience(on_wait=terminal.waiting)
    credentials = sign_in(found, session, server, clock=clock, patience=patience)
    client = Client(session, server, credentials, clock=clock, patience=patience)
    try:
        yield Link(client=client, credentials=credentials)
    finally:
        await client.aclose()


def ca_file(options: Options) -> str | None:
    """Return which certificate authorities to trust instead of the usual ones."""
    return options.ca_file or os.environ.get("SSL_CERT_FILE")
