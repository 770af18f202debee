"""Decoded text cut into lines, and runs of text cut into blocks of bounded length."""

import re
import unicodedata
from collections.abc import Iterable, Iterator

from vecstream_cli.core.blocks import MAX_BLOCK_CHARS, NOWHERE, Block, BlockKind, Position

# Not `str.splitlines`: that also cuts at form feeds, U+0085 and U+2028, as no editor counts lines.
_LINE = re.compile(r"[^\r\n]*+(?:\r\n?|\n)|[^\r\n]+")

_MAX_COMBINING = 32


def lines(pieces: Iterable[str]) -> Iterator[str]:
    r"""Lines with their ends (``\n``, ``\r\n`` or ``\r``) kept, whatever the pieces' borders.

    A line longer than `MAX_BLOCK_CHARS` comes in parts, of which the last holds the line end.
    """
    held = ""
    for piece in pieces:
        found = _LINE.findall(held + piece)
        # The last line may go on in the next piece, and so may a "\r" that starts a "\r\n".
        held = found.pop() if found and not found[-1].endswith("\n") else ""
        for line in found:
            yield from parts(line)
        if len(held) > MAX_BLOCK_CHARS:
            *done, held = parts(held)
            yield from done
    yield from _LINE.findall(held)


def joined(lines: Iterable[str], limit: int) -> Iterator[str]:
    """Lines put together again from their parts; one longer than `limit` comes in parts of that."""
    held: list[str] = []
    size = 0
    for line in lines:
        held.append(line)
        size += len(line)
        if line.endswith(("\n", "\r")) or size >= limit:
            yield line if len(held) == 1 else "".join(held)
            held, size = [], 0
    if held:
        yield "".join(held)


def parts(text: str, limit: int = MAX_BLOCK_CHARS) -> Iterator[str]:
    """`text` in parts of at most `limit` characters, cut after whitespace where there is any."""
    start = 0
    while len(text) - start > limit:
        end = _cut_before(text, start, start + limit)
        yield text[start:end]
        start = end
    if start < len(text):
        yield text[start:]


def blocks(
    text: str,
    kind: BlockKind = BlockKind.PARAGRAPH,
    heading: tuple[str, ...] = (),
    *,
    page: int | None = None,
    joined: bool = False,
    position: Position = NOWHERE,
) -> Iterator[Block]:
    """One block, or as many as its length asks for; all but the first are `joined`."""
    for part in parts(text):
        yield Block(part, kind, heading, page, joined, position)
        joined = True


def _cut_before(text: str, start: int, end: int) -> int:
    """The best place to cut in the second half of ``text[start:end]``."""
    middle = (start + end) // 2
    for separator in ("\n", " ", "\t"):
        found = text.rfind(separator, middle, end)
        if found >= 0:
            return found + 1
    # Never before `middle`, so that a part is never empty.
    cut, earliest = end, max(middle, end - _MAX_COMBINING)
    while cut > earliest and (
        unicodedata.combining(text[cut]) or text[cut - 1 : cut + 1] == "\r\n"
    ):
        cut -= 1
    return cut
