"""Filling a slot: chunk after chunk into its columns, until one does not fit."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from vecstream_cli.core.ids import ChunkKey, DocumentId, RowId
from vecstream_cli.core.leases import SlotRef
from vecstream_cli.pipeline.slots import NONE, SKIP, STRING_COLUMNS, Slot


@dataclass(frozen=True, slots=True)
class Row:
    """One chunk on its way into a slot; `text` is UTF-8, `ids` the model input, int32.

    A picture has neither, but `pixels`, uint8 [height, width, 3].
    """

    job: int
    row_id: RowId
    document: DocumentId
    key: ChunkKey
    content_hash: bytes
    text: bytes
    ids: npt.NDArray[np.int32]
    attempt: int
    ordinal: int
    occurrence: int
    char_start: int
    char_end: int
    page: int | None
    strings: tuple[str | None, ...]  # in the order of STRING_COLUMNS
    pixels: npt.NDArray[np.uint8] | None = None


class Filling:
    """A slot in a parser's hands."""

    def __init__(self, ref: SlotRef, slot: Slot) -> None:
        self.ref = ref
        self.rows = 0
        self._slot = slot
        self._tokens = self._text = self._pool = self._pictures = 0
        self._pooled: dict[str, int] = {}
        for name in ("token_offsets", "text_offsets", "pool_offsets"):
            slot[name][0] = 0

    def add(self, row: Row) -> bool:
        """Put the chunk behind the others; False (and nothing changed) where it does not fit."""
        layout = self._slot.layout
        fresh = {s: s.encode() for s in row.strings if s is not None and s not in self._pooled}
        pool_bytes = sum(map(len, fresh.values()))
        if (
            self.rows == layout.rows
            or self._tokens + len(row.ids) > layout.tokens
            or self._text + len(row.text) > layout.text_bytes
            or self._pool + pool_bytes > layout.pool_bytes
            or (row.pixels is not None and self._pictures == layout.pictures)
        ):
            return False
        slot, at = self._slot, self.rows
        if layout.pictures:
            slot["picture"][at] = NONE if row.pixels is None else self._pictures
            if row.pixels is not None:
                slot["pixels"][self._pictures] = row.pixels
                self._pictures += 1
        slot["token_ids"][self._tokens : self._tokens + len(row.ids)] = row.ids
        self._tokens += len(row.ids)
        slot["token_offsets"][at + 1] = self._tokens
        slot["text"][self._text : self._text + len(row.text)] = np.frombuffer(row.text, np.uint8)
        self._text += len(row.text)
        slot["text_offsets"][at + 1] = self._text
        for string, data in fresh.items():
            self._keep(string, data)
        for name, value in zip(STRING_COLUMNS, row.strings, strict=True):
            slot[name][at] = NONE if value is None else self._pooled[value]
        for name, digest in (
            ("id", row.row_id),
            ("document_id", row.document),
            ("chunk_key", row.key),
            ("content_hash", row.content_hash),
        ):
            slot[name][at] = np.frombuffer(digest.hex().encode(), np.uint8)
        slot["donor"][at] = 0
        slot["embed"][at] = 1
        slot["job"][at] = row.job
        slot["mode"][at] = SKIP
        slot["attempt"][at] = row.attempt
        slot["ordinal"][at] = row.ordinal
        slot["occurrence"][at] = row.occurrence
        slot["char_start"][at] = row.char_start
        slot["char_end"][at] = row.char_end
        slot["page"][at] = NONE if row.page is None else row.page
        self.rows += 1
        return True

    def _keep(self, string: str, data: bytes) -> None:
        index = len(self._pooled)
        self._slot["pool"][self._pool : self._pool + len(data)] = np.frombuffer(data, np.uint8)
        self._pool += len(data)
        self._slot["pool_offsets"][index + 1] = self._pool
        self._pooled[string] = index
