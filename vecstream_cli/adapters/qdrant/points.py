"""Rows as Qdrant's points and back.

A point's id is the row's as a UUID; its payload holds the other columns under their names, what
is absent left out. `metadata` and `position` are objects there, for filters; the texts that they
were read from, which alone are true to the letter, stand beside them as `metadata_json` and
`position_json`.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from vecstream_cli.adapters.schema import ROW_COLUMNS, row_schema

if TYPE_CHECKING:
    import pyarrow as pa  # type: ignore[import-untyped]

_TEXT_OF = {"metadata": "metadata_json", "position": "position_json"}
_PLAIN = [name for name in ROW_COLUMNS if name not in ("id", "vector", *_TEXT_OF)]
_ROWS_AT_ONCE = 32  # made into text: the less of it there is at a time, the less memory it takes
_HEX_ID = re.compile(r"[0-9a-f]{32}")
# serde_json reads at most 128 levels; a filter names far fewer keys.
_DEEPEST = 60
_LARGEST = 1.7976931348623157e308
_SURROGATE = re.compile("[\ud800-\udfff]")
UNSAID = "\N{REPLACEMENT CHARACTER}"


def point_id(row_id: str) -> str | None:
    """A row's id as a point has it; None for what is no row's id."""
    if _HEX_ID.fullmatch(row_id) is None:
        return None
    return "-".join((row_id[:8], row_id[8:12], row_id[12:16], row_id[16:20], row_id[20:]))


def key_of(column: str) -> str:
    """The key of the payload that holds a column's value as it comes back."""
    return _TEXT_OF.get(column, column)


def upsert_body(rows: "pa.RecordBatch", vector_name: str) -> bytes:
    """The rows as a request to put points, in JSON.

    Made from Arrow directly: the client's own models of a point hold every number as a Python
    float, and took 1.7 times the CPU. Arrow writes the shortest text that reads back as the same
    32 bits.
    """
    written = bytearray(b'{"points":[')
    for start in range(0, rows.num_rows, _ROWS_AT_ONCE):
        written += b"," if start else b""
        written += b",".join(_points(rows.slice(start, _ROWS_AT_ONCE), vector_name))
    written += b"]}"
    return bytes(written)


def _points(rows: "pa.RecordBatch", vector_name: str) -> Iterator[bytes]:
    import pyarrow as pa
    import pyarrow.compute as pc  # type: ignore[import-untyped]

    vectors = rows.column("vector")
    width = vectors.type.list_size
    offsets = pa.array(range(0, width * rows.num_rows + 1, width), pa.int32())
    numbers = pa.ListArray.from_arrays(offsets, vectors.flatten().cast(pa.string()))
    joined = pc.binary_join(numbers, ",")
    del numbers
    before = f"{{{json.dumps(vector_name)}:[" if vector_name else "["
    after = "]}" if vector_name else "]"
    plain = {name: rows.column(name).to_pylist() for name in _PLAIN}
    texts = {name: rows.column(name).to_pylist() for name in _TEXT_OF}
    for number, row_id in enumerate(rows.column("id").to_pylist()):
        payload = {
            name: column[number] for name, column in plain.items() if column[number] is not None
        }
        written = json.dumps(payload, ensure_ascii=False)[:-1]
        for name, column in texts.items():
            if (text := column[number]) is not None:
                written += f',"{_TEXT_OF[name]}":{json.dumps(text, ensure_ascii=False)}'
                if (native := _native(text)) is not None:
                    written += f',"{name}":{native}'
        point = (
            f'{{"id":"{point_id(row_id)}","vector":{before}{joined[number]}{after},'
            f'"payload":{written}}}}}'
        )
        yield point.encode()


def row_of(point: Any, names: Iterable[str]) -> Mapping[str, Any]:
    """These columns of a point, but for its vector."""
    payload = point.payload or {}
    return {
        name: str(point.id).replace("-", "") if name == "id" else payload.get(key_of(name))
        for name in names
    }


def batch_of(
    points: Sequence[Any], names: Sequence[str], dimension: int, vector_name: str
) -> "pa.RecordBatch":
    """These columns of points, as `row_schema` has them."""
    import numpy as np
    import pyarrow as pa

    schema = row_schema(dimension)
    fields = [schema.field(name) for name in names]
    rows = [row_of(point, names) for point in points]
    arrays = []
    for field in fields:
        if field.name == "vector":
            flat = np.empty((len(points), dimension), np.float32)
            for number, point in enumerate(points):
                flat[number] = point.vector[vector_name] if vector_name else point.vector
            values = pa.array(flat.reshape(-1))
            arrays.append(pa.FixedSizeListArray.from_arrays(values, dimension))
        else:
            arrays.append(pa.array([row[field.name] for row in rows], field.type))
    return pa.RecordBatch.from_arrays(arrays, schema=pa.schema(fields))


# A document's rows have the same metadata; few texts are kept, since they may be long.
@lru_cache(maxsize=16)
def _native(text: str) -> str | None:
    """JSON that the server can read and filter by; None where `text` is none."""
    try:
        return json.dumps(_readable(json.loads(text), _DEEPEST), ensure_ascii=False)
    except (ValueError, RecursionError):
        return None


def _readable(value: object, levels: int) -> object:
    """Without lone surrogates, infinities and nulls in lists, and only so deep.

    A null in a list satisfies no condition, but Qdrant would not call a list of it empty.
    """
    if isinstance(value, str):
        return readable(value)
    if isinstance(value, float):
        return 0.0 if value != value else max(-_LARGEST, min(_LARGEST, value))
    if isinstance(value, dict):
        pairs = value.items() if levels else ()
        return {readable(key): _readable(each, levels - 1) for key, each in pairs}
    if isinstance(value, list):
        inner = [each for each in value if each is not None] if levels else [True]
        return [_readable(each, levels - 1) for each in inner]
    return value


def readable(text: str) -> str:
    """A text in which each lone surrogate, which UTF-8 cannot say, is `UNSAID`."""
    return _SURROGATE.sub(UNSAID, text)
