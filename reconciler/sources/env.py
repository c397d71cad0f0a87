"""`{env: NAME}`: an environment variable of the process that applies."""

from __future__ import annotations

import base64
import binascii
import io
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar, Final, Self

from reconciler.manifest.reading.fields import Fields
from reconciler.sources.confine import NotReadableError, check_variable
from reconciler.sources.interface import Properties, ReadableSource, SourceAccess, Stream


class Encoding(StrEnum):
    """How an environment variable carries its bytes."""

    UTF8 = "utf8"
    BASE64 = "base64"


_PROPERTIES: Final[Properties] = {
    "env": {
        "title": "Environment variable",
        "description": "The variable, where this program runs, whose value is the secret. Unset and empty are errors. "
        "Variables of CI and of tools (GITHUB_*, AWS_*, …) are never read.",
        "type": "string",
        "pattern": "^[A-Za-z_][A-Za-z0-9_]*$",
        "maxLength": 128,
        "examples": ["DB_PASSWORD"],
        "errorMessage": "expected the name of an environment variable",
    },
    "encoding": {
        "title": "Encoding of the variable",
        "description": "How the variable carries its bytes: as it is, or as base64 (for files such as a .p12). "
        "Goes with `env`.",
        "type": "string",
        "enum": ["utf8", "base64"],
        "default": "utf8",
        "examples": ["base64"],
        "errorMessage": "expected utf8 or base64",
    },
}


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvSource(ReadableSource):
    """A variable by its name; with `encoding: base64` its value is decoded, white space left out."""

    usage: ClassVar = "{env: NAME}"
    properties: ClassVar = _PROPERTIES

    name: str
    encoding: Encoding

    @classmethod
    def declared(cls, fields: Fields, *, trim_newline: bool) -> Self | None:
        """Read the entry; None after a problem."""
        name = fields.text("env")
        encoding = fields.word("encoding", Encoding) or Encoding.UTF8
        if name is None:
            return None
        mark = fields.value_at("env")
        if not name:
            fields.log.odd(mark)
            return None
        try:
            check_variable(name)
        except NotReadableError as error:
            fields.log.add(mark, error.what, hint=error.hint)
            return None
        return cls(name=name, encoding=encoding, trim_newline=trim_newline, mark=mark)

    @property
    def place(self) -> str:
        """Return `env NAME`."""
        return f"env {self.name}"

    @property
    def reading(self) -> tuple[str, ...]:
        """Return the encoding, unless it is the usual one."""
        return () if self.encoding is Encoding.UTF8 else (self.encoding.value,)

    @property
    def default_filename(self) -> str:
        """Return the variable's name."""
        return self.name

    @property
    def environment_variables(self) -> tuple[str, ...]:
        """Return the one."""
        return (self.name,)

    @property
    def repository_files(self) -> tuple[str, ...]:
        """Return none."""
        return ()

    def open(self, access: SourceAccess) -> Stream:
        """Return the value, decoded. Raises NotReadableError."""
        value = access.variable(self.name)
        if self.encoding is Encoding.BASE64:
            value = _decoded(value, self.name)
        return io.BytesIO(value)


def _decoded(value: bytes, name: str) -> bytes:
    try:
        return base64.b64decode(b"".join(value.split()), validate=True)
    except binascii.Error:
        raise NotReadableError(f"environment variable {name} is not base64") from None
