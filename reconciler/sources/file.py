"""`{file: PATH}`: a file beside the manifest."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import ClassVar, Final, Self

from reconciler.manifest.reading.fields import Fields
from reconciler.sources.interface import Properties, ReadableSource, SourceAccess, Stream

_PROPERTIES: Final[Properties] = {
    "file": {
        "title": "File",
        "description": "A file beneath the manifest's directory (or --source-root), with slashes. Its bytes are the "
        "secret, exactly. SOPS and age files are recognised and refused: decrypting them is not supported yet.",
        "type": "string",
        "minLength": 1,
        "maxLength": 1024,
        "examples": ["certs/bundle.p12", "prod.enc.yaml"],
        "errorMessage": "expected the path of a file beneath the manifest",
    },
    "key": {
        "title": "Key in the file",
        "description": "Not supported yet. Which value of an encrypted file is meant, with dots between levels. "
        "Goes with `file`.",
        "type": "string",
        "minLength": 1,
        "maxLength": 512,
        "examples": ["db.password"],
        "errorMessage": "expected a dotted key such as db.password",
    },
}


@dataclass(frozen=True, slots=True, kw_only=True)
class FileSource(ReadableSource):
    """A file by its path as written: relative to the manifest's directory."""

    usage: ClassVar = "{file: PATH}"
    properties: ClassVar = _PROPERTIES

    path: str

    @classmethod
    def declared(cls, fields: Fields, *, trim_newline: bool) -> Self | None:
        """Read the entry; None after a problem."""
        path = fields.text("file")
        if path is None:
            return None
        mark, name = fields.value_at("file"), fields.name("file")
        if "key" in fields or not path:  # NOT_YET says so of the key
            fields.log.odd(mark)
            return None
        if problem := _problem(path):
            what, expected = problem
            fields.log.add(mark, f"{name} holds {what}", expected)
            return None
        return cls(path=path, trim_newline=trim_newline, mark=mark)

    @property
    def place(self) -> str:
        """Return `file PATH`."""
        return f"file {self.path}"

    @property
    def reading(self) -> tuple[str, ...]:
        """Return nothing: a file is its bytes."""
        return ()

    @property
    def default_filename(self) -> str:
        """Return the name without its directories."""
        return PurePosixPath(self.path).name

    @property
    def environment_variables(self) -> tuple[str, ...]:
        """Return none."""
        return ()

    @property
    def repository_files(self) -> tuple[str, ...]:
        """Return the one."""
        return (self.path,)

    def open(self, access: SourceAccess) -> Stream:
        """Return the file. Raises NotReadableError."""
        return io.FileIO(access.confinement.open(self.path))


def _problem(path: str) -> tuple[str, str] | None:
    """Return what a path holds that no path should, and what is expected."""
    if "-----BEGIN " in path:
        return "a key itself: it never belongs in a manifest", "expected the path of a file"
    if not path.isprintable():
        return "a control or hidden character", "expected the path of a file"
    if "\\" in path:
        return "a backslash", "expected a path with slashes (/)"
    return None
