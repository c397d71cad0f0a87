"""`secrets:`: each entry with its defaults filled in."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Final

from reconciler.manifest.document import Entry
from reconciler.manifest.reading.fields import Fields, Log, fields_in
from reconciler.manifest.reading.lives import Life, check_renewal, read_life
from reconciler.manifest.reading.origin import SourceKinds, read_source
from reconciler.manifest.reading.sharing import Audiences, read_sharing
from reconciler.model.address import is_name
from reconciler.model.hidden import has_control
from reconciler.model.manifest import Format, Kind, Person, Secret, Sharing, Source

_MUST_SAY: Final = frozenset({".p12", ".pfx", ".jks", ".der"})
"""Binary stores: sent as text by mistake, they would be shown as garbage and burn a view."""

_FILENAME_MAX: Final = 255


def read_secret(
    name: str, entry: Entry, *, kinds: SourceKinds, audiences: Audiences, defaults: Life, log: Log
) -> Secret | None:
    """Read one entry; None after a problem in what cannot be left out."""
    if not is_name(name):
        log.odd(entry.mark)
        name = "<name>"
    fields = fields_in(entry.value, f"secrets.{name}", log)
    if fields is None:
        return None
    life = read_life(fields, defaults)
    check_renewal(fields, life)
    source = _source(fields, kinds)
    sharing = _sharing(fields, audiences)
    secret_kind, output_format = _kind(fields, source), fields.word("format", Format)
    description, label, rotate = _description(fields), _label(fields), fields.text("rotate")
    filename, content_type = _filename(fields), fields.text("content_type")
    lifecycle = fields.fields("lifecycle")
    prevent_revoke = lifecycle.flag("prevent_revoke") if lifecycle else None
    if source is None or sharing is None:
        return None
    return Secret(
        name=name,
        mark=entry.mark,
        description=description,
        label=label,
        kind=secret_kind,
        format=output_format or Format.PLAINTEXT,
        source=source,
        sharing=sharing[0],
        people=sharing[1],
        expires_in=life.expires_in,
        max_views=life.max_views,
        renew=life.renew,
        renew_before=life.renew_before,
        filename=filename,
        content_type=content_type,
        rotate=rotate,
        prevent_revoke=prevent_revoke or False,
    )


def _source(fields: Fields, kinds: SourceKinds) -> Source | None:
    if not fields.need("source"):
        return None
    inner = fields.fields("source")
    return read_source(inner, fields.at("source"), kinds) if inner else None


def _sharing(fields: Fields, audiences: Audiences) -> tuple[Sharing, tuple[Person, ...]] | None:
    if not fields.need("share_with"):
        return None
    inner = fields.fields("share_with")
    return read_sharing(inner, audiences, fields.at("share_with")) if inner else None


def _kind(fields: Fields, source: Source | None) -> Kind:
    """Return the kind; point out what does not go with it, and a binary file that would be sent as text."""
    kind = fields.word("kind", Kind)
    if "kind" in fields and kind is None:
        return Kind.TEXT
    if kind is Kind.FILE and "format" in fields:
        fields.log.add(
            fields.at("format"),
            f"{fields.name('format')} applies only to kind: text",
            "expected kind: text, or no format",
        )
    suffix = PurePosixPath(source.default_filename).suffix.lower() if source else ""
    if kind is None and suffix in _MUST_SAY:
        problem = f"{fields.path} has no kind, and its source is a {suffix} file"
        fields.log.add(fields.at("source"), problem, "expected kind: file or kind: text")
    elif kind is not Kind.FILE:
        for key in ("filename", "content_type"):
            if key in fields:
                problem = f"{fields.name(key)} applies only to kind: file"
                fields.log.add(fields.at(key), problem, "expected kind: file beside it")
    return kind or Kind.TEXT


def _label(fields: Fields) -> str | None:
    label = fields.text("label")
    if label is None:
        return None
    if not label:
        fields.log.odd(fields.value_at("label"))
        return None
    if not label.strip():
        fields.log.add(fields.value_at("label"), f"{fields.name('label')} is blank", "expected visible text")
    elif has_control(label):
        problem = f"{fields.name('label')} contains a line break, control character or text direction mark"
        fields.log.add(fields.value_at("label"), problem, "expected one line of plain text")
    return label


def _filename(fields: Fields) -> str | None:
    filename = fields.text("filename")
    if filename is None:
        return None
    if not filename:
        fields.log.odd(fields.value_at("filename"))
        return None
    if "/" in filename or "\\" in filename or filename in (".", ".."):
        problem = f"{fields.name('filename')} is not a plain file name"
        fields.log.add(fields.value_at("filename"), problem, "expected a name without directories")
    elif has_control(filename) or not filename.strip():
        problem = (
            f"{fields.name('filename')} contains a control character or text direction mark, or is blank"
        )
        fields.log.add(fields.value_at("filename"), problem, "expected a file name of plain characters")
    elif len(filename) <= _FILENAME_MAX < len(filename.encode("utf-8", "replace")):
        problem = f"{fields.name('filename')} is too long"
        fields.log.add(fields.value_at("filename"), problem, f"expected at most {_FILENAME_MAX} bytes")
    return filename


def _description(fields: Fields) -> str | None:
    description = fields.text("description")
    if description and has_control(description.replace("\n", "").replace("\t", "")):
        problem = f"{fields.name('description')} contains a control character or text direction mark"
        fields.log.add(fields.value_at("description"), problem, "expected plain text")
    return description
