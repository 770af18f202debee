"""Arrow views of a filled slot: the rows of DESIGN's table, without copying text or vectors."""

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa  # type: ignore[import-untyped]

from vecstream_cli.core.ids import HEX_CHARS
from vecstream_cli.pipeline.slots import NONE, SKIP, STRING_COLUMNS, Slot


def record_batch(slot: Slot, rows: int, schema: pa.Schema) -> pa.RecordBatch:
    """The slot's first `rows` rows as a batch of `schema`, viewing the slot's own bytes.

    Only the strings that rows share (path, heading, metadata) are looked up in the slot's pool
    and thereby repeated.
    """
    pool = _pool(slot, rows)
    columns: dict[str, pa.Array] = {
        name: pool.take(_nullable(slot[name][:rows])) for name in STRING_COLUMNS
    }
    for name in ("id", "document_id", "chunk_key", "content_hash"):
        columns[name] = _strings(_digest_offsets(slot.layout.rows), slot[name], rows)
    columns["text"] = _strings(slot["text_offsets"], slot["text"], rows)
    columns["page"] = _nullable(slot["page"][:rows])
    for name in ("ordinal", "char_start", "char_end", "attempt"):
        columns[name] = pa.array(slot[name][:rows])
    flat = pa.array(slot["vector"][:rows].reshape(-1))
    columns["vector"] = pa.FixedSizeListArray.from_arrays(flat, slot.layout.dimension)
    return pa.RecordBatch.from_arrays([columns[field.name] for field in schema], schema=schema)


def runs(modes: npt.NDArray[np.uint8]) -> Iterator[tuple[int, int, int]]:
    """(mode, start, length) of each run of equal modes, those to be skipped left out."""
    edges = np.flatnonzero(np.diff(modes)) + 1
    for start, end in zip([0, *edges], [*edges, len(modes)], strict=True):
        if end > start and modes[start] != SKIP:
            yield int(modes[start]), int(start), int(end - start)


def without_duplicates(batches: list[pa.RecordBatch]) -> list[pa.RecordBatch]:
    """The same rows with each id once, the last one winning, as databases disagree about them."""
    ids = np.concatenate([_ids(batch) for batch in batches]) if batches else np.empty(0, "S1")
    if len(np.unique(ids)) == len(ids):
        return batches
    _, last = np.unique(ids[::-1], return_index=True)
    keep = np.zeros(len(ids), dtype=bool)
    keep[len(ids) - 1 - last] = True
    kept, at = [], 0
    for batch in batches:
        kept.append(batch.filter(pa.array(keep[at : at + len(batch)])))
        at += len(batch)
    return kept


def _ids(batch: pa.RecordBatch) -> npt.NDArray[Any]:
    column = batch.column("id")
    data = np.frombuffer(column.buffers()[2], dtype=f"S{HEX_CHARS}")
    return data[column.offset : column.offset + len(column)]


def _strings(
    offsets: npt.NDArray[np.int32], data: npt.NDArray[np.uint8], rows: int
) -> pa.StringArray:
    return pa.StringArray.from_buffers(
        rows, pa.py_buffer(offsets[: rows + 1]), pa.py_buffer(data.reshape(-1))
    )


def _pool(slot: Slot, rows: int) -> pa.StringArray:
    used = 1 + max(int(slot[name][:rows].max(initial=NONE)) for name in STRING_COLUMNS)
    return _strings(slot["pool_offsets"], slot["pool"], used)


def _nullable(values: npt.NDArray[np.int32]) -> pa.Int32Array:
    return pa.array(values, mask=values == NONE)


@lru_cache(maxsize=1)
def _digest_offsets(rows: int) -> npt.NDArray[np.int32]:
    return np.arange(0, (rows + 1) * HEX_CHARS, HEX_CHARS, dtype=np.int32)
