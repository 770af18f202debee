"""Rows that go, rows that are listed and fetched, upkeep, and a build that takes over."""

import threading
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa  # type: ignore[import-untyped]
import pytest

from vecstream_cli.adapters.base import Adapter
from vecstream_cli.endpoint import Endpoint
from vecstream_cli.errors import VecstreamError
from vecstream_cli.testing.rows import (
    DIMENSION,
    RECORD,
    by_id,
    hex_id,
    rows,
    vectors,
)
from vecstream_cli.testing.writing import stored

if TYPE_CHECKING:
    from vecstream_cli.testing.conformance import Opener


def _counted(told: int | None, expected: int) -> None:
    assert told in (None, expected)


class Deleting:
    """Part of `Conformance`."""

    def test_superseded_attempts_go_and_other_documents_stay(self, adapter: Adapter) -> None:
        # Given a document whose second attempt rewrote 6 of its 10 rows, and others
        adapter.append(rows("a", 10, attempt=1))
        adapter.append(rows("b", 10, attempt=1))
        adapter.append(rows("c", 10, attempt=9))
        adapter.merge(rows("a", 6, attempt=2))
        # When its other attempts are deleted
        _counted(adapter.delete_superseded([(hex_id("a"), 2), (hex_id("c"), 9)]), 4)
        # Then only the 4 that were not rewritten are gone
        expected = [rows("a", 6, attempt=2), rows("b", 10), rows("c", 10, attempt=9)]
        assert stored(adapter) == by_id(*expected)

    def test_an_attempt_number_counts_for_its_own_document_alone(self, adapter: Adapter) -> None:
        for document in ("a", "b"):
            adapter.append(rows(document, 2, attempt=1))
            adapter.append(rows(document, 3, first=2, attempt=2**53 + 1))
        deleted = adapter.delete_superseded([(hex_id("a"), 1), (hex_id("b"), 2**53 + 1)])
        _counted(deleted, 5)
        assert stored(adapter) == by_id(rows("a", 2), rows("b", 3, first=2, attempt=2**53 + 1))

    def test_hundreds_of_documents_are_superseded_at_once(self, adapter: Adapter) -> None:
        batches = [rows(n, 2, attempt=n % 2) for n in range(600)]
        adapter.append(pa.Table.from_batches(batches))
        _counted(adapter.delete_superseded([(hex_id(n), 1) for n in range(600)]), 600)
        assert stored(adapter) == by_id(*batches[1::2])

    def test_deleting_documents_takes_all_of_their_rows(self, adapter: Adapter) -> None:
        adapter.append(pa.Table.from_batches([rows(n, 2, attempt=n) for n in range(700)]))
        _counted(adapter.delete_documents([hex_id(n) for n in range(600)] + [hex_id("none")]), 1200)
        assert adapter.count() == 200
        _counted(adapter.delete_documents([]), 0)

    def test_a_failed_document_keeps_only_its_last_good_rows(self, adapter: Adapter) -> None:
        # Given rows of a good version, some rewritten by a failed attempt, which also added some
        adapter.append(rows("a", 10, attempt=1))
        adapter.merge(rows("a", 8, first=5, attempt=2))
        adapter.append(rows("b", 4, attempt=2))
        # When it keeps only the good version's
        _counted(adapter.keep_only(hex_id("a"), [hex_id("a", n) for n in range(10)]), 3)
        # Then the others are gone, and so are all where nothing is kept
        assert set(stored(adapter)) == set(by_id(rows("a", 10), rows("b", 4)))
        _counted(adapter.keep_only(hex_id("a"), []), 10)
        assert set(stored(adapter)) == set(by_id(rows("b", 4)))

    def test_a_large_document_keeps_only_some_of_its_rows(self, adapter: Adapter) -> None:
        adapter.append(rows("a", 3000))
        adapter.append(rows("b", 2))
        adapter.keep_only(hex_id("a"), [hex_id("a", n) for n in range(1000, 3000)])
        assert adapter.count() == 2002

    def test_a_quote_in_an_id_stays_data(self, adapter: Adapter) -> None:
        adapter.append(rows("a", 3))
        nasty = "' OR '1' = '1"
        _counted(adapter.delete_documents([nasty]), 0)
        _counted(adapter.delete_superseded([(nasty, 9)]), 0)
        _counted(adapter.keep_only(nasty, []), 0)
        assert adapter.fetch_vectors([nasty]).num_rows == 0
        assert adapter.count() == 3

    def test_vectors_come_back_as_they_were_written(
        self, adapter: Adapter, database: Endpoint
    ) -> None:
        adapter.append(rows("a", 1200))
        if not adapter.hands_back_vectors(database):
            pytest.skip("this database cannot hand vectors back")
        asked = [hex_id("a", n) for n in range(0, 1200, 2)] + [hex_id("missing")]
        for documents in (None, [hex_id("a"), hex_id("other")]):
            found = adapter.fetch_vectors(asked, documents)
            assert found.column_names == ["id", "vector"]
            got = dict(zip(found["id"].to_pylist(), found["vector"].to_pylist(), strict=True))
            assert set(got) == {hex_id("a", n) for n in range(0, 1200, 2)}
            for n in range(0, 1200, 2):
                assert np.allclose(got[hex_id("a", n)], vectors(1200)[n], rtol=0, atol=2e-7)
        assert adapter.fetch_vectors([]).num_rows == 0
        assert adapter.fetch_vectors(asked, [hex_id("other")]).num_rows == 0

    def test_every_id_is_listed_once(self, adapter: Adapter) -> None:
        adapter.append(rows("a", 2000))
        adapter.merge(rows("a", 3500, first=1000))
        found = list(adapter.ids())
        assert sorted(found) == sorted(hex_id("a", n) for n in range(4500))
        assert adapter.count() == 4500

    def test_maintenance_keeps_every_row(self, adapter: Adapter) -> None:
        assert not adapter.maintain()
        for n in range(30):
            adapter.append(rows(n, 3))
            adapter.maintain()
        adapter.merge(rows(5, 3, attempt=2))
        adapter.delete_documents([hex_id(7)])
        adapter.maintain(final=True)
        adapter.append(rows("last", 2))
        expected = [rows(n, 3, attempt=2 if n == 5 else 1) for n in range(30) if n != 7]
        assert stored(adapter) == by_id(*expected, rows("last", 2))

    def test_what_one_process_writes_an_open_reader_sees(
        self, adapter: Adapter, reopen: "Opener"
    ) -> None:
        reader = reopen(read_only=True)
        assert reader.count() == 0
        adapter.append(rows("a", 3))
        assert reader.count() == 3
        assert len(reader.search([1.0] * DIMENSION, 9)) == 3

    def test_a_reader_never_finds_a_document_missing(
        self, adapter: Adapter, reopen: "Opener"
    ) -> None:
        adapter.append(rows("a", 8, attempt=1))
        reader, ended, seen = reopen(read_only=True), threading.Event(), list[int]()

        def read() -> None:
            while not ended.is_set():
                seen.append(len(reader.search([1.0] * DIMENSION, 100)))

        thread = threading.Thread(target=read)
        thread.start()
        try:
            for attempt in range(2, 12):
                adapter.merge(rows("a", 8, attempt=attempt, text=f"attempt {attempt}"))
                adapter.delete_superseded([(hex_id("a"), attempt)])
        finally:
            ended.set()
            thread.join()
        assert seen
        assert min(seen) >= 8

    def test_a_build_takes_the_place_of_the_live_collection(
        self, adapter: Adapter, reopen: "Opener", collection: str
    ) -> None:
        if type(adapter).replace_with is Adapter.replace_with:
            with pytest.raises(VecstreamError):
                adapter.replace_with(f"{collection}--build")
            pytest.skip("this database cannot swap collections")
        adapter.append(rows("old", 5))
        for number in (1, 2):
            build = reopen(collection=f"{collection}--build")
            fresh = replace(RECORD, uuid=f"build {number}", dimension=DIMENSION * 2)
            build.create(fresh)
            build.append(rows("new", 4, dimension=DIMENSION * 2, attempt=number))
            reader = reopen(read_only=True)
            live = reopen()
            live.replace_with(f"{collection}--build")
            assert reopen(collection=f"{collection}--build").record() is None
            for opened in (live, reader, reopen(read_only=True)):
                assert opened.record() == fresh
                assert stored(opened) == by_id(
                    rows("new", 4, dimension=DIMENSION * 2, attempt=number)
                )
            live.merge(rows("new", 4, dimension=DIMENSION * 2, attempt=number))
            assert live.count() == 4

    def test_a_build_becomes_a_collection_that_was_not_there(
        self, reopen: "Opener", collection: str
    ) -> None:
        live = reopen()
        if type(live).replace_with is Adapter.replace_with:
            pytest.skip("this database cannot swap collections")
        build = reopen(collection=f"{collection}--build")
        build.create(RECORD)
        build.append(rows("new", 4))
        live.replace_with(f"{collection}--build")
        assert (live.record(), live.count()) == (RECORD, 4)
        live.drop()
        assert reopen().record() is None
