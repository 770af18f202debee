"""The row of a chunk, as Arrow: the same columns in every database."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa  # type: ignore[import-untyped]

ROW_COLUMNS = (
    "id",
    "document_id",
    "source",
    "path",
    "ordinal",
    "char_start",
    "char_end",
    "page",
    "heading",
    "text",
    "vector",
    "chunk_key",
    "content_hash",
    "attempt",
    "position",
    "metadata",
)
"""Every column of a row, in order."""


def row_schema(dimension: int) -> "pa.Schema":
    """The Arrow schema of a batch of rows with vectors of `dimension` numbers.

    `id`, `document_id`, `chunk_key` and `content_hash` are 32 lower-case hex digits;
    `char_start` and `char_end` count code points of the document's text; `page` counts from 1;
    `heading` is the path of headings, joined by " > "; `position` and `metadata`
    are JSON objects in which no character is escaped that need not be.
    """
    import pyarrow as pa

    def required(name: str, kind: "pa.DataType") -> "pa.Field":
        return pa.field(name, kind, nullable=False)

    return pa.schema(
        [
            required("id", pa.string()),
            required("document_id", pa.string()),
            required("source", pa.string()),
            required("path", pa.string()),
            required("ordinal", pa.int32()),
            required("char_start", pa.int64()),
            required("char_end", pa.int64()),
            pa.field("page", pa.int32()),
            pa.field("heading", pa.string()),
            required("text", pa.string()),
            required("vector", pa.list_(pa.float32(), dimension)),
            required("chunk_key", pa.string()),
            required("content_hash", pa.string()),
            required("attempt", pa.int64()),
            pa.field("position", pa.string()),
            pa.field("metadata", pa.string()),
        ]
    )
