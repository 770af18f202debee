"""Rows as Chroma keeps them: an id, an embedding, a document and the other columns as metadata."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from vecstream_cli.adapters.schema import ROW_COLUMNS, row_schema

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa  # type: ignore[import-untyped]

METADATA_COLUMNS = tuple(name for name in ROW_COLUMNS if name not in ("id", "text", "vector"))

_ROUNDING = 1e-6
_NUMBERS_READ_AT_ONCE = 400_000  # they come as Python lists
_ROWS_READ_AT_ONCE = 2_000
_IDS_READ_AT_ONCE = 10_000


def written(part: "pa.RecordBatch") -> dict[str, Any]:
    """What `Collection.upsert` takes, vectors as views of the batch.

    Chroma merges metadata into what an id had before, so every key is always told: None takes a
    key away.
    """
    from vecstream_cli.adapters.nearest import matrix

    return {
        "ids": part.column("id").to_pylist(),
        "embeddings": list(matrix(part.column("vector"))),
        "metadatas": part.select(list(METADATA_COLUMNS)).to_pylist(),
        "documents": part.column("text").to_pylist(),
    }


def include(columns: Sequence[str]) -> list[str]:
    """What to ask for so that these columns can be told."""
    wanted = []
    if any(name in METADATA_COLUMNS for name in columns):
        wanted.append("metadatas")
    if "text" in columns:
        wanted.append("documents")
    if "vector" in columns:
        wanted.append("embeddings")
    return wanted


def page_size(columns: Sequence[str], dimension: int) -> int:
    """How many rows of these columns to ask for at once."""
    if "vector" in columns:
        return max(1, min(_ROWS_READ_AT_ONCE, _NUMBERS_READ_AT_ONCE // dimension))
    return _ROWS_READ_AT_ONCE if include(columns) else _IDS_READ_AT_ONCE


def as_rows(found: Mapping[str, Any], columns: Sequence[str]) -> list[dict[str, Any]]:
    """From what `Collection.get` gave: these columns but for `vector`, a row each."""
    count = len(found["ids"])
    metadatas = found.get("metadatas") or [None] * count
    documents = found.get("documents") or [None] * count
    rows = []
    for row_id, metadata, document in zip(found["ids"], metadatas, documents, strict=True):
        known = {**(metadata or {}), "id": row_id, "text": document}
        rows.append({name: known.get(name) for name in columns})
    return rows


def as_batch(found: Mapping[str, Any], columns: Sequence[str], dimension: int) -> "pa.RecordBatch":
    """The same as a batch with the types of `row_schema`."""
    import numpy as np
    import pyarrow as pa

    whole = row_schema(dimension)
    schema = pa.schema([whole.field(name) for name in columns])
    rows = as_rows(found, columns)
    arrays = []
    for field in schema:
        if field.name == "vector":
            flat = np.asarray(found["embeddings"], dtype=np.float32).reshape(-1)
            arrays.append(pa.FixedSizeListArray.from_arrays(pa.array(flat), dimension))
        else:
            arrays.append(pa.array([row[field.name] for row in rows], field.type))
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def same_vectors(part: "pa.RecordBatch", found: Mapping[str, Any]) -> "npt.NDArray[np.bool_]":
    """Which rows have the vector that Chroma has for their id, but for rounding."""
    import numpy as np

    from vecstream_cli.adapters.nearest import matrix

    places = {row_id: place for place, row_id in enumerate(part.column("id").to_pylist())}
    same = np.zeros(part.num_rows, bool)
    if found["ids"]:
        here = [places[row_id] for row_id in found["ids"]]
        ours = matrix(part.column("vector"))[here]
        theirs = np.asarray(found["embeddings"], dtype=np.float32)
        same[here] = np.abs(ours - theirs).max(axis=1) <= _ROUNDING
    return same
