"""What is Weaviate's own, against WeaviateDouble (a double: see its docstring)."""

import json
import re
from collections import deque
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pyarrow as pa  # type: ignore[import-untyped]
import pytest
import weaviate
from doubles.weaviate_double import Answer, Stored, WeaviateDouble
from hypothesis import given
from hypothesis import strategies as st
from weaviate.classes.init import AdditionalConfig, Auth, Timeout
from weaviate.classes.query import Filter, MetadataQuery

from vecstream_cli.adapters import nearest
from vecstream_cli.adapters.base import Adapter
from vecstream_cli.adapters.registry import connect
from vecstream_cli.adapters.weaviate import search as weaviate_search
from vecstream_cli.adapters.weaviate.names import NAMES, alias_of, row_id_of, uuid_of
from vecstream_cli.adapters.weaviate.place import place_of
from vecstream_cli.core.filter_text import parsed
from vecstream_cli.endpoint import Endpoint
from vecstream_cli.errors import (
    AuthenticationFailed,
    DatabaseError,
    ForeignCollection,
    UsageError,
)
from vecstream_cli.secret import Secret
from vecstream_cli.testing.rows import DIMENSION, RECORD, by_id, hex_id, rows, vectors, with_columns
from vecstream_cli.testing.writing import stored

KEY = "a-key-of-the-double"


@pytest.fixture
def double() -> Iterator[WeaviateDouble]:
    with WeaviateDouble(key=KEY) as double:
        yield double
        assert not double.complaints


def opened(double: WeaviateDouble, name: str = "documents", **options: str) -> Adapter:
    database = Endpoint(
        name="weaviate",
        uri=double.uri,
        password=Secret(KEY),
        options={"deadline": "5", **options},
    )
    return connect(database, name, read_only=False)


@pytest.fixture
def adapter(double: WeaviateDouble) -> Iterator[Adapter]:
    with opened(double) as adapter:
        adapter.create(RECORD)
        yield adapter


# Names, ids, addresses


@given(st.lists(st.from_regex(NAMES, fullmatch=True), min_size=2, max_size=2, unique=True))
def test_no_two_collections_have_the_same_alias(names: list[str]) -> None:
    one, other = map(alias_of, names)
    assert one != other
    assert re.fullmatch("[A-Z][_0-9A-Za-z]{0,254}", one)


def test_a_collection_s_alias_can_be_read_by_a_person() -> None:
    names = ("documents", "handbook--build", "a_b.c", "Documents")
    assert list(map(alias_of, names)) == [
        *("Documents", "Handbook_d_dbuild", "A__b_pc", "Documents_c"),
    ]


def test_an_id_of_ours_is_a_uuid_and_nothing_else_is() -> None:
    assert row_id_of(uuid_of(hex_id("a")) or "") == hex_id("a")
    assert uuid_of("' OR 1") is uuid_of(hex_id("a").upper()) is uuid_of("") is None


@pytest.mark.parametrize(
    ("uri", "url", "address", "secure"),
    [
        (None, "http://localhost:8080", "localhost:50051", False),
        ("http://box:8080?grpc_port=50052", "http://box:8080", "box:50052", False),
        ("https://box", "https://box:443", "box:50051", True),
        ("https://a.weaviate.cloud", "https://a.weaviate.cloud:443",
         "grpc-a.weaviate.cloud:443", True),
        ("https://a:1?grpc_host=b&grpc_port=2", "https://a:1", "b:2", True),
        ("http://[::1]:8080", "http://[::1]:8080", "[::1]:50051", False),
    ],
)  # fmt: skip
def test_a_uri_says_where_both_ports_are(
    uri: str | None, url: str, address: str, secure: bool
) -> None:
    place = place_of(uri)
    assert (place.url, place.grpc, place.secure) == (url, address, secure)


@pytest.mark.parametrize(
    "uri",
    ["localhost:8080", "grpc://a", "http://a/path", "http://ann@a", "http://a?grpc_port=x",
     "http://a?color=red", "http://a:x"],
)  # fmt: skip
def test_another_uri_is_refused(uri: str) -> None:
    with pytest.raises(UsageError):
        place_of(uri)


# The official client


@pytest.fixture
def client(double: WeaviateDouble) -> Iterator[weaviate.WeaviateClient]:
    client = weaviate.connect_to_custom(
        http_host="127.0.0.1", http_port=double.rest_port, http_secure=False,
        grpc_host="127.0.0.1", grpc_port=double.grpc_port, grpc_secure=False,
        auth_credentials=Auth.api_key(KEY),
        # Its checks would ask the package registry for its newest version.
        skip_init_checks=True,
        additional_config=AdditionalConfig(timeout=Timeout(query=10, insert=10, init=10)),
    )  # fmt: skip
    with client:
        yield client


def test_the_official_client_reads_what_was_written(
    adapter: Adapter, client: weaviate.WeaviateClient
) -> None:
    batch = rows("a", 250)
    adapter.append(batch)
    documents = client.collections.use("Documents")
    # Every object, with its vector
    found = {one.uuid.hex: one for one in documents.iterator(include_vector=True)}
    assert set(found) == set(by_id(batch))
    for row in batch.to_pylist():
        one = found[row["id"]]
        assert np.array_equal(one.vector["default"], np.float32(row["vector"]))
        told = {name: one.properties[name] for name in ("path", "text", "page", "char_end")}
        assert told == {name: row[name] for name in told}
        assert one.properties["attempt"] == "1"
    # Neighbours, words, filters, and the number of objects
    near = documents.query.near_vector(
        vectors(250)[17].tolist(), limit=1, return_metadata=MetadataQuery(distance=True)
    )
    assert near.objects[0].uuid.hex == hex_id("a", 17)
    assert near.objects[0].metadata.distance == pytest.approx(0, abs=1e-6)
    assert documents.query.bm25("17", query_properties=["text"], limit=1).objects[0].uuid == (
        near.objects[0].uuid
    )
    odd = documents.query.fetch_objects(filters=Filter.by_property("page").is_none(True), limit=500)
    assert len(odd.objects) == 125
    assert documents.aggregate.over_all(total_count=True).total_count == 250
    told = client.alias.get(alias_name="Documents")
    assert told is not None
    assert client.collections.use(told.collection).config.get().description is not None


def test_the_docs_show_how_to_read_a_collection(
    adapter: Adapter,
    client: weaviate.WeaviateClient,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    adapter.append(with_columns(rows("a", 3), metadata=['{"author": "Ann"}', None, None]))
    page = Path(__file__).parents[2] / "docs" / "databases" / "weaviate.md"
    (code,) = re.findall(r"```python\n(.*?)```", page.read_text(), re.DOTALL)
    monkeypatch.setattr(weaviate, "connect_to_local", lambda: client)
    exec(code.replace("[0.1, 0.2, 0.3]", str([0.5] * DIMENSION)), {})
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith("a.md 1")


def test_the_official_client_writes_what_the_double_keeps(
    adapter: Adapter, client: weaviate.WeaviateClient, double: WeaviateDouble
) -> None:
    documents = client.collections.use("Documents")
    from weaviate.classes.data import DataObject

    def batch(text: str) -> list[DataObject[Any, Any]]:
        return [
            DataObject(
                properties={"text": text, "document_id": hex_id("a"), "ordinal": n},
                uuid=uuid_of(hex_id("a", n)),
                vector={"default": vectors(5)[n].tolist()},
            )
            for n in range(5)
        ]

    assert not documents.data.insert_many(batch("old")).has_errors
    assert not documents.data.insert_many(batch("new")).has_errors
    kept = double.named("Documents")
    assert kept is not None
    assert [values["text"] for values, _ in kept.objects.values()] == ["new"] * 5
    gone = documents.data.delete_many(
        where=Filter.by_property("ordinal").greater_than(2)
        | Filter.not_(Filter.by_property("document_id").equal(hex_id("a")))
    )
    assert (gone.matches, gone.successful) == (2, 2)


# What goes over the wire


def test_an_object_is_replaced_whole_and_holds_facts(
    adapter: Adapter, double: WeaviateDouble
) -> None:
    metadata = '{"author": "Ann", "year": 2024.0, "tags": ["a", 1, null], "in": {"x": true}}'
    batch = with_columns(rows("a", 1, attempt=2**53 + 1), metadata=[metadata])
    adapter.append(rows("a", 1))
    adapter.merge(batch)
    kept = double.named("Documents")
    assert kept is not None
    ((values, _),) = kept.objects.values()
    assert values["attempt"] == str(2**53 + 1)
    assert values["facts"] == [
        *('metadata["author"]', 'metadata["author"]="Ann"'),
        *('metadata["year"]', 'metadata["year"]=2024'),
        *('metadata["tags"]', 'metadata["tags"]="a"', 'metadata["tags"]=1'),
        *('metadata["in"]', 'metadata["in", "x"]', 'metadata["in", "x"]=true'),
    ]
    assert "heading" in values


def test_a_table_of_small_batches_goes_in_few_requests(
    adapter: Adapter, double: WeaviateDouble
) -> None:
    batches = [rows(n, 5) for n in range(300)]
    adapter.append(pa.Table.from_batches(batches))
    assert double.requests.count("BatchObjects") == 2
    assert stored(adapter) == by_id(*batches)


def test_large_texts_stay_within_the_least_message_a_server_takes(adapter: Adapter) -> None:
    batch = with_columns(
        rows("a", 900),
        text=["x" * 20_000] * 900,
        metadata=[json.dumps({"v": ["y" * 250] * 20})] * 900,
    )
    adapter.append(batch)
    assert adapter.count() == 900


@pytest.mark.parametrize(
    "text",
    ["page = 2", "page != 2 or ordinal < 7", "author = 'Ann'", "author != 'Ann'", "x is null",
     "not (a.b = 1 and page is null)", "x in (1, 'a')", "attempt = 1", "page < 1e17"],
)  # fmt: skip
def test_these_filters_are_left_to_the_database(text: str) -> None:
    from vecstream_cli.adapters.weaviate.filter import WeaviateDialect

    assert WeaviateDialect().condition(parsed(text)).exact


@pytest.mark.parametrize("most", [10_000, 40])
def test_what_the_database_narrows_down_is_listed_before_it_is_fetched(
    adapter: Adapter, double: WeaviateDouble, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    # Given rows of which a filter narrows down to 100, and one matches, the farthest
    monkeypatch.setattr(nearest, "FIRST_LOOK", 4)
    monkeypatch.setattr(weaviate_search, "MOST", most)
    question = vectors(400)[0]
    farthest = int(np.argmin(vectors(400) @ question))
    told = ['{"author": "Bob"}' if n % 4 == farthest % 4 else None for n in range(400)]
    told[farthest] = '{"author": "Ann"}'
    adapter.append(with_columns(rows("a", 400), metadata=told))
    # When it is searched for, then it is found, if the list has room for 100 or not
    (hit,) = adapter.search(question.tolist(), 1, parsed("author like '%nn'"))
    assert hit.id == hex_id("a", farthest)
    assert double.complaints == []


def test_a_class_is_made_with_what_is_asked_for(double: WeaviateDouble) -> None:
    with opened(double, "flatone", index="flat") as adapter:
        adapter.create(RECORD)
    kept = double.named("Flatone")
    assert kept is not None
    told = kept.config["vectorConfig"]["default"]
    assert (told["vectorIndexType"], told["vectorIndexConfig"]["distance"]) == ("flat", "cosine")
    with pytest.raises(UsageError, match="index=tree"):
        opened(double, index="tree")


def test_an_api_key_comes_from_the_environment(
    adapter: Adapter, double: WeaviateDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = Endpoint(name="weaviate", uri=double.uri)
    with connect(database, "documents", read_only=True) as reader:
        with pytest.raises(AuthenticationFailed):
            reader.record()
        monkeypatch.setenv("WEAVIATE_API_KEY", KEY)
        assert reader.record() == RECORD


def test_a_server_that_is_too_old_is_refused(adapter: Adapter, double: WeaviateDouble) -> None:
    double.version = "1.32.9"
    with opened(double) as late, pytest.raises(DatabaseError, match=r"1\.32\.9, which is too old"):
        late.record()


# Failures


def test_rows_that_are_not_taken_are_named(adapter: Adapter, double: WeaviateDouble) -> None:
    for n in (3, 8):
        double.row_faults[uuid_of(hex_id("a", n)) or ""] = deque(["no room for property 'x'"])
    with pytest.raises(DatabaseError) as caught:
        adapter.append(rows("a", 10))
    assert "2 of 10 rows were not taken" in caught.value.message
    assert f"{hex_id('a', 3)}: no room for property 'x'" in caught.value.message
    adapter.append(rows("a", 10))
    assert stored(adapter) == by_id(rows("a", 10))


def test_rows_that_are_not_taken_for_now_are_sent_again_alone(
    adapter: Adapter, double: WeaviateDouble
) -> None:
    double.row_faults[uuid_of(hex_id("a", 3)) or ""] = deque(["context deadline exceeded"] * 2)
    adapter.append(rows("a", 10))
    assert double.requests.count("BatchObjects") == 3
    assert stored(adapter) == by_id(rows("a", 10))


def test_rows_that_are_never_taken_end_with_their_reason(
    double: WeaviateDouble, adapter: Adapter
) -> None:
    double.row_faults[uuid_of(hex_id("a", 3)) or ""] = deque(["not enough memory"] * 99)
    with opened(double, deadline="0.5") as hasty, pytest.raises(DatabaseError) as caught:
        hasty.append(rows("a", 10))
    assert f"{hex_id('a', 3)}: not enough memory" in caught.value.message


def test_a_busy_server_is_left_alone_for_as_long_as_it_asks(
    adapter: Adapter, double: WeaviateDouble, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    double.rest_faults += [
        Answer(429, "too many requests", {"retry-after": "1"}),
        Answer(503, "maintenance"),
        Answer(500, "leader not found"),
    ]
    assert adapter.record() == RECORD
    assert re.search(r"Calling again in 1\.\d s", caplog.text)


def test_a_node_that_has_not_heard_of_a_new_class_is_asked_again(double: WeaviateDouble) -> None:
    aliases, late = double.all_aliases, [422, 422]

    def slow(method: str, body: Any, query: Any) -> Any:
        if method == "POST" and late:
            return late.pop(), f"target class {body['class']!r} does not exist"
        return aliases(method, body, query)

    double.all_aliases = slow  # type: ignore[method-assign]
    with opened(double) as adapter:
        adapter.create(RECORD)
        assert adapter.count() == 0


def test_a_class_that_the_server_does_not_want_is_not_said_to_exist(
    double: WeaviateDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(double, "schema", lambda method, body, query: (
        (422, "dynamic index can only be created under async indexing environment")
        if method == "POST" else (200, {"classes": []})
    ))  # fmt: skip
    with opened(double, index="dynamic") as adapter, pytest.raises(DatabaseError, match="async"):
        adapter.create(RECORD)


@pytest.mark.parametrize("code", ["RESOURCE_EXHAUSTED", "UNAVAILABLE", "ABORTED"])
def test_a_busy_server_is_called_again_over_grpc(
    adapter: Adapter, double: WeaviateDouble, code: str
) -> None:
    status = getattr(grpc.StatusCode, code)
    double.rpc_faults += [("BatchObjects", status, "busy"), ("Aggregate", status, "busy")]
    adapter.append(rows("a", 3))
    assert adapter.count() == 3


def test_what_will_never_pass_is_raised_at_once(adapter: Adapter, double: WeaviateDouble) -> None:
    double.rpc_faults.append(("Aggregate", grpc.StatusCode.UNKNOWN, "disk on\nfire"))
    with pytest.raises(DatabaseError, match="disk on fire"):
        adapter.count()
    double.rest_faults.append(Answer(500, "panic"))
    with pytest.raises(DatabaseError, match="panic"):
        adapter.record()


def test_a_refusal_over_grpc_is_one_of_credentials(
    adapter: Adapter, double: WeaviateDouble
) -> None:
    for code in (grpc.StatusCode.PERMISSION_DENIED, grpc.StatusCode.UNAUTHENTICATED):
        double.rpc_faults.append(("BatchObjects", code, "rbac: forbidden"))
        with pytest.raises(AuthenticationFailed):
            adapter.append(rows("a", 1))


def test_a_grpc_port_that_nobody_listens_at_is_told_apart(
    adapter: Adapter, double: WeaviateDouble
) -> None:
    uri = f"http://127.0.0.1:{double.rest_port}?grpc_port=1"
    database = Endpoint(name="weaviate", uri=uri, password=Secret(KEY), options={"deadline": "0.5"})
    with connect(database, "documents", read_only=True) as reader:
        assert reader.record() == RECORD
        with pytest.raises(DatabaseError, match=r"gRPC port 127\.0\.0\.1:1 does not answer"):
            reader.count()


# Deleting more than the server does at once


def test_more_rows_go_than_the_server_deletes_at_once(
    adapter: Adapter, double: WeaviateDouble
) -> None:
    adapter.append(rows("a", 170))
    adapter.append(rows("b", 3))
    double.most = 50
    assert adapter.delete_documents([hex_id("a")]) == 170
    double.most = 10_000
    assert adapter.count() == 3


def test_rows_that_cannot_be_deleted_are_named(adapter: Adapter, double: WeaviateDouble) -> None:
    adapter.append(rows("a", 5))
    double.row_faults[uuid_of(hex_id("a", 2)) or ""] = deque(["disk is read-only"] * 2)
    with pytest.raises(DatabaseError, match=f"{hex_id('a', 2)}: disk is read-only"):
        adapter.delete_documents([hex_id("a")])
    adapter.delete_documents([hex_id("a")])
    assert adapter.count() == 0


def test_rows_of_the_same_ordinal_are_listed_across_pages(
    adapter: Adapter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(weaviate_search, "_PAGE_ROWS", 7)
    batches = [rows("a", 20), with_columns(rows("a", 20, first=20), ordinal=list(range(20)))]
    for batch in batches:
        adapter.append(batch)
    assert adapter.keep_only(hex_id("a"), [hex_id("a", 0)]) == 39
    assert list(adapter.ids()) == [hex_id("a", 0)]


# Whose collection it is


def test_a_class_that_is_not_ours_is_never_touched(double: WeaviateDouble) -> None:
    double.classes["Documents"] = Stored({"class": "Documents", "description": "Ann's"})
    double.classes["Other"] = Stored({"class": "Other"})
    double.aliases["Pointed"] = "Other"
    for name in ("documents", "pointed"):
        with opened(double, name) as adapter:
            for act in (
                adapter.record,
                adapter.count,
                adapter.drop,
                lambda adapter=adapter: adapter.create(RECORD),
                lambda adapter=adapter: adapter.append(rows("a", 1)),
            ):
                with pytest.raises(ForeignCollection):
                    act()
    assert set(double.classes) == {"Documents", "Other"}


def test_a_record_of_a_later_version_is_foreign(adapter: Adapter, double: WeaviateDouble) -> None:
    kept = double.named("Documents")
    assert kept is not None
    kept.config["description"] = 'Made by vecstream: {"shape": "new"}'
    with pytest.raises(ForeignCollection, match="cannot read"):
        adapter.record()


def test_what_a_killed_run_left_is_tidied_up(double: WeaviateDouble) -> None:
    # Given a class that got no alias, an alias whose class is gone, and another's
    with opened(double) as adapter:
        adapter.create(RECORD)
        (first,) = double.classes
        del double.aliases["Documents"]
        assert adapter.record() is None
        double.aliases["Documents"] = "Gone"
        assert adapter.record() is None
        double.classes["Documents_vnotours"] = Stored({"class": "Documents_vnotours"})
        # When the collection is made
        adapter.create(replace(RECORD, uuid="second"))
        # Then it stands, and what was left is gone
        assert adapter.record() is not None
        assert first not in double.classes
        assert set(double.classes) == {"Documents_vnotours", double.aliases["Documents"]}


def test_a_build_that_took_over_is_not_dropped_with_its_old_name(double: WeaviateDouble) -> None:
    # Given a run that was killed when the alias stood for the build already
    with opened(double) as live, opened(double, "documents--build") as build:
        build.create(RECORD)
        build.append(rows("a", 3))
        double.aliases["Documents"] = double.aliases["Documents_d_dbuild"]
        # When the build is dropped
        build.drop()
        # Then the live collection has its rows
        assert live.count() == 3
        assert build.record() is None


def test_a_reader_goes_on_when_a_build_takes_over_between_two_requests(
    adapter: Adapter, double: WeaviateDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = Endpoint(name="weaviate", uri=double.uri, password=Secret(KEY))
    with (
        connect(database, "documents", read_only=True) as reader,
        opened(double, "documents--build") as build,
    ):
        old: Any = reader
        stale = old._classes.find()
        build.create(RECORD)
        build.append(rows("a", 3))
        adapter.replace_with("documents--build")
        answers = [stale]
        find = old._classes.find
        monkeypatch.setattr(old._classes, "find", lambda: answers.pop() if answers else find())
        assert reader.count() == 3


def test_the_queue_of_the_index_is_waited_for_at_the_end(
    adapter: Adapter, double: WeaviateDouble
) -> None:
    double.queued = 9
    assert not adapter.maintain()
    assert adapter.maintain(final=True)
    assert not adapter.maintain(final=True)


# The lock


def test_the_last_lock_record_stays_and_costs_no_shard(double: WeaviateDouble) -> None:
    with opened(double) as adapter:
        assert adapter.swap_lock(None, "mine")
        assert adapter.swap_lock("mine", "still mine")
        assert adapter.swap_lock("still mine", None)
    assert list(double.classes) == ["Documents_l3"]
    assert double.classes["Documents_l3"].config["multiTenancyConfig"]["enabled"]


def test_a_number_of_a_lock_record_is_made_once(double: WeaviateDouble) -> None:
    with opened(double) as one, opened(double) as other:
        assert one.swap_lock(None, "mine")
        stale: Any = other
        records = stale._lock()._records()
        assert one.swap_lock("mine", None)
        # Given one who still believes in the first record, when it wants to take over
        lock = stale._lock()
        lock._records = lambda: records
        # Then it fails, though no lock is held
        assert not lock.swap("mine", "theirs")
        assert one.read_lock() is None


def test_a_lock_whose_acknowledgement_was_lost_is_had(
    double: WeaviateDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    schema = double.schema

    def forgetful(method: str, body: Any, query: Any) -> Any:
        answer = schema(method, body, query)
        if method == "POST":
            monkeypatch.setattr(double, "schema", schema)
            return 503, "the acknowledgement was lost"
        return answer

    monkeypatch.setattr(double, "schema", forgetful)
    with opened(double) as adapter:
        assert adapter.swap_lock(None, "mine")
    monkeypatch.setattr(double, "schema", forgetful)
    with opened(double) as adapter:
        adapter.create(RECORD)
        assert adapter.count() == 0


def test_a_search_says_how_near(adapter: Adapter) -> None:
    adapter.append(rows("a", 3))
    (hit,) = adapter.search((vectors(3)[1] * 7).tolist(), 1)
    assert hit.score == pytest.approx(1)
    assert adapter.search([0.0] * DIMENSION, 1)[0].score == pytest.approx(0)
