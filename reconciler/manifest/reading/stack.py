"""The manifest as a whole."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from collections.abc import Mapping as MappingType
from collections.abc import Sequence as SequenceType
from typing import Final

from reconciler.errors import ManifestError, Mark, Problem
from reconciler.manifest.document import Entry, Mapping, Node, Scalar
from reconciler.manifest.reading.entries import read_secret
from reconciler.manifest.reading.fields import Fields, Log, fields_in
from reconciler.manifest.reading.lives import USUAL, Life, read_life
from reconciler.manifest.reading.notyet import refused
from reconciler.manifest.reading.origin import SourceKinds
from reconciler.manifest.reading.sharing import Audiences, read_audiences
from reconciler.manifest.reading.upkeep import read_moved, read_removed
from reconciler.model.address import is_name
from reconciler.model.manifest import AgeSuite, Manifest, Secret
from reconciler.suggest import shown_key

INCLUDES_MAX: Final = 50
"""Files of one manifest that are opened; the schema says the same."""

_STATE: Final = re.compile(r"(?:\.{0,2}/|[^./][^/]*/)*[^/]*\.state\.json")
"""A name that no other program obeys, in no directory of a tool: the schema says the same."""

_HOST: Final = re.compile(r"[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*")


def includes(node: Node) -> tuple[Scalar, ...]:
    """Return the paths under `include:`, as written; what is no text there, or too many, is left to the schema."""
    fields = fields_in(node, "", Log())
    items = fields.items("include")[:INCLUDES_MAX] if fields else ()
    return tuple(item for item in items if isinstance(item, Scalar) and isinstance(item.value, str))


def read(
    node: Node,
    *,
    file: str,
    kinds: SourceKinds,
    included: SequenceType[tuple[str, Node]] = (),
    known: Collection[Problem] = (),
    complete: bool = True,
) -> Manifest:
    """Return the manifest that a document means. Raises ManifestError with every problem, `known` among them.

    `kinds` are the kinds of source that there are. `included` are the files under `include:` with their documents;
    `complete` is false when one could not be read. `known` are the problems found before, such as the schema's: a
    document that has any is not used.
    """
    log = Log()
    log.take(known)
    log.take(refused(node))
    top = fields_in(node, "", log)
    manifest = _manifest(top, file, kinds, included, log, complete=complete) if top else None
    if not log.problems and (log.misshapen or manifest is None):
        # the schema and this reader disagree: never go on with half a manifest
        log.add(log.misshapen or node.mark, "this is not what the manifest's schema allows here")
    if log.problems or manifest is None:
        raise ManifestError(dict.fromkeys(log.problems))
    return manifest


def _manifest(
    top: Fields,
    file: str,
    kinds: SourceKinds,
    included: SequenceType[tuple[str, Node]],
    log: Log,
    *,
    complete: bool,
) -> Manifest | None:
    top.need("version", "name", "secrets")
    if (version := top.number("version")) not in (None, 1):
        log.odd(top.value_at("version"))
    name = top.text("name")
    if name is not None and not is_name(name):
        log.odd(top.value_at("name"))
    files = (top, *(fields for path, each in included if (fields := fields_in(each, "", log))))
    defaults = _defaults(files, log)
    complete = complete and len(top.items("include")) <= INCLUDES_MAX
    audiences = read_audiences(_parts(files, "audiences"), log, complete=complete)
    secrets = _secrets(top, kinds, audiences, defaults, log)
    declared = {name for name, _ in _parts((top,), "secrets")} if top.fields("secrets") else None
    moved = () if declared is None else read_moved(top.items("moved"), declared, log)
    removed = () if declared is None else read_removed(top.items("removed"), declared, moved, log)
    tenant, tenant_mark = _tenant(top)
    state_path = _state_path(top)
    age_suite = _age_suite(top)
    if version is None or name is None:
        return None
    return Manifest(
        file=file,
        name=name,
        tenant=tenant,
        tenant_mark=tenant_mark,
        state_path=state_path,
        age_suite=age_suite,
        secrets=secrets,
        moved=moved,
        removed=removed,
    )


def _parts(files: SequenceType[Fields], key: str) -> Iterator[tuple[str, Entry]]:
    """Return the entries under one key of several files."""
    for fields in files:
        entry = fields.entry(key)
        if entry and isinstance(entry.value, Mapping):
            yield from entry.value.entries.items()
        elif entry:
            fields.log.odd(entry.value.mark)


def _defaults(files: SequenceType[Fields], log: Log) -> Life:
    """Merge the defaults: the manifest's own win; two included files may not say the same."""
    merged: dict[str, Entry] = dict(_parts(files[:1], "defaults"))
    own = set(merged)
    for fields in files[1:]:
        for key, entry in _parts((fields,), "defaults"):
            if key in merged and key not in own:
                problem = f"defaults.{shown_key(key)} is set in two included files"
                hint = "set it in the manifest itself, which takes precedence"
                log.add(entry.mark, problem, f"expected it once (first set at {merged[key].mark})", hint)
            merged.setdefault(key, entry)
    mark = Mark(file=files[0].mark.file, line=1, column=1)
    return read_life(Fields(Mapping(entries=merged, mark=mark), "defaults", log), USUAL)


def _secrets(
    top: Fields, kinds: SourceKinds, audiences: Audiences, defaults: Life, log: Log
) -> MappingType[str, Secret]:
    read_one = (
        read_secret(name, entry, kinds=kinds, audiences=audiences, defaults=defaults, log=log)
        for name, entry in _parts((top,), "secrets")
    )
    return {secret.name: secret for secret in read_one if secret}


def _tenant(top: Fields) -> tuple[str | None, Mark | None]:
    target = top.fields("target")
    tenant = target.text("tenant") if target and target.need("tenant") else None
    if target is None or tenant is None:
        return None, None
    mark = target.value_at("tenant")
    if not _HOST.fullmatch(tenant):
        top.log.odd(mark)
    return tenant.lower(), mark


def _state_path(top: Fields) -> str | None:
    state = top.fields("state")
    path = state.text("path") if state else None
    if state is None or path is None:
        return None
    if not path.isprintable():
        problem = "state.path contains a control or hidden character"
        top.log.add(state.value_at("path"), problem, "expected the path of a file")
    elif not _STATE.fullmatch(path):
        top.log.odd(state.value_at("path"))
    return path


def _age_suite(top: Fields) -> AgeSuite | None:
    """Return the suite asked for, None for `auto`."""
    return None if top.text("age_suite") in (None, "auto") else top.word("age_suite", AgeSuite)
