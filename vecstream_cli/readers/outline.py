"""The headings that a block stands under, kept while a document is read from top to bottom."""

import re
from collections.abc import Iterator
from itertools import chain, islice

from vecstream_cli.core.blocks import MAX_BLOCK_CHARS, Block, BlockKind

MAX_TITLE_CHARS = 200
MAX_DEPTH = 10

_PEEKED_BLOCKS = 16
_SPACE = re.compile(r"\s+")


class Outline:
    """A stack of headings; levels may skip, as they do in real documents."""

    def __init__(self) -> None:
        self._levels: list[int] = []
        self.path: tuple[str, ...] = ()

    def enter(self, level: int, title: str) -> tuple[str, ...]:
        """The path from now on: `title` under the nearest heading of a lower level."""
        depth = sum(1 for _ in self._above(level))
        title = one_line(title)
        if title and depth < MAX_DEPTH:
            self._levels = [*self._levels[:depth], level]
            self.path = (*self.path[:depth], title)
        return self.path

    def _above(self, level: int) -> Iterator[int]:
        for known in self._levels:
            if known >= level:
                return
            yield known


def one_line(text: str, limit: int = MAX_TITLE_CHARS) -> str:
    """`text` on one line, without the space around it, at most `limit` characters."""
    text = _SPACE.sub(" ", text[: 4 * limit]).strip()
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


def peek_title(blocks: Iterator[Block]) -> tuple[str | None, Iterator[Block]]:
    """The first heading among the first few blocks, and all the blocks again."""
    first: list[Block] = []
    size = 0
    for block in islice(blocks, _PEEKED_BLOCKS):
        first.append(block)
        size += len(block.text)
        if block.kind is BlockKind.HEADING and block.heading:
            return block.heading[-1], chain(first, blocks)
        if size > MAX_BLOCK_CHARS:
            break
    return None, chain(first, blocks)
