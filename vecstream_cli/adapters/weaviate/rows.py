"""Rows as Weaviate's objects and back, and the class that holds them."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from vecstream_cli.adapters.nearest import matrix
from vecstream_cli.adapters.schema import ROW_COLUMNS, row_schema
from vecstream_cli.adapters.weaviate.names import row_id_of, uuid_of

if TYPE_CHECKING:
    import pyarrow as pa  # type: ignore[import-untyped]

VECTOR = "default"  # what the client calls a collection's only vector, too
FACTS = "facts"
LONGEST_FACT = 256

PROPERTIES = tuple(name for name in ROW_COLUMNS if name not in ("id", "vector"))
WHOLE_NUMBERS = frozenset(("ordinal", "char_start", "char_end", "page"))
# Numbers travel as doubles, which end at 2^53; an attempt may be larger, so it is a text.
_ATTEMPT = "attempt"
# What --where or a deletion asks for; an index on anything else would only cost.
_FILTERABLE = frozenset(("document_id", "source", "path", "page", "ordinal", "attempt"))


def class_definition(name: str, description: str, index: str) -> dict[str, Any]:
    """The body of the request that makes the class."""
    return {
        "class": name,
        "description": description,
        "vectorConfig": {
            VECTOR: {
                "vectorizer": {"none": {}},
                "vectorIndexType": index,
                "vectorIndexConfig": {"distance": "cosine"},
            }
        },
        # A document may be of any language, so no word is left out of the search for words.
        "invertedIndexConfig": {"indexNullState": True, "stopwords": {"preset": "none"}},
        "properties": [_property(name) for name in PROPERTIES] + [_property(FACTS)],
    }


def _property(name: str) -> dict[str, Any]:
    told = {"name": name, "indexFilterable": name in _FILTERABLE or name == FACTS}
    if name in WHOLE_NUMBERS:
        return told | {"dataType": ["int"]}
    kind = "text[]" if name == FACTS else "text"
    # "field" keeps a value whole, but for white space around it; "word" is for BM25.
    words = name == "text"
    return told | {
        "dataType": [kind],
        "tokenization": "word" if words else "field",
        "indexSearchable": words,
    }


def batch_request(name: str, rows: "pa.RecordBatch") -> Any:
    """The request that puts these rows into a class; it holds no memory of theirs."""
    from weaviate.proto.v1 import batch_pb2

    request = batch_pb2.BatchObjectsRequest()
    vectors = matrix(rows.column("vector"))
    columns = {column: rows.column(column).to_pylist() for column in PROPERTIES}
    for number, row_id in enumerate(rows.column("id").to_pylist()):
        made = request.objects.add(uuid=uuid_of(row_id), collection=name)
        made.vectors.add(name=VECTOR, vector_bytes=vectors[number].tobytes(), type=1)
        fields = made.properties.non_ref_properties.fields
        for column, values in columns.items():
            value = values[number]
            if value is None:
                continue
            if column in WHOLE_NUMBERS:
                fields[column].number_value = value
            else:
                fields[column].string_value = str(value)
        found = facts(columns["position"][number], columns["metadata"][number])
        if found:
            made.properties.text_array_properties.add(prop_name=FACTS, values=found)
    return request


@lru_cache(maxsize=256)
def facts(position: str | None, metadata: str | None) -> tuple[str, ...]:
    """What a filter on the two columns of JSON can be asked for exactly: who is there, and the
    values of what is not long. A document's rows have the same metadata, so they are remembered.
    """
    found: dict[str, None] = {}
    for column, text in (("position", position), ("metadata", metadata)):
        try:
            value = json.loads(text) if text is not None else None
        except ValueError:
            continue
        if isinstance(value, Mapping):
            found.update(dict.fromkeys(_facts(column, (), value)))
    return tuple(found)


def _facts(column: str, keys: tuple[str, ...], value: Mapping[str, Any]) -> Iterator[str]:
    for key, inner in value.items():
        path = (*keys, key)
        values = [one for one in (inner if isinstance(inner, list) else [inner]) if one is not None]
        if values:
            yield there(column, path)
        for one in values:
            fact = equal(column, path, one) if isinstance(one, str | int | float) else None
            if fact is not None:
                yield fact
        if isinstance(inner, Mapping):
            yield from _facts(column, path, inner)


def there(column: str, keys: Sequence[str]) -> str:
    """The fact that something stands under these keys."""
    return column + json.dumps(list(keys))


def equal(column: str, keys: Sequence[str], value: str | int | float) -> str | None:
    """The fact that the value stands under these keys; None where it is too long to be one.

    It begins with a letter and never ends with white space, which Weaviate takes off.
    """
    if isinstance(value, float):
        told = str(int(value)) if value.is_integer() else repr(value)
    else:
        told = json.dumps(value)
    return f"{there(column, keys)}={told}" if len(told) <= LONGEST_FACT else None


def plain(result: Any, names: Iterable[str]) -> dict[str, Any]:
    """These columns of a row that a search returned; all but `vector`."""
    fields = result.properties.non_ref_props.fields
    return {name: _value(result, fields, name) for name in names}


def _value(result: Any, fields: Any, name: str) -> object:
    if name == "id":
        return row_id_of(result.metadata.id)
    kind = fields[name].WhichOneof("kind") if name in fields else None
    if kind is None or kind == "null_value":
        return None
    value = getattr(fields[name], kind)
    return int(value) if name in WHOLE_NUMBERS or name == _ATTEMPT else value


def vector_bytes(result: Any) -> bytes:
    """The float32 of a row's vector."""
    for vector in result.metadata.vectors:
        return bytes(vector.vector_bytes)
    return bytes(result.metadata.vector_bytes)


def batch_of(results: Sequence[Any], names: Sequence[str], dimension: int) -> "pa.RecordBatch":
    """The columns of what a search returned, as `row_schema` has them."""
    import numpy as np
    import pyarrow as pa

    schema = row_schema(dimension)
    rows = [plain(result, [name for name in names if name != "vector"]) for result in results]
    arrays = []
    for name in names:
        if name == "vector":
            flat = np.frombuffer(b"".join(map(vector_bytes, results)), np.float32)
            arrays.append(pa.FixedSizeListArray.from_arrays(pa.array(flat), dimension))
        else:
            arrays.append(pa.array([row[name] for row in rows], schema.field(name).type))
    return pa.RecordBatch.from_arrays(
        arrays, schema=pa.schema([schema.field(name) for name in names])
    )
