"""What readers of office documents yield, and the blocks of text it becomes."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from vecstream_cli.core.blocks import NOWHERE, Block, BlockKind, Position
from vecstream_cli.readers import lines as cutting
from vecstream_cli.readers.outline import Outline
from vecstream_cli.readers.source import Progress

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
_RUNNING = (BlockKind.LIST, BlockKind.CODE, BlockKind.TABLE)


@dataclass(frozen=True, slots=True)
class Part:
    """A heading with its level, a paragraph, an item, a line of code or a table's row.

    `heading` is the path it stands under where the document's headings do not tell.
    """

    kind: BlockKind
    text: str
    level: int = 0
    position: Position = field(default_factory=lambda: NOWHERE)
    heading: tuple[str, ...] | None = None


def blocks(parts: Iterable[Part], progress: Progress) -> Iterator[Block]:
    """A block for each part that has text; a blank line ends it, unless a part like it follows."""
    outline = Outline()
    held: tuple[Part, str, tuple[str, ...]] | None = None
    for part in parts:
        progress()
        text = _clean(part)
        if not text:
            continue
        if held is not None:
            running = held[0].kind is part.kind and part.kind in _RUNNING
            yield from _cut(*held, "\n" if running else "\n\n")
        if part.heading is None and part.kind is BlockKind.HEADING:
            outline.enter(part.level, text)
        held = part, text, outline.path if part.heading is None else part.heading
    if held is not None:
        yield from _cut(*held, "\n")


def _clean(part: Part) -> str:
    text = _CONTROL.sub("", part.text).replace("\r\n", "\n").replace("\r", "\n")
    text = text.strip("\n").rstrip() if part.kind is BlockKind.CODE else text.strip()
    return text if text.strip() else ""


def _cut(part: Part, text: str, heading: tuple[str, ...], end: str) -> Iterator[Block]:
    joined = False
    for piece in cutting.parts(text + end):
        yield Block(piece, part.kind, heading, None, joined, part.position)
        joined = True
