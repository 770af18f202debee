"""What is sent to Qdrant for a row and for a filter, done by Qdrant's own engine."""

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vecstream_cli.adapters.qdrant.filter import QdrantDialect
from vecstream_cli.adapters.qdrant.points import point_id, upsert_body
from vecstream_cli.core.filters import Filter, matches
from vecstream_cli.testing.rows import hex_id, rows, with_columns

pytest.importorskip("qdrant_edge", reason="Qdrant's engine, qdrant-edge-py, is not had here")
from doubles.qdrant_engine import EngineCollection
from filter_strategies import FILTERS, NAMES, ROWS, TEXTS, VALUES


@pytest.fixture(scope="module")
def engine() -> Iterator[EngineCollection]:
    vectors = {"size": 8, "distance": "Cosine"}
    found = EngineCollection({"vectors": vectors}, keeps_metadata=True)
    yield found
    found.close()


# Deeper than what the other adapters' tests make: nulls in lists, lists in lists, objects in both.
DEEP = st.recursive(
    VALUES | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=2),
    max_leaves=6,
)
JSON_COLUMN = st.none() | st.dictionaries(NAMES, DEEP, max_size=4).map(json.dumps)
DEEP_ROWS = st.fixed_dictionaries(
    {"path": TEXTS, "page": st.none() | st.integers(1, 9), "metadata": JSON_COLUMN,
     "position": JSON_COLUMN}
)  # fmt: skip


@settings(max_examples=150)
@given(st.lists(ROWS | DEEP_ROWS, min_size=1, max_size=6), FILTERS)
def test_a_filter_says_all_that_matches_and_if_exact_nothing_else(
    engine: EngineCollection, facts: list[dict[str, Any]], wanted: Filter
) -> None:
    engine.delete({"filter": {}})
    batch = with_columns(
        rows("a", len(facts)), **{name: [row[name] for row in facts] for name in facts[0]}
    )
    engine.upsert(json.loads(upsert_body(batch, "")))
    condition = QdrantDialect().condition(wanted)
    if condition.native is None:
        assert not condition.exact
        return
    found = engine.scroll({"filter": {"must": [condition.native]}, "limit": 100})
    got = {point["id"] for point in found["points"]}
    right = {point_id(row["id"]) for row in batch.to_pylist() if matches(wanted, row)}
    assert right <= got
    if condition.exact:
        assert right == got


@given(st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=8, max_size=8))
def test_numbers_come_back_from_their_text_to_the_last_bit(numbers: list[float]) -> None:
    flat = pa.array(np.asarray(numbers, np.float32))
    batch = rows("a", 1)
    batch = batch.set_column(
        10, batch.schema.field("vector"), pa.FixedSizeListArray.from_arrays(flat, 8)
    )
    (point,) = json.loads(upsert_body(batch, ""))["points"]
    assert np.array_equal(np.asarray(point["vector"], np.float32), np.asarray(numbers, np.float32))


def test_a_slice_is_sent_as_that_slice() -> None:
    whole = rows("a", 50)
    points = json.loads(upsert_body(whole.slice(20, 3), "text"))["points"]
    assert [point["id"] for point in points] == [point_id(hex_id("a", n)) for n in (20, 21, 22)]
    sent = np.asarray([point["vector"]["text"] for point in points], np.float32)
    assert np.array_equal(sent, np.asarray(whole["vector"].to_pylist(), np.float32)[20:23])


def test_only_what_a_row_has_is_sent() -> None:
    batch = with_columns(rows("a", 1), page=[None], heading=[None], metadata=[None])
    (point,) = json.loads(upsert_body(batch, ""))["points"]
    absent = {"page", "heading", "metadata", "metadata_json", "position", "position_json"}
    assert not absent & set(point["payload"])
    assert not {"id", "vector"} & set(point["payload"])
