"""`source:`: where one plaintext comes from."""

from __future__ import annotations

from typing import Final

from reconciler.errors import Mark
from reconciler.manifest.reading.fields import Fields
from reconciler.model.manifest import Encoding, EnvSource, FileSource, Source

_WAYS: Final = ("env", "file", "fields")
_EXPECTED: Final = "expected one of {env: NAME}, {file: PATH} and {fields: …}"


def read_source(fields: Fields, mark: Mark) -> Source | None:
    """Read a source; `mark` is its key's. None after a problem, or for what this version does not support."""
    log = fields.log
    ways = [way for way in _WAYS if way in fields]
    if not ways:
        if fields.only("trim"):
            log.add(mark, f"{fields.path} does not say where the value is", _EXPECTED)
        log.odd(mark)
        return None
    if len(ways) > 1:
        log.add(fields.at(ways[1]), f"{fields.path} says {' and '.join(ways)}", _EXPECTED)
        return None
    trim = fields.text("trim")
    if trim not in (None, "newline"):
        log.odd(fields.value_at("trim"))
    if "env" in fields:
        return _env(fields, trim_newline=trim is not None)
    if "file" in fields:
        return _file(fields, trim_newline=trim is not None)
    log.odd(mark)  # `fields` has no reader yet; NOT_YET says so
    return None


def _env(fields: Fields, *, trim_newline: bool) -> Source | None:
    name = fields.text("env")
    encoding = fields.word("encoding", Encoding) or Encoding.UTF8
    if name is None:
        return None
    if not name:
        fields.log.odd(fields.value_at("env"))
        return None
    return EnvSource(name=name, encoding=encoding, trim_newline=trim_newline, mark=fields.value_at("env"))


def _file(fields: Fields, *, trim_newline: bool) -> Source | None:
    path = fields.text("file")
    if path is None:
        return None
    mark = fields.value_at("file")
    if "encoding" in fields or "key" in fields or not path:
        fields.log.odd(mark)
        return None
    if "-----BEGIN " in path:
        what = f"{fields.name('file')} holds a key itself: it never belongs in a manifest"
        fields.log.add(mark, what, "expected the path of a file")
        return None
    if not path.isprintable():
        what = f"{fields.name('file')} holds a control or hidden character"
        fields.log.add(mark, what, "expected the path of a file")
        return None
    if "\\" in path:
        fields.log.add(mark, f"{fields.name('file')} holds a backslash", "expected a path with slashes (/)")
        return None
    return FileSource(path=path, trim_newline=trim_newline, mark=mark)
