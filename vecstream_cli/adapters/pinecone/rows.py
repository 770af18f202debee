"""A row as a record of Pinecone: its id, its vector, and all else as metadata.

Metadata are strings, numbers (64-bit floats), booleans and lists of strings; what is absent is left
out. `attempt` is a text, since a float loses what is beyond 2**53. What `metadata` and `position`
say is told a second time in the list `facts`, which filters look into: ``metadata.author`` where
there is an author, and ``metadata.author="Ann"`` for each. Text, metadata and position themselves
are not indexed.
"""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from vecstream_cli.adapters.schema import ROW_COLUMNS, row_schema
from vecstream_cli.core.filters import NUMBER_COLUMNS
from vecstream_cli.errors import DatabaseError

if TYPE_CHECKING:
    import pyarrow as pa  # type: ignore[import-untyped]

MOST_METADATA = 40_960  # bytes of a record's metadata
STORED = tuple(name for name in ROW_COLUMNS if name != "vector")
FACTS = "facts"
FILTERABLE = (
    *(name for name in STORED if name not in ("text", "position", "metadata")),
    FACTS,
)
"""The fields of the metadata that Pinecone indexes."""

_LONGEST_VALUE = 128  # characters of a text that stands in `facts` as it is
_LONGEST_ESCAPE = 6  # bytes of a character in JSON, at most


def record(row_id: str, vector: list[float], metadata: Mapping[str, Any]) -> dict[str, Any]:
    """A record as the client takes it."""
    return {"id": row_id, "values": vector, "metadata": metadata}


def records(batch: "pa.RecordBatch") -> list[dict[str, Any]]:
    """The rows of a part of a batch.

    Raises DatabaseError where metadata are too large, or a vector is of zeros alone.
    """
    columns = {name: batch.column(name).to_pylist() for name in STORED}
    vectors = _numbers(batch)
    found, large = [], []
    for number, values in enumerate(zip(*columns.values(), strict=True)):
        row = {name: each for name, each in zip(STORED, values, strict=True) if each is not None}
        row["attempt"] = str(row["attempt"])
        if facts := [*_facts("metadata", row.get("metadata")), *_told(row.get("position"))]:
            row[FACTS] = facts
        if (size := _too_large(row)) is not None:
            large.append((size, row))
        found.append(record(row["id"], vectors[number], row))
    if large:
        raise _refused(large)
    return found


def row_of(metadata: Mapping[str, Any] | None, names: Sequence[str]) -> dict[str, Any]:
    """These columns of the row that a record's metadata tell."""
    return {name: _value(name, (metadata or {}).get(name)) for name in names}


def batch_of(found: Sequence[Any], names: Sequence[str], dimension: int) -> "pa.RecordBatch":
    """These columns of fetched records, each with `id`, `values` and `metadata`."""
    import numpy as np
    import pyarrow as pa

    rows = [row_of(each.metadata, [name for name in names if name != "vector"]) for each in found]
    schema, arrays = row_schema(dimension), []
    for name in names:
        if name == "vector":
            flat = np.asarray([each.values for each in found], np.float32).reshape(-1)
            array = pa.FixedSizeListArray.from_arrays(pa.array(flat), dimension)
        else:
            array = pa.array([row[name] for row in rows], schema.field(name).type)
        arrays.append(array)
    return pa.RecordBatch.from_arrays(arrays, schema=pa.schema([schema.field(n) for n in names]))


def presence(column: str, keys: Sequence[str]) -> str:
    """The fact that something stands under these keys."""
    return ".".join((column, *map(_piece, keys)))


def equality(column: str, keys: Sequence[str], value: object) -> str | None:
    """The fact that this text, number or truth value does, or is in the list that does."""
    told = _canonical(value)
    return None if told is None else f"{presence(column, keys)}={told}"


def _numbers(batch: "pa.RecordBatch") -> list[list[float]]:
    """The vectors, each number the shortest decimal that is the same 32-bit float.

    A float32 made a Python float is written with up to 17 digits, which is twice the bytes; by way
    of the client's own JSON library it is quick.
    """
    import numpy as np
    import orjson

    from vecstream_cli.adapters.nearest import matrix

    vectors = matrix(batch.column("vector"))
    empty = np.flatnonzero(~vectors.any(axis=1))
    if empty.size:
        raise DatabaseError(
            f"Pinecone takes no vector of zeros alone, such as that of the row"
            f" {batch.column('id')[int(empty[0])]}, and {empty.size - 1} others of the request."
        )
    found: list[list[float]] = orjson.loads(
        orjson.dumps(vectors, option=orjson.OPT_SERIALIZE_NUMPY)
    )
    return found


def _value(name: str, value: Any) -> Any:
    return int(value) if name in NUMBER_COLUMNS and value is not None else value


@lru_cache(maxsize=256)
def _facts(column: str, text: str | None) -> tuple[str, ...]:
    """All that a column of JSON says; a document's rows have the same metadata."""
    if text is None:
        return ()
    try:
        loaded = json.loads(text)
    except ValueError:
        return ()
    return tuple(dict.fromkeys(_walk(column, (), loaded)))


def _told(position: str | None) -> tuple[str, ...]:
    return _facts.__wrapped__("position", position)


def _walk(column: str, keys: tuple[str, ...], found: object) -> Iterator[str]:
    if keys:
        values = found if isinstance(found, list) else [found]
        if any(value is not None for value in values):
            yield presence(column, keys)
        for value in values:
            if (fact := equality(column, keys, value)) is not None:
                yield fact
    if isinstance(found, dict):
        for key, value in found.items():
            yield from _walk(column, (*keys, key), value)


def _piece(key: str) -> str:
    return key if key.replace("-", "_").isidentifier() else _quoted(key)


def _canonical(value: object) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        if len(value) > _LONGEST_VALUE:
            return "#" + blake2b(value.encode(errors="surrogatepass"), digest_size=16).hexdigest()
        return _quoted(value)
    if isinstance(value, int | float):
        if math.isnan(value):
            return None
        return str(int(value)) if math.isfinite(value) and value == int(value) else repr(value)
    return None


def _quoted(text: str) -> str:
    told = json.dumps(text, ensure_ascii=False)
    return told if told.isascii() or _encodes(told) else json.dumps(text)


def _encodes(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _too_large(row: Mapping[str, Any]) -> int | None:
    """The bytes of the metadata if there are too many; exact only where that is in doubt."""
    characters = sum(len(each) for each in row.values() if isinstance(each, str))
    characters += sum(len(fact) + 3 for fact in row.get(FACTS, ()))
    if _LONGEST_ESCAPE * characters + 32 * len(row) <= MOST_METADATA:
        return None
    size = len(json.dumps(row, ensure_ascii=False, separators=(",", ":")).encode())
    return size if size > MOST_METADATA else None


def _refused(large: Sequence[tuple[int, Mapping[str, Any]]]) -> DatabaseError:
    size, row = large[0]
    others = f", and so have {len(large) - 1} others of the same request" if large[1:] else ""
    return DatabaseError(
        f"Pinecone takes {MOST_METADATA:,} bytes of metadata a record, in which the text lies:"
        f" chunk {row['ordinal']} of {row['path'][:200]!r} (id {row['id']}) has {size:,}{others}.",
        hint="Choose a smaller --chunk-size.",
    )
