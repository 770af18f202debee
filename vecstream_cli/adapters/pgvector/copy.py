"""Rows to and from PostgreSQL: binary COPY in, Arrow out."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from vecstream_cli.adapters.pgvector.json import as_jsonb
from vecstream_cli.adapters.schema import ROW_COLUMNS, row_schema
from vecstream_cli.errors import DatabaseError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa  # type: ignore[import-untyped]
    from psycopg import Connection
    from psycopg.sql import Composable

KINDS = {
    **dict.fromkeys(ROW_COLUMNS, "text"),
    **dict.fromkeys(("ordinal", "page"), "int4"),
    **dict.fromkeys(("char_start", "char_end", "attempt"), "int8"),
    "vector": "vector",
    "position_json": "jsonb",
    "metadata_json": "jsonb",
}
"""The columns of a table that are written, and their types."""

_TOO_LARGE = 65_520  # becomes infinity in half precision
_TOGETHER = 512  # rows are Python objects at a time
_HEAD = 4  # bytes before the numbers of a vector: how many there are, and zero, of 16 bits each


def copied(
    connection: "Connection[Any]",
    table: "Composable",
    part: "pa.RecordBatch",
    *,
    half: bool,
) -> None:
    """Send rows to a table that has the columns of KINDS."""
    from psycopg import sql

    statement = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT binary)").format(
        table, sql.SQL(", ").join(map(sql.Identifier, KINDS))
    )
    # Neither is known to psycopg; their binary forms are made here, and sent as they are.
    types = ["bytea" if kind in ("vector", "jsonb") else kind for kind in KINDS.values()]
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        copy.set_types(types)
        for start in range(0, part.num_rows, _TOGETHER):
            for row in _rows(part.slice(start, _TOGETHER), half=half):
                copy.write_row(row)


def merged(
    connection: "Connection[Any]",
    table: "Composable",
    part: "pa.RecordBatch",
    *,
    half: bool,
) -> None:
    """The same, by way of a temporary table: rows that are there already are replaced whole."""
    from psycopg import sql

    names = sql.SQL(", ").join(map(sql.Identifier, KINDS))
    connection.execute(
        sql.SQL(
            "CREATE TEMP TABLE vecstream_rows ON COMMIT DROP AS SELECT {} FROM {} LIMIT 0"
        ).format(names, table)
    )
    stage = sql.Identifier("pg_temp", "vecstream_rows")
    copied(connection, stage, part, half=half)
    # `words` is computed for every row that is proposed, and for every row that is changed: an
    # INSERT that meets a row does so twice, 0.24 ms for a kilobyte of text where this takes 0.11.
    changed = sql.SQL("UPDATE {} AS old SET ({names}) = ROW ({new}) FROM {} AS new WHERE {same}")
    added = sql.SQL(
        "INSERT INTO {} ({names}) SELECT {new} FROM {} AS new"
        " WHERE NOT EXISTS (SELECT FROM {} AS old WHERE {same})"
        " ON CONFLICT (id) DO UPDATE SET ({names}) = ROW ({late})"
    )
    parts = {
        "names": names,
        "new": _of("new"),
        "late": _of("excluded"),
        "same": sql.SQL("old.id = new.id"),
    }
    connection.execute(changed.format(table, stage, **parts))
    connection.execute(added.format(table, stage, table, **parts))


def _of(table: str) -> "Composable":
    from psycopg import sql

    return sql.SQL(", ").join(sql.Identifier(table, name) for name in KINDS)


def refuse_nul(batch: "pa.RecordBatch | pa.Table") -> None:
    """Raises DatabaseError for text with U+0000, which PostgreSQL's cannot hold."""
    import pyarrow as pa
    import pyarrow.compute as pc  # type: ignore[import-untyped]

    for field in batch.schema:
        if pa.types.is_string(field.type):
            found = pc.match_substring(batch.column(field.name), "\0")
            if pc.any(found).as_py():
                first = batch.column("id").filter(found)[0].as_py()
                raise DatabaseError(
                    f"The column {field.name!r} of the row {first} holds U+0000.",
                    hint="PostgreSQL cannot store it: take it out of the document.",
                )


def _rows(part: "pa.RecordBatch", *, half: bool) -> Iterator[tuple[Any, ...]]:
    from vecstream_cli.adapters.nearest import matrix

    columns = [
        _packed(matrix(part.column(name)), half=half) if name == "vector"
        else part.column(name).to_pylist()
        for name in ROW_COLUMNS
    ]  # fmt: skip
    for name in ("position", "metadata"):
        columns.append([as_jsonb(text) for text in columns[ROW_COLUMNS.index(name)]])
    return zip(*columns, strict=True)


def _packed(vectors: "npt.NDArray[np.float32]", *, half: bool) -> list[bytes]:
    """The binary form of each vector."""
    import numpy as np

    rows, dimension = vectors.shape
    kind = np.dtype(">f2" if half else ">f4")
    whole = np.zeros((rows, _HEAD + kind.itemsize * dimension), np.uint8)
    whole[:, :2] = np.frombuffer(dimension.to_bytes(2), np.uint8)
    with np.errstate(over="ignore"):
        whole[:, _HEAD:].view(kind)[:] = vectors
    if half and np.abs(vectors).max() >= _TOO_LARGE:
        raise DatabaseError("A vector has a number that is too large for half precision.")
    return [row.tobytes() for row in whole]


def table_of(
    found: Sequence[tuple[Any, ...]], names: Sequence[str], dimension: int, *, half: bool
) -> "pa.RecordBatch":
    """Rows as psycopg gives them, in Arrow."""
    import pyarrow as pa

    schema = row_schema(dimension)
    schema = pa.schema([schema.field(name) for name in names])
    columns = zip(*found, strict=True) if found else [()] * len(names)
    arrays = [
        _unpacked(column, dimension, half=half) if field.name == "vector"
        else pa.array(column, field.type)
        for field, column in zip(schema, columns, strict=True)
    ]  # fmt: skip
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _unpacked(vectors: Sequence[bytes], dimension: int, *, half: bool) -> "pa.Array":
    import numpy as np
    import pyarrow as pa

    kind = np.dtype(">f2" if half else ">f4")
    whole = np.frombuffer(b"".join(vectors), np.uint8).reshape(
        len(vectors), _HEAD + dimension * kind.itemsize
    )
    numbers = np.ascontiguousarray(whole[:, _HEAD:]).view(kind)
    flat = pa.array(numbers.astype(np.float32).reshape(-1))
    return pa.FixedSizeListArray.from_arrays(flat, dimension)
