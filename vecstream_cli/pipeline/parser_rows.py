"""The rows of a document being read: each chunk and picture of it with what the database keeps."""

import json
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np

from vecstream_cli.core.blocks import Block, OpenDocument, Picture, Position
from vecstream_cli.core.chunking import Chunk
from vecstream_cli.core.ids import (
    ChunkKey,
    ContentHash,
    Fingerprint,
    chunk_key,
    picture_key,
    row_id,
)
from vecstream_cli.core.stored import OCCURRENCES_COUNTED, position
from vecstream_cli.pipeline.filling import Row
from vecstream_cli.pipeline.messages import Job

if TYPE_CHECKING:
    import numpy.typing as npt

_MAX_HEADING_CHARS = 1000
_NO_IDS: "npt.NDArray[np.int32]" = np.zeros(0, np.int32)


class Rows:
    """Makes the rows of one document and has them added, in order, one behind: the last is marked.

    `chunks` and `tokens` count what was made.
    """

    def __init__(
        self,
        job: Job,
        document: OpenDocument,
        content_hash: ContentHash,
        fingerprint: Fingerprint,
        add: Callable[[Row], None],
    ) -> None:
        self.chunks = self.tokens = 0
        self._job = job
        self._document = document
        self._content_hash = content_hash
        self._fingerprint = fingerprint
        self._add = add
        self._held: Chunk | Picture | None = None
        self._held_at = 0  # where in the document text it stands, if it is a picture
        self._read = 0  # characters of the document text that the chunker was given
        self._metadata: str | None = None
        self._occurrences: dict[ChunkKey, int] = {}

    def text(self, blocks: Iterator[Block | Picture]) -> Iterator[Block]:
        """The blocks; a picture becomes a row as it comes, so that none is ever kept."""
        for block in blocks:
            if isinstance(block, Picture):
                self.put(block)
            else:
                self._read += len(block.text)
                yield block

    def put(self, piece: Chunk | Picture) -> None:
        """The next piece of the document."""
        self._settle(last=False)
        self._held, self._held_at = piece, self._read

    def end(self) -> None:
        """There was no more."""
        self._settle(last=True)

    def _settle(self, *, last: bool) -> None:
        if self._held is not None:
            held, self._held = self._held, None
            self._add(self._row(held, last=last))

    def _row(self, piece: Chunk | Picture, *, last: bool) -> Row:
        if isinstance(piece, Picture):
            heading, page, where = piece.heading, piece.page, piece.position
            text, ids = b"", _NO_IDS
            pixels = np.ascontiguousarray(piece.pixels)
            key = picture_key(pixels.data, self._fingerprint)
            start = end = self._held_at
        else:
            heading, page, where = piece.place.heading, piece.place.page, piece.place.position
            if self._document.lines:
                where = {**where, "line": piece.lines[0], "line_end": piece.lines[1]}
            text, ids, pixels = piece.text.encode(), piece.ids, None
            key = chunk_key(text, self._fingerprint)
            start, end = piece.char_start, piece.char_end
        return self._filled(key, text, ids, pixels, (start, end), heading, page, where, last=last)

    def _filled(
        self,
        key: ChunkKey,
        text: bytes,
        ids: "npt.NDArray[np.int32]",
        pixels: "npt.NDArray[np.uint8] | None",
        chars: tuple[int, int],
        heading: tuple[str, ...],
        page: int | None,
        where: Position,
        *,
        last: bool,
    ) -> Row:
        job = self._job
        ordinal, occurrence = self._count(key, len(ids))
        if self._metadata is None and self._document.metadata:
            self._metadata = json.dumps(dict(self._document.metadata), ensure_ascii=False)
        return Row(
            job=job.id,
            row_id=row_id(job.document, key, occurrence),
            document=job.document,
            key=key,
            content_hash=self._content_hash,
            text=text,
            ids=ids,
            attempt=job.attempt,
            ordinal=ordinal,
            occurrence=occurrence,
            char_start=chars[0],
            char_end=chars[1],
            page=page,
            strings=(
                job.source,
                job.path,
                " > ".join(heading)[:_MAX_HEADING_CHARS] or None,
                position(where, last=last),
                self._metadata,
            ),
            pixels=pixels,
        )

    def _count(self, key: ChunkKey, tokens: int) -> tuple[int, int]:
        """(ordinal, occurrence) of the next row."""
        ordinal = self.chunks
        self.chunks += 1
        self.tokens += tokens
        if ordinal >= OCCURRENCES_COUNTED:
            return ordinal, OCCURRENCES_COUNTED + ordinal
        occurrence = self._occurrences.get(key, 0)
        self._occurrences[key] = occurrence + 1
        return ordinal, occurrence
