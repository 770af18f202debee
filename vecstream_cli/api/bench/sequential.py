"""The traditional way: parse everything, embed everything in memory, then write; one process.

It reads, cuts and embeds with the very same code as the ring, on all cores, so that what differs
is the order of the work and where the results wait.
"""

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from vecstream_cli.adapters.registry import connect
from vecstream_cli.api.bench.child import answer, in_child
from vecstream_cli.api.bench.reading import Document
from vecstream_cli.api.bench.watching import Moment, Sampler
from vecstream_cli.core.batching import pack
from vecstream_cli.core.benchmark import SEQUENTIAL, Phase, Run
from vecstream_cli.core.chunking import Chunk, Chunker
from vecstream_cli.core.ids import chunk_key, content_hasher, document_id, row_id
from vecstream_cli.errors import DocumentError
from vecstream_cli.models.tokenizer import Tokenizer
from vecstream_cli.pipeline.crew import RingConfig
from vecstream_cli.pipeline.lifecycle import Inbox, Outbox
from vecstream_cli.readers.registry import open_document
from vecstream_cli.readers.source import SourceFile

if TYPE_CHECKING:
    import pyarrow as pa  # type: ignore[import-untyped]

_TELL_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class Sequential:
    """The same work as a ring's: its documents, and the configuration of that ring.

    `began` is the monotonic clock, which all processes share, when the way was set out on.
    """

    documents: tuple[Document, ...]
    source: str
    config: RingConfig
    began: float = field(default_factory=time.monotonic)


@dataclass(frozen=True, slots=True)
class _Done:
    """How it ended; times count from `Sequential.began`."""

    rows: int
    documents: int
    failed: int
    tokens: int
    padded_tokens: int
    seconds: float
    load_seconds: float
    embed_seconds: float
    first_rows_seconds: float
    phases: tuple[Phase, ...]


def sequential(work: Sequential) -> Run:
    """Index the documents the traditional way. Raises what the process ended with.

    The clock runs from before the process is started until the rows are durable and were counted.
    """
    sampler = Sampler(work.began)
    # In the user's own environment: what the ring sets for its writer's allocator, which hands
    # every large block back at once, is not for a process that computes as well.
    done = in_child(f"{__name__}:run", work, hear=sampler.hear, tick=sampler.tick)
    assert isinstance(done, _Done)
    return Run(
        way=SEQUENTIAL,
        seconds=done.seconds,
        rows=done.rows,
        documents=done.documents,
        failed=done.failed,
        chunks=done.rows,
        tokens=done.tokens,
        padded_tokens=done.padded_tokens,
        peak_memory_bytes=max((s.memory_bytes for s in sampler.samples), default=0),
        model_load_seconds=done.load_seconds,
        first_rows_seconds=done.first_rows_seconds,
        embed_seconds=done.embed_seconds,
        phases=done.phases,
        samples=tuple(sampler.samples),
    )


def run(inbox: Inbox, outbox: Outbox, work: Sequential) -> None:
    """The process's life."""
    answer(outbox, lambda: _Way(outbox, work).go())


@dataclass(frozen=True, slots=True)
class _Row:
    """What is kept of a chunk until the end, all in memory."""

    columns: dict[str, object]
    ids: Any


class _Way:
    def __init__(self, outbox: Outbox, work: Sequential) -> None:
        self._outbox = outbox
        self._work = work
        self._config = work.config
        self._began = work.began
        self._told = 0.0
        self._failed = self._read = 0

    def go(self) -> _Done:
        rows = self._parse()
        parsed = self._now()
        vectors, loaded, padded = self._embed(rows)
        embedded = self._now()
        tokens = sum(len(row.ids) for row in rows)
        first, count = self._write(rows, vectors)
        ended = self._now()
        return _Done(
            rows=count,
            documents=self._read,
            failed=self._failed,
            tokens=tokens,
            padded_tokens=padded,
            seconds=ended,
            load_seconds=loaded - parsed,
            embed_seconds=embedded - loaded,
            first_rows_seconds=first,
            phases=(
                Phase(name="parse", start=0.0, end=parsed),
                Phase(name="load", start=parsed, end=loaded),
                Phase(name="embed", start=loaded, end=embedded),
                Phase(name="write", start=embedded, end=ended),
            ),
        )

    def _parse(self) -> list[_Row]:
        config = self._config
        self._tell(Moment("parse"))
        tokenizer = Tokenizer.load(
            config.spec.tokenizer_file,
            max_tokens=config.spec.max_tokens,
            prompt=config.spec.document_prompt,
        )
        chunker = Chunker(tokenizer, size=config.chunk_size, overlap=config.chunk_overlap)
        rows: list[_Row] = []
        for document in self._work.documents:
            try:
                rows += self._rows(document, chunker)
                self._read += 1
            except (DocumentError, OSError):
                self._failed += 1
        return rows

    def _rows(self, document: Document, chunker: Chunker) -> list[_Row]:
        fd = os.open(document.absolute, os.O_RDONLY | os.O_CLOEXEC)
        try:
            hasher = content_hasher()
            hasher.update(os.pread(fd, document.stamp.size, 0))
            source = SourceFile(fd, document.stamp.size, document.relative)
            told = self._config.reading
            blocks = open_document(source, progress=lambda: None, options=told)[1].text_blocks
            chunks = list(chunker.chunks(blocks))
        finally:
            os.close(fd)
        return self._labelled(document, chunks, hasher.hexdigest())

    def _labelled(self, document: Document, chunks: Sequence[Chunk], digest: str) -> list[_Row]:
        owner = document_id(self._work.source, document.relative)
        seen: dict[bytes, int] = {}
        rows = []
        for ordinal, chunk in enumerate(chunks):
            key = chunk_key(chunk.text.encode(), self._config.vector_fingerprint)
            seen[key] = seen.get(key, -1) + 1
            columns: dict[str, object] = {
                "id": row_id(owner, key, seen[key]).hex(),
                "document_id": owner.hex(),
                "source": self._work.source,
                "path": os.fsdecode(document.relative),
                "ordinal": ordinal,
                "char_start": chunk.char_start,
                "char_end": chunk.char_end,
                "page": chunk.place.page,
                "heading": " > ".join(chunk.place.heading) or None,
                "text": chunk.text,
                "chunk_key": key.hex(),
                "content_hash": digest,
                "attempt": 1,
                "position": None,
                "metadata": None,
            }
            rows.append(_Row(columns, chunk.ids))
        return rows

    def _embed(self, rows: Sequence[_Row]) -> tuple[Any, float, int]:
        """The vectors, when the model was loaded, and the padding that was computed."""
        from vecstream_cli.models.encoder import Encoder

        config = self._config
        self._tell(Moment("load"))
        encoder = Encoder.load(
            config.spec, device=config.device.split(",")[0], precision=config.precision
        )
        loaded = self._now()
        vectors = np.empty((len(rows), config.spec.dimension), np.float32)
        lengths = np.array([len(row.ids) for row in rows], np.int64)
        moment = Moment("embed")
        self._tell(moment)
        padded = 0
        batches = pack(lengths, encoder.token_budget, padded=encoder.kind == "padded")
        for batch in batches:
            vectors[batch] = encoder.embed([rows[i].ids for i in batch]).numpy()
            tokens = int(lengths[batch].sum())
            padded += encoder.cost(lengths[batch]) - tokens
            moment = replace(
                moment, embedded=moment.embedded + len(batch), tokens=moment.tokens + tokens
            )
            if self._now() - self._told > _TELL_SECONDS:
                self._tell(moment)
        self._tell(moment)
        return vectors, loaded, padded

    def _write(self, rows: Sequence[_Row], vectors: Any) -> tuple[float, int]:
        """When the first rows could be found, and how many were found in the end."""
        config = self._config
        moment = Moment("write", len(rows), sum(len(row.ids) for row in rows))
        self._tell(moment)
        with connect(config.database, config.collection, read_only=False) as adapter:
            adapter.create(config.record)
            step = adapter.limits.target_rows
            first = 0.0
            for start in range(0, len(rows), step):
                adapter.append(
                    self._table(rows[start : start + step], vectors[start : start + step])
                )
                first = first or self._now()
                self._tell(replace(moment, written=min(len(rows), start + step)))
            adapter.maintain(final=True)
        with connect(config.database, config.collection, read_only=True) as adapter:
            return first, adapter.count()

    def _table(self, rows: Sequence[_Row], vectors: Any) -> "pa.Table":
        import pyarrow as pa

        from vecstream_cli.adapters.schema import row_schema

        dimension = self._config.spec.dimension
        schema = row_schema(dimension)
        flat = pa.array(np.ascontiguousarray(vectors).reshape(-1))
        arrays = [
            pa.FixedSizeListArray.from_arrays(flat, dimension)
            if field.name == "vector"
            else pa.array([row.columns[field.name] for row in rows], type=field.type)
            for field in schema
        ]
        return pa.Table.from_arrays(arrays, schema=schema)

    def _tell(self, moment: Moment) -> None:
        self._told = self._now()
        self._outbox.connection.send(moment)

    def _now(self) -> float:
        return time.monotonic() - self._began
