"""What both HTML extractors yield: a part of a page in plain text."""

import re
from dataclasses import dataclass

from vecstream_cli.core.blocks import BlockKind

_PERMALINK = re.compile(r"\s*¶\s*\Z")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Part:
    """A heading (with its level), a paragraph, a list item, code or a table; never empty."""

    kind: BlockKind
    text: str
    level: int = 0


def part(kind: BlockKind, text: str, level: int = 0) -> Part | None:
    """A part with its white space made plain, or None where nothing is left of it."""
    text = _CONTROL.sub("", text)
    if kind is BlockKind.CODE:
        text = text.strip("\r\n").rstrip()
    else:
        lines = (" ".join(line.split()) for line in text.split(LINE_BREAK))
        text = "\n".join(line for line in lines if line)
    if kind is BlockKind.HEADING:
        text = _PERMALINK.sub("", text)
    if not text.strip():
        return None
    return Part(kind, f"- {text}" if kind is BlockKind.LIST else text, level)


LINE_BREAK = "\u2028"
"""Stands for `<br>` in text handed to `part`; a line end in markup is only a space."""
