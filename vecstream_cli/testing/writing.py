"""Rows in, rows out: everything that a run of `vecstream index` relies on."""

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa  # type: ignore[import-untyped]
import pytest

from vecstream_cli.adapters.base import Adapter
from vecstream_cli.adapters.schema import ROW_COLUMNS
from vecstream_cli.errors import CollectionNotFound, DatabaseError, VecstreamError
from vecstream_cli.testing.rows import (
    DIMENSION,
    RECORD,
    by_id,
    hex_id,
    rows,
    with_columns,
)

if TYPE_CHECKING:
    from vecstream_cli.testing.conformance import Opener


def stored(adapter: Adapter) -> dict[str, dict[str, object]]:
    """Every row by its id; fails where an id stands twice."""
    found = [row for batch in adapter.scan(ROW_COLUMNS) for row in batch.to_pylist()]
    for row in found:
        row["vector"] = _Vector(row["vector"])
    result = {row["id"]: row for row in found}
    assert len(result) == len(found)
    return result


class _Vector(list[float]):
    """Equal to what was written but for rounding: a database that compares by the cosine may
    bring a vector to length 1 again, which costs a unit vector no more than its last bit."""

    def __eq__(self, other: object) -> bool:
        assert isinstance(other, list)
        return len(self) == len(other) and np.allclose(self, other, rtol=0, atol=2e-7)


class Writing:
    """Part of `Conformance`."""

    def test_a_database_without_the_collection_has_no_record(self, reopen: "Opener") -> None:
        assert reopen().record() is None
        assert reopen(read_only=True).record() is None

    @pytest.mark.parametrize("action", ["count", "search", "append", "drop", "scan"])
    def test_a_collection_that_is_not_there_is_named(
        self, reopen: "Opener", collection: str, action: str
    ) -> None:
        adapter = reopen()
        calls: dict[str, Callable[[], object]] = {
            "count": adapter.count,
            "search": lambda: adapter.search([0.5] * DIMENSION, 3),
            "append": lambda: adapter.append(rows("a", 1)),
            "drop": adapter.drop,
            "scan": lambda: list(adapter.scan(["id"])),
        }
        with pytest.raises(CollectionNotFound, match=collection):
            calls[action]()

    def test_the_record_comes_back_whole_from_another_connection(
        self, adapter: Adapter, reopen: "Opener"
    ) -> None:
        found = reopen(read_only=True).record()
        assert found == RECORD
        assert found.last_run is None

    def test_the_record_outlives_every_kind_of_write(
        self, adapter: Adapter, reopen: "Opener"
    ) -> None:
        adapter.append(rows("a", 20))
        adapter.update_record(last_run="first")
        adapter.merge(rows("a", 30, attempt=2))
        for n in range(10):
            adapter.append(rows(f"more {n}", 2))
        adapter.delete_documents([hex_id("more 3")])
        adapter.update_record(last_run="second")
        adapter.maintain(final=True)
        adapter.append(rows("b", 2))
        for opened in (adapter, reopen(read_only=True)):
            found = opened.record()
            assert found == RECORD
            assert found.last_run == "second"
            assert opened.count() == 50

    def test_a_remade_collection_has_its_new_record(
        self, adapter: Adapter, reopen: "Opener"
    ) -> None:
        adapter.append(rows("a", 3))
        adapter.drop()
        assert adapter.record() is None
        dimension = DIMENSION if adapter.limits.one_dimension else DIMENSION // 2
        other = replace(RECORD, uuid="another", dimension=dimension)
        adapter.create(other)
        assert reopen(read_only=True).record() == other
        assert adapter.count() == 0

    def test_making_a_collection_twice_fails_and_keeps_its_rows(
        self, adapter: Adapter, reopen: "Opener"
    ) -> None:
        adapter.append(rows("a", 3))
        with pytest.raises(DatabaseError, match="exists"):
            reopen().create(RECORD)
        assert reopen().count() == 3

    def test_two_collections_of_a_database_are_apart(
        self, adapter: Adapter, reopen: "Opener", collection: str
    ) -> None:
        other = reopen(collection=f"{collection}b")
        other.create(RECORD)
        adapter.append(rows("a", 3))
        other.append(rows("a", 5))
        other.delete_documents([hex_id("a")])
        assert (adapter.count(), other.count()) == (3, 0)
        other.drop()
        assert adapter.count() == 3

    def test_nothing_is_written_through_a_reader(self, adapter: Adapter, reopen: "Opener") -> None:
        adapter.append(rows("a", 3))
        reader = reopen(read_only=True)
        changes: tuple[Callable[[], object], ...] = (
            lambda: reader.append(rows("b", 1)),
            lambda: reader.merge(rows("b", 1)),
            lambda: reader.delete_documents([hex_id("a")]),
            lambda: reader.delete_superseded([(hex_id("a"), 9)]),
            lambda: reader.update_record(last_run="x"),
            lambda: reopen(read_only=True, collection="nothere").create(RECORD),
            reader.drop,
        )
        for change in changes:
            with pytest.raises(DatabaseError, match="reading only"):
                change()
        assert stored(reader) == by_id(rows("a", 3))

    def test_every_column_of_an_appended_row_comes_back(self, adapter: Adapter) -> None:
        batch = rows("a", 50)
        adapter.append(batch)
        assert stored(adapter) == by_id(batch)

    def test_a_table_of_several_batches_is_written_whole(self, adapter: Adapter) -> None:
        parts = [rows("a", 7), rows("b", 5)]
        adapter.append(pa.Table.from_batches(parts))
        assert stored(adapter) == by_id(*parts)
        parts = [rows("b", 5, attempt=2), rows("c", 4, attempt=2).slice(1, 2)]
        adapter.merge(pa.Table.from_batches(parts))
        assert stored(adapter) == by_id(rows("a", 7), *parts)

    def test_a_slice_of_a_batch_is_written_as_that_slice(self, adapter: Adapter) -> None:
        whole = rows("a", 50)
        adapter.append(whole.slice(10, 5))
        adapter.merge(whole.slice(20, 5))
        assert stored(adapter) == by_id(whole.slice(10, 5), whole.slice(20, 5))

    def test_text_of_every_script_comes_back(self, adapter: Adapter) -> None:
        texts = [
            "",
            "漢字 עברית عربى 🙂👍🏽 e\u0301",
            "\u200b\ufeff\u2028",
            "\x01\x1f\x7f\x85",
            "\\N",
        ]
        texts += ["a\tb\r\nc\n", "'; DROP TABLE documents; --", '{"json": [1]}', "x" * 20_000]
        names = [f"{text[:200]}/é.md" for text in texts]
        batch = with_columns(rows("a", len(texts)), text=texts, heading=texts, path=names)
        adapter.append(batch)
        assert stored(adapter) == by_id(batch)

    def test_a_nul_in_a_text_comes_back_or_is_refused_whole(self, adapter: Adapter) -> None:
        batch = with_columns(rows("a", 3), text=["before", "in \x00 the middle", "after"])
        if adapter.limits.nul_in_text:
            adapter.append(batch)
            assert stored(adapter) == by_id(batch)
        else:
            with pytest.raises(DatabaseError):
                adapter.append(batch)
            assert adapter.count() == 0

    def test_a_merge_replaces_rows_whole_and_adds_the_others(self, adapter: Adapter) -> None:
        adapter.append(rows("a", 10))
        bare = {"page": [None] * 10, "heading": [None] * 10, "metadata": [None] * 10}
        again = with_columns(rows("a", 10, first=5, attempt=2, text="new"), **bare)
        adapter.merge(again)
        assert stored(adapter) == by_id(rows("a", 10)) | by_id(again)

    def test_merging_twice_equals_merging_once(self, adapter: Adapter) -> None:
        batch = rows("a", 40)
        adapter.merge(batch)
        adapter.merge(batch)
        assert stored(adapter) == by_id(batch)

    def test_an_empty_batch_changes_nothing(self, adapter: Adapter) -> None:
        adapter.append(rows("a", 0))
        adapter.merge(rows("a", 0))
        assert adapter.count() == 0

    @pytest.mark.parametrize("way", ["append", "merge"])
    def test_batches_around_the_limit_are_written_whole(self, adapter: Adapter, way: str) -> None:
        limit = min(adapter.limits.max_rows or adapter.limits.target_rows, 6000)
        write = {"append": adapter.append, "merge": adapter.merge}[way]
        total = 0
        for name, count in (("under", limit - 1), ("at", limit), ("over", limit + 1)):
            write(rows(name, count))
            total += count
            assert adapter.count() == total
        assert sum(1 for _ in adapter.ids()) == total

    def test_a_vector_of_another_dimension_is_refused(self, adapter: Adapter) -> None:
        for write in (adapter.append, adapter.merge):
            with pytest.raises(VecstreamError):
                write(rows("a", 2, dimension=DIMENSION * 2))
        assert adapter.count() == 0

    def test_a_vector_that_is_not_a_number_is_refused(self, adapter: Adapter) -> None:
        broken = rows("a", 3)
        flat = np.zeros(3 * DIMENSION, np.float32)
        flat[DIMENSION] = np.nan
        vector = pa.FixedSizeListArray.from_arrays(pa.array(flat), DIMENSION)
        broken = broken.set_column(10, broken.schema.field("vector"), vector)
        for write in (adapter.append, adapter.merge):
            with pytest.raises(DatabaseError, match="NaN"):
                write(broken)

    def test_the_buffers_of_a_written_batch_are_let_go(self, adapter: Adapter) -> None:
        # Given batches over memory of ours, as a slot of the ring is
        for number, write in enumerate((adapter.append, adapter.merge) * 2):
            flat = np.full(1000 * DIMENSION, 0.5, np.float32)
            owner = _Owner()
            buffer = pa.foreign_buffer(flat.ctypes.data, flat.nbytes, base=(owner, flat))
            values = pa.Array.from_buffers(pa.float32(), flat.size, [None, buffer])
            batch = rows(number, 1000)
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
        flat = np.asarray(found["vector"].combine_chunks().flatten())
        lengths = np.linalg.norm(flat.reshape(-1, DIMENSION), axis=1)
        assert np.allclose(flat.reshape(-1, DIMENSION), flat[0])
        assert np.all(np.isfinite(lengths))


class _Owner:
    """Stands for a slot: alive while a buffer over it is."""

    alive = 0

    def __init__(self) -> None:
        _Owner.alive += 1

    def __del__(self) -> None:
        _Owner.alive -= 1
