"""The Qdrant adapter against the QdrantDouble: the conformance suite, and its collections."""

import threading
from collections.abc import Callable
from dataclasses import replace

import pyarrow as pa
import pytest
from qdrant_client import models

from vecstream_cli.adapters.base import Adapter
from vecstream_cli.adapters.qdrant.points import point_id
from vecstream_cli.core.filter_text import parsed
from vecstream_cli.endpoint import Endpoint
from vecstream_cli.errors import DatabaseError, ForeignCollection
from vecstream_cli.secret import Secret
from vecstream_cli.testing import Conformance
from vecstream_cli.testing.rows import DIMENSION, RECORD, by_id, hex_id, rows, with_columns
from vecstream_cli.testing.writing import stored

pytest.importorskip("qdrant_edge", reason="Qdrant's engine, qdrant-edge-py, is not had here")
from doubles import qdrant_fixtures
from doubles.qdrant_double import QdrantDouble
from doubles.qdrant_fixtures import KEY, Opener, asked, plain_client

running_qdrant, qdrant = qdrant_fixtures.running_qdrant, qdrant_fixtures.qdrant
open_qdrant, documents = qdrant_fixtures.open_qdrant, qdrant_fixtures.documents

INDEXED_FROM = 10_000  # kilobytes in a segment: what the double has, as a server by default


class TestQdrantDoubleConformance(Conformance):
    name = "qdrant"

    @pytest.fixture
    def database(self, qdrant: QdrantDouble) -> Endpoint:
        return Endpoint(name="qdrant", uri=qdrant.uri, password=Secret(KEY))

    def intruder(self, database: Endpoint) -> Endpoint | None:
        return Endpoint(name="qdrant", uri=database.uri, password=Secret("another key"))


def threshold(qdrant: QdrantDouble, name: str = "documents") -> int:
    """From how many kilobytes on the server indexes a segment; 0: it does not."""
    return qdrant.collections[qdrant.aliases[name]].config["optimizer_config"]["indexing_threshold"]


def test_a_new_collection_is_loaded_without_an_index_and_gets_it_at_the_end(
    qdrant: QdrantDouble, documents: Adapter
) -> None:
    documents.append(rows("a", 20))
    assert not documents.maintain()
    assert threshold(qdrant) == 0
    assert documents.maintain(final=True)
    assert threshold(qdrant) == INDEXED_FROM
    # and that is asked for once
    assert not documents.maintain(final=True)
    assert len(asked(qdrant, f"PATCH /collections/{qdrant.aliases['documents']}")) == 2


def test_a_run_that_died_leaves_the_index_to_the_next(
    qdrant: QdrantDouble, open_qdrant: Opener
) -> None:
    # Given a run that ended, as by kill -9, after its first rows
    died = open_qdrant()
    died.create(RECORD)
    died.append(rows("a", 20))
    died.close()
    assert threshold(qdrant) == 0
    # When the next one, or `vecstream compact`, ends as it should
    after = open_qdrant()
    assert after.maintain(final=True)
    # Then the server indexes again, and nobody asks twice
    assert threshold(qdrant) == INDEXED_FROM
    assert not open_qdrant().maintain(final=True)
    assert after.record() == RECORD


def test_the_index_is_not_deferred_where_that_is_not_wanted(
    qdrant: QdrantDouble, open_qdrant: Opener
) -> None:
    open_qdrant(defer_index="false").create(RECORD)
    assert threshold(qdrant) == INDEXED_FROM
    assert not open_qdrant().maintain(final=True)


def test_what_deletions_filter_by_has_an_index(qdrant: QdrantDouble, documents: Adapter) -> None:
    schema = qdrant.collections[qdrant.aliases["documents"]].schema
    assert {key: each["data_type"] for key, each in schema.items()} == {
        "document_id": "keyword",
        "attempt": "integer",
    }


def test_a_build_takes_the_name_in_one_request(
    qdrant: QdrantDouble, documents: Adapter, open_qdrant: Opener
) -> None:
    documents.append(rows("old", 3))
    before = set(qdrant.collections)
    build = open_qdrant("documents--build")
    build.create(replace(RECORD, uuid="build"))
    build.append(rows("new", 4))
    qdrant.requests.clear()
    documents.replace_with("documents--build")
    (switch,) = asked(qdrant, "/collections/aliases")
    assert [list(action) for action in switch["actions"]] == [
        ["delete_alias"], ["delete_alias"], ["create_alias"],
    ]  # fmt: skip
    assert set(qdrant.aliases) == {"documents"}
    assert not before & set(qdrant.collections)
    assert stored(documents) == by_id(rows("new", 4))


def test_a_reader_finds_the_old_rows_or_the_new_ones_and_never_none(
    qdrant: QdrantDouble, documents: Adapter, open_qdrant: Opener
) -> None:
    documents.append(rows("old", 5))
    reader, ended, seen = open_qdrant(read_only=True), threading.Event(), set[int]()

    def read() -> None:
        while not ended.is_set():
            seen.add(reader.count())

    thread = threading.Thread(target=read)
    thread.start()
    try:
        for number in range(4):
            build = open_qdrant("documents--build")
            build.create(replace(RECORD, uuid=f"build {number}"))
            build.append(rows("new", 7))
            documents.replace_with("documents--build")
    finally:
        ended.set()
        thread.join()
    assert seen <= {5, 7}


def test_a_collection_that_never_got_its_name_is_swept_away(
    qdrant: QdrantDouble, open_qdrant: Opener
) -> None:
    # Given a run that ended between making the collection and naming it
    qdrant.fail("POST /collections/aliases", 400)
    with pytest.raises(DatabaseError, match="injected"):
        open_qdrant().create(RECORD)
    (left,) = qdrant.collections
    assert open_qdrant().record() is None
    # When the next one makes it, then what was left is gone
    adapter = open_qdrant()
    adapter.create(RECORD)
    assert left not in qdrant.collections
    assert adapter.record() == RECORD
    assert len(qdrant.collections) == 1


def test_a_replaced_collection_that_was_not_dropped_goes_with_the_next(
    qdrant: QdrantDouble, documents: Adapter, open_qdrant: Opener
) -> None:
    documents.append(rows("old", 3))
    old = qdrant.aliases["documents"]
    qdrant.fail(f"DELETE /collections/{old}", 400)
    for number in (1, 2):
        build = open_qdrant("documents--build")
        build.create(replace(RECORD, uuid=f"build {number}"))
        build.append(rows("new", number))
        if number == 1:
            with pytest.raises(DatabaseError):
                documents.replace_with("documents--build")
            assert old in qdrant.collections
        else:
            documents.replace_with("documents--build")
        assert documents.count() == number
    assert set(qdrant.collections) == {qdrant.aliases["documents"]}


def test_rows_without_an_alias_that_nobody_replaced_stay(
    qdrant: QdrantDouble, documents: Adapter, open_qdrant: Opener
) -> None:
    documents.append(rows("a", 3))
    # Given a collection whose alias somebody took away, perhaps to keep it
    kept = qdrant.aliases.pop("documents")
    open_qdrant().create(RECORD)
    assert kept in qdrant.collections
    assert qdrant.collections[kept].count({}) == 3


def test_a_collection_without_an_alias_serves_as_well(
    qdrant: QdrantDouble, documents: Adapter, open_qdrant: Opener
) -> None:
    """As one that was restored from a snapshot under the name itself."""
    documents.append(rows("a", 3))
    qdrant.collections["documents"] = qdrant.collections.pop(qdrant.aliases.pop("documents"))
    adapter = open_qdrant()
    adapter.update_record(last_run="now")
    adapter.merge(rows("b", 2))
    adapter.delete_documents([hex_id("a")])
    assert adapter.maintain(final=True)
    assert stored(adapter) == by_id(rows("b", 2))
    assert adapter.record() == RECORD
    build = open_qdrant("documents--build")
    build.create(replace(RECORD, uuid="build"))
    build.append(rows("new", 4))
    adapter.replace_with("documents--build")
    assert stored(open_qdrant(read_only=True)) == by_id(rows("new", 4))
    adapter.drop()
    assert not qdrant.collections


def test_a_collection_of_others_is_refused_and_left_alone(
    qdrant: QdrantDouble, open_qdrant: Opener
) -> None:
    with plain_client(qdrant) as client:
        size = models.VectorParams(size=DIMENSION, distance=models.Distance.COSINE)
        client.create_collection("documents", vectors_config=size)
    adapter = open_qdrant()
    with pytest.raises(DatabaseError, match="exists"):
        adapter.create(RECORD)
    changes: tuple[Callable[[], object], ...] = (
        adapter.record, adapter.drop, lambda: adapter.append(rows("a", 1)),
        lambda: adapter.maintain(final=True), lambda: adapter.search([1.0] * DIMENSION, 1),
        lambda: adapter.update_record(last_run="x"), lambda: adapter.delete_documents(["x"]),
    )  # fmt: skip
    for change in changes:
        with pytest.raises(ForeignCollection, match="documents"):
            change()
    assert qdrant.collections["documents"].count({}) == 0


def test_small_batches_of_a_table_share_a_request(qdrant: QdrantDouble, documents: Adapter) -> None:
    batches = [rows(n, 10) for n in range(30)]
    documents.append(pa.Table.from_batches(batches))
    assert sorted(len(body["points"]) for body in asked(qdrant, "/points")) == [44, 256]
    assert stored(documents) == by_id(*batches)


def test_a_vector_may_have_a_name(qdrant: QdrantDouble, open_qdrant: Opener) -> None:
    open_qdrant(vector_name="text").create(RECORD)
    adapter = open_qdrant()  # who comes later need not say it again
    adapter.append(rows("a", 5))
    assert stored(adapter) == by_id(rows("a", 5))
    assert adapter.fetch_vectors([hex_id("a", 2)]).num_rows == 1
    assert adapter.search(rows("a", 5)["vector"][3].as_py(), 1)[0].id == hex_id("a", 3)
    with plain_client(qdrant) as client:
        (point,) = client.retrieve("documents", [point_id(hex_id("a", 2))], with_vectors=True)
        assert list(point.vector) == ["text"]


def test_the_plain_client_reads_rows_and_filters_by_metadata(
    qdrant: QdrantDouble, documents: Adapter
) -> None:
    documents.append(
        with_columns(rows("a", 2), metadata=['{"author": "Ann"}', '{"author": "Bob"}'])
    )
    wanted = models.FieldCondition(key="metadata.author", match=models.MatchValue(value="Bob"))
    with plain_client(qdrant) as client:
        points = client.query_points(
            "documents", query=[1.0] * DIMENSION, query_filter=models.Filter(must=[wanted])
        ).points
    assert [point.payload["ordinal"] for point in points] == [1]
    assert points[0].payload["metadata"] == {"author": "Bob"}


def test_metadata_that_no_server_reads_is_kept_as_text(documents: Adapter) -> None:
    odd = [
        '{"deep": ' + "[" * 300 + "1" + "]" * 300 + "}",
        '{"large": 1e999, "small": -1e999, "big": ' + "9" * 40 + "}",
        '{"half": "\\ud83d", "\\udc00": 1}',
        '{"twice": 1, "twice": 2}',
        "no JSON at all",
    ]
    batch = with_columns(rows("a", len(odd)), metadata=odd, position=odd[::-1])
    documents.append(batch)
    assert stored(documents) == by_id(batch)
    hits = documents.search([1.0] * DIMENSION, 9, parsed("large > 5 or twice = 2 or half like '%'"))
    assert sorted(hit.ordinal for hit in hits) == [1, 2, 3]
