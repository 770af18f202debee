"""Tables of many rows: what a write touches does not grow with the table."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import lancedb
import pytest

from vecstream_cli.adapters.lance import adapter as lance
from vecstream_cli.adapters.lance import layout
from vecstream_cli.adapters.lance.adapter import LanceAdapter
from vecstream_cli.endpoint import Endpoint
from vecstream_cli.errors import DatabaseError
from vecstream_cli.testing.rows import RECORD, hex_id, rows, vectors

DOCUMENTS = 40


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "db"


@pytest.fixture
def adapter(database: Path, monkeypatch: pytest.MonkeyPatch) -> LanceAdapter:
    """A table that counts as large, of 40 documents with 20 rows each."""
    monkeypatch.setattr(lance, "LARGE_ROWS", DOCUMENTS * 20)
    monkeypatch.setattr(layout, "FEW_ROWS_BESIDE", 10)
    made = LanceAdapter.open(
        Endpoint(name="lance", uri=str(database)), "documents", read_only=False
    )
    made.create(RECORD)
    for number in range(DOCUMENTS):
        made.append(rows(number, 20))
    return made


def counted_reads(adapter: LanceAdapter, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many rows each batch had that the adapter has looked at since."""
    seen: list[int] = []
    look = adapter._rows

    def counted(*asked: object, **how: object) -> object:
        for batch in look(*asked, **how):  # type: ignore[arg-type]
            seen.append(batch.num_rows)
            yield batch

    monkeypatch.setattr(adapter, "_rows", counted)
    return seen


def attempts(adapter: LanceAdapter) -> Counter[tuple[str, int]]:
    """How many rows each document has of each attempt."""
    found: Counter[tuple[str, int]] = Counter()
    for batch in adapter.scan(("document_id", "attempt")):
        found.update(zip(*(column.to_pylist() for column in batch.columns), strict=True))
    return found


def test_a_merge_looks_at_its_own_documents_alone(
    adapter: LanceAdapter, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = counted_reads(adapter, monkeypatch)
    # When 10 rows of a document are replaced, and 5 are new
    adapter.merge(rows(7, 10, attempt=2))
    adapter.merge(rows(7, 5, first=20, attempt=2))
    # Then no other document's rows were read, and each row stands once
    assert sum(seen) == 40
    monkeypatch.undo()
    ids = list(adapter.ids())
    assert len(ids) == len(set(ids)) == DOCUMENTS * 20 + 5
    assert attempts(adapter)[hex_id(7), 2] == 15


def test_the_end_of_a_run_leaves_an_index_of_every_row_by_its_document(
    adapter: LanceAdapter, database: Path
) -> None:
    assert indices(database) == []
    assert adapter.maintain(final=True)
    assert indices(database) == [("document_id", "BTree")]
    assert not adapter.maintain(final=True)
    # When the table grows, later rows are found beside it
    for number in range(100, 164):
        adapter.append(rows(number, 2))
    assert adapter.delete_superseded([(hex_id(3), 2), (hex_id(120), 2)]) == 22
    # Then a compaction in mid-run makes it anew, so that no later write reads the whole column
    assert adapter.maintain()
    assert fragments(database) == 1
    assert indices(database) == [("document_id", "BTree")]
    assert beside_the_index(database) == 0
    assert adapter.delete_documents([hex_id(4), hex_id(121)]) == 22
    assert adapter.count() == DOCUMENTS * 20 + 128 - 44
    assert not adapter.maintain()


def test_the_end_of_a_run_takes_many_new_rows_into_the_index(
    adapter: LanceAdapter, database: Path
) -> None:
    adapter.maintain(final=True)
    # Few of them are left beside it
    adapter.append(rows(100, 10))
    assert not adapter.maintain(final=True)
    assert beside_the_index(database) == 10
    # More than one in fifty are not, and no run in between had made it anew
    adapter.append(rows(101, 10))
    assert not adapter.maintain()
    assert adapter.maintain(final=True)
    assert beside_the_index(database) == 0
    assert adapter.delete_documents([hex_id(4), hex_id(101)]) == 30


def test_a_compaction_in_mid_run_makes_no_index_where_there_was_none(
    adapter: LanceAdapter, database: Path
) -> None:
    for number in range(100, 164):
        adapter.append(rows(number, 2))
    assert adapter.maintain()
    assert indices(database) == []


def test_vectors_whose_documents_are_known_are_fetched_without_reading_others(
    adapter: LanceAdapter, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given rows of three documents, and one that is not there
    asked = [hex_id(number, row) for number in (3, 7, 30) for row in (0, 5)] + [hex_id("none")]
    seen = counted_reads(adapter, monkeypatch)
    # When their documents are named, nobody else's rows are read
    found = adapter.fetch_vectors(asked, [hex_id(3), hex_id(7), hex_id("none")])
    assert sorted(found.column("id").to_pylist()) == sorted(asked[:4])
    assert sum(seen) == 40
    # When they are not, the answer is whole
    found = adapter.fetch_vectors(asked)
    assert sorted(found.column("id").to_pylist()) == sorted(asked[:6])
    expected = vectors(20)[5]
    at = found.column("id").to_pylist().index(hex_id(7, 5))
    assert found.column("vector")[at].as_py() == pytest.approx(expected.tolist())


def beside_the_index(database: Path) -> int:
    """How many rows the index by document does not have."""
    facts = lancedb.connect(database).open_table("documents").index_stats("document_id_idx")
    assert facts
    return int(facts.num_unindexed_rows)


def fragments(database: Path) -> int:
    stats = lancedb.connect(database).open_table("documents").stats()
    return int(stats["fragment_stats"]["num_fragments"])


def indices(database: Path) -> list[tuple[str, ...]]:
    table = lancedb.connect(database).open_table("documents")
    return [(*index.columns, index.index_type) for index in table.list_indices()]


def test_a_small_table_gets_no_index(database: Path) -> None:
    with LanceAdapter.open(
        Endpoint(name="lance", uri=str(database)), "documents", read_only=False
    ) as adapter:
        adapter.create(RECORD)
        adapter.append(rows("a", 20))
        adapter.append(rows("b", 20))
        adapter.maintain(final=True)
    assert indices(database) == []


HEALING: dict[str, Callable[[LanceAdapter], object]] = {
    "merged again": lambda adapter: adapter.merge(rows(7, 20, attempt=3)),
    "superseded": lambda adapter: adapter.delete_superseded([(hex_id(7), 2)]),
    "put back": lambda adapter: adapter.keep_only(
        hex_id(7), [hex_id(7, number) for number in range(20)]
    ),
}


@pytest.mark.parametrize("healing", HEALING)
def test_a_merge_that_was_cut_off_loses_nothing_and_is_made_good(
    adapter: LanceAdapter, monkeypatch: pytest.MonkeyPatch, healing: str
) -> None:
    # Given a merge that ended after its rows came and before the older ones went
    with monkeypatch.context() as patched:
        patched.setattr(adapter, "_delete_places", killed)
        with pytest.raises(DatabaseError, match="killed"):
            adapter.merge(rows(7, 20, attempt=2))
    assert set(adapter.ids()) >= {hex_id(7, number) for number in range(20)}
    # When the document is taken up again, whichever way
    HEALING[healing](adapter)
    # Then each of its rows stands once, and nobody else's was touched
    ids = list(adapter.ids())
    assert len(ids) == len(set(ids)) == DOCUMENTS * 20
    assert sum(attempts(adapter).values()) == DOCUMENTS * 20


def killed(_: object) -> int:
    raise DatabaseError("killed")


def test_rows_that_another_program_moved_meanwhile_are_not_mistaken_for_others(
    adapter: LanceAdapter,
) -> None:
    # Given numbers of rows that have become those of other rows
    ids = [hex_id(7, number) for number in range(20)]
    others = [number for _, number in adapter._places([hex_id(8)])]
    assert adapter._delete_places(list(zip(ids, others, strict=True))) == 0
    assert adapter.count() == DOCUMENTS * 20
