"""Rows for the tests of adapters: small, different from each other, true to the schema."""

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa  # type: ignore[import-untyped]

from vecstream_cli.adapters.schema import row_schema
from vecstream_cli.core.record import CollectionRecord

DIMENSION = 8

RECORD = CollectionRecord(
    uuid="0b5f9a0e-6f0f-4a3f-8a6e-0d2f6f1c9d11",
    vector_fingerprint="aa" * 16,
    chunk_fingerprint="bb" * 16,
    facts={"model": "tiny", "note": 'quotes " and ünïcode'},
    dimension=DIMENSION,
    created_at="2026-01-02T03:04:05+00:00",
)


def hex_id(*parts: object) -> str:
    """32 hex digits, as real ids have."""
    return hashlib.blake2b(repr(parts).encode(), digest_size=16).hexdigest()


def vectors(count: int, seed: int = 0, dimension: int = DIMENSION) -> npt.NDArray[np.float32]:
    """Unit vectors, one a row; the same for the same seed."""
    found = np.random.default_rng(seed).standard_normal((count, dimension), dtype=np.float32)
    unit: npt.NDArray[np.float32] = found / np.linalg.norm(found, axis=1, keepdims=True)
    return unit


def rows(
    document: object,
    count: int,
    *,
    attempt: int = 1,
    first: int = 0,
    text: str = "text",
    dimension: int = DIMENSION,
) -> pa.RecordBatch:
    """`count` chunks of a document; the same document and ordinal give the same id."""
    numbers = range(first, first + count)
    flat = pa.array(vectors(count, seed=first, dimension=dimension).reshape(-1))
    columns = {
        "id": [hex_id(document, n) for n in numbers],
        "document_id": [hex_id(document)] * count,
        "source": ["/home/somebody/docs"] * count,
        "path": [f"{document}.md"] * count,
        "ordinal": list(numbers),
        "char_start": [n * 100 for n in numbers],
        "char_end": [n * 100 + 90 for n in numbers],
        "page": [None if n % 2 else n + 1 for n in numbers],
        "heading": [None if n % 2 else "A > B" for n in numbers],
        "text": [f"{text} {n} ünïcode 🙂" for n in numbers],
        "vector": pa.FixedSizeListArray.from_arrays(flat, dimension),
        "chunk_key": [hex_id("key", document, n) for n in numbers],
        "content_hash": [hex_id("content", document)] * count,
        "attempt": [attempt] * count,
        "position": [None] * count,
        "metadata": ['{"title": "T"}'] * count,
    }
    schema = row_schema(dimension)
    arrays = [
        column if isinstance(column, pa.Array) else pa.array(column, schema.field(name).type)
        for name, column in columns.items()
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def with_columns(batch: pa.RecordBatch, **columns: Sequence[Any]) -> pa.RecordBatch:
    """The same rows with other values in these columns."""
    for name, values in columns.items():
        at = batch.schema.get_field_index(name)
        kind = batch.schema.field(at).type
        batch = batch.set_column(at, batch.schema.field(at), pa.array(values, kind))
    return batch


def by_id(*batches: pa.RecordBatch) -> dict[str, dict[str, object]]:
    """The rows of all batches by their ids, the last one winning."""
    return {row["id"]: row for batch in batches for row in batch.to_pylist()}
