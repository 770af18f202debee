"""What every adapter must do, against the real database."""

import json

import numpy as np
import pyarrow as pa
import pytest
from adapter_rows import DIMENSION, RECORD, hex_id, rows, vectors
from conftest import Opener

from vecstream_cli.adapters.base import Adapter
from vecstream_cli.adapters.schema import ROW_COLUMNS, row_schema
from vecstream_cli.errors import CollectionNotFound, DatabaseError, VecstreamError


def stored(adapter: Adapter) -> dict[str, dict[str, object]]:
    """Every row by its id; fails where an id stands twice."""
    found = [row for batch in adapter.scan(ROW_COLUMNS) for row in batch.to_pylist()]
    by_id = {row["id"]: row for row in found}
    assert len(by_id) == len(found)
    return by_id


def by_id(*batches: pa.RecordBatch) -> dict[str, dict[str, object]]:
    return {row["id"]: row for batch in batches for row in batch.to_pylist()}


def test_the_row_columns_are_those_of_the_schema() -> None:
    assert tuple(row_schema(3).names) == ROW_COLUMNS


def test_a_database_without_the_collection_has_no_record(reopen: Opener) -> None:
    assert reopen().record() is None
    assert reopen(read_only=True).record() is None


@pytest.mark.parametrize("action", ["count", "search", "append", "drop", "scan"])
def test_a_collection_that_is_not_there_is_named(reopen: Opener, action: str) -> None:
    adapter = reopen()
    calls = {
        "count": adapter.count,
        "search": lambda: adapter.search([0.0] * DIMENSION, 3),
        "append": lambda: adapter.append(rows("a", 1)),
        "drop": adapter.drop,
        "scan": lambda: list(adapter.scan(["id"])),
    }
    with pytest.raises(CollectionNotFound, match="documents"):
        calls[action]()


def test_the_record_comes_back_whole_from_another_connection(
    adapter: Adapter, reopen: Opener
) -> None:
    found = reopen(read_only=True).record()
    assert found == RECORD
    assert found.last_run is None


def test_the_record_outlives_every_kind_of_write(adapter: Adapter, reopen: Opener) -> None:
    adapter.append(rows("a", 20))
    adapter.update_record(last_run="first")
    adapter.merge(rows("a", 30, attempt=2))
    for n in range(10):
        adapter.append(rows(f"more {n}", 2))
    adapter.delete_documents([hex_id("more 3")])
    adapter.update_record(last_run="second")
    assert adapter.maintain(final=True)
    adapter.append(rows("b", 2))

    for opened in (adapter, reopen(read_only=True)):
        found = opened.record()
        assert found == RECORD
        assert found.last_run == "second"


def test_a_remade_collection_has_its_new_record(adapter: Adapter, reopen: Opener) -> None:
    from dataclasses import replace

    adapter.append(rows("a", 3))
    adapter.drop()
    assert adapter.record() is None
    other = replace(RECORD, uuid="another", dimension=4)
    adapter.create(other)

    assert reopen(read_only=True).record() == other
    assert adapter.count() == 0


def test_making_a_collection_twice_fails_and_keeps_its_rows(
    adapter: Adapter, reopen: Opener
) -> None:
    adapter.append(rows("a", 3))
    with pytest.raises(DatabaseError, match="exists"):
        reopen().create(RECORD)
    assert reopen().count() == 3


def test_two_collections_of_a_database_are_apart(adapter: Adapter, reopen: Opener) -> None:
    other = reopen(collection="other-1.2_x")
    other.create(RECORD)
    adapter.append(rows("a", 3))
    other.append(rows("a", 5))
    other.delete_documents([hex_id("a")])
    other.drop()
    assert adapter.count() == 3


def test_every_column_of_an_appended_row_comes_back(adapter: Adapter) -> None:
    batch = rows("a", 50)
    adapter.append(batch)
    assert stored(adapter) == by_id(batch)


def test_a_table_of_several_batches_is_written_whole(adapter: Adapter) -> None:
    parts = [rows("a", 7), rows("b", 5)]
    adapter.append(pa.Table.from_batches(parts))
    assert stored(adapter) == by_id(*parts)
    parts = [rows("b", 5, attempt=2), rows("c", 4, attempt=2).slice(1, 2)]
    adapter.merge(pa.Table.from_batches(parts))
    assert stored(adapter) == by_id(rows("a", 7), *parts)


def test_a_slice_of_a_batch_is_written_as_that_slice(adapter: Adapter) -> None:
    adapter.append(rows("a", 50).slice(10, 5))
    adapter.merge(rows("a", 50).slice(20, 5))
    assert stored(adapter) == by_id(rows("a", 5, first=0).slice(0, 0), *_slices())


def _slices() -> list[pa.RecordBatch]:
    whole = rows("a", 50)
    return [whole.slice(10, 5), whole.slice(20, 5)]


def test_a_merge_replaces_rows_whole_and_adds_the_others(adapter: Adapter) -> None:
    adapter.append(rows("a", 10))
    again = rows("a", 10, first=5, attempt=2, text="new")
    adapter.merge(again)
    assert stored(adapter) == by_id(rows("a", 10)) | by_id(again)


def test_merging_twice_equals_merging_once(adapter: Adapter) -> None:
    batch = rows("a", 40)
    adapter.merge(batch)
    adapter.merge(batch)
    assert stored(adapter) == by_id(batch)


def test_an_empty_batch_changes_nothing(adapter: Adapter) -> None:
    adapter.append(rows("a", 0))
    adapter.merge(rows("a", 0))
    assert adapter.count() == 0


def test_a_vector_of_another_dimension_is_refused(adapter: Adapter) -> None:
    for write in (adapter.append, adapter.merge):
        with pytest.raises(VecstreamError):
            write(rows("a", 2, dimension=DIMENSION * 2))
    assert adapter.count() == 0


def test_a_vector_that_is_not_a_number_is_refused(adapter: Adapter) -> None:
    broken = rows("a", 3)
    flat = np.zeros(3 * DIMENSION, np.float32)
    flat[DIMENSION] = np.nan
    vector = pa.FixedSizeListArray.from_arrays(pa.array(flat), DIMENSION)
    broken = broken.set_column(10, broken.schema.field("vector"), vector)
    for write in (adapter.append, adapter.merge):
        with pytest.raises(DatabaseError, match="NaN"):
            write(broken)


def test_superseded_attempts_go_and_other_documents_stay(adapter: Adapter) -> None:
    # Given a document whose second attempt rewrote 6 of its 10 rows, and others
    adapter.append(rows("a", 10, attempt=1))
    adapter.append(rows("b", 10, attempt=1))
    adapter.append(rows("c", 10, attempt=9))
    adapter.merge(rows("a", 6, attempt=2))
    # When its other attempts are deleted
    assert adapter.delete_superseded([(hex_id("a"), 2), (hex_id("c"), 9)]) == 4
    # Then only the 4 that were not rewritten are gone
    expected = [rows("a", 6, attempt=2), rows("b", 10), rows("c", 10, attempt=9)]
    assert stored(adapter) == by_id(*expected)


def test_an_attempt_number_counts_for_its_own_document_alone(adapter: Adapter) -> None:
    for document in ("a", "b"):
        adapter.append(rows(document, 2, attempt=1))
        adapter.append(rows(document, 3, first=2, attempt=2))
    deleted = adapter.delete_superseded([(hex_id("a"), 1), (hex_id("b"), 2)])
    assert deleted == 5
    assert stored(adapter) == by_id(rows("a", 2), rows("b", 3, first=2, attempt=2))


def test_a_thousand_documents_are_superseded_at_once(adapter: Adapter) -> None:
    batches = [rows(n, 2, attempt=n % 2) for n in range(1000)]
    adapter.append(pa.Table.from_batches(batches))
    assert adapter.delete_superseded([(hex_id(n), 1) for n in range(1000)]) == 1000
    assert stored(adapter) == by_id(*batches[1::2])


def test_deleting_documents_takes_all_of_their_rows(adapter: Adapter) -> None:
    adapter.append(pa.Table.from_batches([rows(n, 2, attempt=n) for n in range(1500)]))
    assert adapter.delete_documents([hex_id(n) for n in range(1400)] + [hex_id("none")]) == 2800
    assert adapter.count() == 200
    assert adapter.delete_documents([]) == 0


def test_a_failed_document_keeps_only_its_last_good_rows(adapter: Adapter) -> None:
    # Given rows of a good version, some rewritten by a failed attempt, which also added some
    adapter.append(rows("a", 10, attempt=1))
    adapter.merge(rows("a", 8, first=5, attempt=2))
    adapter.append(rows("b", 4, attempt=2))
    # When it keeps only the good version's
    assert adapter.keep_only(hex_id("a"), [hex_id("a", n) for n in range(10)]) == 3
    # Then the others are gone, and so are all where nothing is kept
    assert set(stored(adapter)) == set(by_id(rows("a", 10), rows("b", 4)))
    assert adapter.keep_only(hex_id("a"), []) == 10
    assert set(stored(adapter)) == set(by_id(rows("b", 4)))


def test_a_quote_in_an_id_stays_data(adapter: Adapter) -> None:
    adapter.append(rows("a", 3))
    nasty = "' OR '1' = '1"
    assert adapter.delete_documents([nasty]) == 0
    assert adapter.delete_superseded([(nasty, 9)]) == 0
    assert adapter.keep_only(nasty, []) == 0
    assert adapter.fetch_vectors([nasty]).num_rows == 0
    assert adapter.count() == 3


def test_vectors_come_back_bit_for_bit(adapter: Adapter) -> None:
    adapter.append(rows("a", 2000))
    asked = [hex_id("a", n) for n in range(0, 2000, 2)] + [hex_id("missing")]
    found = adapter.fetch_vectors(asked)
    assert found.column_names == ["id", "vector"]
    got = dict(zip(found["id"].to_pylist(), found["vector"].to_pylist(), strict=True))
    assert got == {hex_id("a", n): vectors(2000)[n].tolist() for n in range(0, 2000, 2)}
    assert adapter.fetch_vectors([]).num_rows == 0


def test_every_id_is_listed_once(adapter: Adapter) -> None:
    adapter.append(rows("a", 5000))
    adapter.merge(rows("a", 20_000, first=2500))
    found = list(adapter.ids())
    assert sorted(found) == sorted(hex_id("a", n) for n in range(22_500))
    assert adapter.count() == 22_500


def test_a_search_returns_the_nearest_first_with_its_cosine(adapter: Adapter) -> None:
    adapter.append(rows("a", 300))
    query = vectors(300)[17] * 3 + 0.1
    hits = adapter.search(query.tolist(), 5)
    cosine = vectors(300) @ query / np.linalg.norm(query)
    order = np.argsort(-cosine)[:5]
    assert [hit.id for hit in hits] == [hex_id("a", int(n)) for n in order]
    assert np.allclose([hit.score for hit in hits], cosine[order], atol=1e-5)
    row = by_id(rows("a", 300))[hits[0].id]
    for name in set(hits[0].__slots__) - {"score"}:
        assert getattr(hits[0], name) == row[name], name
    assert json.loads(hits[0].metadata or "") == {"title": "T"}


def test_a_search_for_more_than_there_is_returns_all(adapter: Adapter) -> None:
    assert adapter.search([1.0] * DIMENSION, 5) == []
    adapter.append(rows("a", 3))
    assert len(adapter.search(np.ones(DIMENSION, np.float32), 50)) == 3


def test_maintenance_with_nothing_to_do_does_nothing(adapter: Adapter) -> None:
    assert not adapter.maintain()
    assert not adapter.maintain(final=True)
    adapter.append(rows("a", 3))
    assert not adapter.maintain()


def test_maintenance_keeps_every_row(adapter: Adapter) -> None:
    for n in range(80):
        adapter.append(rows(n, 3))
        adapter.maintain()
    adapter.merge(rows(5, 3, attempt=2))
    adapter.delete_documents([hex_id(7)])
    adapter.maintain(final=True)
    expected = [rows(n, 3, attempt=2 if n == 5 else 1) for n in range(80) if n != 7]
    assert stored(adapter) == by_id(*expected)


def test_what_one_process_writes_an_open_reader_sees(adapter: Adapter, reopen: Opener) -> None:
    reader = reopen(read_only=True)
    assert reader.count() == 0
    adapter.append(rows("a", 3))
    assert reader.count() == 3
    assert len(reader.search([1.0] * DIMENSION, 9)) == 3


def test_the_buffers_of_a_written_batch_are_let_go(adapter: Adapter) -> None:
    # Given batches over memory of ours, as a slot of the ring is
    for number, write in enumerate((adapter.append, adapter.merge) * 5):
        flat = np.full(5000 * DIMENSION, 0.5, np.float32)
        owner = _Owner()
        buffer = pa.foreign_buffer(flat.ctypes.data, flat.nbytes, base=(owner, flat))
        values = pa.Array.from_buffers(pa.float32(), flat.size, [None, buffer])
        batch = rows(number, 5000)
        vector = pa.FixedSizeListArray.from_arrays(values, DIMENSION)
        batch = batch.set_column(10, batch.schema.field("vector"), vector)
        # When the write has returned
        write(batch)
        del buffer, values, vector, batch
        # Then nothing holds the memory, and scribbling over it changes no row
        del owner
        assert _Owner.alive == 0
        flat[:] = np.nan
    found = pa.Table.from_batches(list(adapter.scan(["vector"])))
    assert np.all(found["vector"].combine_chunks().flatten().to_numpy() == 0.5)


class _Owner:
    """Stands for a slot: alive while a buffer over it is."""

    alive = 0

    def __init__(self) -> None:
        _Owner.alive += 1

    def __del__(self) -> None:
        _Owner.alive -= 1
