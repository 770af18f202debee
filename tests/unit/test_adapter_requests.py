"""A batch in requests within limits, several at once; options as all adapters read them."""

import threading
import time

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vecstream_cli.adapters.base import Limits
from vecstream_cli.adapters.conditions import whole_number
from vecstream_cli.adapters.options import SERVER, choice, switch
from vecstream_cli.adapters.requests import Flight, checked, parts
from vecstream_cli.core.filters import RELATIONS
from vecstream_cli.errors import DatabaseError, UsageError
from vecstream_cli.testing.rows import DIMENSION, rows


@given(
    st.lists(st.integers(0, 40), min_size=1, max_size=6),
    st.none() | st.integers(1, 30),
    st.none() | st.integers(200, 20_000),
)
def test_the_parts_are_the_rows_in_their_order_within_the_limits(
    counts: list[int], most_rows: int | None, most_bytes: int | None
) -> None:
    table = pa.Table.from_batches([rows(n, count) for n, count in enumerate(counts)])
    limits = Limits(target_rows=10, max_rows=most_rows, max_bytes=most_bytes)
    found = list(parts(table, limits))
    assert [row for part in found for row in part.to_pylist()] == table.to_pylist()
    for part in found:
        assert part.num_rows <= (most_rows or part.num_rows)
        assert part.num_rows == 1 or part.nbytes <= (most_bytes or part.nbytes)


def test_a_flight_has_no_more_under_way_than_it_may_and_calls_with_each() -> None:
    under_way, most, seen, turn = 0, 0, set[int](), threading.Lock()

    def call(item: int) -> None:
        nonlocal under_way, most
        with turn:
            under_way += 1
            most = max(most, under_way)
        time.sleep(0.01)
        with turn:
            under_way -= 1
            seen.add(item)

    flight = Flight(3)
    flight.each(call, range(20))
    flight.close()
    assert seen == set(range(20))
    assert 1 < most <= 3
    assert under_way == 0


@pytest.mark.parametrize("most", [1, 3])
def test_after_a_failure_no_further_call_is_begun(most: int) -> None:
    begun: list[int] = []

    def call(item: int) -> None:
        begun.append(item)
        if item == 4:
            raise DatabaseError("It refuses number 4.")

    flight = Flight(most)
    with pytest.raises(DatabaseError, match="number 4"):
        flight.each(call, range(1000))
    flight.close()
    assert len(begun) < 4 + 3 * most


def test_vectors_are_checked_before_anything_is_sent() -> None:
    checked(rows("a", 3), DIMENSION)
    checked(rows("a", 0), DIMENSION)
    with pytest.raises(DatabaseError, match=str(DIMENSION + 1)):
        checked(rows("a", 3), DIMENSION + 1)


@given(
    st.sampled_from(sorted(RELATIONS)),
    st.floats() | st.integers(-(2**70), 2**70),
    st.integers(-(2**31), 2**31 - 1),
)
def test_a_comparison_in_whole_numbers_holds_for_the_same_numbers(
    relation: str, value: float, number: int
) -> None:
    told = whole_number("page", relation, value)
    holds = told if isinstance(told, bool) else RELATIONS[told[0]](number, told[1])
    assert holds == RELATIONS[relation](number, value)


def test_options_are_read_as_settings_are() -> None:
    assert [switch(text) for text in ("true", "Yes", "1", "no", "FALSE", "off")] == [
        True, True, True, False, False, False,
    ]  # fmt: skip
    deadline = SERVER["deadline"]
    assert (deadline.read("90"), deadline.read("5m")) == (90.0, 300.0)
    assert choice("hnsw", "flat")("HNSW") == "hnsw"
    for read, text in ((switch, "maybe"), (deadline.read, "soon"), (choice("flat"), "hnsw")):
        with pytest.raises((ValueError, UsageError)):
            read(text)
