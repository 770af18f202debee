"""A filtered search of a Lance table finds what looking at every row would find."""

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from filter_strategies import FILTERS, NAMES_USED, TEXTS_USED
from hypothesis import given, settings
from hypothesis import strategies as st

from vecstream_cli.adapters import nearest
from vecstream_cli.adapters.lance.adapter import LanceAdapter
from vecstream_cli.core.filter_text import parsed
from vecstream_cli.core.filters import Filter, matches
from vecstream_cli.endpoint import Endpoint
from vecstream_cli.testing.rows import RECORD, hex_id, rows, vectors

COUNT = 300


def varied(count: int) -> list[dict[str, Any]]:
    """What rows differ in: few values, so that filters meet them."""
    chance = random.Random(7)

    def some_json() -> str | None:
        if chance.random() < 0.1:
            return None
        values = [*TEXTS_USED, 0, 1, 2.5, True, None, ["a", 1], {"x": "a"}]
        facts = {name: chance.choice(values) for name in chance.sample(NAMES_USED, 3)}
        return json.dumps(facts, ensure_ascii=False)

    return [
        {
            "path": chance.choice(TEXTS_USED),
            "page": chance.choice([None, 1, 2, 3]),
            "position": some_json(),
            "metadata": some_json(),
        }
        for _ in range(count)
    ]


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[LanceAdapter, list[Any]]]:
    """A collection in three pieces, and what is in it."""
    facts = varied(COUNT)
    adapter = LanceAdapter.open(
        Endpoint(name="lance", uri=str(tmp_path_factory.mktemp("where") / "db")),
        "documents",
        read_only=False,
    )
    adapter.create(RECORD)
    plain = rows("a", COUNT)
    for name in ("path", "page", "position", "metadata"):
        at = plain.schema.get_field_index(name)
        column = pa.array([row[name] for row in facts], plain.schema.field(at).type)
        plain = plain.set_column(at, plain.schema.field(at), column)
    for start in range(0, COUNT, 100):
        adapter.append(plain.slice(start, 100))
    yield adapter, facts
    adapter.close()


QUERY = vectors(1, seed=9)[0]
COSINES = vectors(COUNT) @ QUERY


def expected(facts: list[dict[str, Any]], wanted: Filter, k: int) -> list[str]:
    """By looking at every row."""
    found = [n for n in np.argsort(-COSINES) if matches(wanted, facts[n])]
    return [hex_id("a", int(n)) for n in found[:k]]


@pytest.mark.parametrize("look", [0, 256], ids=["all rows looked at", "nearest rows first"])
def test_a_filtered_search_finds_the_best_of_those_that_match(
    filled: tuple[LanceAdapter, list[Any]], monkeypatch: pytest.MonkeyPatch, look: int
) -> None:
    adapter, facts = filled
    monkeypatch.setattr(nearest, "FIRST_LOOK", look)

    @settings(max_examples=60)
    @given(FILTERS, st.sampled_from([1, 5, 1000]))
    def check(wanted: Filter, k: int) -> None:
        hits = adapter.search(QUERY.tolist(), k, wanted)

        assert [hit.id for hit in hits] == expected(facts, wanted, k)
        scores = dict(zip((hex_id("a", n) for n in range(COUNT)), COSINES, strict=True))
        assert np.allclose([hit.score for hit in hits], [scores[hit.id] for hit in hits], atol=1e-5)

    check()


@pytest.mark.parametrize(
    "text",
    [
        "page = 2", "page != 2", "page in (1, 3)", "page > 1.5", "page < 1e18", "page > 1e18",
        "page = 1.5", "page >= -1e18", "page is null", "not (page = 2 or path = 'a')",
        "path like 'a%'", "path like '%\\%%'", "path like '_'", "path like '%b\\\\%'", "path = ''",
        "metadata.x = 'Ann'", "x != 'Ann'", "x is null", "x = 1", "x >= 1", "x = true",
        "x like 'A%'",
        "x.x = 'a'", "metadata['odd key'] = 'Ann' and page = 2", "x = 'a' or position.x = 'a'",
        "not x = 'a' and not position.x = 'a'", "metadata['a\"b\\\\'] = 'it''s'",
    ],
)  # fmt: skip
def test_every_kind_of_condition(filled: tuple[LanceAdapter, list[Any]], text: str) -> None:
    adapter, facts = filled
    text = text.replace("'it''s'", '"it\'s"')

    hits = adapter.search(QUERY.tolist(), COUNT, parsed(text))

    assert [hit.id for hit in hits] == expected(facts, parsed(text), COUNT)


def test_a_rare_match_far_away_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The only one that matches is the farthest of all from the question."""
    monkeypatch.setattr(nearest, "FIRST_LOOK", 4)
    with LanceAdapter.open(
        Endpoint(name="lance", uri=str(tmp_path / "db")), "documents", read_only=False
    ) as adapter:
        adapter.create(RECORD)
        plain = rows("a", COUNT)
        farthest = int(np.argmin(vectors(COUNT) @ QUERY))
        told = ['{"author": "Ann"}' if n == farthest else '{"author": "Bob"}' for n in range(COUNT)]
        at = plain.schema.get_field_index("metadata")
        adapter.append(plain.set_column(at, plain.schema.field(at), pa.array(told)))

        (hit,) = adapter.search(QUERY.tolist(), 1, parsed("not author = 'Bob'"))

    assert hit.id == hex_id("a", farthest)
