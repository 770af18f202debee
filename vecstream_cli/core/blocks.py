"""What a reader yields and the chunker eats: blocks of a document's text, in order.

The *document text* is the concatenation of its blocks' texts, nothing left out; every
character offset in vecstream counts code points of that text. For plain text and Markdown
it is the decoded file itself, so offsets point into the file.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum

MAX_BLOCK_CHARS = 65_536


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
    """

    text: str
    kind: BlockKind = BlockKind.PARAGRAPH
    heading: tuple[str, ...] = ()
    page: int | None = None
    joined: bool = False


@dataclass(frozen=True, slots=True)
class ReaderWarning:
    """Something a document lost without being lost itself, such as one page of a PDF."""

    reason: str
    message: str
    page: int | None = None


@dataclass(slots=True)
class OpenDocument:
    """A document being read: what is known before its first block, then the blocks, lazily.

    `metadata` must be JSON-able and small; it goes on every row. `warnings` grows while
    `blocks` is consumed.
    """

    metadata: Mapping[str, object]
    blocks: Iterator[Block]
    warnings: list[ReaderWarning] = field(default_factory=list)
