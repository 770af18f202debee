"""What a reader yields: blocks of a document's text, in order, and the pictures among them.

The *document text* is the concatenation of its blocks' texts, nothing left out; every
character offset in vecstream counts code points of that text. For plain text and Markdown
it is the decoded file itself, so offsets point into the file.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

MAX_BLOCK_CHARS = 65_536


Position = Mapping[str, str | int]
"""Where a block stands in its document beyond page and heading: ``{"slide": 3}``, ``{"sheet":
"Costs", "row": 7}``, ``{"message": "<id>"}``, ``{"member": "inner/a.md"}``. Numbers count from 1.
"""

NOWHERE: Position = MappingProxyType({})


class BlockKind(Enum):
    """What a block is; the chunker starts a new chunk before a heading where it can."""

    HEADING = "heading"
    PARAGRAPH = "paragraph"
    LIST = "list"
    CODE = "code"
    TABLE = "table"
    SKIPPED = "skipped"  # part of the document text that is not embedded, such as front matter


@dataclass(frozen=True, slots=True)
class Block:
    """A run of document text.

    `text` holds its trailing separators (line ends, blank lines), so that blocks join to the
    document text, and has no lone surrogates and at most `MAX_BLOCK_CHARS` characters; a longer
    run is cut, the rest marked `joined`. `heading` is the path of headings it stands under, a
    heading's own included. `page` counts from 1.

    A chunk that ends in another block than it starts in gets the position of the first, and what
    the last has of its own under the same name and `_end`: ``{"row": 2, "row_end": 14}``.
    """

    text: str
    kind: BlockKind = BlockKind.PARAGRAPH
    heading: tuple[str, ...] = ()
    page: int | None = None
    joined: bool = False
    position: Position = field(default_factory=lambda: NOWHERE)


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """An image as the model wants it: uint8 [height, width, 3], as `ReadingOptions.image` says.

    It has no part in the document text; it stands where the blocks before it end.
    """

    pixels: "npt.NDArray[np.uint8]"
    heading: tuple[str, ...] = ()
    page: int | None = None
    position: Position = field(default_factory=lambda: NOWHERE)


@dataclass(frozen=True, slots=True)
class ReaderWarning:
    """Something a document lost without being lost itself, such as one page of a PDF."""

    reason: str
    message: str
    page: int | None = None


@dataclass(slots=True)
class OpenDocument:
    """A document being read: what is known before its first block, then the blocks, lazily.

    Pictures are among the blocks only where the reader was told that they are wanted. `metadata`
    must be JSON-able and small; it goes on every row. `warnings` grows while `blocks` is
    consumed. `lines`: the document text is the file's own, so its line ends count its lines, and
    chunks tell theirs.
    """

    metadata: Mapping[str, object]
    blocks: Iterator[Block | Picture]
    warnings: list[ReaderWarning] = field(default_factory=list)
    lines: bool = False

    @property
    def text_blocks(self) -> Iterator[Block]:
        """The blocks without the pictures."""
        return (block for block in self.blocks if isinstance(block, Block))
