"""What Elasticsearch's and OpenSearch's adapters write and ask for, without a server."""

import json
from typing import Any

import pytest
from doubles.search_query import Queries
from filter_strategies import FILTERS, ROWS
from hypothesis import given, settings
from hypothesis import strategies as st

from vecstream_cli.adapters.registry import connect
from vecstream_cli.adapters.schema import ROW_COLUMNS
from vecstream_cli.adapters.search_engine.facts import ordered, terms
from vecstream_cli.adapters.search_engine.filter import SearchEngineDialect
from vecstream_cli.adapters.search_engine.rows import encoded, properties
from vecstream_cli.core.filters import Filter, matches
from vecstream_cli.endpoint import Endpoint
from vecstream_cli.errors import UsageError
from vecstream_cli.testing.rows import hex_id, rows


@settings(max_examples=150)
@given(st.lists(ROWS, min_size=1, max_size=8), FILTERS)
def test_what_the_double_is_asked_for_is_what_the_filter_means(
    facts: list[dict[str, Any]], wanted: Filter
) -> None:
    told = SearchEngineDialect().condition(wanted)
    documents = {}
    for number, row in enumerate(facts):
        known = {name: value for name, value in row.items() if value is not None}
        known["facts"] = [t for name in ("position", "metadata") for t in terms(name, row[name])]
        documents[str(number)] = known
    expected = {str(n) for n, row in enumerate(facts) if matches(wanted, row)}

    if told.native is None:
        assert not told.exact
        return
    found = Queries(properties({"type": "dense_vector"}), documents).found(
        {"bool": {"filter": [told.native]}}
    )
    assert expected == set(found) if told.exact else expected <= set(found)


@settings(max_examples=300)
@given(
    st.integers(-(2**53), 2**53) | st.floats(allow_nan=False),
    st.integers(-(2**53), 2**53) | st.floats(allow_nan=False),
)
def test_numbers_in_terms_sort_as_numbers_do(one: float, other: float) -> None:
    assert (ordered(one) < ordered(other)) == (one < other)
    assert (ordered(one) == ordered(other)) == (one == other)


def test_a_bulk_request_has_every_column_of_a_row() -> None:
    (line,) = encoded(rows("a", 1))
    action, document = map(json.loads, line.splitlines())
    assert action == {"index": {"_id": hex_id("a", 0)}}
    (row,) = rows("a", 1).to_pylist()
    assert {name: document.get(name) for name in ROW_COLUMNS if name != "vector"} == {
        name: value for name, value in row.items() if name != "vector"
    }


@pytest.mark.parametrize("uri", ["ftp://127.0.0.1:9200", "127.0.0.1:9200", "elastic"])
@pytest.mark.parametrize("name", ["elasticsearch", "opensearch"])
def test_what_is_no_address_is_refused(name: str, uri: str) -> None:
    with pytest.raises(UsageError, match="address"):
        connect(Endpoint(name=name, uri=uri), "documents", read_only=True)
