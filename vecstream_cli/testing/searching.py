"""Searches, compared with a look at every row."""

import json
import random
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from vecstream_cli.adapters.base import HIT_COLUMNS, Adapter
from vecstream_cli.core.filter_text import parsed
from vecstream_cli.core.filters import Filter, matches
from vecstream_cli.testing.rows import (
    DIMENSION,
    by_id,
    hex_id,
    rows,
    vectors,
    with_columns,
)

if TYPE_CHECKING:
    pass

COUNT = 200
_QUERY = vectors(1, seed=9)[0]
_COSINES = vectors(COUNT) @ _QUERY

_NAMES = ["author", "page", "path", "x", "in", "odd key", 'a"b\\', "é", "null", "3", "a.b", "$x"]
_TEXTS = [
    *("", "a", "b", "Ann", "ann", "100%", "a_b", "a\nb", 'say "hi"', "it's", "b\\", "é", "🙂"),
    *("2024-05-01", "2024-05-01T10:30:00", "2023", "A longer text, of several words"),
]

FILTERS = (
    *("page = 2", "page != 2", "page in (1, 3)", "page not in (1, 3)", "page > 1.5", "page < 1e18"),
    *("page > 1e18", "page = 1.5", "page >= -1e18", "page is null", "page is not null"),
    *("not (page = 2 or path = 'a')", "path like 'a%'", "path like '%\\%%'", "path like '_'"),
    *("path like '%b\\\\%'", "path = ''", "path != ''", "path < 'b'", "path = 'it''s'"),
    *("path like 'A LONGER%'", "path = 'a\nb'", "path like '%\"hi\"%'", "path = '🙂'"),
    *("metadata.x = 'Ann'", "x != 'Ann'", "x is null", "x = 1", "x >= 1", "x < 2.6", "x = true"),
    *("x = 2.5", "x like 'A%'", "x.x = 'a'", "x in ('Ann', 1)", "x = '1'", "x != 1", "x = false"),
    *("metadata['odd key'] = 'Ann' and page = 2", "x = 'a' or position.x = 'a'"),
    *("not x = 'a' and not position.x = 'a'", "metadata['a\"b\\\\'] = 'é'", "position.é = 'b'"),
    *("metadata['a.b'] = 'a'", "metadata['$x'] = 'a'", "metadata['3'] is not null"),
    *("x >= 2024-05-01", "x = 2024-05-01", "x < 2024-05-01T10:30", "author = 'Ann' and page >= 2"),
    *("ordinal < 20", "ordinal >= 20 and ordinal < 40 and page is not null", "heading is null"),
    *("heading like 'A > %'", "char_start < 1000", "attempt = 1", "attempt > 1"),
    *("text like '%7 %'", "text like '%ünï%🙂'", "source like '/home%'", "not heading = 'A > B'"),
)


class Searching:
    """Part of `Conformance`."""

    def test_a_search_returns_the_nearest_first_with_its_cosine(self, adapter: Adapter) -> None:
        adapter.append(rows("a", 300))
        query = vectors(300)[17] * 3 + 0.1
        hits = adapter.search(query.tolist(), 5)
        cosine = vectors(300) @ query / np.linalg.norm(query)
        order = np.argsort(-cosine)[:5]
        assert [hit.id for hit in hits] == [hex_id("a", int(n)) for n in order]
        assert np.allclose([hit.score for hit in hits], cosine[order], atol=1e-5)
        row = by_id(rows("a", 300))[hits[0].id]
        for name in HIT_COLUMNS:
            assert getattr(hits[0], name) == row[name], name
        assert json.loads(hits[0].metadata or "") == {"title": "T"}

    def test_a_search_for_more_than_there_is_returns_all(self, adapter: Adapter) -> None:
        assert adapter.search([1.0] * DIMENSION, 5) == []
        adapter.append(rows("a", 3))
        assert len(adapter.search(np.ones(DIMENSION, np.float32).tolist(), 50)) == 3

    def test_a_search_finds_what_was_merged_and_not_what_it_replaced(
        self, adapter: Adapter
    ) -> None:
        adapter.append(rows("a", 50))
        again = rows("a", 10, first=20, attempt=2, text="new")
        adapter.merge(again)
        adapter.delete_documents([hex_id("none")])
        wanted = np.asarray(again.column("vector").to_pylist())[3]
        (hit,) = adapter.search(wanted.tolist(), 1)
        assert (hit.id, hit.text) == (hex_id("a", 23), again.column("text")[3].as_py())
        assert hit.score == pytest.approx(1, abs=1e-5)

    def test_every_kind_of_filter_finds_what_a_look_at_every_row_finds(
        self, adapter: Adapter
    ) -> None:
        batch = with_columns(rows("a", COUNT), **_varied())
        for start in range(0, COUNT, 70):
            adapter.append(batch.slice(start, 70))
        facts = batch.to_pylist()
        wrong = {}
        for text in FILTERS:
            wanted = parsed(_quoted(text))
            for k in (COUNT, 3):
                found = [hit.id for hit in adapter.search(_QUERY.tolist(), k, wanted)]
                if found != _expected(facts, wanted, k):
                    wrong[text, k] = (len(found), len(_expected(facts, wanted, k)))
        assert not wrong

    def test_a_rare_match_far_away_is_found(
        self, adapter: Adapter, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The only one that matches is the farthest of all from the question."""
        from vecstream_cli.adapters import nearest

        monkeypatch.setattr(nearest, "FIRST_LOOK", 4)
        farthest = int(np.argmin(_COSINES))
        told = ['{"author": "Ann"}' if n == farthest else '{"author": "Bob"}' for n in range(COUNT)]
        adapter.append(with_columns(rows("a", COUNT), metadata=told))
        for text in ("not author = 'Bob'", "author like '%nn'"):
            (hit,) = adapter.search(_QUERY.tolist(), 1, parsed(text))
            assert hit.id == hex_id("a", farthest)

    def test_metadata_of_every_type_comes_back_and_is_filtered_by(self, adapter: Adapter) -> None:
        most = adapter.limits.max_row_bytes
        kinds: list[str | None] = [
            *(None, "{}", '{"v": "text"}', '{"v": 1}', '{"v": 1.0}', '{"v": 1e300}'),
            *('{"v": -9007199254740993}', '{"v": true}', '{"v": null}', '{"v": []}'),
            *('{"v": [1, "a", null, [2]]}', '{"v": {"deep": {"er": [{"x": 1}]}}}', '{"v": ""}'),
            *(
                '{"v": "ünï\\u0000 🙂 \\ud83d"}',
                '{"": 1, "v": "x"}',
                '{"v": "' + "x" * min(70_000, (most or 70_000 * 4) // 4) + '"}',
            ),
        ]
        batch = with_columns(rows("a", len(kinds)), metadata=kinds, position=kinds[::-1])
        adapter.append(batch)
        found = adapter.search([1.0] * DIMENSION, 100)
        assert {hit.id: (hit.metadata, hit.position) for hit in found} == {
            row["id"]: (row["metadata"], row["position"]) for row in batch.to_pylist()
        }
        for text in ("v = 1", "v = 'text'", "v is null", "v = true", "v.deep.er.x = 1", "v = 'a'"):
            hits = adapter.search([1.0] * DIMENSION, 100, parsed(text))
            expected = [r["id"] for r in batch.to_pylist() if matches(parsed(text), r)]
            assert sorted(hit.id for hit in hits) == sorted(expected), text

    def test_a_search_for_words_ranks_the_texts_that_have_them(self, adapter: Adapter) -> None:
        if not adapter.full_text:
            adapter.append(rows("a", 1))
            with pytest.raises(NotImplementedError):
                adapter.search_text("x", 1)
            pytest.skip("this database does not search for words")
        texts = [f"a chunk about number {n} and little else" for n in range(40)]
        texts[7] = "The keys rotate: rotating keys is a quarterly task. Keys!"
        texts[9] = "somebody lost the keys of the house"
        texts[11] = "Größe und Übermut, 漢字 too"
        adapter.append(with_columns(rows("a", 40), text=texts))
        adapter.maintain(final=True)
        hits = adapter.search_text("rotate keys", 3)
        assert [hit.id for hit in hits][:2] == [hex_id("a", 7), hex_id("a", 9)]
        assert adapter.search_text("größe", 5)[0].id == hex_id("a", 11)
        assert adapter.search_text("zebra", 5) == []
        assert adapter.search_text('"quoted" AND (x OR *:~ -y)) \'', 5) is not None
        filtered = adapter.search_text("keys", 5, parsed("ordinal > 8"))
        assert [hit.id for hit in filtered] == [hex_id("a", 9)]
        # and what was written since the last upkeep is found, too
        adapter.append(with_columns(rows("b", 1), text=["zebra crossing"]))
        assert [hit.id for hit in adapter.search_text("zebra", 5)] == [hex_id("b", 0)]


def _expected(facts: list[dict[str, Any]], wanted: Filter, k: int) -> list[str]:
    found = [n for n in np.argsort(-_COSINES) if matches(wanted, facts[n])]
    return [hex_id("a", int(n)) for n in found[:k]]


def _varied() -> dict[str, list[Any]]:
    """Columns of few values, so that filters meet them."""
    chance = random.Random(7)

    def some_json() -> str | None:
        if chance.random() < 0.1:
            return None
        values = [*_TEXTS, 0, 1, 2.5, True, False, None, ["a", 1], {"x": "a"}]
        facts = {name: chance.choice(values) for name in chance.sample(_NAMES, 4)}
        return json.dumps(facts, ensure_ascii=False)

    return {
        "path": [chance.choice(_TEXTS) for _ in range(COUNT)],
        "page": [chance.choice([None, 1, 2, 3]) for _ in range(COUNT)],
        "position": [some_json() for _ in range(COUNT)],
        "metadata": [some_json() for _ in range(COUNT)],
    }


def _quoted(text: str) -> str:
    return text.replace("'it''s'", '"it\'s"')
