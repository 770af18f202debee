"""A slot's layout: one batch of chunks, column by column, in a fixed region of the arena.

The parser fills text, token ids, pixels and facts; inference writes the vectors beside them, or
the writer does where the supervisor named a row of the database as donor; the writer hands Arrow
views of the same bytes to the database. Digests stand as 32 hex digits, as the database wants
them, so that nobody has to copy them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from math import prod
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from vecstream_cli.core.ids import HEX_CHARS
from vecstream_cli.pixels import ImageInput

if TYPE_CHECKING:
    import numpy.typing as npt

POISON = 0xA5
NONE = -1
_ALIGN = 64
_PICTURE_BYTES = 3 << 19

# What the supervisor decided about a row before it goes to the writer.
SKIP, APPEND, MERGE = 0, 1, 2

STRING_COLUMNS = ("source", "path", "heading", "position", "metadata")
DIGEST_COLUMNS = ("id", "document_id", "chunk_key", "content_hash", "donor", "donor_document")


@dataclass(frozen=True)
class SlotLayout:
    """How large each part of a slot is; the same for every slot of a run.

    `rows` chunks of at most `tokens` ids and `text_bytes` of UTF-8 in all; `pool_bytes` for the
    strings that rows share (paths, headings, metadata); `dimension` float32 a vector. `pictures`
    of the rows, at most, may be images of uint8 [`height`, `width`, 3]; nothing is laid out for
    them where the model has no use for any.
    """

    rows: int
    tokens: int
    text_bytes: int
    pool_bytes: int
    dimension: int
    pictures: int = 0
    height: int = 0
    width: int = 0

    @classmethod
    def of(
        cls, *, chunk_tokens: int, chunk_chars: int, dimension: int, image: ImageInput | None = None
    ) -> "SlotLayout":
        """A slot for chunks of at most `chunk_tokens` ids and `chunk_chars` characters, or images.

        64 rows amortise a hand-over, and the first are in the database after a second or two.
        Real chunks are on average under the limit, so tokens are sized for three quarters of it,
        and text for four bytes a token, which English has; a slot that runs out of either is
        simply handed on with fewer rows. Rows, tokens and text of the slots of long prose are
        then 91, 100 and 96 % full, those of manuals of one screen each 100, 81 and 58 %.

        Images are many times larger, and slower to embed, than chunks, so there are fewer: ten of
        224 × 224, and as many as take no more memory of a larger size.
        """
        rows = 64
        tokens = max(rows * chunk_tokens * 3 // 4, chunk_tokens, 1)
        return cls(
            rows=rows,
            tokens=tokens,
            text_bytes=max(tokens * 4, 4 * chunk_chars),
            pool_bytes=48 << 10,
            dimension=dimension,
            pictures=0 if image is None else max(1, _PICTURE_BYTES // image.pixel_bytes),
            height=0 if image is None else image.height,
            width=0 if image is None else image.width,
        )

    @cached_property
    def columns(self) -> Mapping[str, tuple[int, str, tuple[int, ...]]]:
        """Name → (offset in the slot, dtype such as ``f4``, shape)."""
        rows, strings = self.rows, 5 * self.rows
        shapes: list[tuple[str, str, tuple[int, ...]]] = [
            ("vector", "f4", (rows, self.dimension)),
            ("token_ids", "i4", (self.tokens,)),
            ("token_offsets", "i4", (rows + 1,)),
            ("text", "u1", (self.text_bytes,)),
            ("text_offsets", "i4", (rows + 1,)),
            *((name, "u1", (rows, HEX_CHARS)) for name in DIGEST_COLUMNS),
            *((name, "i4", (rows,)) for name in STRING_COLUMNS),
            ("job", "i8", (rows,)),
            ("embed", "u1", (rows,)),  # 1: inference is to make the vector
            ("mode", "u1", (rows,)),
            ("attempt", "i8", (rows,)),
            ("ordinal", "i4", (rows,)),
            ("occurrence", "i8", (rows,)),
            ("char_start", "i8", (rows,)),
            ("char_end", "i8", (rows,)),
            ("page", "i4", (rows,)),
            ("pool", "u1", (self.pool_bytes,)),
            ("pool_offsets", "i4", (strings + 1,)),
        ]
        if self.pictures:
            shapes.append(("picture", "i4", (rows,)))  # which of the pixels are the row's, or NONE
            shapes.append(("pixels", "u1", (self.pictures, self.height, self.width, 3)))
        at, columns = 0, {}
        for name, kind, shape in shapes:
            columns[name] = (at, kind, shape)
            at += -(-_size(kind, shape) // _ALIGN) * _ALIGN
        columns[""] = (at, "u1", (0,))  # the end
        return MappingProxyType(columns)

    @property
    def slot_bytes(self) -> int:
        """Bytes of one slot."""
        return self.columns[""][0]

    def offset(self, slot: int, column: str) -> int:
        """Where `column` of `slot` starts, counted from the first slot."""
        return slot * self.slot_bytes + self.columns[column][0]

    def __getstate__(self) -> dict[str, int]:
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


class Slot:
    """Numpy views of one slot's columns, by name; nothing is copied."""

    def __init__(self, region: "memoryview[int]", layout: SlotLayout, index: int) -> None:
        import numpy as np  # late: the plan of a run needs a slot's size, and no slot

        self.layout = layout
        self.index = index
        self._bytes: npt.NDArray[np.uint8] = np.frombuffer(
            region, dtype=np.uint8, count=layout.slot_bytes, offset=index * layout.slot_bytes
        )
        self._columns = {
            name: self._bytes[at : at + _size(kind, shape)].view(kind).reshape(shape)
            for name, (at, kind, shape) in layout.columns.items()
            if name
        }

    def __getitem__(self, column: str) -> "npt.NDArray[Any]":
        return self._columns[column]

    def poison(self) -> None:
        """Overwrite everything: whoever still reads a released slot reads garbage."""
        self._bytes[:] = POISON


def _size(kind: str, shape: tuple[int, ...]) -> int:
    """Bytes of a column; the number in its dtype's name is that of an item."""
    return int(kind[1:]) * prod(shape)
