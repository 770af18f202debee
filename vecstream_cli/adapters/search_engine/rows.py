"""Rows as documents of an index, and back."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from vecstream_cli.adapters.nearest import matrix
from vecstream_cli.adapters.schema import row_schema
from vecstream_cli.adapters.search_engine.facts import terms

if TYPE_CHECKING:
    import pyarrow as pa  # type: ignore[import-untyped]

FACTS = "facts"
"""The field of terms that metadata and positions are looked for by."""
OF_ATTEMPT = "document_attempt"
"""The document's id and its attempt as one text: rows of other attempts are told by one query."""
CUT = "cut"
"""The names of the columns that are longer than a term may be …"""
_WHOLE = "whole"
"""… and stand here in full, where nothing is looked for."""

KEY_MOST = 8000  # characters of up to 4 bytes each; Lucene's longest term has 32,766 bytes
_CUTTABLE = ("source", "path", "heading")
_JSON = ("position", "metadata")

_KEYWORD = {"type": "keyword"}
_SEARCHED_ONLY = {"type": "keyword", "doc_values": False}
_KEPT_ONLY = {"type": "object", "enabled": False}


def properties(vector: Mapping[str, Any]) -> dict[str, Any]:
    """The mapping of every field; `vector` is how this database has vectors."""
    keywords = ("id", "document_id", "source", "path", "heading", "chunk_key", "content_hash")
    return {
        **dict.fromkeys(keywords, _KEYWORD),
        **{name: {"type": "integer"} for name in ("ordinal", "page")},
        **{name: {"type": "long"} for name in ("char_start", "char_end", "attempt")},
        "text": {"type": "text"},
        "vector": dict(vector),
        **dict.fromkeys((*_JSON, _WHOLE), _KEPT_ONLY),
        **dict.fromkeys((FACTS, OF_ATTEMPT, CUT), _SEARCHED_ONLY),
    }


def encoded(part: "pa.RecordBatch") -> list[bytes]:
    """Each row as two lines of a bulk request, which put it in the place of any other."""
    import orjson

    vectors = matrix(part.column("vector"))
    plain = [name for name in part.schema.names if name != "vector"]
    columns = [part.column(name).to_pylist() for name in plain]
    lines = []
    for vector, *values in zip(vectors, *columns, strict=True):
        row = {name: value for name, value in zip(plain, values, strict=True) if value is not None}
        whole = {name: row[name] for name in _CUTTABLE if len(row.get(name, "")) > KEY_MOST}
        if whole:
            row |= {name: text[:KEY_MOST] for name, text in whole.items()}
            row |= {_WHOLE: whole, CUT: list(whole)}
        row[FACTS] = [term for name in _JSON for term in terms(name, row.get(name))]
        row[OF_ATTEMPT] = of_attempt(row["document_id"], row["attempt"])
        row["vector"] = vector  # orjson writes the shortest text that is the same float32 again
        action = orjson.dumps({"index": {"_id": row["id"]}})
        document = orjson.dumps(row, option=orjson.OPT_SERIALIZE_NUMPY)
        lines.append(b"%b\n%b\n" % (action, document))
    return lines


def of_attempt(document_id: str, attempt: int) -> str:
    """What `OF_ATTEMPT` holds."""
    return f"{document_id}/{attempt:d}"


def stored(names: Sequence[str]) -> dict[str, Any]:
    """What a search has to ask for, that `row` can tell these columns; not the vector."""
    fields = [name for name in names if name not in ("id", "vector")]
    if not set(_CUTTABLE).isdisjoint(fields):
        fields.append(_WHOLE)
    return {"_source": {"includes": fields} if fields else False}


def row(hit: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    """These columns of what was found, but for the vector; absent ones None."""
    source = hit.get("_source") or {}
    known = {**source, **source.get(_WHOLE, {}), "id": hit["_id"]}
    return {name: known.get(name) for name in names if name != "vector"}


def batches(
    pages: Iterator[Sequence[Mapping[str, Any]]], names: Sequence[str], dimension: int
) -> Iterator["pa.RecordBatch"]:
    """The columns of what was found, page by page."""
    import numpy as np
    import pyarrow as pa

    schema = row_schema(dimension)
    schema = pa.schema([schema.field(name) for name in names])
    for page in pages:
        rows = [row(hit, names) for hit in page]
        columns = []
        for field in schema:
            if field.name == "vector":
                flat = np.array([vector_of(hit) for hit in page], np.float32).reshape(-1)
                columns.append(pa.FixedSizeListArray.from_arrays(pa.array(flat), dimension))
            else:
                columns.append(pa.array([each[field.name] for each in rows], field.type))
        yield pa.RecordBatch.from_arrays(columns, schema=schema)


def vector_of(hit: Mapping[str, Any]) -> Sequence[float]:
    """The vector of what was found, from its fields or from its source."""
    found = (hit.get("fields") or {}).get("vector")
    if found is None:
        found = hit["_source"]["vector"]
    nested = found and isinstance(found[0], list)
    vector: Sequence[float] = found[0] if nested else found
    return vector
