"""A filtered search in PostgreSQL finds what looking at every row would find; JSON as jsonb."""

import json
import random
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from adapters.servers.postgres import Postgres, postgres  # noqa: F401
from filter_strategies import FILTERS, NAMES_USED, TEXTS_USED
from hypothesis import given, settings
from hypothesis import strategies as st

from vecstream_cli.adapters.base import Adapter
from vecstream_cli.adapters.pgvector.json import as_jsonb, as_stored
from vecstream_cli.adapters.registry import connect
from vecstream_cli.core.filter_text import parsed
from vecstream_cli.core.filters import Compare, Date, Field, Filter, Like, matches
from vecstream_cli.endpoint import Endpoint
from vecstream_cli.secret import Secret
from vecstream_cli.testing.rows import RECORD, hex_id, rows, vectors, with_columns

# ruff: noqa: F811

COUNT = 300
ODD_TEXTS = [
    "\0",
    "\1",
    "a\0b",
    "\ud83d",
    "\ud7ff",
    "\ud7ff\2",
    "\ue000",
    "2024-05-01 10:30",
    "\1\1",
]
ODD_NUMBERS = [2**53 + 1, float(2**53), 1e23, 10**23, 0.1, -0.0, 1e300, float("inf"), float("nan")]
ODD = ["not json", "[1]", '"x"', '{"x": [["a"]]}', '{"x": {"3": "a"}}', '{"x": ["a", null]}', "NaN"]


def varied(count: int) -> dict[str, list[Any]]:
    """What rows differ in: few values, so that filters meet them."""
    chance = random.Random(7)

    def some_json() -> str | None:
        if chance.random() < 0.2:
            return chance.choice([None, *ODD])
        values = [
            *TEXTS_USED,
            *ODD_TEXTS,
            *ODD_NUMBERS,
            0,
            1,
            2.5,
            True,
            None,
            ["a", 1],
            {"x": "a"},
        ]
        facts = {name: chance.choice(values) for name in chance.sample([*NAMES_USED, "\0"], 3)}
        return json.dumps(facts)

    return {
        "path": [chance.choice(TEXTS_USED) for _ in range(count)],
        "page": [chance.choice([None, 1, 2, 3]) for _ in range(count)],
        "position": [some_json() for _ in range(count)],
        "metadata": [some_json() for _ in range(count)],
    }


@pytest.fixture(scope="module")
def filled(postgres: Postgres) -> Iterator[tuple[Adapter, list[Any]]]:
    """A collection, and what is in it."""
    database = Endpoint(
        name="pgvector", uri=postgres.database(), password=Secret(postgres.password)
    )
    batch = with_columns(rows("a", COUNT), **varied(COUNT))
    with connect(database, "documents", read_only=False) as adapter:
        adapter.create(RECORD)
        adapter.append(batch)
        yield adapter, batch.to_pylist()


QUERY = vectors(1, seed=9)[0]
COSINES = vectors(COUNT) @ QUERY


def expected(facts: list[dict[str, Any]], wanted: Filter, k: int) -> list[str]:
    """By looking at every row."""
    found = [n for n in np.argsort(-COSINES) if matches(wanted, facts[n])]
    return [hex_id("a", int(n)) for n in found[:k]]


def test_a_filtered_search_finds_the_best_of_those_that_match(
    filled: tuple[Adapter, list[Any]],
) -> None:
    adapter, facts = filled

    @settings(max_examples=150)
    @given(FILTERS, st.sampled_from([1, 5, 1000]))
    def check(wanted: Filter, k: int) -> None:
        hits = adapter.search(QUERY.tolist(), k, wanted)
        assert [hit.id for hit in hits] == expected(facts, wanted, k)

    check()


@pytest.mark.parametrize("relation", ["=", "<", ">="])
def test_what_jsonb_cannot_hold_is_compared_as_python_does(
    filled: tuple[Adapter, list[Any]], relation: str
) -> None:
    adapter, facts = filled
    for name in ("x", "author", "\0"):
        for value in [
            *ODD_TEXTS,
            *ODD_NUMBERS[:-2],
            True,
            Date("2024-05-01"),
            Date("2024-05-01T10:31"),
        ]:
            wanted = Compare(Field("metadata", (name,)), relation, value)
            found = [hit.id for hit in adapter.search(QUERY.tolist(), COUNT, wanted)]
            assert found == expected(facts, wanted, COUNT), wanted


@pytest.mark.parametrize("pattern", ["_", "a_b", "%\0%", "\\", "%\\", "\\%", "\ud83d", "", "%\1_"])
def test_patterns_mean_the_same(filled: tuple[Adapter, list[Any]], pattern: str) -> None:
    adapter, facts = filled
    for field in (Field("metadata", ("x",)), Field("path")):
        wanted = Like(field, pattern)
        found = [hit.id for hit in adapter.search(QUERY.tolist(), COUNT, wanted)]
        assert found == expected(facts, wanted, COUNT), field


@pytest.mark.parametrize("text", ["\0", "a\0", "\ud800"])
def test_a_text_that_no_column_can_hold_is_compared_all_the_same(
    filled: tuple[Adapter, list[Any]], text: str
) -> None:
    adapter, facts = filled
    for relation in ("=", "<", ">"):
        wanted = Compare(Field("path"), relation, text)
        found = [hit.id for hit in adapter.search(QUERY.tolist(), COUNT, wanted)]
        assert found == expected(facts, wanted, COUNT)


@pytest.mark.parametrize(
    "text", ["x is null", "x is not null", "position.x is null", "not x = 'a'"]
)
def test_what_is_there_and_what_is_not(filled: tuple[Adapter, list[Any]], text: str) -> None:
    adapter, facts = filled
    found = [hit.id for hit in adapter.search(QUERY.tolist(), COUNT, parsed(text))]
    assert found == expected(facts, parsed(text), COUNT)


CHARACTERS = st.sampled_from("\0\1\2a\ud7fe\ud7ff\ud800\udfff\ue000\U00010000\U0001d800")


@given(st.text(CHARACTERS, max_size=4), st.text(CHARACTERS, max_size=4))
def test_texts_as_jsonb_has_them_differ_and_stand_in_order(one: str, other: str) -> None:
    assert (one < other) == (as_stored(one) < as_stored(other))
    assert (one == other) == (as_stored(one) == as_stored(other))
    assert "\0" not in as_stored(one)
    as_stored(one).encode()


def test_json_that_is_none_is_nothing_to_a_filter() -> None:
    assert as_jsonb(None) is None
    assert as_jsonb("{") is None
    assert as_jsonb('{"a\\u0000": [1.0, NaN, "\\ud83d"]}') is not None
