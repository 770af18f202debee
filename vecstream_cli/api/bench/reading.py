"""Reading alone, in a process like a parser's: parse speed by format, then chunking."""

import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from vecstream_cli.api.bench.child import answer, in_child
from vecstream_cli.api.bench.laps import laps
from vecstream_cli.core.benchmark import Lengths, Measure, StageAlone
from vecstream_cli.core.blocks import Block
from vecstream_cli.core.chunking import Chunker
from vecstream_cli.core.plan import Stamp
from vecstream_cli.errors import DocumentError, VecstreamError
from vecstream_cli.models.tokenizer import Tokenizer
from vecstream_cli.pipeline.lifecycle import Inbox, Outbox
from vecstream_cli.readers.registry import open_document
from vecstream_cli.readers.sniff import suffix
from vecstream_cli.readers.source import SourceFile
from vecstream_cli.settings import ReadingOptions

_LEAN = {"MALLOC_ARENA_MAX": "2", "TOKENIZERS_PARALLELISM": "false"}
_MOST_TEXT = 16 << 20  # characters kept for the chunker
_EDGES = 16  # bars of the histogram


@dataclass(frozen=True, slots=True)
class Document:
    """A file to read: where it is, its name below the folder, its stamp when it was found."""

    absolute: bytes
    relative: bytes
    stamp: Stamp


@dataclass(frozen=True, slots=True)
class Reading:
    """What to read and how to cut it; `sample` is where the chunks are left for other stages."""

    documents: tuple[Document, ...]
    tokenizer_file: Path
    max_tokens: int
    prompt: str
    chunk_size: int
    chunk_overlap: int
    seconds: float
    sample: Path
    options: ReadingOptions = field(default_factory=ReadingOptions)


@dataclass(frozen=True, slots=True)
class Read:
    """The stages; the rest is of the documents that were chunked, on one core."""

    stages: tuple[StageAlone, ...]
    parse_seconds: float
    chunk_seconds: float
    chunks: int
    bytes: int
    lengths: Lengths


def read_alone(work: Reading) -> Read:
    """Measure parsing by format, then chunking with tokenizing, for about `work.seconds`.

    Raises VecstreamError where not one document can be read.
    """
    result = in_child(f"{__name__}:run", work, environment=_LEAN)
    assert isinstance(result, Read)
    return result


def run(inbox: Inbox, outbox: Outbox, work: Reading) -> None:
    """The process's life."""
    answer(outbox, lambda: _read(work))


def _read(work: Reading) -> Read:
    by_format: dict[str, list[Document]] = {}
    for document in work.documents:
        by_format.setdefault(suffix(document.relative).removeprefix(".") or "text", []).append(
            document
        )
    # The documents come in an order of no meaning, so any beginning is a fair sample of them.
    each = 0.7 * work.seconds / max(1, len(by_format))
    stages = [
        stage
        for name, documents in sorted(by_format.items())
        if (stage := _parse_alone(name, documents, each, work.options)) is not None
    ]
    if not stages:
        raise VecstreamError(
            f"None of the {len(work.documents)} documents can be read.",
            hint="`vecstream index` on this folder says of each what is wrong with it.",
        )
    return _chunk_alone(work, stages)


def _parse_alone(
    name: str, documents: Sequence[Document], seconds: float, options: ReadingOptions
) -> StageAlone | None:
    """The stage; None where no document of this format can be read.

    The first time round loads libraries and fills the page cache, and finds out how many
    documents can be read a few times over.
    """
    sample: list[tuple[Document, int]] = []
    until = time.perf_counter() + seconds / 4
    for document in documents:
        pages = _parse(document, options)
        if pages is not None:
            sample.append((document, pages))
        if time.perf_counter() > until:
            break
    if not sample:
        return None
    size = sum(document.stamp.size for document, _ in sample)
    pages = sum(pages for _, pages in sample)

    def parse_all() -> None:
        for document, _ in sample:
            _parse(document, options)

    times = laps(parse_all, seconds * 3 / 4)
    measures = [
        Measure(name="docs", unit="/s", values=tuple(len(sample) / t for t in times)),
        Measure(name="size", unit="MB/s", values=tuple(size / 1e6 / t for t in times)),
    ]
    if pages:
        measures.insert(0, Measure(name="pages", unit="/s", values=tuple(pages / t for t in times)))
    work = f"{len(sample)} documents, {size / 1e6:.1f} MB" + (f", {pages} pages" if pages else "")
    return StageAlone(stage="parse", of=name, work=work, measures=tuple(measures))


def _parse(document: Document, options: ReadingOptions) -> int | None:
    """The pages of a document that was read to its end; None where it cannot be read."""
    pages = 0
    try:
        for block in _blocks(document, options):
            pages = max(pages, block.page or 0)
    except (DocumentError, OSError):
        return None
    return pages


def _blocks(document: Document, options: ReadingOptions) -> Iterator[Block]:
    fd = os.open(document.absolute, os.O_RDONLY | os.O_CLOEXEC)
    try:
        source = SourceFile(fd, document.stamp.size, document.relative)
        yield from open_document(source, progress=_nothing, options=options)[1].text_blocks
    finally:
        os.close(fd)


def _nothing() -> None:
    """Nobody watches these documents."""


def _chunk_alone(work: Reading, stages: Sequence[StageAlone]) -> Read:
    texts: list[list[Block]] = []
    size, chars, parse_seconds = 0, 0, 0.0
    began = time.perf_counter()
    for document in work.documents:
        try:
            blocks = list(_blocks(document, work.options))
        except (DocumentError, OSError):
            continue
        texts.append(blocks)
        size += document.stamp.size
        chars += sum(len(block.text) for block in blocks)
        parse_seconds = time.perf_counter() - began
        if parse_seconds > 0.1 * work.seconds or chars > _MOST_TEXT:
            break
    ids: list[np.ndarray[tuple[int], np.dtype[np.int32]]] = []
    words: list[bytes] = []

    def chunk_all(chunker: Chunker) -> None:
        ids.clear()
        words.clear()
        for blocks in texts:
            for chunk in chunker.chunks(iter(blocks)):
                ids.append(chunk.ids)
                words.append(chunk.text.encode())

    # A tokenizer remembers words: each time round begins with a new one, as a parser does.
    times = []
    for _ in range(3):
        tokenizer = Tokenizer.load(
            work.tokenizer_file, max_tokens=work.max_tokens, prompt=work.prompt
        )
        chunker = Chunker(tokenizer, size=work.chunk_size, overlap=work.chunk_overlap)
        began = time.perf_counter()
        chunk_all(chunker)
        times.append(max(1e-9, time.perf_counter() - began))
    if not ids:
        raise VecstreamError(
            "There is no text in these documents.",
            hint="Name another folder, or none for the generated corpus.",
        )
    counts = np.array([len(each) for each in ids], np.int64)
    np.savez(
        work.sample,
        ids=np.concatenate(ids),
        id_ends=np.cumsum(counts),
        text=np.frombuffer(b"".join(words), np.uint8),
        text_ends=np.cumsum([len(each) for each in words]),
    )
    tokens = int(counts.sum())
    stage = StageAlone(
        stage="chunk",
        of="",
        work=f"{len(texts)} documents, {len(ids):,} chunks",
        measures=(
            Measure(name="tokens", unit="/s", values=tuple(tokens / t for t in times)),
            Measure(name="chunks", unit="/s", values=tuple(len(ids) / t for t in times)),
        ),
    )
    return Read(
        stages=(*stages, stage),
        parse_seconds=parse_seconds,
        chunk_seconds=float(np.median(times)),
        chunks=len(ids),
        bytes=size,
        lengths=_lengths(counts, work.chunk_size),
    )


def _lengths(counts: "np.ndarray[tuple[int], np.dtype[np.int64]]", chunk_size: int) -> Lengths:
    edges = np.unique(np.linspace(0, chunk_size + 1, _EDGES + 1).round().astype(np.int64))
    p5, p50, p95 = (int(value) for value in np.percentile(counts, [5, 50, 95]))
    return Lengths(
        chunks=len(counts),
        tokens=int(counts.sum()),
        p5=p5,
        p50=p50,
        p95=p95,
        edges=tuple(int(edge) for edge in edges),
        counts=tuple(int(count) for count in np.histogram(counts, edges)[0]),
    )
