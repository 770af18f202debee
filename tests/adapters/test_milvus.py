"""A Milvus server 2.3.5 passes the conformance suite; and what is a server's own."""

import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from queue import Queue
from typing import Any

import numpy as np
import pytest
from adapters.servers import milvus_server
from adapters.test_milvus_lite import long_texts

from vecstream_cli.adapters.base import Adapter
from vecstream_cli.adapters.milvus import adapter as milvus
from vecstream_cli.adapters.milvus import table as milvus_table
from vecstream_cli.adapters.milvus.names import alias_of, holder_of
from vecstream_cli.adapters.milvus.table import Table
from vecstream_cli.adapters.milvus.wire import TOO_MUCH, Refused
from vecstream_cli.adapters.registry import connect
from vecstream_cli.endpoint import Endpoint
from vecstream_cli.errors import DatabaseError, ForeignCollection, VecstreamError
from vecstream_cli.secret import Secret
from vecstream_cli.testing import Conformance
from vecstream_cli.testing.conformance import Opener
from vecstream_cli.testing.rows import DIMENSION, RECORD, by_id, hex_id, rows, vectors
from vecstream_cli.testing.writing import stored


@pytest.fixture(scope="module")  # idle, it takes a fifth of a core
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with milvus_server.server(tmp_path_factory.mktemp("milvus")) as uri:
        yield uri


@pytest.fixture
def database(server: str) -> Endpoint:
    return Endpoint(name="milvus", uri=server, password=Secret(milvus_server.PASSWORD))


@pytest.fixture(scope="module")
def made_ahead(server: str) -> Iterator["Queue[str]"]:
    """Names of new collections: a server takes a second or two to load one, so it does it while
    tests run."""
    database = Endpoint(name="milvus", uri=server, password=Secret(milvus_server.PASSWORD))
    names, ended = Queue[str](maxsize=3), threading.Event()

    def make() -> None:
        for number in range(1000):
            name = f"ahead{number}"
            with connect(database, name, read_only=False) as adapter:
                adapter.create(RECORD)
            names.put(name)
            if ended.is_set():
                return

    thread = threading.Thread(target=make, daemon=True)
    thread.start()
    yield names
    ended.set()
    while thread.is_alive():
        while not names.empty():
            names.get()
        thread.join(0.1)


class _OnServer:
    @pytest.fixture
    def database(self, database: Endpoint) -> Endpoint:
        return database

    @pytest.fixture
    def collection(self, request: pytest.FixtureRequest) -> str:
        if "adapter" not in request.fixturenames:
            return f"test-{hex_id(request.node.name)[:12]}"
        made: Queue[str] = request.getfixturevalue("made_ahead")
        return made.get(timeout=60)

    @pytest.fixture
    def adapter(self, reopen: Opener) -> Adapter:
        return reopen()


class TestMilvusServer(_OnServer, Conformance):
    name = "milvus"

    def intruder(self, database: Endpoint) -> Endpoint:
        return Endpoint(name="milvus", uri=database.uri, password=Secret("guessed wrongly"))


class TestServer(_OnServer):
    """What is a server's own."""

    name = "milvus"
    reopen = Conformance.reopen

    def test_the_plain_client_reads_a_collection_under_its_name(
        self, adapter: Adapter, database: Endpoint, collection: str
    ) -> None:
        adapter.append(rows("a", 20))
        with closing(_plain_client(database)) as client:
            (hits,) = client.search(
                collection, [vectors(20)[3].tolist()], limit=3, output_fields=["text", "path"]
            )
            count = client.query(collection, output_fields=["count(*)"])[0]["count(*)"]
        assert (hits[0]["id"], hits[0]["entity"]["path"]) == (hex_id("a", 3), "a.md")
        assert (hits[0]["distance"], count) == (pytest.approx(1, abs=1e-5), 20)

    def test_texts_beyond_what_a_field_holds_come_back_whole(self, adapter: Adapter) -> None:
        long_texts(adapter)

    def test_a_collection_of_somebody_else_is_foreign_and_stays(
        self, reopen: Opener, database: Endpoint
    ) -> None:
        with closing(_plain_client(database)) as client:
            client.create_collection("theirs", dimension=DIMENSION)
            theirs = reopen(collection="theirs")
            calls = (theirs.record, theirs.drop, lambda: theirs.replace_with("theirs--build"))
            for call in calls:
                with pytest.raises(VecstreamError):
                    call()
            with pytest.raises(ForeignCollection):
                theirs.record()
            with pytest.raises(DatabaseError, match="exists"):
                theirs.create(RECORD)
            assert client.has_collection("theirs")
            client.drop_collection("theirs")

    def test_pages_of_sealed_and_of_growing_segments_have_each_row_once(
        self, adapter: Adapter, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        batches = [rows(n, 30) for n in range(3)]
        for batch in batches:
            adapter.append(batch)
            adapter.maintain(final=True)
        batches.append(rows(1, 40, attempt=2))
        adapter.merge(batches[-1])
        monkeypatch.setattr(milvus_table, "_ROWS", 7)
        monkeypatch.setattr(milvus_table, "_LONG_ROWS", 7)
        assert stored(adapter) == by_id(*batches)
        assert sorted(adapter.ids()) == sorted(by_id(*batches))
        assert adapter.count() == 100
        assert adapter.delete_superseded([(hex_id(1), 2), (hex_id(2), 9)]) == 30

    def test_an_answer_that_would_be_too_large_is_asked_for_in_smaller_pages(
        self, adapter: Adapter, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def query(self: Table, action: str, condition: str, names: list[str], limit: int) -> Any:
            if limit > 4:
                cause = Refused(TOO_MUCH, "query results exceed the limit size", may_pass=False)
                raise DatabaseError("too much") from cause
            return asked(self, action, condition, names, limit)

        adapter.append(rows("a", 20))
        asked = Table._query
        monkeypatch.setattr(Table, "_query", query)
        assert stored(adapter) == by_id(rows("a", 20))

    def test_a_reader_never_misses_a_row_that_is_replaced_in_a_sealed_segment(
        self, adapter: Adapter, reopen: Opener
    ) -> None:
        adapter.append(rows("a", 2000))
        adapter.maintain(final=True)
        reader, ended, seen = reopen(read_only=True), threading.Event(), list[int]()

        def read() -> None:
            while not ended.is_set():
                seen.append(reader.count())

        thread = threading.Thread(target=read)
        thread.start()
        try:
            for attempt in range(2, 6):
                adapter.merge(rows("a", 2000, attempt=attempt))
        finally:
            ended.set()
            thread.join()
        assert set(seen) == {2000}

    def test_an_indexed_collection_finds_the_nearest(self, adapter: Adapter) -> None:
        adapter.append(rows("a", 3000))
        assert adapter.maintain(final=True)
        assert not adapter.maintain(final=True)
        found = 0
        for query in vectors(20, seed=5):
            nearest = np.argsort(-(vectors(3000) @ query))[:10]
            hits = {hit.id for hit in adapter.search(query.tolist(), 10)}
            found += len(hits & {hex_id("a", int(n)) for n in nearest})
        assert found >= 198

    def test_a_collection_that_was_released_is_loaded_again(
        self, adapter: Adapter, database: Endpoint, collection: str
    ) -> None:
        adapter.append(rows("a", 5))
        with closing(_plain_client(database)) as client:
            client.release_collection(collection)
        assert adapter.count() == 5

    def test_a_database_of_the_server_is_named_by_the_uri(
        self, database: Endpoint, reopen: Opener
    ) -> None:
        with closing(_plain_client(database)) as client:
            client.create_database("theirs")
        there = replace(database, uri=f"{database.uri}/theirs")
        reopen(database=there, collection="apart").create(RECORD)
        assert reopen(database=there, collection="apart").record() == RECORD
        assert reopen(collection="apart").record() is None
        reopen(database=there, collection="apart").drop()
        nowhere = replace(database, uri=f"{database.uri}/nowhere")
        with pytest.raises(DatabaseError, match="nowhere") as caught:
            reopen(database=nowhere, collection="apart").create(RECORD)
        assert "database" in caught.value.hint


class TestKilled(_OnServer):
    """A process that is killed between two steps leaves nothing that the next one stumbles over."""

    name = "milvus"
    reopen = Conformance.reopen

    def test_before_a_new_collection_has_its_name(
        self, reopen: Opener, database: Endpoint, collection: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(milvus, "kill_point", _killed)
        with pytest.raises(Killed):
            reopen().create(RECORD)
        monkeypatch.undo()
        assert reopen().record() is None
        reopen().create(replace(RECORD, uuid="another"))
        with closing(_plain_client(database)) as client:
            held = [name for name in client.list_collections() if alias_of(collection) in name]
        assert held == [holder_of(collection, "another")]

    def test_after_a_build_took_the_place_of_the_live_collection(
        self,
        adapter: Adapter,
        reopen: Opener,
        database: Endpoint,
        collection: str,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        build = reopen(collection=f"{collection}--build")
        build.create(replace(RECORD, uuid="build"))
        build.append(rows("new", 4))
        monkeypatch.setattr(milvus, "kill_point", _killed)
        with pytest.raises(Killed):
            adapter.replace_with(f"{collection}--build")
        monkeypatch.undo()
        # Then the build is dropped by the next run, and what it became stays
        reopen(collection=f"{collection}--build").drop()
        assert stored(reopen()) == by_id(rows("new", 4))
        # and the next build sweeps up what it replaced
        reopen(collection=f"{collection}--build").create(replace(RECORD, uuid="next"))
        with closing(_plain_client(database)) as client:
            held = [name for name in client.list_collections() if name.startswith(collection)]
        assert sorted(held) == sorted(holder_of(collection, uuid) for uuid in ("build", "next"))


class Killed(BaseException):
    """What a kill would be."""


def _killed(name: str) -> None:
    if threading.current_thread() is threading.main_thread():  # not what makes them ahead
        raise Killed(name)


def _plain_client(database: Endpoint) -> Any:
    from pymilvus import MilvusClient

    assert database.uri is not None
    assert database.password is not None
    host = database.uri.replace("root@", "")
    return MilvusClient(host, user="root", password=database.password.reveal(), dedicated=True)
