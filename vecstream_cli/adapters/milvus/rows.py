"""Rows as Milvus keeps them: columns of its own types, and back.

What is absent has a value that says so, since null came only with Milvus 2.5: -1 for `page`, an
empty text for `position` and `metadata` (JSON never is one), `has_heading` false. A text has at
most 65,535 bytes; what is beyond goes into `more_1` … `more_8`: a line of JSON that says how many
characters each column has there, and then those.
`facts` is position and metadata once more, for filters to look into.
"""

import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from vecstream_cli.adapters.milvus.wire import pairs
from vecstream_cli.adapters.schema import row_schema
from vecstream_cli.errors import DatabaseError

if TYPE_CHECKING:
    import pyarrow as pa  # type: ignore[import-untyped]

ABSENT_PAGE = -1
LONGEST_TEXT = 65_535  # bytes of UTF-8; the longest JSON is about the same
_NAMES = 64
_SHORT = ("id", "document_id", "chunk_key", "content_hash")
_LONG = ("source", "path", "heading", "text", "position", "metadata")
_OPTIONAL = ("heading", "position", "metadata")
_MORE = tuple(f"more_{n}" for n in range(1, 9))
_NO_FACTS = b"{}"
MOST_BYTES = LONGEST_TEXT * len(_MORE)
"""Of the texts of a row, at the least."""


def schema(name: str, dimension: int) -> Any:
    """The schema of a collection, as the service takes it."""
    from pymilvus.grpc_gen import schema_pb2 as proto  # type: ignore[import-untyped]

    kind = proto.DataType

    def field(name: str, data_type: int, **facts: Any) -> Any:
        return proto.FieldSchema(name=name, data_type=data_type, **facts)

    def text(name: str, length: int, **facts: Any) -> Any:
        return field(name, kind.VarChar, type_params=pairs(max_length=length), **facts)

    return proto.CollectionSchema(
        name=name,
        description="Chunks of documents, by vecstream",
        fields=[
            text("id", _NAMES, is_primary_key=True),
            *(text(name, _NAMES) for name in _SHORT[1:]),
            *(text(name, LONGEST_TEXT) for name in (*_LONG, *_MORE)),
            field("has_heading", kind.Bool),
            field("ordinal", kind.Int32),
            field("char_start", kind.Int64),
            field("char_end", kind.Int64),
            field("page", kind.Int32),
            field("attempt", kind.Int64),
            field("facts", kind.JSON),
            field("has_facts", kind.Bool),
            field("vector", kind.FloatVector, type_params=pairs(dim=dimension)),
        ],
    )


def encoded(batch: "pa.RecordBatch", dimension: int) -> list[Any]:
    """The columns of a batch, as the service takes them; vectors are copied once, as bytes."""
    from pymilvus.grpc_gen import schema_pb2 as proto

    kind = proto.DataType
    ids = batch.column("id").to_pylist()
    texts = {name: batch.column(name).to_pylist() for name in _LONG}
    has_heading = [value is not None for value in texts["heading"]]
    facts = list(map(_facts, texts["position"], texts["metadata"]))
    for name in _OPTIONAL:
        texts[name] = [value or "" for value in texts[name]]
    texts |= _cut(ids, texts)
    texts |= {name: batch.column(name).to_pylist() for name in _SHORT[1:]} | {"id": ids}
    page = batch.column("page").fill_null(ABSENT_PAGE)

    def scalars(name: str, data_type: int, **values: Any) -> Any:
        held = proto.ScalarField(**values)
        return proto.FieldData(field_name=name, type=data_type, scalars=held)

    def ints(name: str, column: "pa.Array") -> Any:
        return scalars(name, kind.Int32, int_data=proto.IntArray(data=column.to_numpy()))

    def longs(name: str) -> Any:
        values = batch.column(name).to_numpy()
        return scalars(name, kind.Int64, long_data=proto.LongArray(data=values))

    def bools(name: str, values: list[bool]) -> Any:
        return scalars(name, kind.Bool, bool_data=proto.BoolArray(data=values))

    flat = batch.column("vector").flatten().to_numpy(zero_copy_only=False)
    vector = proto.VectorField(dim=dimension)
    vector.float_vector.MergeFromString(_packed(flat.astype("<f4", copy=False).tobytes()))
    return [
        *(
            scalars(name, kind.VarChar, string_data=proto.StringArray(data=values))
            for name, values in texts.items()
        ),
        bools("has_heading", has_heading),
        ints("ordinal", batch.column("ordinal")),
        longs("char_start"),
        longs("char_end"),
        ints("page", page),
        longs("attempt"),
        scalars(
            "facts",
            kind.JSON,
            json_data=proto.JSONArray(data=[fact or _NO_FACTS for fact in facts]),
        ),
        bools("has_facts", [fact is not None for fact in facts]),
        proto.FieldData(field_name="vector", type=kind.FloatVector, vectors=vector),
    ]


def stored(columns: Sequence[str]) -> list[str]:
    """The names under which these columns of a row are kept."""
    names = list(columns)
    if "heading" in columns:
        names.append("has_heading")
    if any(name in _LONG for name in columns):
        names += _MORE
    return names


def decoded(
    fields: Sequence[Any], columns: Sequence[str], dimension: int, ids: Sequence[str] | None = None
) -> "pa.RecordBatch":
    """These columns of the rows that the service answered with; `ids` where they came apart."""
    import numpy as np
    import pyarrow as pa

    found: dict[str, Any] = {} if ids is None else {"id": list(ids)}
    for field in fields:
        if field.field_name == "vector":
            held = field.vectors.float_vector.SerializeToString()
            found["vector"] = np.frombuffer(_unpacked(held), "<f4")
        else:
            data = getattr(field.scalars, field.scalars.WhichOneof("data") or "string_data")
            found[field.field_name] = list(data.data)
    rest = [found.pop(name, None) for name in _MORE]
    if rest[0] is not None and any(rest[0]):
        _join(found, rest)
    for name in ("position", "metadata"):
        if name in found:
            found[name] = [value or None for value in found[name]]
    if "heading" in found:
        flags = found.pop("has_heading")
        found["heading"] = [
            value if flag else None for value, flag in zip(found["heading"], flags, strict=True)
        ]
    if "page" in found:
        found["page"] = [None if value == ABSENT_PAGE else value for value in found["page"]]
    whole = row_schema(dimension)
    kept = pa.schema([whole.field(name) for name in columns])
    arrays = [
        pa.FixedSizeListArray.from_arrays(pa.array(found[name]), dimension)
        if name == "vector"
        else pa.array(found.get(name, []), kept.field(name).type)
        for name in columns
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=kept)


def _cut(ids: Sequence[str], texts: Mapping[str, list[str]]) -> dict[str, list[str]]:
    """The columns `more_…`; what they hold is cut off in `texts`. Raises DatabaseError."""
    more = {name: [""] * len(ids) for name in _MORE}
    for row, row_id in enumerate(ids):
        tails: dict[str, str] = {}
        for name in _LONG:
            value = texts[name][row]
            # A character has at most four bytes, so most texts need not be encoded to be told.
            if 4 * len(value) > LONGEST_TEXT and len(value.encode()) > LONGEST_TEXT:
                texts[name][row] = head = _head(value)
                tails[name] = value[len(head) :]
        if not tails:
            continue
        lengths = {name: len(tail) for name, tail in tails.items()}
        rest, pieces = "\n".join((json.dumps(lengths), "".join(tails.values()))), 0
        while rest and pieces < len(_MORE):
            more[_MORE[pieces]][row] = piece = _head(rest)
            rest, pieces = rest[len(piece) :], pieces + 1
        if rest:
            raise DatabaseError(
                f"The row {row_id} has more text than a row of Milvus holds"
                f" ({MOST_BYTES:,} bytes).",
                hint="Index with a smaller --chunk-size.",
            )
    return more


def _head(text: str) -> str:
    """As much of its beginning as a text may have."""
    return text.encode()[:LONGEST_TEXT].decode(errors="ignore")


def _join(found: dict[str, list[str]], more: Sequence[list[str]]) -> None:
    for row, pieces in enumerate(zip(*more, strict=True)):
        if pieces[0]:
            lengths, _, rest = "".join(pieces).partition("\n")
            for name, length in json.loads(lengths).items():
                if name in found:
                    found[name][row] += rest[:length]
                rest = rest[length:]


@lru_cache(maxsize=64)
def _facts(position: str | None, metadata: str | None) -> bytes | None:
    """Both as one JSON; None where a filter could not look into it as we would."""
    known = {"position": position, "metadata": metadata}
    told = ",".join(f'"{name}":{text}' for name, text in known.items() if text is not None)
    facts = f"{{{told}}}".encode()
    # Half a surrogate pair is no text, and stops the database's own reading of JSON.
    if len(facts) > LONGEST_TEXT or b"\\ud" in facts.lower():
        return None
    try:
        json.loads(facts)
    except (ValueError, RecursionError):
        return None
    return facts


def _packed(values: bytes) -> bytes:
    """A message FloatArray with these values (protobuf: field 1, packed)."""
    length, head = len(values), bytearray(b"\x0a")
    while length > 0x7F:
        head.append(length & 0x7F | 0x80)
        length >>= 7
    head.append(length)
    return bytes(head) + values


def _unpacked(message: bytes) -> bytes:
    """The values of a message FloatArray."""
    if not message:
        return b""
    start = 1
    while message[start] & 0x80:
        start += 1
    return message[start + 1 :]
