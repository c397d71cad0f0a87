"""Templates of pipelines: real YAML files beside this module, which linters and Dependabot read as they are.

A template's words look like `__SLUG__`: letters that mean nothing in YAML, in a shell and in an expression,
so that the file is a valid pipeline before it is filled. What is filled in must be as plain as that, or a comment.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

_WORD: Final = re.compile(r"__([A-Z]+)__")
_BLOCK: Final = re.compile(r"(?P<indent> *(?:- |# )?)__(?P<name>[A-Z]+)__(?:: .*)?")


def filled(text: str, *, words: Mapping[str, str | None], blocks: Mapping[str, Sequence[str]]) -> str:
    """Return a template with its words in place.

    A line that is nothing but a block's name becomes the block's lines, each with that line's indent and dash. A
    word that is None takes its line along. Every word is replaced once: what is filled in is not looked at again.
    """
    lines: list[str] = []
    for line in text.splitlines():
        block = _BLOCK.fullmatch(line)
        if block and block["name"] in blocks:
            lines += [f"{block['indent']}{part}" for part in blocks[block["name"]]]
        elif all(words[name] is not None for name in _WORD.findall(line)):
            lines.append(_WORD.sub(lambda word: str(words[word[1]]), line))
    return "".join(f"{line}\n" for line in lines)
