"""GitHub's expressions, as far as our workflows use them. What they do not use is refused, so that it is noticed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_TOKEN = re.compile(r"\s*(?:('(?:[^']|'')*')|(&&|\|\||==|!=|!|\(|\))|([A-Za-z_][\w.-]*))")


class Expression:
    """One expression, evaluated while it is read: `||` binds least, then `&&`, then comparisons."""

    def __init__(self, text: str, context: Mapping[str, Any]) -> None:
        self.context = context
        self.tokens: list[str] = []
        at = 0
        while at < len(text.rstrip()):
            match = _TOKEN.match(text, at)
            assert match, f"not understood: {text[at:]!r}"
            self.tokens.append(match[0].strip())
            at = match.end()

    def value(self) -> Any:
        found = self._either()
        assert not self.tokens, self.tokens
        return found

    def _either(self) -> Any:
        left = self._both()
        while self._next("||"):
            right = self._both()
            left = left or right
        return left

    def _both(self) -> Any:
        left = self._compared()
        while self._next("&&"):
            right = self._compared()
            left = left and right
        return left

    def _compared(self) -> Any:
        left = self._one()
        if self._next("=="):
            return _text(left) == _text(self._one())
        if self._next("!="):
            return _text(left) != _text(self._one())
        return left

    def _one(self) -> Any:
        if self._next("!"):
            return not self._one()
        token = self.tokens.pop(0)
        if token.startswith("'"):
            return token[1:-1].replace("''", "'")
        if token == "(":
            inner = self._either()
            assert self._next(")")
            return inner
        if self._next("("):
            assert self._next(")"), "our workflows pass no arguments"
            return self.context[f"{token}()"]
        found: Any = self.context
        for part in token.split("."):
            found = found.get(part) if isinstance(found, Mapping) else None
        return found

    def _next(self, token: str) -> bool:
        if self.tokens[:1] != [token]:
            return False
        self.tokens.pop(0)
        return True


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value).casefold()


def truth(text: str, context: Mapping[str, Any]) -> bool:
    """Evaluate what stands behind `if:`."""
    return bool(Expression(text, context).value())


def filled(text: str, context: Mapping[str, Any]) -> str:
    """Replace each `${{ … }}`; what is not there is empty, as on GitHub."""

    def replaced(match: re.Match[str]) -> str:
        found = Expression(match[1], context).value()
        return (
            ("true" if found else "false") if isinstance(found, bool) else str("" if found is None else found)
        )

    return re.sub(r"\$\{\{(.*?)\}\}", replaced, text)
